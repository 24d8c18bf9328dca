"""What the comparison found: one table that grows through the notebook, and every number with its target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.intervals import student
from mmatl_lab.viz.tables import Table

from .methods import ADDITIVE, INTERACTING, METHODS
from .study import CONTROLS, DROPOUT, INDEPENDENT
from .tasks import SHAPE_VIEWS, TASKS

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Column:
    """A column of the table: a task, how it was trained, and what is scored."""

    title: str
    task: str
    dropout: float = 0.0
    lacking: bool = False  # scored with one modality missing, the mean over which

    @property
    def chance(self) -> float:
        return TASKS[self.task].chance

    @property
    def ceiling(self) -> float:
        task = TASKS[self.task]
        if not self.lacking:
            return task.ceiling().value
        kept = [tuple(name for name in SHAPE_VIEWS if name != out) for out in SHAPE_VIEWS]
        return sum(task.ceiling(names).value for names in kept) / len(kept)

    def values(self, frame: DataFrame, fusion: str, head: str = "linear") -> list[float]:
        """One number a seed; none where it was not measured."""
        chosen = frame[(frame.fusion == fusion) & (frame.task == self.task) & (frame.dropout == self.dropout)]
        chosen = chosen[chosen["head"] == head].sort_values("seed")
        if not self.lacking:
            return chosen.accuracy.tolist()
        names = [f"accuracy_without_{m}" for m in range(len(SHAPE_VIEWS))]
        return chosen[names].mean(axis=1).dropna().tolist() if set(names) <= set(chosen) else []


COLUMNS = {
    "complementary": Column("each shows a part", "complementary"),
    "xor": Column("XOR: do they disagree?", "xor"),
    "swapped_told": Column("one is swapped, told which", "swapped_told"),
    "swapped": Column("one is swapped, not told", "swapped"),
    "noisy": Column("one is drowned in noise", "noisy"),
    "missing": Column("one missing in the test", "missing", lacking=True),
    "dropout": Column("... with modality dropout", "missing", dropout=DROPOUT, lacking=True),
}
CORRUPTED = ("swapped_told", "noisy", "swapped")  # one modality of each example is
FIXED = ("weighted", "late_product", "late_mixture")  # one weight for each modality, the same for all examples
RECORDINGS = {"digits": (1 / 10, "seeds"), "watch": (1 / 7, "people")}  # chance, and what the interval is over
LABELS = {name: method.label for name, method in METHODS.items()} | CONTROLS


def scoreboard(frame: DataFrame, columns: Iterable[str] = tuple(COLUMNS)) -> Table:
    """The fusions that were measured so far: mean accuracy over the seeds, ± half of its 95 % interval, in points.

    The last rows are the exact ceilings and chance.
    """
    chosen = {name: COLUMNS[name] for name in columns}
    rows = []
    for fusion in [name for name in LABELS if name in set(frame.fusion)]:
        rows.append((LABELS[fusion], *(_cell(column.values(frame, fusion)) for column in chosen.values())))
    rows.append(("ceiling", *(f"{100 * column.ceiling:.1f}" for column in chosen.values())))
    rows.append(("chance", *(f"{100 * column.chance:.1f}" for column in chosen.values())))
    return Table(("accuracy in %", *(column.title for column in chosen.values())), rows)


def _cell(values: Sequence[float], form: str = ".1f") -> str:
    if not values:
        return "–"
    mean = 100 * sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:{form}}"
    low, high = student(values)
    return f"{mean:{form}} ± {50 * (high - low):.1f}"


def study_results(frame: DataFrame) -> list[Result]:
    """Every number of the table with interval, control, ceiling and, where something is promised, its target.

    ``gate_gain`` is what the gate adds to fixed weights where one modality of each example is corrupted: where it is
    told which, where it must see it in the modality itself, and where it must compare.
    """
    results = []
    for key, column in COLUMNS.items():
        for fusion, label in LABELS.items():
            values = column.values(frame, fusion)
            if values:
                known = {"control": column.chance, "ceiling": column.ceiling} | _target(key, fusion, column.ceiling)
                results.append(Result.from_values(f"{key}_{fusion}", f"{column.title}: {label}", values, **known))
    for key in CORRUPTED:
        for fixed in FIXED:
            gains = gate_gains(frame, key, fixed)
            if gains:
                label = f"{COLUMNS[key].title}: gated minus {LABELS[fixed]}"
                results.append(Result.from_values(f"gate_gain_{key}_over_{fixed}", label, gains, at_least=0.05))
    return results


def gate_gains(frame: DataFrame, key: str, fixed: str) -> list[float]:
    """Accuracy of the gate minus that of a fusion with fixed weights in a column, seed by seed."""
    both = (COLUMNS[key].values(frame, fusion) for fusion in ("gated", fixed))
    return [gate - other for gate, other in zip(*both)]


def _target(column: str, fusion: str, ceiling: float) -> dict[str, float]:
    if column == "xor" and fusion in INTERACTING:
        return {"at_least": ceiling - 0.02}
    if column == "xor" and fusion in ADDITIVE:
        return {"at_most": 0.52}
    if column == "dropout" and fusion in METHODS:
        return {"at_least": ceiling - 0.05}
    return {}


def late_fusion_results() -> list[Result]:
    """Late fusion as printed in the code guide beside the normalised product: accuracy, Z and the largest weight."""
    from mmatl_lab import errata

    found = errata.get("late-fusion-unnormalised").measure()
    results = []
    for form, numbers in (("printed", found.printed), ("normalised", found.right)):
        for name in ("accuracy", "sum_of_probabilities", "largest_weight"):
            label = f"late fusion, {form}: {found.label(name)}"
            ends = {end: numbers.get(f"{name}_{end}") for end in ("low", "high")}
            over = "5 seeds" if ends["low"] is not None else ""
            results.append(Result(f"late_{form}_{name}", label, numbers[name], over=over, **ends))
    return results


def recordings(frame: DataFrame) -> Table:
    """Accuracy on digits and watch, each beside its paired difference from the independent experts, in points."""
    rows = []
    for fusion in [name for name in LABELS if name in set(frame.fusion)]:
        row = [LABELS[fusion]]
        for task in RECORDINGS:
            values, gains = _recorded(frame, task, fusion), _gains_over_independent(frame, task, fusion)
            row += [_cell(values), "–" if fusion == INDEPENDENT else _cell(gains, "+.1f")]
        rows.append(tuple(row))
    heads = (head for task in RECORDINGS for head in (task, f"{task}: minus independent"))
    return Table(("accuracy in %", *heads), rows)


def real_results(frame: DataFrame) -> list[Result]:
    """Digits over seeds and watch over people; there is no ceiling for recordings. Control: chance.

    ``..._minus_independent`` is the paired difference from the independent experts.
    """
    results = []
    for task, (chance, of) in RECORDINGS.items():
        for fusion, label in LABELS.items():
            if values := _recorded(frame, task, fusion):
                known = {"of": of, "control": chance}
                results.append(Result.from_values(f"{task}_{fusion}", f"{task}: {label}", values, **known))
            if fusion != INDEPENDENT and (gains := _gains_over_independent(frame, task, fusion)):
                said = f"{task}: {label} minus {LABELS[INDEPENDENT]}"
                results.append(Result.from_values(f"{task}_{fusion}_minus_independent", said, gains, of=of))
    return results


def _recorded(frame: DataFrame, task: str, fusion: str) -> list[float]:
    return frame[(frame.fusion == fusion) & (frame.task == task)].sort_values("seed").accuracy.tolist()


def _gains_over_independent(frame: DataFrame, task: str, fusion: str) -> list[float]:
    """Of the same seeds or people."""
    return [a - b for a, b in zip(_recorded(frame, task, fusion), _recorded(frame, task, INDEPENDENT))]
