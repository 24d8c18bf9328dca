"""Watching latent spaces align: snapshots while a model trains, a map of each, stills and an animation of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .embedding import MAX_POINTS, checked, pca, turned, umap_from
from .style import GREY, Picture, animation, look, use_style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure
    from torch import Tensor, nn


class Snapshots:
    """Latents of a fixed probe set, recorded at chosen steps of a training loop.

    Recording runs in evaluation mode without gradients and draws no random numbers, so training goes on as without it.

    Args:
        model: has a method `encode_<modality>` for each modality, giving (N, D).
        probes: modality -> batch of N inputs; row n of every modality belongs to the same thing.
        steps: when `record(step)` keeps something; other steps return at once.

    Example:
        >>> snapshots = Snapshots(model, {"image": images, "text": tokens}, steps=(0, 60, 600))
        >>> for step, generator in run:
        ...     snapshots.record(step)             # at the start of a step: step 0 is before training
        ...     ...
        >>> snapshots.record(600)                  # after the last one
        >>> frames = aligned_umap(snapshots)
    """

    def __init__(self, model: nn.Module, probes: Mapping[str, Tensor], steps: Sequence[int]) -> None:
        sizes = {name: len(batch) for name, batch in probes.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"expected as many probes of every modality, got {sizes}: row n must be one thing")
        for modality in probes:
            look(modality)
            if not hasattr(model, f"encode_{modality}"):
                raise TypeError(f"{type(model).__name__} has no method encode_{modality}: give it one, or leave it out")
        self.model, self.probes, self.wanted = model, dict(probes), frozenset(steps)
        self.steps: list[int] = []
        self.latents: list[dict[str, Tensor]] = []

    def record(self, step: int) -> None:
        """Keeps the latents of this moment if `step` is one of the chosen steps and was not recorded yet."""
        import torch

        if step not in self.wanted or step in self.steps:
            return
        training, device = self.model.training, next(self.model.parameters()).device
        self.model.eval()
        with torch.no_grad():
            latents = {
                modality: getattr(self.model, f"encode_{modality}")(batch.to(device)).float().cpu()
                for modality, batch in self.probes.items()
            }
        self.model.train(training)
        self.steps.append(step)
        self.latents.append(latents)


@dataclass(frozen=True)
class Frames:
    """Maps of the same points at several moments.

    Attributes:
        points: (F, M, 2), each map filling [-1, 1]; all modalities one after another.
        modality: M names.
        pair: (M,) points with the same number belong together.
        titles: F words, such as "before training".
    """

    points: np.ndarray
    modality: tuple[str, ...]
    pair: np.ndarray
    titles: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    def nearest(self) -> list[float]:
        """For each frame, the share of points whose nearest point of another modality on the map is their partner."""
        names = np.array(self.modality)
        shares = []
        for points in self.points:
            distance = np.linalg.norm(points[:, None] - points[None], axis=-1)  # (M, M)
            distance[names[:, None] == names[None]] = np.inf
            shares.append(float((self.pair[distance.argmin(1)] == self.pair).mean()))
        return shares

    def alt(self) -> str:
        """A sentence with what the maps show, measured."""
        first, last = (f"{share:.0%}" for share in (self.nearest()[0], self.nearest()[-1]))
        names = " and ".join(dict.fromkeys(self.modality))
        when = f"{self.titles[0]} {first} of the points lie nearest to their partner" if len(self) > 1 else ""
        now = f"{self.titles[-1]} {last}" + (" do" if when else " of the points lie nearest to their partner")
        return f"Map of {len(np.unique(self.pair))} {names} latents: " + (f"{when}, {now}." if when else f"{now}.")


def pca_frames(snapshots: Snapshots) -> Frames:
    """Every snapshot on its own two main directions, each turned to agree with the one before it. Takes milliseconds.

    Raises:
        ValueError: nothing was recorded, or latents are not finite.
    """
    return _frames(snapshots, lambda latents, before: pca(latents))


def aligned_umap(snapshots: Snapshots, *, seed: int = 0) -> Frames:
    """A UMAP of every snapshot, in which a point keeps its place as far as its neighbours allow.

    Each map starts from the one before it, as the weights of the model do, and is then turned to agree with it. (The
    library's AlignedUMAP ties the frames together by force: it takes 15 times as long, and bends the first map towards
    the last one.)

    Args:
        snapshots: 2 to 10 of them, of up to 2,000 points.
        seed: equal seeds give equal maps, bit for bit.
    Raises:
        ValueError: nothing was recorded, too many points, or latents are not finite.
    """
    size = sum(len(batch) for batch in snapshots.probes.values())
    if size > MAX_POINTS:
        raise ValueError(f"expected at most {MAX_POINTS} points, got {size}: record fewer probes")

    def embed(latents: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        return umap_from(latents, seed, pca(latents) if before is None else before, gentle=before is not None)

    return _frames(snapshots, embed)


def _frames(snapshots: Snapshots, embed: Callable[[np.ndarray, np.ndarray | None], np.ndarray]) -> Frames:
    if not snapshots.latents:
        raise ValueError(f"nothing was recorded: call record(step) with one of the steps {sorted(snapshots.wanted)}")
    points: list[np.ndarray] = []
    for latents in snapshots.latents:
        stacked = checked(np.concatenate([latents[modality].numpy() for modality in snapshots.probes]))  # (M, D)
        before = points[-1] if points else None
        points.append(turned(embed(stacked, before), before))
    sizes = {modality: len(batch) for modality, batch in snapshots.probes.items()}
    return Frames(
        points=np.stack([filling(map_) for map_ in points]),
        modality=tuple(modality for modality, size in sizes.items() for _ in range(size)),
        pair=np.concatenate([np.arange(size) for size in sizes.values()]),
        titles=tuple("before training" if step == 0 else f"after {step:,} steps" for step in snapshots.steps),
    )


def filling(points: np.ndarray) -> np.ndarray:
    """Points (M, 2) moved and scaled, both axes alike, to fill [-1, 1]."""
    low, high = points.min(0), points.max(0)
    return (2 * (points - (low + high) / 2) / max(float((high - low).max()), 1e-12)).astype(np.float32)


def plot_frames(
    frames: Frames, moments: Sequence[int] | None = None, *, max_pairs: int = 40, title: str = ""
) -> Figure:
    """Maps side by side, frozen: modality colours and markers, lines join some of the pairs.

    Args:
        moments: which frames to draw; default: first, an early one and the last.
        max_pairs: how many pairs get a line, evenly chosen.
    """
    import matplotlib.pyplot as plt

    use_style()
    if moments is None:
        moments = sorted({0, len(frames) // 3, len(frames) - 1})
    figure, axes = plt.subplots(1, len(moments), figsize=(max(3.2 * len(moments), 4), 3.9), squeeze=False)
    for ax, moment in zip(axes[0], moments, strict=True):
        _Map(ax, frames, max_pairs).draw(frames.points[moment])
        ax.set_title(frames.titles[moment].capitalize(), fontsize=11)
    names = list(dict.fromkeys(frames.modality))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names) + 1)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def animate(frames: Frames, *, between: int = 5, alt: str = "") -> Picture:
    """The maps as one animation that needs no kernel: points glide from frame to frame, the last one is held.

    Args:
        between: pictures from one frame to the next.
        alt: default: `frames.alt()`.
    Returns:
        A `Picture` (animated WebP, `.data` holds its bytes); as the last line of a cell it is shown.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    use_style()
    figure = Figure(figsize=(3.7, 4), dpi=100)
    canvas = FigureCanvasAgg(figure)
    ax = figure.subplots()
    drawing = _Map(ax, frames, max_pairs=40)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    title = ax.set_title(" ", fontsize=12)
    pictures, milliseconds = [], []

    def shoot(points: np.ndarray, hold: int) -> None:
        drawing.draw(points)
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        milliseconds.append(hold)

    for n, points in enumerate(frames.points):
        title.set_text(frames.titles[n].capitalize())
        last = n == len(frames) - 1
        shoot(points, 2500 if last else 700)
        for t in [] if last else np.linspace(0, 1, between + 1, endpoint=False)[1:]:
            ease = t * t * (3 - 2 * t)
            shoot((1 - ease) * points + ease * frames.points[n + 1], 100)
    return animation(pictures, milliseconds, alt or frames.alt(), marks=True)


