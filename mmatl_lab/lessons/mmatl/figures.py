"""The figures of the lesson: the two games, a training with its probe, the sweep's map, transfer and robustness."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmatl_lab.errata.clouds import Played
from mmatl_lab.viz.style import BLACK, BLUE, GREEN, GREY, ORANGE, SEQUENTIAL, VERMILLION, ceiling, control, look

from .exercises.measuring import pareto_front

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from mmatl_lab.viz.alignment import Frames
    from mmatl_lab.viz.picture import Picture

    from .traces import Recorded, Trace

LINES = (  # colour, marker and line of the curves of `plot_lines`, the control first
    *((BLACK, "o", "--"), (VERMILLION, "^", "-"), (GREY, "s", "-")),
    *((BLUE, "D", "-"), (GREEN, "v", "-"), (ORANGE, "P", "-")),
)
CLOUDS = ("image", "text", "audio", "video", "sensor")  # whose looks the clouds have


def plot_games(games: Mapping[str, Played], run: int = 0, step: int = -1) -> "Figure":
    """Where the clouds are, a panel for each game, and both losses of the discriminators."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(games) + 1, figsize=(3.2 * len(games) + 3.6, 3.4))
    _draw_clouds(axes, games, run, step)
    _draw_losses(axes[-1], games, run)
    return figure


