"""Every method on every task, five seeds or ten persons: what the lesson's tables show.

    python -m mmatl_lab.lessons.balanced_learning.study

runs the study and writes ``assets/results/balanced_learning.json`` (started again, it goes on). First each method is
trained with three learning rates. The one with the best fused accuracy on validation data is taken for it, and it is
trained with that one from every seed.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmatl_lab.models.balanced import Balanced
from mmatl_lab.models.balanced.fusion import dynamic_fusion, fixed_fusion, sum_fusion
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Study
from mmatl_lab.viz.tables import Table

from ..results import Result
from .calibration import best_weights, calibrate
from .examples import corrupt
from .systems import NAMES, accuracies, make_system, settings_of
from .tasks import DATA, EVALUATION_SEED, load

if TYPE_CHECKING:
    from pandas import DataFrame
NAME = "balanced_learning"
VARIANTS = {  # by name: the method and its options
    "normal": ("normal", {}),
    "independent": ("independent", {}),
    "mla": ("mla", {}),
    "mla_unmodified": ("mla", {"modify": False}),
    "ogm": ("ogm", {}),
    "ogm_ge": ("ogm_ge", {}),
    "qmf": ("qmf", {}),
}
RATES = (0.025, 0.05, 0.1)
SEEDS = {"digits": range(5), "smartwatch": range(10), "scenes3": range(5), "clip": range(5)}
RATE_SEEDS = {"digits": (0,), "smartwatch": (0, 5), "scenes3": (0,), "clip": (0,)}  # from which the rates are chosen
METHOD_NAMES = {
    name: "MLA without P" if name == "mla_unmodified" else NAMES[method] for name, (method, _) in VARIANTS.items()
}
CHOSEN = "weighted"  # fixed fusion with weights that validation data chose
COMPARED = (  # one method minus another, and how both are fused where it is not each in its own way
    ("independent", "normal", "", ""),
    ("mla", "normal", "", ""),
    ("mla", "normal", CHOSEN, ""),
    ("mla", "normal", CHOSEN, CHOSEN),
    ("mla", "independent", "", ""),
    ("mla", "independent", CHOSEN, CHOSEN),
    ("mla", "independent", "calibrated", "calibrated"),
    ("mla", "mla_unmodified", "", ""),
    ("ogm", "normal", "", ""),
    ("ogm_ge", "normal", "", ""),
    ("qmf", "normal", "", ""),
)
FUSION_NAMES = {CHOSEN: "chosen weights", "calibrated": "calibrated"}
CALIBRATED = ("mla", "independent")  # the methods whose fusion is calibrated, too
CORRUPTIONS = (("noise", 1.0), ("noise", 2.0), ("noise", 4.0), ("gaps", 0.5))  # gaps: the calibration never saw any


def cell(data: str, method: str, lr: float, seed: int) -> dict[str, float]:
    """Train once; accuracy on validation and test, and of all test-time fusions; of MLA under corruption, too."""
    model, task = trained(data, method, lr, seed), load(data, seed)
    found = {f"validation_{k}": v for k, v in accuracies(model, task.validation).items()}
    found |= {f"test_{k}": v for k, v in accuracies(model, task.test).items()}
    corruptions = CORRUPTIONS if method == "mla" else ()
    return found | fusions(model, data, seed, corruptions, calibrating=method in CALIBRATED)


def trained(data: str, method: str, lr: float, seed: int) -> Balanced:
    """One of VARIANTS, trained on a task."""
    name, options = VARIANTS[method]
    settings = settings_of(data, name, lr=lr, options=options)
    return make_system(data, name).trained(settings, seed=seed, needed={"task": load(data, seed)})


def rate_cell(data: str, method: str, lr: float, seed: int) -> dict[str, float]:
    """Train once; the fused accuracy on validation data, and nothing of the test. A training that diverges has 0."""
    try:
        model = trained(data, method, lr, seed)
    except FloatingPointError:
        return {"validation": 0.0}
    return {"validation": accuracies(model, load(data, seed).validation)["fused"]}


@torch.no_grad()
def fusions(
    model: Balanced, data: str, seed: int, corruptions: Sequence[tuple[str, float]], *, calibrating: bool
) -> dict[str, float]:
    """``FUSION@CORRUPTION`` for every fusion, and ``best_single@CORRUPTION``, clean data included."""
    task, found = load(data, seed), {}
    weights = best_weights(model(task.validation.views).logits, task.validation.label)
    fitted = {}
    if calibrating:
        fitted = {
            "scaled": calibrate(model, task.validation, by_sample=False),
            "calibrated": calibrate(model, task.validation, seed=seed),
        }
    versions = {"clean": task.test.views}
    for kind, severity in corruptions:
        for name in model.modalities:
            generator = seeded(EVALUATION_SEED, seed, 7)
            versions[f"{kind}{severity:g}_{name}"] = corrupt(
                task.test.views, name, severity, kind=kind, generator=generator
            )
    for version, views in versions.items():
        z = model(views).logits
        answers = {
            "sum": sum_fusion(z),
            CHOSEN: fixed_fusion(z, weights),
            "dynamic": dynamic_fusion(z),
            "dynamic_batch": dynamic_fusion(z, per="batch"),
        } | {name: fusion(views) for name, fusion in fitted.items()}
        hits = {name: _accuracy(answer, task.test.label) for name, answer in answers.items()}
        hits["best_single"] = max(_accuracy(alone, task.test.label) for alone in z)
        found |= {f"{name}@{version}": value for name, value in hits.items()}
    return found


def _accuracy(answer: Tensor, label: Tensor) -> float:
    return (answer.argmax(-1) == label).float().mean().item()


def rates_study() -> Study:
    """What the learning rates are chosen from."""
    grids = [{"data": [d], "method": VARIANTS, "lr": RATES, "seed": seeds} for d, seeds in RATE_SEEDS.items()]
    return Study("balanced_learning_rates", rate_cell, grids)


def best_rates(frame: "DataFrame") -> dict[tuple[str, str], float]:
    """The rate of each task and method with the best mean accuracy on validation data."""
    means = frame.groupby(["data", "method", "lr"])["validation"].mean()
    return {(d, m): lr for d, m, lr in means.groupby(level=["data", "method"]).idxmax()}


def study(rates: dict[tuple[str, str], float]) -> Study:
    """Every method on every task with its own rate, from every seed."""
    grids = [{"data": [d], "method": [m], "lr": [rates[d, m]], "seed": SEEDS[d]} for m in VARIANTS for d in SEEDS]
    return Study(NAME, cell, grids, version=2)


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def values(frame: "DataFrame", data: str, method: str, metric: str = "test_fused") -> list[float]:
    """One metric of one method on one task, in the order of the seeds."""
    rows = frame[(frame.data == data) & (frame.method == method)]
    return rows.sort_values("seed")[metric].tolist()


def metric_of(fusion: str = "") -> str:
    """The metric of the fused answer; ``fusion`` is one of `fusions`, by default the method's own."""
    return f"{fusion}@clean" if fusion else "test_fused"


