"""Plots of what an evaluation or a study found: intervals, ceilings, controls and targets, with words one can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .style import BLACK, BLUE, GREY, MODALITIES, ORANGE, SKY, ceiling, control, look, use_style
from .tables import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Row(Protocol):
    """One measured number; what is None is not drawn.

    Attributes:
        label: what was measured, for a reader: 'image → text, of 1,000'.
        value: what was found; `low` and `high` are its 95 % interval.
        control: what a model gets that knows nothing.
        ceiling: the best that can be reached.
        target: None, or a dictionary with `at_least` or `at_most`.
    """

    label: str
    value: float
    low: float | None
    high: float | None
    control: float | None
    ceiling: float | None
    target: Mapping[str, float] | None


def plot_results(
    rows: Sequence[Row],
    *,
    title: str = "",
    xlabel: str = "",
    limits: tuple[float, float] | None = None,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """A bar with its 95 % interval for each result, from top to bottom; ceiling dotted, control dashed, target a wedge.

    Results that are shares, from -1 to 1, have one axis together; each other has one of its own below.

    Args:
        rows: objects with the attributes of `Row`.
        xlabel: what the shares are shares of.
        limits: ends of the axis of the shares; default: 0 (or the smallest number) to the largest.
        colours: label -> colour of its bar, where it is not blue.
    Raises:
        ValueError: there are no rows.
    """
    import matplotlib.pyplot as plt

    if not rows:
        raise ValueError("there are no results to plot: evaluate first")
    use_style()
    # the interval of a share may reach a little beyond 1, so it does not decide what is a share
    shares = [row for row in rows if all(abs(x) <= 1 for x in _numbers(row, interval=False))]
    panels = ([shares] if shares else []) + [[row] for row in rows if row not in shares]
    height = 0.9 + 0.36 * len(rows) + 0.5 * (len(panels) - 1) + 0.3 * bool(title)  # inches
    tall = [len(panel) + 0.4 for panel in panels]
    figure, axes = plt.subplots(len(panels), figsize=(8, height), squeeze=False, height_ratios=tall)
    for ax, panel in zip(axes[:, 0], panels):
        _panel(ax, panel, limits if panel is shares else None, colours or {})
        ax.set_xlabel(xlabel if panel is shares else "")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    _legend(figure, rows)
    return figure


def describe(rows: Sequence[Row]) -> str:
    """The results as a sentence each, for those who do not see the plot: the alt text of `plot_results`."""
    said = []
    for row in rows:
        text = f"{row.label}: {number(row.value)}"
        if row.low is not None and row.high is not None:
            text += f" ({number(row.low)} to {number(row.high)})"
        for name in ("control", "ceiling"):
            if getattr(row, name) is not None:
                text += f", {name} {number(getattr(row, name))}"
        said.append(text)
    return "; ".join(said) + "."


def _numbers(row: Row, interval: bool = True) -> list[float]:
    found = (row.value, row.control, row.ceiling, _bound(row), *((row.low, row.high) if interval else ()))
    return [x for x in found if x is not None]


def _bound(row: Row) -> float | None:
    target = row.target or {}
    return target.get("at_least", target.get("at_most"))


def _panel(ax: Axes, rows: Sequence[Row], limits: tuple[float, float] | None, colours: Mapping[str, str]) -> None:
    numbers = [x for row in rows for x in _numbers(row)]
    low, high = limits or (min(0.0, *numbers), max(numbers) if max(numbers) > 0 else 0.0)
    margin = 0.02 * (high - low or 1)
    for y, row in enumerate(rows):
        ax.barh(y, row.value - max(low, 0), left=max(low, 0), height=0.6, color=colours.get(row.label, BLUE), zorder=2)
        if row.low is not None and row.high is not None:
            ends = [[row.value - row.low], [row.high - row.value]]
            ax.errorbar(row.value, y, xerr=ends, color=BLACK, capsize=4, linewidth=1.5, zorder=4)
        for value, line, colour in ((row.control, "dashed", ORANGE), (row.ceiling, "dotted", BLACK)):
            if value is not None:
                ax.vlines(value, y - 0.42, y + 0.42, colors=colour, linestyles=line, linewidth=2, zorder=3)
        bound = _bound(row)
        if bound is not None:
            ax.plot(bound, y + 0.42, marker="^", color=GREY, markersize=7, zorder=5, clip_on=False)
        ax.text(1.01, y, number(row.value), transform=ax.get_yaxis_transform(), va="center", fontsize=10)
    ax.set(yticks=range(len(rows)), yticklabels=[row.label for row in rows], ylim=(len(rows) - 0.45, -0.55))
    ax.set_xlim(low - (margin if low < 0 else 0), high + margin)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def _legend(figure: Figure, rows: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D

    signs = [
        (any(row.low is not None for row in rows), "95 % interval", {"color": BLACK, "marker": "|", "markersize": 8}),
        (any(row.control is not None for row in rows), "control", {"color": ORANGE, "linestyle": "--"}),
        (any(row.ceiling is not None for row in rows), "ceiling", {"color": BLACK, "linestyle": ":"}),
        (any(_bound(row) is not None for row in rows), "target", {"color": GREY, "marker": "^", "linestyle": ""}),
    ]
    handles = [Line2D([], [], label=name, **options) for shown, name, options in signs if shown]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def plot_study(
    frame: pandas.DataFrame,
    *,
    x: str,
    y: str,
    hue: str | None = None,
    ceiling_at: float | None = None,
    control_at: float | None = None,
    title: str = "",
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Means with 95 % intervals over the rows that share x and hue (seeds, folds), and a dot for each of them.

    Bars where x is a name, a line where x is a number. The interval is Student's, mean ± t · s/√n; a single row has
    none.

    Args:
        frame: a row for each training, such as a study's table of method, task, seed and score.
        x, y, hue: names of columns; modalities in `hue` have their own colours.
        ceiling_at, control_at: reference lines across the plot.
        labels: column -> what the axis says; default: the column's name with spaces.
        limits: ends of the y-axis.
    Raises:
        ValueError: a column that the frame does not have, or no rows.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns
    from pandas.api.types import is_numeric_dtype

    missing = [name for name in (x, y, hue) if name is not None and name not in frame.columns]
    if missing or not len(frame):
        raise ValueError(
            f"expected rows with the columns {x!r}, {y!r} and {hue!r}, got {len(frame)} rows of {list(frame.columns)}"
        )
    use_style()
    said = {name: (labels or {}).get(name, str(name).replace("_", " ")) for name in (x, y, hue)}
    names = list(dict.fromkeys(frame[hue])) if hue else []
    spare = [BLUE, ORANGE, *(look.colour for look in list(MODALITIES.values())[1:]), SKY]
    palette = [look(n).colour if n in MODALITIES else spare[k % len(spare)] for k, n in enumerate(names)] or None
    parts = {"data": frame, "x": x, "y": y, "hue": hue, "palette": palette, "errorbar": _student}
    if not hue:
        parts = {k: v for k, v in parts.items() if k not in ("hue", "palette")} | {"color": BLUE}
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    if is_numeric_dtype(frame[x]):
        sns.lineplot(**parts, err_style="bars", err_kws={"capsize": 4}, marker="o", ax=ax)
        sns.scatterplot(**{k: v for k, v in parts.items() if k != "errorbar"}, s=14, alpha=0.6, legend=False, ax=ax)
    else:
        sns.barplot(**parts, width=0.7, saturation=1, capsize=0.2, err_kws={"color": BLACK, "linewidth": 1.5}, ax=ax)
        dots = {"hue": hue, "palette": [BLACK] * len(names), "dodge": True} if hue else {"color": BLACK}
        sns.stripplot(data=frame, x=x, y=y, size=3.5, alpha=0.7, jitter=False, legend=False, ax=ax, **dots)
        words = [text.get_text() for text in ax.get_xticklabels()]
        wide = sum(map(len, words)) > 80  # one line has room for about so many letters
        ax.set_xticks(range(len(words)), [word.replace(" ", "\n") if wide else word for word in words])
        ax.grid(axis="x", visible=False)
    ax.set(xlabel=said[x], ylabel=said[y], title=title)
    if limits:
        ax.set_ylim(*limits)
    if ceiling_at is not None:
        ceiling(ax, ceiling_at)
    if control_at is not None:
        control(ax, control_at)
    if hue:
        ax.legend(title=said[hue], loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def _student(values: pandas.Series) -> tuple[float, float]:
    """The interval as seaborn asks for it: Student's for two values or more."""
    from ..metrics.intervals import student

    return tuple(student(values.tolist())) if len(values) > 1 else (float("nan"), float("nan"))
