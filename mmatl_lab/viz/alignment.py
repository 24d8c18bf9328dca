"""Watching latent spaces align: snapshots while a model trains, a map of each, stills and an animation of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .embedding import MAX_POINTS, checked, pca, turned, umap_from
from .picture import Picture, animation
from .style import GREY, look, use_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from matplotlib.figure import Figure
    from torch import Tensor, nn


class Snapshots:
    """Latents of a fixed probe set, recorded at chosen steps of a training loop.

    Recording runs in evaluation mode without gradients and draws no random numbers, so training goes on as without it.

    Args:
        model: its device and mode are those of the recording.
        probes: modality -> batch of N inputs (a tensor, or a mapping of tensors); row n of every modality belongs to
            the same thing.
        steps: when `record(step)` keeps something; other steps return at once.
        encode: modality -> function from its batch, on the model's device, to latents (N, D) of the one space. What is
            not named is encoded by the model's method `encode_<modality>`.

    Raises:
        ValueError: modalities with different numbers of probes, or `encode` for something that is not probed.
        TypeError: a modality that neither `encode` nor the model can encode.

    Example:
        >>> snapshots = Snapshots(model, {"image": images, "text": tokens}, steps=(0, 60, 600))
        >>> for step, generator in run:
        ...     snapshots.record(step)             # at the start of a step: step 0 is before training
        ...     ...
        >>> snapshots.record(600)                  # after the last one
        >>> frames = aligned_umap(snapshots)
        >>> Snapshots(model, {"voice": mels}, (0, 600), encode={"voice": lambda x: model.encode({"voice": x})["voice"]})
    """

    def __init__(
        self,
        model: nn.Module,
        probes: Mapping[str, Tensor | Mapping[str, Tensor]],
        steps: Sequence[int],
        encode: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        encode = dict(encode or {})
        self.sizes = {name: _size(batch) for name, batch in probes.items()}
        if len(set(self.sizes.values())) != 1:
            raise ValueError(f"expected as many probes of every modality, got {self.sizes}: row n must be one thing")
        if set(encode) - set(probes):
            raise ValueError(
                f"encode names {sorted(set(encode) - set(probes))}, of which there are no probes: add some"
            )
        for modality in set(probes) - set(encode):
            if not hasattr(model, f"encode_{modality}"):
                raise TypeError(
                    f"{type(model).__name__} has no method encode_{modality}: give a function in encode={{...}}"
                )
            encode[modality] = getattr(model, f"encode_{modality}")
        self.model, self.probes, self.encode, self.wanted = model, dict(probes), encode, frozenset(steps)
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
                modality: self.encode[modality](_moved(batch, device)).float().cpu()
                for modality, batch in self.probes.items()
            }
        self.model.train(training)
        self.steps.append(step)
        self.latents.append(latents)


def _size(batch: Tensor | Mapping[str, Tensor]) -> int:
    return len(next(iter(batch.values()))) if isinstance(batch, Mapping) else len(batch)


def _moved(batch: Tensor | Mapping[str, Tensor], device: torch.device) -> Tensor | dict[str, Tensor]:
    return {k: x.to(device) for k, x in batch.items()} if isinstance(batch, Mapping) else batch.to(device)


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
    size = sum(snapshots.sizes.values())
    if size > MAX_POINTS:
        raise ValueError(f"expected at most {MAX_POINTS} points, got {size}: record fewer probes")

    if not snapshots.latents:
        raise ValueError(f"nothing was recorded: call record(step) with one of the steps {sorted(snapshots.wanted)}")
    points: list[np.ndarray] = []
    for latents in snapshots.latents:
        stacked = checked(np.concatenate([latents[modality].numpy() for modality in snapshots.probes]))  # (M, D)
        before = points[-1] if points else None
        start = pca(stacked) if before is None else before
        points.append(turned(umap_from(stacked, seed, start, gentle=before is not None), before))
    return Frames(
        points=np.stack([filling(map_) for map_ in points]),
        modality=tuple(modality for modality, size in snapshots.sizes.items() for _ in range(size)),
        pair=np.concatenate([np.arange(size) for size in snapshots.sizes.values()]),
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
