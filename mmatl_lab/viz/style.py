"""How every figure looks: one palette, one look per modality, and alt text on everything that is shown.

The palette is Okabe & Ito's (2008, "Color Universal Design"), made to be told apart with any kind of colour vision.
A modality always has the same colour, marker and line style, so that a figure can also be read in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .picture import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
SEQUENTIAL = "cividis"  # for maps whose values run from little to much
GREY = "#595959"  # reference lines and notes: 7 : 1 on white


@dataclass(frozen=True)
class Look:
    """How a modality is drawn. `marker` and `line` are matplotlib's names."""

    colour: str
    marker: str
    line: str | tuple


MODALITIES: dict[str, Look] = {
    "image": Look(BLUE, "o", "-"),
    "text": Look(VERMILLION, "^", "--"),
    "audio": Look(GREEN, "s", "-."),
    "video": Look(PURPLE, "D", ":"),
    "sensor": Look(BLACK, "P", (0, (6, 1, 1, 1, 1, 1))),
}
ALIASES = {  # other names of what is drawn alike
    **dict.fromkeys(("picture", "photo", "face"), "image"),
    **dict.fromkeys(("words", "caption"), "text"),
    **dict.fromkeys(("voice", "sound", "speech"), "audio"),
    **dict.fromkeys(("lips",), "video"),
    **dict.fromkeys(("accelerometer",), "sensor"),
}
# What the five leave of palette and markers, for names of a lesson's own; together 20 different looks.
_COLOURS, _MARKERS, _LINES = (ORANGE, SKY, GREY, YELLOW), "vX<>h", ((0, (3, 1)), (0, (1, 1)), (0, (5, 4)))
_own: dict[str, Look] = {}  # looks of names that are neither modalities nor aliases


def look(name: str) -> Look:
    """The colour, marker and line style of a modality.

    One of the five, or another name for it (a voice looks like audio, a face like an image), or any name: it gets the
    next look that is free, and keeps it for as long as the program runs.
    """
    name = ALIASES.get(name, name)
    if name in MODALITIES:
        return MODALITIES[name]
    if name not in _own:
        n = len(_own)
        _own[name] = Look(*(free[n % len(free)] for free in (_COLOURS, _MARKERS, _LINES)))
    return _own[name]


def register(name: str, appearance: Look) -> None:
    """Gives a name of a lesson's own a look that the lesson chooses, before it is drawn first.

    Raises:
        ValueError: the name is a modality or another name for one, whose look is the same in every figure.
    """
    if name in MODALITIES or name in ALIASES:
        raise ValueError(f"{name!r} already has the look of {ALIASES.get(name, name)!r}: choose another name")
    _own[name] = appearance


def use_style() -> None:
    """Sets matplotlib's defaults for the whole package; calling it again changes nothing.

    Figures are drawn on white; `viz/picture.py` fits them to a dark page.
    """
    import matplotlib as mpl

    mpl.rcParams.update(
        {
            "figure.figsize": (7, 3.2),
            "figure.dpi": 100,
            "savefig.dpi": 150,  # sharp on dense screens; shown at 100 pixels an inch
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "axes.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#E5E5E5",
            "lines.linewidth": 2,
            "image.cmap": SEQUENTIAL,
            "axes.prop_cycle": mpl.cycler(color=[look.colour for look in MODALITIES.values()]),
        }
    )


def ceiling(ax: Axes, value: float, label: str = "ceiling") -> None:
    """Draws the best reachable `value` across `ax`, dotted, its label at the left, where curves are still low."""
    _reference(ax, value, label, ":", "left")


def control(ax: Axes, value: float, label: str = "control") -> None:
    """Draws what a model gets that knows nothing (blind, shuffled, chance), dashed, its label at the right."""
    _reference(ax, value, label, "--", "right")


def _reference(ax: Axes, value: float, label: str, line: str, side: str) -> None:
    ax.axhline(value, color=GREY, linestyle=line, linewidth=1.6, zorder=1.5)
    # above the line, unless the line lies so high that the words would leave the axes
    low, high = ax.get_ylim()
    below = value > low + 0.9 * (high - low)
    ax.annotate(
        f"{label} {value:.3g}",
        (0.01 if side == "left" else 0.99, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if below else 3),
        textcoords="offset points",
        va="top" if below else "bottom",
        ha=side,
        fontsize=10,
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},  # readable over a bar
    )


