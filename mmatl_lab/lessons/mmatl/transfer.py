"""Labels in one modality, a test in another: what alignment carries over, and what it does not.

    python -m mmatl_lab.lessons.mmatl.transfer

runs the study and writes ``assets/results/mmatl_transfer.json`` (started again, it goes on). The task model is trained
on a few labels of the *source* modality and scored on the *target*, whose labels it never sees. All methods have the
same codes, steps and batches. Those with pairs know besides which source and target belong to one event.

With ``labelled="both"`` the few labels are of whole events. Then the target alone is what is left where the source is
missing at test, and ``none`` is the supervised ceiling.

What was chosen on validation data of the digits' seed 0: the width of the codes, the number of steps and the learning
rates, by the contrastive control.
"""

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from mmatl_lab.models.mmatl import MMATL, UNLABELLED, training_step
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run, Study, paired

from ..balanced_learning.tasks import Examples
from ..results import Result
from . import systems
from .systems import MMATLSettings, codes, make_system, probe_hits, settings_of
from .tasks import Task, load

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

NAME = "mmatl_transfer"
SEEDS = range(5)
LABELS = (1, 4, 16, 64)  # of each class
MOST = LABELS[-1]
GAIN = 0.20  # what a method with pairs is to gain over no alignment


class Method(NamedTuple):
    """A way to bring the modalities together.

    Attributes:
        title: for tables. alignment: a game. class_conditional: D_a sees the classes, of which it guesses those of the
            target. contrast: weight of the contrastive loss. pairs: whether it is given pairs.
    """

    title: str
    alignment: str = "none"
    class_conditional: bool = False
    contrast: float = 0.0

    @property
    def pairs(self) -> bool:
        return self.contrast > 0


METHODS = {
    "none": Method("no alignment"),
    "adversarial": Method("adversarial", "gradient_reversal"),
    "conditional": Method("adversarial, class-conditional (CDAN)", "gradient_reversal", class_conditional=True),
    "coral": Method("CORAL", "coral"),
    "mmd": Method("MMD", "mmd"),
    "contrast": Method("contrastive, with pairs", contrast=1.0),
    "contrast_adversarial": Method("contrastive and adversarial", "gradient_reversal", contrast=1.0),
}
ELSEWHERE = ("none", "adversarial", "conditional", "contrast", "contrast_adversarial")  # on the tasks beside digits
CURVES = ("none", "adversarial", "contrast", "contrast_adversarial")  # over the number of labels
MISSING = ("none", "adversarial", "contrast")  # with labels of whole events


class Direction(NamedTuple):
    source: str
    target: str


DIRECTIONS = {
    "digits": Direction("image", "audio"),
    "smartwatch": Direction("accelerometer", "gyroscope"),
    "emoji": Direction("image", "text"),
    "scenes2": Direction("audio", "sensor"),
}


def settings(data: str, method: str) -> MMATLSettings:
    """The settings of a method on a task."""
    chosen = METHODS[method]
    model = {"dim": 16, "discriminator_dim": 64}
    model |= {"alignment": chosen.alignment, "class_conditional": chosen.class_conditional}
    plays = "gradient_reversal" in chosen.alignment
    return settings_of(
        data,
        num_steps=150,
        model=model,
        batch_size=128,
        lr=3e-3,
        discriminator_lr=9e-3,
        discriminator_steps=3 if plays else 1,
        lambda_align=1.0,
        lambda_contrast=chosen.contrast,
    )


def few(label: Tensor, labels: int, *, generator: torch.Generator) -> Tensor:
    """Places of ``labels`` random examples of each class, or of all where there are fewer."""
    order = torch.randperm(len(label), generator=generator)
    return torch.cat([order[label[order] == c][:labels] for c in label.unique()])


def draw(
    examples: Examples,
    labelled: Tensor,
    size: int,
    *,
    known: tuple[str, ...],
    pairs: bool,
    generator: torch.Generator,
) -> tuple[dict[str, Tensor], Tensor]:
    """A batch of which half are examples without a label and half such that have one.

    Args:
        labelled: places of the examples with labels. known: the modalities whose labels may be used.
        pairs: each row is one event; otherwise what has no label is drawn anew for each modality.

    Returns:
        Views (size, F) by modality, and labels (size, N), UNLABELLED where there is none.
    """
    half = size // 2

    def any_example() -> Tensor:
        return torch.randint(len(examples.label), (half,), generator=generator)

    with_label, without = labelled[torch.randint(len(labelled), (half,), generator=generator)], any_example()
    views, y = {}, []
    for name, x in examples.views.items():
        has_labels = name in known
        first = without if pairs else any_example()
        second = with_label if pairs or has_labels else any_example()
        views[name] = x[torch.cat([first, second])]
        own = examples.label[second] if has_labels else torch.full((half,), UNLABELLED)
        y.append(torch.cat([torch.full((half,), UNLABELLED), own]))
    return views, torch.stack(y, 1)


def fit(run: Run, settings: MMATLSettings, *, task: Task, known: tuple[str, ...], labels: int, pairs: bool) -> None:
    """The loop: MMATL's own step on batches in which few examples have a label."""
    labelled = few(task.train.label, labels, generator=seeded(run.seed, 5))
    for step, generator in run:
        batch = partial(draw, task.train, labelled, settings.batch_size, known=known, pairs=pairs, generator=generator)
        training_step(
            run.module,
            run,
            batch,
            lambda_align=settings.lambda_align * systems.ramp(step / settings.num_steps),
            lambda_contrast=settings.lambda_contrast,
            discriminator_steps=settings.discriminator_steps,
        )


