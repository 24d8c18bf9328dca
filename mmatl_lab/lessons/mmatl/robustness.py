"""Noise and attacks on digits seen and heard, with and without the task adversary.

    python -m mmatl_lab.lessons.mmatl.robustness

runs the study and writes ``assets/results/mmatl_robustness.json`` (started again, it goes on). The note says that an
adversarial task loss makes a model robust. Here the discriminator D_t, as it is printed and as it is well-posed, stands
beside training on attacked inputs. All numbers of the inputs lie in [0, 1], and so do those that an attack makes.

The sizes of the training's attack and of the noises were chosen on validation data of seed 0.
"""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F

from mmatl_lab.metrics.attacks import Attacked, Logits, attack_all, right, under_attack
from mmatl_lab.models.mmatl import MMATL
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Study, paired

from ..balanced_learning.tasks import Examples
from ..results import Result
from . import systems
from .features import EVALUATION_SEED
from .systems import MMATLSettings, make_system, settings_of
from .tasks import Task, load

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

NAME = "mmatl_robustness"
SEEDS = range(5)
EPSILONS = (0.01, 0.02, 0.03, 0.05, 0.08)
TRAINED_AT = 0.08  # epsilon of the attacks in training
CHECKED_AT = 0.03  # epsilon of the check for masked gradients
SIGMAS = (0.1, 0.2, 0.4)  # of Gaussian noise
MODALITIES = {"image": ("image",), "audio": ("audio",), "both": ("image", "audio")}
GAIN = 0.15  # what training on attacks is to gain where the plain model loses half
BOUNDS = {"image": (0.0, 1.0), "audio": (0.0, 1.0)}
TESTED, CHECKED = 500, 300  # test examples of the attacks, and of that check


class Variant(NamedTuple):
    title: str
    task_adversary: str = "none"
    lambda_task: float = 0.0
    binary: bool = True


VARIANTS = {
    "none": Variant("no task adversary"),
    "printed": Variant("D_t as printed", "printed", 0.1),
    "conditional_gan": Variant("D_t, conditional", "conditional_gan", 0.1),
    "fgsm": Variant("FGSM training", "fgsm", 1.0),
    "pgd": Variant("PGD training", "pgd", 1.0),
    "none_continuous": Variant("no task adversary, continuous codes", binary=False),
    "pgd_continuous": Variant("PGD training, continuous codes", "pgd", 1.0, binary=False),
}


def settings(variant: str) -> MMATLSettings:
    """The settings of a variant: whole rows with labels, so that the fused answer is trained, too."""
    v = VARIANTS[variant]
    model = {"dim": 6, "discriminator_dim": 96, "binary": v.binary}
    model |= {"task_adversary": v.task_adversary, "epsilon": TRAINED_AT}
    return settings_of(
        "digits",
        num_steps=200,
        model=model,
        batch_size=160,
        lr=2e-3,
        discriminator_lr=4e-3,
        discriminator_steps=4,
        lambda_align=1.0,
        lambda_task=v.lambda_task,
        paired=True,
    )


@cache
def _kept(seed: int) -> Task:
    return load("digits", seed)


@cache
def trained(variant: str, seed: int) -> MMATL:
    """A model of a variant; it is trained once while Python runs, since others are attacked by its gradient."""
    chosen = settings(variant)
    system = replace(make_system("digits", chosen), needs=())
    return system.trained(chosen, seed=seed, needed={"task": _kept(seed)})


def logits_of(model: MMATL) -> Logits:
    """Views -> logits of all modalities together."""
    return lambda views: model(views).logits


def cell(variant: str, seed: int) -> dict[str, Any]:
    """Train once; accuracy on clean, noisy and attacked test data, and the check for masked gradients."""
    model, test, logits = trained(variant, seed), _kept(seed).test, logits_of(trained(variant, seed))
    found = {f"clean_{name}": value for name, value in systems.accuracies(model, test).items()}
    with torch.no_grad():
        found["nll"] = F.cross_entropy(logits(test.views), test.label).item()
    for sigma in SIGMAS:
        generator = seeded(EVALUATION_SEED, seed, 3)
        noisy = {n: (x + sigma * torch.randn(x.shape, generator=generator)).clamp(0, 1) for n, x in test.views.items()}
        found[f"noise@{sigma}"] = _share(right(logits, noisy, test.label))
    some = test.rows(torch.arange(TESTED))
    for name, modalities in MODALITIES.items():
        for epsilon in EPSILONS:
            for kind, steps in (("fgsm", 1), ("pgd", 10)):
                known = {"modalities": modalities, "bounds": BOUNDS, "generator": seeded(EVALUATION_SEED, seed, 4)}
                hits = under_attack(logits, some.views, some.label, epsilon, steps=steps, **known)
                found[f"{kind}_{name}@{epsilon}"] = _share(hits)
    checked = check(variant, seed)
    found |= {f"check_{name}": value for name, value in checked.accuracies().items()}
    return found | {"suspicions": "; ".join(checked.suspicions())}


