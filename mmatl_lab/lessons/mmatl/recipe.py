"""MMATL: the frozen features of scenes, the models that are shipped, and what the studies found."""

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from mmatl_lab.training import paired

from ..recipe import Recipe
from ..results import Result
from . import robustness, study, transfer, tuning
from .features import FEATURES
from .systems import make_system
from .tasks import DATA

if TYPE_CHECKING:
    from pandas import DataFrame

SCENES = make_system("scenes2")  # the one that the notebook trains
DIGITS = make_system("digits")
PGD = make_system("digits", robustness.settings("pgd"), name="mmatl_digits_pgd")  # trained on attacked inputs


def evaluate_all(models: Mapping[str, nn.Module]) -> list[Result]:
    """The study that the package carries: the games as printed and well-posed, over seeds."""
    frame = study.results()
    return [
        *_printed(frame),
        *_weak(frame),
        *(
            r
            for data in study.TASKS
            if len(study.shared(frame, data, *study.COMPARED)) > 1
            for r in _well_posed(frame, data)
        ),
        *_tries(frame),
        *_uses(frame),
        *_adversary(study.adversary_results()),
        *transfer.report(transfer.results()),
        *robustness.report(robustness.results()),
    ]


def _result(name: str, label: str, values: list[float], **more) -> Result:
    return Result.from_values(f"study_{name}", label, values, **more)


def _printed(frame: "DataFrame") -> list[Result]:
    of = partial(study.values, frame, "scenes2", "printed")
    return [
        _result("printed_L_dis", "as printed, after 300 steps: L_align_dis", of("L_dis"), at_most=-1_000),
        _result("printed_L_enc", "as printed, after 300 steps: L_align_enc", of("L_enc"), at_most=-1_000),
        _result("printed_probe", "as printed: a fresh probe", of("probe"), control=0.5, at_least=0.95),
    ]


def _weak(frame: "DataFrame") -> list[Result]:
    of = partial(study.values, frame, "scenes2", "weak")
    away = [abs(value - math.log(2)) for value in of("L_dis")]
    return [
        _result("weak_L_dis", "a weak discriminator: |L_dis − ln 2|", away, at_most=0.05),
        _result("weak_probe", "a weak discriminator: a fresh probe", of("probe"), control=0.5, at_least=0.95),
    ]


def _well_posed(frame: "DataFrame", data: str) -> list[Result]:
    """L_dis, the probe, and what alignment costs; promised where every modality tells the label."""
    N, promised = len(DATA[data].modalities), data in study.SHARED
    frame = frame[frame.seed.isin(study.shared(frame, data, *study.COMPARED))]
    of, before = partial(study.values, frame, data, study.BEST), partial(study.values, frame, data, "none")
    away = [abs(value - math.log(N)) for value in of("L_dis")]
    cost = [a - b for a, b in zip(before("accuracy"), of("accuracy"), strict=True)]
    bounds = [{"at_most": bound} if promised else {} for bound in (0.05, 1 / N + 0.1, 0.01)]
    note = f"the same codes without alignment: {sum(before('probe')) / len(cost):.3f}"
    given = {"of": DATA[data].draws}
    return [
        _result(f"{data}_L_dis", f"{data}, aligned: |L_dis − ln {N}|", away, **bounds[0], **given),
        _result(
            *(f"{data}_probe", f"{data}, aligned: a fresh probe", of("probe")),
            **({"control": 1 / N, "note": note} | bounds[1] | given),
        ),
        _result(f"{data}_cost", f"{data}: accuracy without alignment − aligned", cost, **bounds[2], **given),
    ]


def _tries(frame: "DataFrame") -> list[Result]:
    """What a fresh probe reads on codes without noise, after each way to align two modalities."""
    found = []
    for method in study.METHODS:
        values = study.values(frame, "scenes2", method, "probe")
        name, label = f"try_{method}", f"scenes2, {method}: a fresh probe"
        if len(values) == 1:
            found.append(Result(f"study_{name}", label, values[0], over="1 seed", control=0.5))
        else:
            bound = {"at_most": 0.6} if method in study.WELL_POSED else {}
            found.append(_result(name, label, values, control=0.5, **bound))
    return found


def _adversary(frame: "DataFrame") -> list[Result]:
    """The task discriminator on few labels, seed by seed: what it adds to accuracy, NLL and calibration error."""
    labels = {"accuracy": "accuracy", "nll": "NLL", "ece": "calibration error"}
    found = []
    for metric, label in labels.items():
        gain = paired(frame, metric, {"adversary": "discriminator"}, {"adversary": "plain"})
        name = f"study_task_discriminator_{metric}"
        label = f"digits, {study.FEW} labels, {label}: with D_t − without"
        found.append(Result(name, label, gain.mean, gain.low, gain.high, f"{gain.n} seeds"))
    return found


def _uses(frame: "DataFrame") -> list[Result]:
    labels = {
        "retrieval": "the nearest of another modality is of its kind",
        "generation": "drawn from a modality that the head never saw",
    }
    found = []
    for use, label in labels.items():
        for method, name in (("none", "not aligned"), (study.BEST, "aligned")):
            values = study.values(frame, "scenes5", method, use)
            found.append(_result(f"{use}_{method}", f"scenes5, {name}: {label}", values, control=1 / 8))
    return found


RECIPE = Recipe(
    "mmatl",
    "Modalities can be made alike, and what that is good for",
    minutes={"shipped": 1, "quick": 1, "full": 1.5, "gpu": 1.5},
    systems=(FEATURES, SCENES, DIGITS, PGD),
    evaluate_all=evaluate_all,
    search=tuning.SEARCH,
)
