"""The views of a scene drawn: pictures with boxes, sensor traces, and all five views in one figure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..world import audio, describe, render, sensor, video
from ..world.motion import SECONDS
from ..world.scene import Scenes
from .audio import draw_spectrogram, draw_waveform
from .style import BLACK, GREY, ORANGE, look, to_uint8, use_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIRECTIONS = (("x", BLACK, "-"), ("y", ORANGE, "--"), ("z", GREY, ":"))
NOISE = {"image": 1.0, "audio": 0.25, "video": 1.0, "sensor": 100.0}  # standard deviations at noise 1
FRAMES = 32  # of the video: smoother than the 16 that models see
SHOWN = 8  # frames in the figure


class Views(NamedTuple):
    """All that is seen, read, heard, watched and felt of one scene."""

    image: Tensor  # (3, H, W) in [0, 1]
    text: str
    audio: Tensor  # (N,) in [-1, 1]
    video: Tensor  # (T, 3, H, W) in [0, 1]
    sensor: Tensor  # (T, 6) of the first object: m/s², then rad/s


def views_of(scene: Scenes, *, size: int = 160, noise: float = 0.0, generator: torch.Generator | None = None) -> Views:
    """The five views of one scene, for people to look at.

    Args:
        scene: a batch of one.
        size: pixels of pictures and frames, H = W.
        noise: 0 to 1, in every view but the text; NOISE says what 1 is: the picture's full range, the loudest moment of
            an object's sound, 100 m/s² and rad/s.
        generator: where the noise comes from; needed when it is not 0.

    Raises:
        ValueError: several scenes, or what the views themselves refuse.
    """
    if len(scene) != 1:
        raise ValueError(f"expected one scene, got {len(scene)}: take one of them, such as scenes[0]")
    noises = {name: {"noise": noise * scale, "generator": generator} for name, scale in NOISE.items()}
    return Views(
        render(scene, size, **noises["image"])[0],
        describe(scene)[0],
        audio(scene, **noises["audio"])[0],
        video(scene, size, FRAMES, **noises["video"])[0],
        sensor(scene, **noises["sensor"])[0],
    )


def views_figure(views: Views) -> Figure:
    """Five views side by side: picture and caption, sound, trace, and eight frames of the video below."""
    import matplotlib.pyplot as plt

    use_style()
    figure = plt.figure(figsize=(10, 6))
    upper, lower = figure.subfigures(2, 1, height_ratios=(2.3, 1))
    seen, heard, felt = upper.subfigures(1, 3, width_ratios=(1, 1.4, 1.4))

    picture = seen.subplots()
    draw_picture(picture, views.image)
    picture.set_title("Seen: image", **_title("image"))
    picture.text(0, -0.06, "Read: text", transform=picture.transAxes, va="top", **_title("text"))
    words = textwrap.fill(views.text, 24)
    picture.text(0, -0.17, words, transform=picture.transAxes, va="top", color=look("text").colour)

    wave, spectrogram = heard.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
    draw_waveform(wave, views.audio)
    draw_spectrogram(spectrogram, views.audio)
    wave.set(xlabel="")
    wave.set_title("Heard: audio", **_title("audio"))

    traces = felt.subplots(2, 1, sharex=True, height_ratios=(1.6, 1))
    draw_trace(traces, views.sensor)
    traces[0].set_title("Felt: sensor", **_title("sensor"))

    number = len(views.video)
    for ax, i in zip(lower.subplots(1, SHOWN), range(0, number, number // SHOWN)):
        draw_picture(ax, views.video[i])
        ax.set_title(f"{i * SECONDS / number:.2f} s", fontsize=10)
    lower.suptitle("Watched: video", x=0.005, ha="left", **_title("video"))
    return figure


def draw_picture(ax: Axes, picture: Tensor) -> None:
    """Draws a picture (3, H, W) in [0, 1] without ticks; its corners are (0, 0), top left, and (1, 1)."""
    sharp = "nearest" if picture.shape[-1] < 64 else "antialiased"
    ax.imshow(to_uint8(picture[None])[0].transpose(1, 2, 0), extent=(0, 1, 1, 0), interpolation=sharp)
    ax.axis("off")


def draw_box(ax: Axes, box: Tensor) -> None:
    """Draws a box (x0, y0, x1, y1), as ``world.bounding_boxes`` gives it, on what ``draw_picture`` drew."""
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = box.tolist()
    for width, colour in ((5, BLACK), (2, "white")):  # one of them is seen on any picture
        ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=width, edgecolor=colour))


def draw_trace(axes: Sequence[Axes], trace: Tensor) -> None:
    """Draws one second of an inertial unit: the accelerometer on the first of two axes, the gyroscope on the second.

    Args:
        trace: (T, 6), x, y, z in m/s², then x, y, z in rad/s, such as ``world.sensor(scenes)[0]``.
    """
    seconds = (torch.arange(len(trace)) * (SECONDS / len(trace))).tolist()
    labels = ("acceleration (m/s²)", "turning (rad/s)")
    for ax, readings, label, least in zip(axes, trace.detach().cpu().split(3, dim=1), labels, (12, 3)):
        for values, (name, colour, line) in zip(readings.T.tolist(), DIRECTIONS):
            ax.plot(seconds, values, color=colour, linestyle=line, linewidth=1.6, label=name)
        ax.update_datalim([(0, -least), (0, least)])  # so that rest looks like rest, also beside other traces
        ax.autoscale_view()
        ax.set(xlim=(0, SECONDS), ylabel=label)
    beside_title = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
    axes[0].legend(ncols=3, handlelength=1.3, handletextpad=0.4, columnspacing=0.8, **beside_title)
    axes[-1].set_xlabel("time (s)")


def _title(modality: str) -> dict:
    """In the colour of its modality, and so large that the palest of them can be read on white (WCAG 1.4.3)."""
    return {"color": look(modality).colour, "fontsize": 14, "fontweight": "bold"}