def picture_grid(
    images, titles: Sequence[str] | None = None, *, columns: int = 8, size: float = 1.0, title: str = ""
) -> Figure:
    """A grid of pictures with a caption under each.

    Args:
        images: (N, 3, H, W) float in [0, 1] or uint8, tensor or array; also (N, 1, H, W).
        titles: N captions, wrapped to the width of their picture.
        columns: pictures in a row.
        size: width of a picture in inches.
    Raises:
        ValueError: the images have another shape, or the number of titles is not N.
    """
    import textwrap

    import matplotlib.pyplot as plt

    pictures = to_uint8(images)  # (N, 3, H, W)
    if len(pictures) == 0:
        raise ValueError("picture_grid was given 0 images: give at least one")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"expected one title for each of {len(pictures)} images, got {len(titles)}")
    use_style()
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    letters = max(6, int(size * 72 / 5.8))  # that fit under a picture at 10 pt
    words = [textwrap.fill(str(text), letters) for text in titles or ()]
    lines = max((text.count("\n") + 1 for text in words), default=0)
    # inches; placed by hand, since a layout engine would move pictures apart for the sake of long captions
    gap, head, tall = 0.12, 0.36 if title else 0.08, size * pictures.shape[2] / pictures.shape[3]
    step = tall + 0.172 * lines + gap
    width, height = max(columns * (size + gap), 3.0 if title else 0), head + rows * step
    figure = plt.figure(figsize=(width, height), layout="none")
    for n, picture in enumerate(pictures):
        left, top = (n % columns) * (size + gap) + gap / 2, height - head - (n // columns) * step
        ax = figure.add_axes((left / width, (top - tall) / height, size / width, tall / height))
        ax.imshow(picture.transpose(1, 2, 0), interpolation="nearest" if picture.shape[2] < 64 else "antialiased")
        ax.axis("off")
        if words:
            ax.text(0.5, -0.04, words[n], transform=ax.transAxes, ha="center", va="top", fontsize=10)
    if title:
        figure.text(gap / 2 / width, 1 - 0.08 / height, title, ha="left", va="top", fontsize=12)
    return figure


def to_uint8(images):
    """Pictures as a (N, 3, H, W) uint8 array, from floats in [0, 1] or uint8, of one or three channels.

    Raises:
        ValueError: another shape, or floats outside [0, 1], which would be drawn clipped.
    """
    import numpy as np

    array = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images)
    if array.ndim != 4 or array.shape[1] not in (1, 3):
        raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(array.shape)}")
    if array.dtype != np.uint8:
        array = array.astype(np.float32)
        if array.size and not (array.min() >= -1e-3 and array.max() <= 1 + 1e-3):
            raise ValueError(
                f"expected float images in [0, 1], got values from {array.min():.3g} to {array.max():.3g}: scale them"
            )
        array = (array.clip(0, 1) * 255).round().astype(np.uint8)
    return np.repeat(array, 3, axis=1) if array.shape[1] == 1 else array


def in_notebook() -> bool:
    """Whether what is displayed reaches a page: true in a Jupyter kernel, false in a terminal."""
    import sys

    ipython = sys.modules.get("IPython")  # not imported: certainly not running in it
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def headless() -> bool:
    """Whether `MMATL_LAB_HEADLESS` asks for final frames only: no updates in place, no widgets."""
    import os

    return os.environ.get("MMATL_LAB_HEADLESS", "0") not in ("", "0")


def show(figure: Figure, *, alt: str) -> None:
    """Shows `figure` with alt text that stays with it in the saved notebook, and closes it.

    In a terminal the alt text is printed instead.

    Args:
        alt: what a person would conclude from the figure, for those who do not see it.
    Raises:
        ValueError: `alt` is empty.
    """
    import matplotlib.pyplot as plt

    picture = Picture.of(figure, alt)
    plt.close(figure)
    present(picture)


def present(output) -> None:
    """Shows what has a mime bundle and an attribute `alt`; in a terminal the alt text is printed instead."""
    if in_notebook():
        from IPython.display import display

        display(output)
    else:
        print(output.alt)
