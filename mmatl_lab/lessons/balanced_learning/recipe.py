"""Balanced learning: each method on the digits seen and heard, and the study over all tasks and seeds."""

from collections.abc import Mapping

from torch import nn

from mmatl_lab.models.balanced import METHODS

from ..recipe import Recipe
from ..results import Result
from ..search import Range, Search
from . import study
from .systems import NAMES, OPTIONS, accuracies, configure, make_system
from .tasks import DATA, load

AHEAD, STARVED = 0.02, 0.10  # what MLA must gain over joint training: fused, and on the modality that it starves


def evaluate_all(models: Mapping[str, nn.Module]) -> list[Result]:
    """The study over tasks and seeds that the package carries, as differences seed by seed."""
    frame = study.results()
    found = []
    for data in study.SEEDS:
        for method in (m for m in METHODS if m in study.variants(data)):
            values = study.values(frame, data, method)
            label = f"{data}, {NAMES[method]}, all modalities"
            found.append(Result.from_values(f"study_{data}_{method}", label, values, of=DATA[data].draws))
        found += _gains(frame, data)
        found += _fusions(frame, data)
    return found


def validate(model: nn.Module) -> float:
    """Fused accuracy on the validation part of seed 0's digits, for choices."""
    return accuracies(model, load("digits").validation)["fused"]


def _gains(frame, data: str) -> list[Result]:
    source, metric = DATA[data], study.weak(data)
    compared = (
        ("gain", "normal", "test_fused", "all modalities", AHEAD),
        ("gain_starved", "normal", metric, f"{source.weak} alone", STARVED),
        ("over_control", "independent", "test_fused", "all modalities", None),
        ("p", "mla_unmodified", "test_fused", "all modalities", None),
    )
    compared = [each for each in compared if each[1] in study.variants(data)]
    names = {"normal": "joint", "independent": "independent", "mla_unmodified": "MLA without P"}
    return [
        Result(
            f"study_{data}_{key}",
            f"{data}, MLA minus {names[over]}, {what}",
            *study.gain(frame, data, "mla", over, name)[:3],
            over=f"{len(study.SEEDS[data])} {source.draws}",
            at_least=target,
        )
        for key, over, name, what, target in compared
    ]


def _fusions(frame, data: str) -> list[Result]:
    """Calibrated fusion against fixed and against the best single modality, the worst over the noises."""
    rows = frame[(frame.data == data) & (frame.method == "mla")]
    columns = [c.partition("@")[2] for c in rows.columns if c.startswith("calibrated@")]
    found = []
    for kind, note in (("noise", ""), ("gaps", "a corruption that the calibration never saw")):
        noises = [c for c in columns if c.startswith(kind) and rows[f"calibrated@{c}"].notna().all()]
        for over, what, bound in (("fixed", "fixed", 0.0), ("best_single", "the best single modality", -0.01)):
            gains = {c: (rows[f"calibrated@{c}"] - rows[f"{over}@{c}"]).mean() for c in noises}
            worst = min(gains, key=gains.get)
            values = (rows[f"calibrated@{worst}"] - rows[f"{over}@{worst}"]).tolist()
            label = f"{data}, {kind}: calibrated minus {what}, worst case ({worst})"
            of = DATA[data].draws
            target = bound if kind == "noise" else None
            name = f"study_{data}_{kind}_calibrated_over_{over}"
            found.append(Result.from_values(name, label, values, of=of, at_least=target, note=note))
    return found


RECIPE = Recipe(
    "balanced_learning",
    "Trained jointly, the faster modality lets the slower one starve",
    minutes={"shipped": 1, "quick": 1, "full": 2, "gpu": 2},
    systems=tuple(make_system("digits", method) for method in METHODS),
    evaluate_all=evaluate_all,
    options=OPTIONS,
    configure=configure,
    search=Search(
        "balanced_digits_mla",
        {"lr": Range(0.005, 0.5), "model.dim": (16, 32, 64)},
        validate,
        "fused accuracy on validation digits",
    ),
)