def gain(
    frame: "DataFrame", data: str, method: str, over: str, metric: str = "test_fused", other_metric: str = ""
) -> Result:
    """How much better a method is than another on a task, seed by seed; the other may have another metric."""
    pairs = zip(values(frame, data, method, metric), values(frame, data, over, other_metric or metric), strict=True)
    return Result.from_values("gain", f"{method} − {over}", [a - b for a, b in pairs], of=DATA[data].draws)


def compared(frame: "DataFrame", data: str) -> Table:
    """Differences seed by seed, in points: of the fused answer, and of the modality that joint training starves."""
    rows = []
    for one, other, fusion, other_fusion in COMPARED:
        metrics = [("fused", metric_of(fusion), metric_of(other_fusion))]
        if not fusion:
            metrics.append((f"{DATA[data].weak} alone", weak(data), weak(data)))
        names = (fused_name(one, fusion), fused_name(other, other_fusion))
        for what, metric, other_metric in metrics:
            d = gain(frame, data, one, other, metric, other_metric)
            interval = f"{100 * d.low:+.1f} to {100 * d.high:+.1f}"
            rows.append((" − ".join(names), what, f"{100 * d.value:+.1f}", interval))
    return Table(
        ("difference", "of", "points", "95 % interval"), rows, title=f"{data}, {len(SEEDS[data])} {DATA[data].draws}"
    )


def fused_name(method: str, fusion: str) -> str:
    """A method and how its modalities are fused, where it is not its own way."""
    return METHOD_NAMES[method] + (f" ({FUSION_NAMES[fusion]})" if fusion else "")


def contributions(frame: "DataFrame") -> Table:
    """What the other modalities add to the strongest one, after joint, independent and alternating training."""
    rows = []
    for data in SEEDS:
        for method in ("normal", "independent", "mla"):
            alone = {m: fmean(values(frame, data, method, f"test_{m}")) for m in DATA[data].modalities}
            strongest = max(alone, key=alone.get)
            fused = fmean(values(frame, data, method, metric_of(CHOSEN)))
            added = f"{100 * (fused - alone[strongest]):+.1f}"
            rows.append((data, METHOD_NAMES[method], f"{strongest} {alone[strongest]:.3f}", f"{fused:.3f}", added))
    return Table(("task", "training", "strongest alone", "fused (chosen weights)", "the others add, points"), rows)


def worst_cases(results: list[Result]) -> Table:
    """The recipe's results on calibrated fusion of damaged inputs: one row for each task, damage and rival."""
    rows = []
    for result in results:
        if "_calibrated_over_" in result.name:
            task, damage = result.label.partition(":")[0].split(", ")
            rival, _, case = result.label.partition("minus ")[2].partition(", worst case ")
            target, met = "", ""
            if result.target:
                target, met = f"≥ {result.target['at_least']:.3f}", "met" if result.target["met"] else "missed"
            interval = f"{result.low:+.3f} to {result.high:+.3f}"
            rows.append((task, damage, case.strip("()"), rival, f"{result.value:+.3f}", interval, target, met))
    return Table(("task", "damage", "worst case", "compared with", "gain", "95 % interval", "target", ""), rows)


def weak(data: str) -> str:
    """The metric of the modality that joint training starves."""
    return f"test_{DATA[data].weak}"


if __name__ == "__main__":
    choice = rates_study()
    if len(choice.run()) == len(choice.configs):
        study(best_rates(choice.frame())).ship()