class _Map:
    """One map on one axis, drawn once and then moved."""

    def __init__(self, ax, frames: Frames, max_pairs: int) -> None:
        from matplotlib.collections import LineCollection

        names = np.array(frames.modality)
        numbers = np.unique(frames.pair)
        some = numbers[np.linspace(0, len(numbers) - 1, min(max_pairs, len(numbers))).astype(int)]
        members = [np.flatnonzero(frames.pair == number) for number in some]
        self.ends = np.array([(m[0], other) for m in members for other in m[1:]], dtype=int).reshape(-1, 2)
        self.lines = ax.add_collection(LineCollection([], colors=GREY, linewidths=0.7, alpha=0.6, label="pair"))
        self.groups = [(np.flatnonzero(names == name), name) for name in dict.fromkeys(frames.modality)]
        size = float(np.clip(10_000 / len(names), 12, 60))
        self.scatters = [
            ax.scatter(
                [], [], s=size, c=look(name).colour, marker=look(name).marker, alpha=0.8, linewidths=0, label=name
            )
            for _, name in self.groups
        ]
        ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=[], yticks=[], aspect="equal")
        ax.spines[["top", "right"]].set_visible(True)
        ax.spines[:].set_color("#BFBFBF")

    def draw(self, points: np.ndarray) -> None:
        self.lines.set_segments(points[self.ends])
        for (index, _), scatter in zip(self.groups, self.scatters, strict=True):
            scatter.set_offsets(points[index])
