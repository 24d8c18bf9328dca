"""What ``mmatl-lab tune mmatl`` searches: the weights and learning rates of MMATL, on digits under attack."""

from functools import cache

import torch

from mmatl_lab.metrics.attacks import under_attack
from mmatl_lab.metrics.probe import fresh_probe
from mmatl_lab.models.mmatl import MMATL
from mmatl_lab.seeding import seeded

from ..balanced_learning.tasks import Examples
from ..search import Range, Search
from . import systems
from .robustness import BOUNDS, CHECKED_AT, logits_of
from .tasks import load

VALIDATION_SEED = 90_519


@cache
def _validation() -> Examples:
    return load("digits", 0).validation


def score(model: MMATL) -> float:
    r"""$\frac12(\text{clean} + \text{attacked}) - \max(0, \text{probe} - 1/N)$, on validation data.

    Accuracy of all modalities together, as they are and under PGD in both, less what a fresh probe reads above chance.
    """
    every = _validation()
    half = len(every.label) // 2
    first, rest = every.rows(torch.arange(half)), every.rows(torch.arange(half, len(every.label)))
    clean = systems.accuracies(model, every)["fused"]
    attack = {"steps": 5, "bounds": BOUNDS, "generator": seeded(VALIDATION_SEED)}
    attacked = under_attack(logits_of(model), first.views, first.label, CHECKED_AT, **attack).float().mean().item()
    fit, test = (systems.codes(model, part).unbind(1) for part in (first, rest))
    with torch.enable_grad():
        probe = fresh_probe(fit, test, seed=VALIDATION_SEED, steps=200).float().mean().item()
    return (clean + attacked) / 2 - max(0.0, probe - 1 / len(model.modalities))


SEARCH = Search(
    "mmatl_digits_pgd",
    {
        "lambda_align": Range(0.03, 10),
        "lambda_task": Range(0.03, 10),
        "lr": Range(3e-4, 2e-2),
        "discriminator_lr": Range(3e-4, 3e-2),
    },
    score,
    "accuracy, clean and attacked, less what a probe reads",
)
