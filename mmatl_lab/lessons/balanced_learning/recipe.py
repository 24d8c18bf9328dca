"""Balanced learning: each method on the digits seen and heard, and the study over all tasks and seeds."""

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from mmatl_lab.models.balanced import METHODS

from ..recipe import Recipe
from ..results import Result
from ..search import Range, Search
from . import costs, study
from .systems import OPTIONS, accuracies, configure, make_system
from .tasks import DATA, load

AHEAD, STARVED = 0.02, 0.10  # what MLA must gain over joint training: fused, and on the modality that it starves
STEP_COST = 1.3  # of a method, over its plain counterpart
WEAK, CHOSEN = "weak", study.CHOSEN
GAINS = (  # name, method, over which, the fusion of each or WEAK for the starved modality alone, target
    ("gain", "mla", "normal", "", "", AHEAD),
    ("gain_chosen", "mla", "normal", CHOSEN, "", AHEAD),
    ("gain_both_chosen", "mla", "normal", CHOSEN, CHOSEN, None),
    ("gain_starved", "mla", "normal", WEAK, WEAK, STARVED),
    ("over_control", "mla", "independent", "", "", None),
    ("over_control_chosen", "mla", "independent", CHOSEN, CHOSEN, None),
    ("over_control_calibrated", "mla", "independent", "calibrated", "calibrated", None),
    ("p", "mla", "mla_unmodified", "", "", None),
    ("control_gain", "independent", "normal", "", "", None),
    ("ogm_gain", "ogm", "normal", "", "", None),
    ("ogm_ge_gain", "ogm_ge", "normal", "", "", None),
    ("qmf_gain", "qmf", "normal", "", "", None),
)
PROMISED = ("digits", "smartwatch", "scenes3")  # the tasks that the targets are for
RIVALS = (  # of calibrated fusion under corruption: the metric, its name, what the difference must be at least
    ("sum", "fixed, equal weights", 0.0),
    (CHOSEN, "fixed, chosen weights", 0.0),
    ("best_single", "the best single modality", -0.01),
)


def evaluate_all(models: Mapping[str, nn.Module]) -> list[Result]:
    """The study over tasks and seeds that the package carries, as differences seed by seed; and the steps' costs."""
    frame = study.results()
    found = []
    for data in study.SEEDS:
        source = DATA[data]
        for method, name in study.METHOD_NAMES.items():
            for what, metric in (("all modalities", "test_fused"), (f"{source.weak} alone", study.weak(data))):
                key = f"study_{data}_{method}" + ("" if metric == "test_fused" else f"_{source.weak}")
                values = study.values(frame, data, method, metric)
                found.append(Result.from_values(key, f"{data}, {name}, {what}", values, of=source.draws))
        found += [_gain(frame, data, *each) for each in GAINS]
        found += _fusions(frame, data) if data in PROMISED else []
    return found + _costs()


def validate(model: nn.Module) -> float:
    """Fused accuracy on the validation part of seed 0's digits, for choices."""
    return accuracies(model, load("digits").validation)["fused"]


def _gain(frame, data: str, key: str, method: str, over: str, fusion: str, other_fusion: str, target) -> Result:
    if fusion == WEAK:
        metrics, what = (study.weak(data),) * 2, f"{DATA[data].weak} alone"
        fusion = other_fusion = ""
    else:
        metrics, what = (study.metric_of(fusion), study.metric_of(other_fusion)), "all modalities"
    names = (study.fused_name(m, f) for m, f in ((method, fusion), (over, other_fusion)))
    found = study.gain(frame, data, method, over, *metrics)
    target = target if data in PROMISED else None
    return replace(found, name=f"study_{data}_{key}", label=f"{data}, {' minus '.join(names)}, {what}", at_least=target)


def _fusions(frame, data: str) -> list[Result]:
    """Calibrated fusion against fixed and against the best single modality, the worst over the noises."""
    rows = frame[(frame.data == data) & (frame.method == "mla")]
    columns = [c.partition("@")[2] for c in rows.columns if c.startswith("calibrated@")]
    found = []
    for kind, note in (("noise", ""), ("gaps", "a corruption that the calibration never saw")):
        noises = [c for c in columns if c.startswith(kind) and rows[f"calibrated@{c}"].notna().all()]
        for over, what, bound in RIVALS:
            gains = {c: (rows[f"calibrated@{c}"] - rows[f"{over}@{c}"]).mean() for c in noises}
            worst = min(gains, key=gains.get)
            values = (rows[f"calibrated@{worst}"] - rows[f"{over}@{worst}"]).tolist()
            label = f"{data}, {kind}: calibrated minus {what}, worst case ({worst})"
            target = bound if kind == "noise" else None
            name = f"study_{data}_{kind}_calibrated_over_{over}"
            found.append(Result.from_values(name, label, values, of=DATA[data].draws, at_least=target, note=note))
    return found


def _costs() -> list[Result]:
    """What the package carries of `costs`: each method's step over its plain counterpart's."""
    return [
        Result.from_values(
            f"step_cost_{method}",
            f"a step of {study.METHOD_NAMES[method]} over one of {study.METHOD_NAMES[plain]} (time)",
            ratios,
            of="rounds",
            at_most=STEP_COST,
        )
        for (method, plain), ratios in costs.shipped().items()
    ]


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
