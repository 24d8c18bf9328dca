"""How strong should alignment be? Task accuracy and what a fresh probe reads, over λ_align.

    python -m mmatl_lab.lessons.mmatl.sweep

runs the study and writes ``assets/results/mmatl_sweep.json`` (started again, it goes on).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from mmatl_lab.training import Study

from . import systems
from .systems import make_system, settings_of
from .tasks import Task, load

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "mmatl_sweep"
SEEDS = range(5)
LAMBDAS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
TASKS = ("digits",)
NUM_STEPS = 200
MODEL = {"dim": 6, "discriminator_dim": 96}
RATES = {"batch_size": 160, "lr": 2e-3, "discriminator_lr": 4e-3, "discriminator_steps": 4}


@cache
def _kept(data: str, seed: int) -> Task:
    return load(data, seed)


def cell(data: str, lambda_align: float, seed: int) -> dict[str, float]:
    """Train once; accuracies, L_dis and what a fresh probe reads, on the test part."""
    chosen = settings_of(data, num_steps=NUM_STEPS, model=MODEL, lambda_align=lambda_align, **RATES)
    system, task = replace(make_system(data, chosen), needs=()), _kept(data, seed)
    return systems.measure(system.trained(chosen, seed=seed, needed={"task": task}), task, seed)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points (accuracy, probe) that no other point beats in both: the Pareto front.

    A point beats another if its accuracy is no lower and its probe no higher, and one of them is better.
    """

    def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
        return a != b and a[0] >= b[0] and a[1] <= b[1]

    return [i for i, b in enumerate(points) if not any(beats(a, b) for a in points)]


def points(frame: "DataFrame", data: str) -> list[tuple[float, float, float]]:
    """(λ_align, accuracy, probe) of a task, means over the seeds."""
    rows = frame[frame.data == data].groupby("lambda_align")[["accuracy", "probe"]].mean()
    return [(float(strength), row.accuracy, row.probe) for strength, row in rows.iterrows()]


def study() -> Study:
    """Every λ_align on every task from every seed."""
    return Study(NAME, cell, {"data": list(TASKS), "lambda_align": list(LAMBDAS), "seed": list(SEEDS)})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
