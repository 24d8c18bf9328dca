"""Every alignment on scenes, the best one on all tasks, and the task discriminator: five seeds each.

    python -m mmatl_lab.lessons.mmatl.study

runs the study and writes ``assets/results/mmatl.json`` (started again, it goes on). The settings were chosen on
validation data of seeds that the study does not use.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from mmatl_lab.models.mmatl import MMATL
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Study, paired

from ..balanced_learning.tasks import Examples
from .systems import MMATLSettings, make_system, measure, probe_hits, settings_of
from .tasks import Task, load
from .uses import generation, retrieval

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

NAME = "mmatl"
SEEDS = range(5)
NOISE = 0.3  # of codes with noise, in units of a code's own spread

METHODS = {  # name: fields of the model's config, and of the settings
    "none": ({"alignment": "none"}, {"discriminator_steps": 1}),
    "none_continuous": ({"alignment": "none", "binary": False}, {"discriminator_steps": 1}),
    "printed": ({"alignment": "printed", "binary": False}, {"num_steps": 300, "discriminator_steps": 1}),
    "weak": (
        {"alignment": "gradient_reversal", "binary": False, "discriminator_dim": 16},
        {"num_steps": 300, "discriminator_steps": 1, "discriminator_lr": 5e-4},
    ),
    "reversal_continuous": ({"alignment": "gradient_reversal", "binary": False}, {}),
    "reversal_mmd_continuous": ({"alignment": "gradient_reversal+mmd", "binary": False}, {}),
    "reversal_noise": ({"alignment": "gradient_reversal", "binary": False, "noise": NOISE}, {}),
    "none_noise": ({"alignment": "none", "binary": False, "noise": NOISE}, {"discriminator_steps": 1}),
    "gradient_reversal": ({"alignment": "gradient_reversal"}, {}),
    "confusion": ({"alignment": "confusion"}, {}),
    "inverted": ({"alignment": "inverted"}, {}),
    "wasserstein_gp": ({"alignment": "wasserstein_gp"}, {}),
    "mmd": ({"alignment": "mmd"}, {"discriminator_steps": 1}),
    "sliced_wasserstein": ({"alignment": "sliced_wasserstein"}, {"discriminator_steps": 1}),
    "reversal_mmd": ({"alignment": "gradient_reversal+mmd"}, {}),
    "conditional": ({"alignment": "gradient_reversal+mmd", "class_conditional": True}, {}),
}
BEST = "reversal_mmd"
ONCE = (  # tries of one seed
    *("none_noise", "reversal_noise", "reversal_continuous", "reversal_mmd_continuous"),
    *("confusion", "wasserstein_gp", "mmd", "sliced_wasserstein", "conditional"),
)
TASKS = ("scenes2", "scenes3", "scenes5", "digits", "smartwatch", "emoji")
WELL_POSED = ("gradient_reversal", "confusion", "inverted")  # a discriminator alone, against binary codes
COMPARED = ("none", BEST)  # on every task
SHARED = ("scenes2", "scenes3", "scenes5", "digits")  # every modality tells the label
ADVERSARIES = {"plain": ("none", 0.0), "discriminator": ("conditional_gan", 0.1)}  # and the weight, lambda_task
FEW = 800  # labels, where the task discriminator is to help


def settings(data: str, method: str) -> MMATLSettings:
    """The settings of a method on a task."""
    model, more = METHODS[method]
    return settings_of(data, model=model, **more)


def trained(data: str, method: str, seed: int) -> MMATL:
    """One of METHODS, trained on a task from a seed."""
    chosen = settings(data, method)
    return make_system(data, chosen).trained(chosen, seed=seed, needed={"task": load(data, seed)})


def cell(data: str, method: str, seed: int) -> dict[str, float]:
    """Train once and measure; of five modalities retrieval and generation, too."""
    model, task = trained(data, method, seed), load(data, seed)
    found = measure(model, task, seed)
    noise = model.config.noise
    if noise:
        found["probe_noisy"] = probe_hits(model, task, noise=noise, seed=seed).float().mean().item()
    return found | (retrieval(model, task) | generation(model, task, seed) if data == "scenes5" else {})


def adversary_cell(adversary: str, seed: int) -> dict[str, float]:
    """Digits with few labels, with and without the task discriminator: how right and how well calibrated."""
    kind, weight = ADVERSARIES[adversary]
    task = load("digits", seed)
    rows = torch.randperm(len(task.train.label), generator=seeded(seed, 175))[:FEW]
    few = Task(task.train.rows(rows), task.validation, task.test)
    chosen = settings_of("digits", model={"alignment": "none", "task_adversary": kind}, lambda_task=weight, paired=True)
    model = make_system("digits", chosen).trained(chosen, seed=seed, needed={"task": few})
    return quality(model, task.test)


@torch.no_grad()
def quality(model: MMATL, examples: Examples) -> dict[str, float]:
    """Accuracy, negative log-likelihood, and expected calibration error in ten bins, of all modalities together."""
    p, label = model(examples.views).logits.softmax(1), examples.label
    confidence, answer = p.max(1)
    hits = (answer == label).float()
    bins = (confidence * 10).long().clamp(max=9)
    gaps = torch.zeros(10).index_add_(0, bins, hits - confidence).abs()
    return {
        "accuracy": hits.mean().item(),
        "nll": F.nll_loss(p.log(), label).item(),
        "ece": (gaps.sum() / len(label)).item(),
    }


def study() -> Study:
    """All alignments on two modalities, the best one and none on the other tasks."""
    grids = [{"data": ["scenes2"], "method": [m for m in METHODS if m not in ONCE], "seed": SEEDS}]
    grids += [{"data": [data], "method": COMPARED, "seed": SEEDS} for data in TASKS if data != "scenes2"]
    return Study(NAME, cell, [*grids, {"data": ["scenes2"], "method": ONCE, "seed": SEEDS[:1]}])


def adversary_study() -> Study:
    return Study("mmatl_adversary", adversary_cell, {"adversary": list(ADVERSARIES), "seed": SEEDS})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def adversary_results() -> "DataFrame":
    return Study.shipped("mmatl_adversary")


def values(frame: "DataFrame", data: str, method: str, metric: str) -> list[float]:
    """One metric of one method on one task, in the order of the seeds."""
    rows = frame[(frame.data == data) & (frame.method == method)]
    return rows.sort_values("seed")[metric].tolist()


def gain(frame: "DataFrame", data: str, method: str, over: str, metric: str) -> "Difference":
    """How much a method's metric is above another's, over the seeds that have both."""
    frame = frame[frame.seed.isin(shared(frame, data, method, over))]
    return paired(frame, metric, {"data": data, "method": method}, {"data": data, "method": over})


def shared(frame: "DataFrame", data: str, *methods: str) -> set[int]:
    """The seeds from which all of some methods were trained on a task."""
    return set.intersection(*(set(frame[(frame.data == data) & (frame.method == m)].seed) for m in methods))


if __name__ == "__main__":
    study().ship()
    adversary_study().ship()
