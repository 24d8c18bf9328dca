"""Figures of the notebook: what finds what, how often keys are found, and recall against speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from mmatl_lab.metrics.nearest import by_distance, k_occurrence, skewness
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import use_style

from .five import GALLERY, MODALITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import Tensor

NAMES = {
    "torch": "exact (torch)",
    "exact": "exact (faiss)",
    "cells": "cells",
    "graph": "graph",
    "codes": "cells, codes",
}


def recall_matrix(table: Mapping[tuple[str, str], Sequence[float]], title: str) -> tuple[Figure, str]:
    """R@1 as multiples of chance, from each modality (rows) to each (columns), and its alt text."""
    import matplotlib.pyplot as plt

    use_style()
    names = [name for name in MODALITIES if any(name in pair for pair in table)]
    times = torch.full((len(names), len(names)), torch.nan)
    for (a, b), values in table.items():
        times[names.index(a), names.index(b)] = GALLERY * sum(values) / len(values)
    figure, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
    shown = ax.imshow(times.clamp(min=1).log10().numpy(), cmap="cividis", vmin=0, vmax=3)
    for i in range(len(names)):
        for j in range(len(names)):
            if i != j:
                ink = "black" if times[i, j] > 30 else "white"
                ax.text(j, i, f"{times[i, j]:.0f}", ha="center", va="center", color=ink, fontsize=12)
    ax.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="is found", ylabel="asks", title=title)
    ax.set_xticklabels(names)
    ax.set_yticklabels(names)
    ax.grid(False)
    bar = figure.colorbar(shown, ax=ax, ticks=[0, 1, 2, 3])
    bar.ax.set_yticklabels(["1", "10", "100", "1,000"])
    bar.set_label("R@1, times chance")
    said = [f"{a} to {b} {times[names.index(a), names.index(b)]:.0f}" for a, b in table]
    return figure, f"R@1 among {GALLERY:,} scenes as a multiple of chance: {', '.join(said)}."


def random_counts(dims: int, n: int = 1_000, k: int = 10) -> Tensor:
    """(N,) how often each of N normal points is among the K nearest of another, the point itself left out."""
    x = torch.randn(n, dims, generator=seeded(90_247, dims))
    return k_occurrence(*by_distance(x, x), k + 1) - 1  # each point finds itself first


def occurrences(counts: Mapping[str, Tensor], title: str, k: int = 10) -> tuple[Figure, str]:
    """Histograms of how often each key is found, and the words for who does not see them."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(1, len(counts), figsize=(3.4 * len(counts), 2.9), sharey=True, layout="constrained")
    said = []
    for ax, (name, values) in zip([axes] if len(counts) == 1 else axes, counts.items()):
        most = int(max(v.max() for v in counts.values()))
        ax.hist(values.tolist(), bins=range(0, most + 2, max(most // 30, 1)), color="#0072B2")
        ax.set(title=name, yscale="log", xlabel=f"found by so many queries (K = {k})")
        said.append(f"{name}: skewness {skewness(values):.1f}, the largest {int(values.max())}, "
                    f"{(values == 0).double().mean():.0%} never found")  # fmt: skip
    (axes if len(counts) == 1 else axes[0]).set_ylabel("keys")
    figure.suptitle(title)
    return figure, f"{title}. " + "; ".join(said) + "."


def speed(frame: DataFrame) -> tuple[Figure, str]:
    """Recall@10 against queries per second at each number of vectors, and the words for who does not see it."""
    import matplotlib.pyplot as plt

    use_style()
    sizes = sorted(frame["n"].unique())
    figure, axes = plt.subplots(1, len(sizes), figsize=(11, 3.4), sharey=True, layout="constrained")
    colours = dict(zip(NAMES, ("black", "#999999", "#0072B2", "#D55E00", "#009E73")))
    said = []
    for ax, n in zip(axes, sizes):
        for kind, name in NAMES.items():
            rows = frame[(frame["n"] == n) & (frame["kind"] == kind)].sort_values("effort")
            if len(rows):
                marker = "s" if kind in ("torch", "exact") else "o"
                ax.plot(rows["per_second"], rows["recall"], marker=marker, color=colours[kind], label=name)
        ax.set(xscale="log", title=f"{n:,} vectors", xlabel="queries per second, one thread")
        exact = frame[(frame["n"] == n) & (frame["kind"] == "exact")]["per_second"].iloc[0]
        good = frame[(frame["n"] == n) & (frame["recall"] >= 0.95)].sort_values("per_second").iloc[-1]
        said.append(f"{n:,} vectors: exact {exact:,.0f} queries a second, the fastest with recall .95 or more is "
                    f"{NAMES[good['kind']]} with {good['per_second']:,.0f}")  # fmt: skip
    axes[0].set_ylabel("recall of the exact ten")
    axes[0].legend(fontsize=9, loc="lower left")
    return figure, "; ".join(said) + "."