def animate_games(games: Mapping[str, Played], run: int = 0, *, every: int = 16, alt: str = "") -> "Picture":
    """The same clouds step by step, as an animation that needs no kernel."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from mmatl_lab.viz.picture import animation

    figure = Figure(figsize=(3.4 * len(games), 3.5), dpi=100, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.subplots(1, len(games), squeeze=False)[0]
    pictures = []
    steps = range(0, len(next(iter(games.values())).centres), every)
    for step in steps:
        for ax in axes:
            ax.clear()
        _draw_clouds(axes, games, run, step)
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    hold = [90] * (len(pictures) - 1) + [2500]
    return animation(pictures, hold, alt or describe_games(games, run), marks=True)


def describe_games(games: Mapping[str, Played], run: int = 0) -> str:
    """Alt text: where the clouds and the losses end."""
    said = []
    for title, played in games.items():
        centres = played.centres[[0, -1], run]
        start, end = ((c[0] - c[1]).norm().item() for c in centres)
        said.append(
            f"{title}: the first two clouds are {start:.1f} apart at first and {end:.1f} at the end, the "
            f"discriminator's loss ends at {played.discriminator_loss[-1, run]:,.2f}, and a fresh probe is right for "
            f"{played.probe[run]:.0%}"
        )
    return "; ".join(said) + "."


def _draw_clouds(axes: "Sequence[Axes]", games: Mapping[str, Played], run: int, step: int) -> None:
    from matplotlib.patches import Circle

    for ax, (title, played) in zip(axes, games.items(), strict=False):
        trail = played.centres[: step + 1 if step >= 0 else None, run]  # (S, N, 2)
        for i, name in enumerate(CLOUDS[: trail.shape[1]]):
            at, style = trail[-1, i].tolist(), look(name)
            for radius, alpha in ((1.0, 0.9), (2.0, 0.5)):
                ax.add_patch(Circle(at, radius, edgecolor=style.colour, facecolor="none", alpha=alpha, lw=1.5))
            ax.plot(*trail[:, i].T, color=style.colour, lw=1)
            ax.plot(*at, style.marker, color=style.colour, ms=6)
        reach = max(4.0, played.centres[:, run].abs().max().item() + 2)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
        ax.locator_params(nbins=5)


def _draw_losses(ax: "Axes", games: Mapping[str, Played], run: int) -> None:
    for (title, played), (colour, line) in zip(games.items(), ((VERMILLION, "-"), (BLACK, "--")), strict=False):
        ax.plot(played.discriminator_loss[:, run], color=colour, ls=line, label=title)
    best = math.log(next(iter(games.values())).centres.shape[2])
    ax.set_yscale("symlog", linthresh=2)
    ax.set(xlabel="step", title="loss of the discriminator (nats)")
    ax.axhline(best, color=GREY, ls=":", lw=1.6, label=f"ln N = {best:.3f}")
    ax.legend(loc="lower left")


def plot_training(traces: "Mapping[str, Trace | Recorded]", num_modalities: int = 2) -> "Figure":
    """A panel for each training: what a fresh probe reads and what the task gets, on one axis; below, L_dis."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(traces), figsize=(3.3 * len(traces) + 0.5, 4.8), sharex=True, sharey="row",
                                squeeze=False, height_ratios=(3, 2))  # fmt: skip
    for (above, below), (title, trace) in zip(axes.T, traces.items(), strict=True):
        above.plot(trace.steps, trace.curves["task"], color=BLACK, marker="o", ms=3, label="task accuracy")
        above.plot(trace.steps, trace.curves["probe"], color=VERMILLION, marker="s", ms=3, ls="--", label="fresh probe")
        above.axhline(1 / num_modalities, color=VERMILLION, ls=":", lw=1.5, label="chance of the probe")
        above.set(title=title[0].upper() + title[1:], ylim=(0, 1.03))
        below.plot(trace.steps, trace.curves["L_dis"], color=GREY)
        below.set(xlabel="step", ylim=(0, 1.6 * math.log(num_modalities)))
        ceiling(below, math.log(num_modalities), f"ln {num_modalities} =")
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("L_dis (nats)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def describe_training(traces: "Mapping[str, Trace | Recorded]") -> str:
    """Alt text of `plot_training`: where each curve ends."""
    said = (
        f"{title}: L_dis {t.curves['L_dis'][-1]:.2f}, fresh probe {t.curves['probe'][-1]:.2f}, "
        f"task {t.curves['task'][-1]:.2f}"
        for title, t in traces.items()
    )
    return "Numbers at the end of the training. " + "; ".join(said) + "."


def plot_map(task: "torch.Tensor", probe: "torch.Tensor", strength: "torch.Tensor", *, chance: float) -> "Figure":
    """Runs by task accuracy (up) and probe accuracy (left is better), coloured by λ; the Pareto front joined."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.8, 3.8))
    front = pareto_front(task, probe)
    order = probe[front].argsort()
    ax.step(probe[front][order], task[front][order], where="post", color=ORANGE, label="Pareto front", zorder=1)
    dots = ax.scatter(probe, task, c=strength.clamp(min=1e-3).log10(), cmap=SEQUENTIAL, s=36, zorder=2)
    ax.scatter(probe[front], task[front], s=90, facecolors="none", edgecolors=ORANGE, zorder=3)
    ax.axvline(chance, color=GREY, ls="--", lw=1.5)
    ax.annotate("chance", (chance, ax.get_ylim()[0]), xytext=(4, 4), textcoords="offset points", color=GREY)
    ax.set(xlabel="accuracy of a fresh modality probe (less is better)", ylabel="accuracy of the task")
    bar = figure.colorbar(dots, ax=ax, label="λ of the alignment")
    ticks = sorted({round(x) for x in bar.get_ticks()})
    bar.set_ticks(ticks, labels=["0" if x <= -3 else f"{10.0**x:g}" for x in ticks])
    ax.legend(loc="lower right")
    return figure


def plot_lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    x: Sequence[float],
    *,
    xlabel: str,
    ylabel: str = "accuracy",
    log: bool = False,
    chance: float | None = None,
    best: float | None = None,
    title: str = "",
) -> "Figure":
    """Means with their intervals as bands: name -> (mean, low, high) at each x; the first one is the control."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7.2, 3.6))
    for (name, (mean, low, high)), (colour, marker, line) in zip(curves.items(), LINES, strict=False):
        ax.plot(x, mean, color=colour, marker=marker, ls=line, label=name)
        ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    if log:
        ax.set_xscale("log")
        ax.set_xticks(list(x), [f"{value:g}" for value in x])
        ax.minorticks_off()
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, ylim=(0, 1.03))
    if chance is not None:
        control(ax, chance, "chance")
    if best is not None:
        ceiling(ax, best)
    figure.legend(loc="outside right")
    return figure


