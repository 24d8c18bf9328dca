"""What the comparison found: one table that grows through the notebook, and the figure for the wall."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.intervals import student
from mmatl_lab.viz.tables import Table

from .methods import ADDITIVE, INTERACTING, METHODS
from .study import CONTROLS, DROPOUT, SINGLE
from .tasks import SHAPE_VIEWS, TASKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
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
    "missing": Column("one missing in the test", "missing", lacking=True),
    "dropout": Column("... with modality dropout", "missing", dropout=DROPOUT, lacking=True),
}
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


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean = 100 * sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    low, high = student(values)
    return f"{mean:.1f} ± {50 * (high - low):.1f}"


def plot_wall(frame: DataFrame) -> Figure:
    """Which fusion for which task: how far each gets on the way from chance to the ceiling."""
    import matplotlib.pyplot as plt

    from mmatl_lab.viz.style import use_style

    use_style()
    fusions = [name for name in (*METHODS, SINGLE) if name in set(frame.fusion)]
    columns = list(COLUMNS.values())
    figure, ax = plt.subplots(figsize=(9.5, 0.42 * len(fusions) + 2.2))
    share = [[_share(column, column.values(frame, fusion)) for column in columns] for fusion in fusions]
    ax.imshow([[0.5 if x is None else x for x in row] for row in share], cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, fusion in enumerate(fusions):
        for x, column in enumerate(columns):
            values = column.values(frame, fusion)
            if not values:
                ax.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, color="white"))
                continue
            bright = share[y][x] > 0.55
            text = f"{100 * sum(values) / len(values):.0f}"
            ax.text(x, y, text, ha="center", va="center", color="black" if bright else "white", fontsize=11)
    ax.set_xticks(range(len(columns)))
    heads = [textwrap.fill(column.title.replace("...", "…"), 14) for column in columns]
    ax.set_xticklabels([f"{h}\nceiling {100 * c.ceiling:.0f}" for h, c in zip(heads, columns)], fontsize=10)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(fusions)), [LABELS[name] for name in fusions], fontsize=11)
    ax.tick_params(length=0)
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(ax.images[0], ax=ax, fraction=0.03, pad=0.02, ticks=[0, 1])
    bar.ax.set_yticklabels(["chance", "ceiling"])
    return figure


def describe_wall(frame: DataFrame) -> str:
    """The figure's content for those who do not see it."""
    said = []
    for column in COLUMNS.values():
        means = {LABELS[f]: sum(v) / len(v) for f in METHODS if (v := column.values(frame, f))}
        if means:
            best, worst = max(means, key=means.get), min(means, key=means.get)
            said.append(
                f"{column.title}: {worst} {100 * means[worst]:.0f} to {best} {100 * means[best]:.0f} "
                f"(ceiling {100 * column.ceiling:.0f})"
            )
    return "Accuracy in % by fusion and task. " + "; ".join(said) + "."


def _share(column: Column, values: Sequence[float]) -> float | None:
    if not values:
        return None
    mean = sum(values) / len(values)
    return min(max((mean - column.chance) / (column.ceiling - column.chance), 0.0), 1.0)


def study_results(frame: DataFrame) -> list[Result]:
    """Every number of the table with interval, control, ceiling and, where something is promised, its target.

    ``gate_gain`` is what the gate adds to fixed weights where it is told which modality is swapped, seed by seed.
    """
    results = []
    for key, column in COLUMNS.items():
        for fusion, label in LABELS.items():
            values = column.values(frame, fusion)
            if values:
                known = {"control": column.chance, "ceiling": column.ceiling} | _target(key, fusion, column.ceiling)
                results.append(Result.from_values(f"{key}_{fusion}", f"{column.title}: {label}", values, **known))
    told = COLUMNS["swapped_told"]
    for fixed in ("weighted", "late_product", "late_mixture"):
        both = told.values(frame, "gated"), told.values(frame, fixed)
        if all(both):
            gains = [gate - other for gate, other in zip(*both, strict=True)]
            label = f"told which is swapped: gated minus {LABELS[fixed]}"
            results.append(Result.from_values(f"gate_gain_over_{fixed}", label, gains, at_least=0.05))
    return results


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


def real_results(frame: DataFrame) -> list[Result]:
    """Digits over seeds and watch over people; there is no ceiling for recordings. Control: chance."""
    results = []
    for task, chance, of in (("digits", 1 / 10, "seeds"), ("watch", 1 / 7, "people")):
        for fusion, label in LABELS.items():
            chosen = frame[(frame.fusion == fusion) & (frame.task == task) & (frame.dropout == 0)].sort_values("seed")
            if len(chosen):
                known = {"of": of, "control": chance}
                values = chosen.accuracy.tolist()
                results.append(Result.from_values(f"{task}_{fusion}", f"{task}: {label}", values, **known))
    return results
