"""Figures of the notebook: which weights a fusion gives to noisy views, and what a noisy scene looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.world import describe, sample_scenes

from .methods import METHODS
from .views import VIEWS, ViewsFusions, make_views, test_views

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

SHOWN = ("late_mixture", "weighted", "gated", "self_attention", "cross_modal")
NAMES = {"image": "picture", "text": "caption", "audio": "sound"}


def weights_over_noise(model: ViewsFusions, noises=(0.0, 0.25, 0.5, 0.75, 1.0), n: int = 300) -> dict[str, Tensor]:
    """By fusion (3 views, noises): the mean weight of a view as its own noise grows, the other two at .3."""
    found: dict[str, Tensor] = {name: torch.zeros(3, len(noises)) for name in SHOWN}
    for m in range(3):
        for k, z in enumerate(noises):
            noise = torch.full((n, 3), 0.3)
            noise[:, m] = z
            views, present, _ = test_views(noise, torch.ones(n, 3, dtype=torch.bool))
            for name, weights in model.examine(views, present).weights.items():
                if name in found:
                    found[name][m, k] = weights[:, m].mean().cpu()
    return found


def plot_weights(model: ViewsFusions, noises=(0.0, 0.25, 0.5, 0.75, 1.0)) -> tuple[Figure, str]:
    """The weights of each view over its noise, and the words for those who do not see it."""
    import matplotlib.pyplot as plt

    from mmatl_lab.viz.style import look, use_style

    use_style()
    found = weights_over_noise(model, noises)
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(11, 2.9), sharey=True, layout="constrained")
    for ax, name in zip(axes, SHOWN):
        for m, view in enumerate(VIEWS):
            style = look(view)
            ax.plot(noises, found[name][m].tolist(), color=style.colour, marker=style.marker, label=NAMES[view])
        ax.set(title=METHODS[name].label.replace(" attention", "\nattention"), ylim=(0, 0.7))
        ax.axhline(1 / 3, ls="--", lw=1, color="grey")
    axes[0].set_ylabel("its weight")
    figure.supxlabel("noise of the view (the other two at 0.3)", fontsize=11)
    axes[-1].legend(fontsize=9, loc="upper right")
    said = [
        f"{METHODS[name].label}: {NAMES[view]} {found[name][m, 0]:.2f} to {found[name][m, -1]:.2f}"
        for name in SHOWN for m, view in enumerate(VIEWS)
    ]  # fmt: skip
    return figure, "Weight of each view from no noise to full noise. " + "; ".join(said) + "."


def plot_views(seed: int = 5, noises=(0.0, 0.5, 1.0)) -> tuple[Figure, str]:
    """One scene as picture, sound and caption at several noises, and the words for it."""
    import matplotlib.pyplot as plt

    from mmatl_lab.tokenizer import Tokenizer
    from mmatl_lab.viz.style import use_style
    from mmatl_lab.world import CAPTION_WORDS

    use_style()
    scene = sample_scenes(1, 1, generator=seeded(seed))
    tokenizer = Tokenizer(CAPTION_WORDS)
    figure, axes = plt.subplots(2, len(noises), figsize=(9, 4.6), layout="constrained")
    for column, z in enumerate(noises):
        views = make_views(scene, torch.full((1, 3), z), generator=seeded(seed, 1))
        axes[0, column].imshow(views["image"][0].permute(1, 2, 0).numpy(), interpolation="nearest")
        axes[1, column].imshow(views["audio"][0].numpy(), origin="lower", cmap="cividis", aspect="auto")
        words = tokenizer.decode(views["text"])[0]
        axes[0, column].set_title(f"noise {z:g}", fontsize=11)
        axes[1, column].set_xlabel(f"\u201c{words}\u201d", fontsize=9, wrap=True)
        for ax in axes[:, column]:
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
    axes[0, 0].set_ylabel("picture")
    axes[1, 0].set_ylabel("sound")
    return figure, f"{describe(scene)[0]}: picture, sound and caption without noise, with some, and drowned in it."


@torch.no_grad()
def fused_latents(model: ViewsFusions, fusion: str, n: int = 600) -> tuple[Tensor, Tensor, Tensor]:
    """Fused vectors (n, D) of fresh scenes, their shapes (n,), and which view was drowned in noise (n,), 3 for none."""
    generator = seeded(90_223)
    drowned = torch.randint(4, (n,), generator=generator)
    noise = torch.full((n, 3), 0.3)
    hit = drowned < 3
    noise[hit, drowned[hit]] = 1.0
    views, present, shape = test_views(noise, torch.ones(n, 3, dtype=torch.bool), draw=7)
    return model.examine(views, present).fused[fusion].cpu(), shape, drowned


def plot_fused(model: ViewsFusions, fusion: str = "gated", n: int = 600, num_shapes: int = 6) -> tuple[Figure, str]:
    """One UMAP of fused vectors, coloured by shape and by the view that is noise, and the words for it.

    Args:
        num_shapes: how many of the eight shapes are drawn; all eight are too many colours.
    """
    import matplotlib.pyplot as plt

    from mmatl_lab.viz.embedding import umap_embed
    from mmatl_lab.viz.scatter import CLASS_LOOKS
    from mmatl_lab.viz.style import GREY, look, use_style
    from mmatl_lab.world import SHAPES

    use_style()
    latents, shape, drowned = fused_latents(model, fusion, n)
    few = shape < num_shapes
    latents, shape, drowned = latents[few], shape[few], drowned[few]
    points = umap_embed(latents, 0)
    by_shape = [(name, *CLASS_LOOKS[k], shape == k) for k, name in enumerate(SHAPES[:num_shapes])]
    by_view = [(NAMES[v], look(v).colour, look(v).marker, drowned == m) for m, v in enumerate(VIEWS)]
    by_view = [("none", GREY, "p", drowned == 3), *by_view]
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4))
    for ax, title, groups in zip(axes, ("by shape", "by the view that is noise"), (by_shape, by_view)):
        for name, colour, marker, chosen in groups:
            ax.scatter(*points[chosen.numpy()].T, s=16, alpha=0.7, linewidths=0, c=colour, marker=marker, label=name)
        ax.set(title=title, xticks=[], yticks=[])
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, markerscale=1.6)
    near = torch.cdist(latents, latents).fill_diagonal_(torch.inf).topk(10, largest=False).indices
    same = (shape[near] == shape[:, None]).float().mean(1)
    shares = ", ".join(f"{name} {same[chosen].mean():.0%}" for name, _, _, chosen in by_view)
    return figure, (
        f"Map of the fused vectors of {METHODS[fusion].label} fusion. Of the ten nearest neighbours of a vector, "
        f"{same.mean():.0%} have its shape; by the view that is noise: {shares}."
    )