def describe_lines(curves: Mapping[str, tuple], x: Sequence[float]) -> str:
    """Alt text of `plot_lines`: each curve's ends."""
    said = (f"{name} goes from {mean[0]:.2f} to {mean[-1]:.2f}" for name, (mean, *_) in curves.items())
    return f"From {x[0]:g} to {x[-1]:g}: " + "; ".join(said) + "."


def curves_of(
    frame: "DataFrame", x: str, y: str, by: str, names: Mapping[str, str]
) -> tuple[dict[str, tuple[list[float], list[float], list[float]]], list[float]]:
    """(name -> mean, low and high at each x, over the rows of the frame), and the values of x."""
    from mmatl_lab.metrics.intervals import student

    values = sorted(frame[x].unique().tolist())
    found = {}
    for key, title in names.items():
        columns = [frame[(frame[by] == key) & (frame[x] == value)][y].tolist() for value in values]
        bounds = [student(column) for column in columns]
        means = [sum(column) / len(column) for column in columns]
        found[title] = (means, [max(low, 0.0) for low, _ in bounds], [min(high, 1.0) for _, high in bounds])
    return found, values


def plot_confusions(counts: "Mapping[str, torch.Tensor]", classes: Sequence[str]) -> "Figure":
    """Who is taken for whom: a row for the true class, a column for the answer, each row a share of its class."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(counts), figsize=(3.3 * len(counts) + 0.6, 3.6), squeeze=False)
    for ax, (title, table) in zip(axes[0], counts.items(), strict=True):
        share = table / table.sum(1, keepdim=True).clamp(min=1)
        image = ax.imshow(share.numpy(), vmin=0, vmax=1, cmap=SEQUENTIAL)
        ax.set(title=title, xlabel="answer", xticks=range(len(classes)), yticks=range(len(classes)))
        ax.set_xticklabels(classes, rotation=0 if max(map(len, classes)) < 3 else 90)
        ax.set_yticklabels(classes if ax is axes[0, 0] else [])
        ax.grid(visible=False)
    axes[0, 0].set_ylabel("true class")
    figure.colorbar(image, ax=axes[0].tolist(), label="share of the class")
    return figure


def describe_confusions(counts: "Mapping[str, torch.Tensor]") -> str:
    """Alt text: the share that is right, and how many classes are mostly taken for one other class."""
    said = []
    for title, table in counts.items():
        share = table / table.sum(1, keepdim=True).clamp(min=1)
        swapped = sum(int(row.argmax()) != c and row.max() > 0.5 for c, row in enumerate(share))
        said.append(
            f"{title}: {table.diagonal().sum() / table.sum():.0%} right, {swapped} of {len(table)} classes are mostly "
            "taken for one other class"
        )
    return "; ".join(said) + "."


def code_frames(
    trace: "Trace | Recorded", modalities: Sequence[str], *, moments: int = 6, jitter: float = 0.25
) -> "Frames":
    """Maps (UMAP) of the codes at some of the looks, for `plot_frames` and `animate` of ``viz.alignment``.

    A little noise is added, so that equal codes lie beside each other instead of on one place.
    """
    from types import SimpleNamespace

    import torch

    from mmatl_lab.seeding import seeded
    from mmatl_lab.viz.alignment import aligned_umap

    places = sorted({round(k * (len(trace.steps) - 1) / (moments - 1)) for k in range(moments)})
    latents = []
    for place in places:
        e = trace.latents[place]
        e = e + jitter * torch.randn(e.shape, generator=seeded(174))
        latents.append(dict(zip(modalities, e.unbind(1), strict=True)))
    sizes = {name: len(x) for name, x in latents[0].items()}
    steps = [trace.steps[place] for place in places]
    return aligned_umap(SimpleNamespace(sizes=sizes, probes=sizes, latents=latents, steps=steps))


def describe_codes(frames: "Frames") -> str:
    """Alt text of the maps: how often a point's nearest neighbour is of another modality, at first and at the end."""
    names, shares = np.array(frames.modality), []
    for points in (frames.points[0], frames.points[-1]):
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        shares.append((names[distance.argmin(1)] != names).mean())
    return (
        f"Maps of codes. {frames.titles[0].capitalize()}, the nearest neighbour of {shares[0]:.0%} of the points is of "
        f"the other modality; {frames.titles[-1]}, of {shares[1]:.0%}."
    )
