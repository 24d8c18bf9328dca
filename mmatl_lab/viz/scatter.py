"""Latents on flat maps, coloured by the class of each: what a classifier could see in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .embedding import umap_embed
from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, use_style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from torch import Tensor

CLASS_LOOKS = tuple(zip((BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK), "o^sDvXP"))


def plot_classes(
    latents: Mapping[str, Tensor | np.ndarray],
    labels: Tensor | Sequence[int],
    classes: Sequence[str],
    *,
    title: str = "",
    seed: int = 0,
) -> Figure:
    """A UMAP of each set of latents side by side, with the class of every point as colour and marker.

    Args:
        latents: title of a map -> (N, D) of the same N things; D may differ from map to map.
        labels: (N,) places in `classes`; booleans are 0 and 1.
        classes: names of the classes, at most 7.
        seed: equal seeds give equal maps.
    Raises:
        ValueError: no latents, other than N labels, labels outside `classes`, or more classes than looks.
    """
    import matplotlib.pyplot as plt

    labels = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels).astype(int)
    sizes = {name: len(x) for name, x in latents.items()}
    if set(sizes.values()) != {len(labels)}:
        raise ValueError(f"expected one label for each latent, got {len(labels)} labels for latents {sizes}")
    if not 0 <= labels.min() <= labels.max() < len(classes) <= len(CLASS_LOOKS):
        raise ValueError(
            f"expected labels from 0 to {len(classes) - 1} of at most {len(CLASS_LOOKS)} classes, "
            f"got labels from {labels.min()} to {labels.max()} of {len(classes)} classes"
        )
    use_style()
    figure, axes = plt.subplots(1, len(latents), figsize=(max(3.2 * len(latents), 4), 3.7), squeeze=False)
    # in turns, so that no class hides another where they mix
    parts = np.array_split(np.random.default_rng(seed).permutation(len(labels)), 20)
    for ax, (name, x) in zip(axes[0], latents.items()):
        points = umap_embed(x, seed)
        for part, these in enumerate(parts):
            for number, (label, (colour, marker)) in enumerate(zip(classes, CLASS_LOOKS)):
                dots = points[these[labels[these] == number]].T
                names = {} if part else {"label": label}
                ax.scatter(*dots, s=12, alpha=0.7, linewidths=0, c=colour, marker=marker, **names)
        ax.set(title=name, xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
        ax.spines[:].set_color("#BFBFBF")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(classes), markerscale=1.8)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure
