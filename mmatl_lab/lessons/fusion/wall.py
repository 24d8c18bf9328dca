"""The figure for the wall: which fusion for which task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .methods import METHODS
from .scores import COLUMNS, LABELS, Column
from .study import CONTROLS, NUM_STEPS, SINGLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

FORMULAS = {
    "concat": r"$[e_1; \dots; e_M]$",
    "add": r"$\sum_m W_m e_m$",
    "product": r"$\bigodot_m (W_m e_m + b_m)$",
    "bilinear": r"$\sum_r \bigodot_m W_m^{(r)} [e_m; 1]$",
    "early": r"$\mathrm{MLP}([x_1; \dots; x_M])$",
    "intermediate": r"$\phi(W [\phi(W_1 e_1); \dots])$",
    "hierarchical": r"$\phi(W [h_{12}; h_{13}; h_{23}])$",
    "late_product": r"$\prod_m p_m^{w_m} / Z$",
    "late_mixture": r"$\sum_m w_m p_m$",
    "weighted": r"$\sum_m w_m \mathrm{ReLU}(W_m e_m)$",
    "gated": r"$\sum_m g_m(e) \odot \tanh(W_m e_m)$",
    "self_attention": r"$\mathrm{mean}(t + \mathrm{Att}(t, t))$",
    "cross_modal": r"$h_i + \sum_j \alpha_{ij} V h'_j$",
    "cross_attention": r"$h + \mathrm{Att}(h, h')$",
    "independent": r"$\prod_m p_m$",
}
HEADS = {  # what stands above a column
    "complementary": "each\nshows\na part",
    "xor": "do they\ndisagree?\n(XOR)",
    "swapped_told": "one is\nswapped,\ntold which",
    "swapped": "one is\nswapped,\nnot told",
    "noisy": "one is\ndrowned\nin noise",
    "missing": "one is\nmissing",
    "dropout": "the same,\nmodality\ndropout",
}
NEAR = 0.01  # from the best of a column: framed


def plot_wall(frame: DataFrame) -> Figure:
    """Accuracy by fusion and task; colour says how far it is from chance to the ceiling, a frame what is near the best.

    Rows go by family, and each has its formula.
    """
    import matplotlib.pyplot as plt

    from mmatl_lab.viz.style import BLUE, GREY, use_style

    use_style()
    rows = [name for name in (*FORMULAS, SINGLE) if name in set(frame.fusion)]
    means = {key: _means(column, frame) for key, column in COLUMNS.items()}
    figure, ax = plt.subplots(figsize=(11, 0.4 * len(rows) + 2.9))
    shares = [[_share(COLUMNS[key], means[key].get(name)) for key in COLUMNS] for name in rows]
    image = ax.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for x, key in enumerate(COLUMNS):
        best = max((means[key][name] for name in rows if name in means[key] and name in METHODS), default=0)
        for y, name in enumerate(rows):
            if name not in means[key]:
                ax.text(x, y, "–", ha="center", va="center", color=GREY)
                continue
            near = means[key][name] > best - NEAR
            colour = "black" if shares[y][x] > 0.55 else "white"
            said = f"{100 * means[key][name]:.0f}"
            ax.text(x, y, said, ha="center", va="center", color=colour, fontsize=12, weight="bold" if near else None)
            if near:
                box = plt.Rectangle((x - 0.46, y - 0.41), 0.92, 0.82, fill=False, edgecolor="black", lw=1.6)
                ax.add_patch(box)
        ax.text(x, len(rows) - 0.35, f"{100 * COLUMNS[key].ceiling:.0f}", ha="center", va="top", fontsize=11)
        ax.text(x, len(rows) + 0.2, f"{100 * COLUMNS[key].chance:.0f}", ha="center", va="top", fontsize=11)
    for y, said in ((-0.35, "ceiling: the best that anyone could reach"), (0.2, "chance")):
        ax.text(-0.62, len(rows) + y, said, ha="right", va="top", fontsize=11, color=GREY)
    for y, name in enumerate(rows):
        ax.text(-4.7, y, LABELS[name], ha="left", va="center", fontsize=11)
        ax.text(-0.62, y, FORMULAS.get(name, ""), ha="right", va="center", fontsize=11, color=BLUE)
        if y and _family(name) != _family(rows[y - 1]):
            ax.axhline(y - 0.5, color="white", lw=3)
            ax.plot([-4.7, len(COLUMNS) - 0.5], [y - 0.5] * 2, color=GREY, lw=0.8, clip_on=False)
    ax.set_xticks(range(len(COLUMNS)), [HEADS[key] for key in COLUMNS], fontsize=11)
    ax.xaxis.tick_top()
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    figure.suptitle("Which fusion for which task?", x=0.012, ha="left", fontsize=17, weight="bold")
    figure.supxlabel(
        f"Accuracy in %, mean of five seeds. About 8,000 parameters, {NUM_STEPS} steps, linear head for all. "
        "Framed: within one point of the best fusion.",
        x=0.012, ha="left", fontsize=10, color=GREY,
    )  # fmt: skip
    bar = figure.colorbar(image, ax=ax, fraction=0.025, pad=0.02, ticks=[0, 1])
    bar.ax.set_yticklabels(["chance", "ceiling"])
    bar.outline.set_visible(False)
    return figure


def describe_wall(frame: DataFrame) -> str:
    """What the figure shows, for those who do not see it."""
    said = []
    for column in COLUMNS.values():
        means = {name: mean for name, mean in _means(column, frame).items() if name in METHODS}
        if means:
            best, worst = max(means, key=means.get), min(means, key=means.get)
            said.append(
                f"{column.title}: {LABELS[worst]} {100 * means[worst]:.0f} to {LABELS[best]} {100 * means[best]:.0f} "
                f"(ceiling {100 * column.ceiling:.0f})"
            )
    return "Accuracy in % by fusion and task. " + "; ".join(said) + "."


def _means(column: Column, frame: DataFrame) -> dict[str, float]:
    """The mean over seeds of each fusion and control that was measured."""
    values = {name: column.values(frame, name) for name in (*METHODS, *CONTROLS)}
    return {name: sum(each) / len(each) for name, each in values.items() if each}


def _share(column: Column, mean: float | None) -> float:
    """Of the way from chance to the ceiling; NaN, drawn white, where nothing was measured."""
    if mean is None:
        return float("nan")
    return min(max((mean - column.chance) / (column.ceiling - column.chance), 0.0), 1.0)


def _family(name: str) -> str:
    return METHODS[name].family if name in METHODS else "control"