def check(variant: str, seed: int) -> Attacked:
    """Every attack on some test examples, in both modalities; two other models' gradients are tried, too: one without a
    task adversary, of another seed, and one with continuous codes, through which a gradient is exact."""
    test = _kept(seed).test.rows(torch.arange(CHECKED))
    others = [trained("none", seed + 1), trained("none_continuous", seed)]
    if variant.startswith("pgd"):
        others.append(trained("pgd" if variant == "pgd_continuous" else "pgd_continuous", seed))
    known = {"bounds": BOUNDS, "unbounded": 1.0, "strong_steps": 50, "restarts": 3}
    known["generator"] = seeded(EVALUATION_SEED, seed, 5)
    sources = [logits_of(other) for other in others]
    return attack_all(logits_of(trained(variant, seed)), test.views, test.label, CHECKED_AT, others=sources, **known)


def _share(hits: torch.Tensor) -> float:
    return hits.float().mean().item()


def curve(frame: "DataFrame", variant: str, kind: str = "pgd", modalities: str = "both") -> list[list[float]]:
    """Accuracies of each epsilon, 0 first, each a list over the seeds."""
    rows = frame[frame.variant == variant].sort_values("seed")
    return [rows["clean_fused"].tolist(), *(rows[f"{kind}_{modalities}@{e}"].tolist() for e in EPSILONS)]


def halving(frame: "DataFrame", modalities: str = "both") -> float:
    """The first epsilon of the study at which PGD has taken half of the plain model's accuracy; else the last."""
    clean, *attacked = (sum(each) / len(each) for each in curve(frame, "none", modalities=modalities))
    return next((epsilon for epsilon, left in zip(EPSILONS, attacked) if left <= clean / 2), EPSILONS[-1])


def gain(frame: "DataFrame", metric: str, variant: str, over: str = "none") -> "Difference":
    """How much higher a variant's metric is than another's, seed by seed."""
    return paired(frame, metric, {"variant": variant}, {"variant": over})


def report(frame: "DataFrame") -> list[Result]:
    """What training on attacks gains where the plain model loses half, what it costs, and what D_t gains."""
    at = halving(frame)
    plain = sum(curve(frame, "none")[1 + EPSILONS.index(at)]) / len(SEEDS)
    attacked = {name: f"pgd_{name}@{at}" for name in MODALITIES}
    label = f"digits, PGD in both at {at:g}, {VARIANTS['pgd'].title}"
    values = frame[frame.variant == "pgd"].sort_values("seed")[attacked["both"]].tolist()
    found = [Result.from_values("robust_pgd", label, values, control=plain)]
    compared = [
        ("pgd", "both", attacked["both"], GAIN),
        ("pgd", "image", attacked["image"], None),
        ("pgd", "audio", attacked["audio"], None),
        ("pgd", "clean", "clean_fused", None),
        ("pgd", "noise", "noise@0.2", None),
        ("fgsm", "both", attacked["both"], None),
        ("fgsm", "clean", "clean_fused", None),
        *(("conditional_gan", *rest, None) for rest in (("both", attacked["both"]), ("clean", "clean_fused"))),
        *(("conditional_gan", *rest, None) for rest in (("noise", "noise@0.2"), ("nll", "nll"))),
    ]
    for variant, what, metric, bound in compared:
        words = {"clean": "clean", "noise": "noise σ 0.2", "nll": "negative log likelihood"}
        label = f"digits, {VARIANTS[variant].title} minus none, {words.get(what, f'PGD in {what} at {at:g}')}"
        difference = gain(frame, metric, variant)
        over = f"{difference.n} seeds"
        found.append(Result(f"robust_{variant}_{what}_gain", label, *difference[:3], over=over, at_least=bound))
    worst = frame[frame.variant == "pgd"].check_worst.tolist()
    label = f"digits, {VARIANTS['pgd'].title}, the worst of all attacks at {CHECKED_AT:g}"
    control = frame[frame.variant == "none"].check_worst.mean()
    return [*found, Result.from_values("robust_pgd_worst", label, worst, control=control)]


def examples(n: int, seed: int = 0) -> Examples:
    """The first n test examples, for a demo and for pictures."""
    return _kept(seed).test.rows(torch.arange(n))


def study() -> Study:
    """Every variant from every seed."""
    return Study(NAME, cell, {"variant": list(VARIANTS), "seed": list(SEEDS)})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
