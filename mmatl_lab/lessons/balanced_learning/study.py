"""Every method on every task, five seeds or ten persons: what the lesson's tables show.

    python -m mmatl_lab.lessons.balanced_learning.study

runs the study and writes ``assets/results/balanced_learning.json`` (started again, it goes on). First each method is
trained with two learning rates, and the one with the better fused accuracy on validation data is taken for it; then it
is trained with that one from every seed.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmatl_lab.models.balanced import Balanced
from mmatl_lab.models.balanced.fusion import dynamic_fusion, fixed_fusion, sum_fusion
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Study, paired
from mmatl_lab.viz.tables import Table

from ..results import Result
from .calibration import calibrate
from .systems import NAMES, accuracies, make_system, settings_of
from .tasks import DATA, EVALUATION_SEED, corrupt, load

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

NAME = "balanced_learning"
VARIANTS = {  # by name: the method and its options
    "normal": ("normal", {}),
    "independent": ("independent", {}),
    "ogm": ("ogm", {}),
    "ogm_ge": ("ogm_ge", {}),
    "qmf": ("qmf", {}),
    "mla": ("mla", {}),
    "mla_unmodified": ("mla", {"modify": False}),
}
LEADING = ("normal", "independent", "mla")  # are trained first
RATES = (0.05, 0.1)
SEEDS = {"digits": range(5), "smartwatch": range(10), "scenes3": range(5)}
RATE_SEEDS = {"digits": (0,), "smartwatch": (0, 5), "scenes3": (0,)}  # from which the rates are chosen
METHOD_NAMES = NAMES | {"mla_unmodified": "MLA without P"}
COMPARED = (  # what is compared with what, and MLA's fusion where it is not the dynamic one
    ("mla", "normal", ""),
    ("independent", "normal", ""),
    ("mla", "independent", ""),
    ("mla", "independent", "fixed"),
    ("mla", "independent", "calibrated"),
    ("mla", "mla_unmodified", ""),
    ("ogm", "normal", ""),
    ("ogm_ge", "normal", ""),
    ("qmf", "normal", ""),
)
CORRUPTIONS = (("noise", 1.0), ("noise", 2.0), ("noise", 4.0), ("gaps", 0.5))  # gaps: the calibration never saw any


def cell(data: str, method: str, lr: float, seed: int) -> dict[str, float]:
    """Train once; accuracy on validation and test, of MLA's test-time fusions under corruption, too."""
    model, task = trained(data, method, lr, seed), load(data, seed)
    found = {f"validation_{k}": v for k, v in accuracies(model, task.validation).items()}
    found |= {f"test_{k}": v for k, v in accuracies(model, task.test).items()}
    return found | (_fusions(model, data, seed) if method == "mla" else {})


def trained(data: str, method: str, lr: float, seed: int) -> Balanced:
    """One of VARIANTS, trained on a task."""
    name, options = VARIANTS[method]
    settings = settings_of(data, name, lr=lr, options=options)
    return make_system(data, name, settings).trained(settings, seed=seed, needed={"task": load(data, seed)})


def rate_cell(data: str, method: str, lr: float, seed: int) -> dict[str, float]:
    """Train once; the fused accuracy on validation data, and nothing of the test. A training that diverges has 0."""
    try:
        model = trained(data, method, lr, seed)
    except FloatingPointError:
        return {"validation": 0.0}
    return {"validation": accuracies(model, load(data, seed).validation)["fused"]}


def _fusions(model: Balanced, data: str, seed: int) -> dict[str, float]:
    """``FUSION@CORRUPTION`` for every fusion, and ``best_single@CORRUPTION``, clean data included."""
    task, found = load(data, seed), {}
    calibrated = calibrate(model, task.validation, seed=seed)
    scaled = calibrate(model, task.validation, by_sample=False)
    versions = {"clean": task.test.views}
    for kind, severity in CORRUPTIONS:
        for name in model.modalities:
            generator = seeded(EVALUATION_SEED, seed, 7)
            versions[f"{kind}{severity:g}_{name}"] = corrupt(
                task.test.views, name, severity, kind=kind, generator=generator
            )
    for version, views in versions.items():
        with torch.no_grad():
            z = model(views).logits
            answers = {
                "sum": sum_fusion(z),
                "fixed": fixed_fusion(z, [1.0] * len(z)),
                "dynamic": dynamic_fusion(z),
                "dynamic_batch": dynamic_fusion(z, per="batch"),
                "scaled": scaled(views),
                "calibrated": calibrated(views),
            }
        hits = {name: _accuracy(answer, task.test.label) for name, answer in answers.items()}
        hits["best_single"] = max(_accuracy(alone, task.test.label) for alone in z)
        found |= {f"{name}@{version}": value for name, value in hits.items()}
    return found


def _accuracy(answer: Tensor, label: Tensor) -> float:
    return (answer.argmax(-1) == label).float().mean().item()


def variants(data: str) -> list[str]:
    """The names of VARIANTS that are trained on a task: all on the digits, the leading ones on the others."""
    return list(VARIANTS) if data == "digits" else list(LEADING)


def rates_study() -> Study:
    """What the learning rates are chosen from."""
    grids = [{"data": [d], "method": variants(d), "lr": RATES, "seed": seeds} for d, seeds in RATE_SEEDS.items()]
    return Study("balanced_learning_rates", rate_cell, grids)


def best_rates(frame: "DataFrame") -> dict[tuple[str, str], float]:
    """The rate of each task and method with the best mean accuracy on validation data."""
    means = frame.groupby(["data", "method", "lr"])["validation"].mean()
    return {(d, m): lr for d, m, lr in means.groupby(level=["data", "method"]).idxmax()}


def study(rates: dict[tuple[str, str], float]) -> Study:
    """Every method on every task with its own rate, from every seed."""
    order = sorted(((data, method) for data in SEEDS for method in variants(data)), key=lambda c: c[1] not in LEADING)
    grids = [{"data": [d], "method": [m], "lr": [rates[d, m]], "seed": SEEDS[d]} for d, m in order]
    return Study(NAME, cell, grids)


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def values(frame: "DataFrame", data: str, method: str, metric: str = "test_fused") -> list[float]:
    """One metric of one method on one task, in the order of the seeds."""
    rows = frame[(frame.data == data) & (frame.method == method)]
    return rows.sort_values("seed")[metric].tolist()


def gain(frame: "DataFrame", data: str, method: str, over: str, metric: str = "test_fused") -> "Difference":
    """How much better a method is than another on a task, seed by seed."""
    return paired(frame, metric, {"data": data, "method": method}, {"data": data, "method": over})


def compared(frame: "DataFrame") -> Table:
    """Differences seed by seed, in points: of the fused answer, and of the modality that joint training starves."""
    rows = []
    for data in SEEDS:
        for one, other, fusion in COMPARED:
            if not {one, other} <= set(variants(data)):
                continue
            metrics = [("fused", f"{fusion}@clean" if fusion else "test_fused", "test_fused")]
            if not fusion:
                metrics.append((f"{DATA[data].weak} alone", weak(data), weak(data)))
            for what, metric, over in metrics:
                sides = values(frame, data, one, metric), values(frame, data, other, over)
                d = Result.from_values(data, what, [100 * (a - b) for a, b in zip(*sides, strict=True)])
                name = f"{METHOD_NAMES[one]}{f' ({fusion})' if fusion else ''} − {METHOD_NAMES[other]}"
                rows.append((data, name, what, f"{d.value:+.1f}", f"{d.low:+.1f} to {d.high:+.1f}"))
    return Table(("task", "difference", "of", "points", "95 % interval"), rows)


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
