"""What a search for good settings found: which settings matter, and where the good ones lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREY, SEQUENTIAL, use_style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from pandas import DataFrame


def plot_importance(importance: Mapping[str, float]) -> Figure:
    """A bar for each setting: the share of the score's variance that it explains, largest at the top.

    Raises:
        ValueError: there are no settings.
    """
    import matplotlib.pyplot as plt

    if not importance:
        raise ValueError("there are no importances to plot: finish more trials")
    use_style()
    order = sorted(importance, key=importance.get)
    figure, ax = plt.subplots(figsize=(7, 1.1 + 0.4 * len(order)))
    bars = ax.barh(order, [importance[name] for name in order], color=BLUE, height=0.6)
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.set(xlabel="share of the score's variance (fANOVA)", xlim=(0, 1.1))
    ax.grid(axis="y", visible=False)
    return figure


def plot_contour(
    trials: DataFrame, x: str, y: str, *, log: Sequence[bool] = (True, True), label: str = "score"
) -> Figure:
    """The score over two settings: a point for each trial, and the surface between the points of complete trials.

    Args:
        trials: columns ``x``, ``y`` and ``score``; the score of a trial that was stopped early is NaN.
        log: whether the axes of x and y are logarithmic.
        label: what the score is.

    Raises:
        ValueError: a column is not there, or no trial is complete.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    if missing := [name for name in (x, y, "score") if name not in trials]:
        raise ValueError(f"the trials have no column {missing[0]!r}: choose from {', '.join(trials.columns)}")
    complete, stopped = trials[trials.score.notna()], trials[trials.score.isna()]
    if complete.empty:
        raise ValueError("no trial is complete: finish more trials")
    use_style()
    figure, ax = plt.subplots(figsize=(7, 4.6))
    # The surface is drawn in the coordinates of the axes, where a trial's neighbours are those that one sees.
    places = [np.log10(complete[c]) if logarithmic else complete[c] for c, logarithmic in zip((x, y), log)]
    if np.linalg.matrix_rank(np.column_stack(places) - np.column_stack(places)[0]) == 2:
        from matplotlib.tri import Triangulation

        triangles = Triangulation(*places).triangles
        ax.tricontourf(complete[x], complete[y], triangles, complete.score, levels=12, cmap=SEQUENTIAL, alpha=0.8)
    shown = ax.scatter(complete[x], complete[y], c=complete.score, cmap=SEQUENTIAL, edgecolor=BLACK, zorder=3)
    figure.colorbar(shown, label=label)
    if len(stopped):
        ax.scatter(stopped[x], stopped[y], marker="x", color=GREY, label="stopped early", zorder=3)
    best = complete.loc[complete.score.idxmax()]
    ax.scatter(best[x], best[y], marker="*", s=260, color="white", edgecolor=BLACK, label="best", zorder=4)
    for axis, logarithmic in zip("xy", log):
        getattr(ax, f"set_{axis}scale")("log" if logarithmic else "linear")
    ax.set(xlabel=x, ylabel=y)
    figure.legend(loc="outside upper right", ncols=2)
    return figure