@cache
def _kept(data: str, seed: int) -> Task:
    return load(data, seed)


def trained(data: str, method: str, labelled: str, labels: int, seed: int) -> tuple[MMATL, Task]:
    """A model and the task that it was trained on; ``labelled`` is "source" or "both"."""
    task, chosen = _kept(data, seed), settings(data, method)
    known = tuple(task.train.views) if labelled == "both" else (DIRECTIONS[data].source,)
    needed = {"task": task, "known": known, "labels": labels, "pairs": METHODS[method].pairs}
    return replace(make_system(data, chosen), fit=fit, needs=()).trained(chosen, seed=seed, needed=needed), task


def cell(data: str, method: str, labelled: str, labels: int, seed: int) -> dict[str, Any]:
    """Train once; what the test part says, and with the most labels the probe and who is taken for whom."""
    model, task = trained(data, method, labelled, labels, seed)
    counts = confusion(model, task.test, DIRECTIONS[data].target)
    found = systems.accuracies(model, task.test)
    found = {
        "source": found[DIRECTIONS[data].source],
        "target": found[DIRECTIONS[data].target],
        "fused": found["fused"],
    }
    found["permuted"] = best_permutation(counts)
    if labels == MOST:
        found["probe"] = probe_hits(model, task, seed=seed).float().mean().item()
        found["confusion"] = ";".join(" ".join(map(str, row)) for row in counts.tolist())
    return found


@torch.no_grad()
def confusion(model: MMATL, examples: Examples, modality: str) -> Tensor:
    """(C, C) counts: true class, answered class, from one modality alone."""
    answer = model.alone(codes(model, examples))[:, model.modalities.index(modality)].argmax(1)
    C = model.config.num_classes
    return torch.bincount(examples.label * C + answer, minlength=C * C).view(C, C)


def best_permutation(counts: Tensor) -> float:
    """The accuracy if the classes might be renamed: high, where an alignment has swapped them."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    return counts[rows, columns].sum().item() / counts.sum().item()


def read_confusion(text: str) -> Tensor:
    """(C, C) counts, as a cell of the study keeps them."""
    return torch.tensor([[int(n) for n in row.split()] for row in text.split(";")])


def report(frame: "DataFrame") -> list[Result]:
    """Accuracy on the target of every method, and how much better than without alignment it is."""
    found = []
    for data, (source, target) in DIRECTIONS.items():
        ceiling = sum(values(frame, data, "none", labelled="both")) / len(SEEDS)
        control = sum(values(frame, data, "none")) / len(SEEDS)
        for method in METHODS if data == "digits" else ELSEWHERE:
            label = f"{data}, {source} → {target}, {METHODS[method].title}"
            of, known = values(frame, data, method), {"control": control, "ceiling": max(ceiling, control)}
            found.append(Result.from_values(f"transfer_{data}_{method}", label, of, **known))
        for method in ("adversarial", "conditional", "contrast", "contrast_adversarial"):
            difference, bound = gain(frame, data, method), GAIN if METHODS[method].pairs else None
            label = f"{data}, {METHODS[method].title}, minus no alignment"
            over = f"{difference.n} seeds"
            name = f"transfer_{data}_{method}_gain"
            found.append(Result(name, label, *difference[:3], over=over, at_least=bound))
        label = f"{data}, adversarial, if the classes might be renamed"
        found.append(
            Result.from_values(f"transfer_{data}_renamed", label, values(frame, data, "adversarial", "permuted"))
        )
    return found


def study() -> Study:
    """Labels of the source; labels of whole events; the other tasks."""
    digits = {"data": ["digits"]}
    grids = [
        digits | {"method": CURVES, "labelled": ["source"], "labels": LABELS, "seed": SEEDS},
        digits | {"method": MISSING, "labelled": ["both"], "labels": [MOST], "seed": SEEDS},
        digits | {"method": ("conditional", "coral", "mmd"), "labelled": ["source"], "labels": [MOST], "seed": SEEDS},
    ]
    for data in ("smartwatch", "emoji", "scenes2"):
        grids.append({"data": [data], "method": ELSEWHERE, "labelled": ["source"], "labels": [MOST], "seed": SEEDS})
        grids.append({"data": [data], "method": ["none"], "labelled": ["both"], "labels": [MOST], "seed": SEEDS})
    return Study(NAME, cell, [{name: list(values) for name, values in grid.items()} for grid in grids])


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def values(
    frame: "DataFrame", data: str, method: str, metric: str = "target", *, labelled: str = "source", labels: int = MOST
) -> list[float]:
    """One metric of one method on one task, in the order of the seeds."""
    chosen = {"data": data, "method": method, "labelled": labelled, "labels": labels}
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame.sort_values("seed")[metric].tolist()


def gain(frame: "DataFrame", data: str, method: str, over: str = "none", *, labels: int = MOST) -> "Difference":
    """How much better a method is than another on the target, seed by seed; labels of the source alone."""
    same = {"data": data, "labelled": "source", "labels": labels}
    return paired(frame, "target", same | {"method": method}, same | {"method": over})


if __name__ == "__main__":
    study().ship()
