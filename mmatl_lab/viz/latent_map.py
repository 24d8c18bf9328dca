"""The latent map that answers to the pointer: hover a point to see its picture and caption, and where its partner lies.

One component, latent_map.js, for both places: `LatentMap` is a Jupyter widget, `latent_map_html` a Gradio component.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import numpy as np
import traitlets

from .alignment import Frames, plot_frames
from .picture import Picture
from .style import headless, look, to_uint8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradio import HTML
    from matplotlib.figure import Figure

_HERE = Path(__file__).parent


def payload(frames: Frames, captions: Sequence[str] | None = None, pictures=None) -> dict:
    """What latent_map.js draws, as plain JSON.

    Args:
        frames: the map, at one or more moments.
        captions: words for each of the P pairs.
        pictures: (P, 3, h, w), one for each pair, float in [0, 1] or uint8, tensor or array.
    Raises:
        ValueError: places that are not finite, or captions or pictures that are not one for each pair.
    """
    number = int(frames.pair.max()) + 1
    if not np.isfinite(frames.points).all():
        raise ValueError("the map holds points that are NaN or infinite: check the latents it was made from")
    captions = [f"pair {n}" for n in range(number)] if captions is None else [str(caption) for caption in captions]
    if len(captions) != number:
        raise ValueError(f"expected one caption for each of {number} pairs, got {len(captions)}")
    sprite, columns, tile = None, 1, [0, 0]
    if pictures is not None:
        pictures = to_uint8(pictures)  # (P, 3, h, w)
        if len(pictures) != number:
            raise ValueError(f"expected one picture for each of {number} pairs, got {len(pictures)}")
        columns, tile = int(np.ceil(np.sqrt(number))), [pictures.shape[3], pictures.shape[2]]
        sprite = _sprite(pictures, columns)
    names = list(dict.fromkeys(frames.modality))
    return {
        "frames": [np.round(points, 4).ravel().tolist() for points in frames.points.astype(float)],
        "titles": [title.capitalize() for title in frames.titles],
        "looks": [{"name": name, "colour": look(name).colour, "marker": look(name).marker} for name in names],
        "kind": [names.index(name) for name in frames.modality],
        "pair": [int(pair) for pair in frames.pair],
        "captions": captions,
        "sprite": sprite,
        "columns": columns,
        "tile": tile,
        "alt": frames.alt(),
    }


def query(point: Sequence[float], caption: str = "", near: Sequence[int] = ()) -> dict:
    """Where a new embedding lands, for `LatentMap.query` and for `latent_map_html`.

    Args:
        point: (2,) its place, from `place(...)`.
        caption: written beside its star.
        near: numbers of points to which dashed lines go, such as what was retrieved.
    Raises:
        ValueError: the place is not two finite numbers.
    """
    place = [float(value) for value in point]
    if len(place) != 2 or not np.isfinite(place).all():
        raise ValueError(f"expected a place of two finite numbers, got {place}: take it from place(...)")
    return {"x": place[0], "y": place[1], "caption": str(caption), "near": [int(n) for n in near]}


def _sprite(pictures: np.ndarray, columns: int) -> str:
    """All pictures (P, 3, h, w) on one sheet, row by row, as a data URL: one image to decode instead of P."""
    from PIL import Image

    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    sheet[:count] = pictures
    sheet = sheet.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    buffer = io.BytesIO()
    Image.fromarray(sheet.reshape(rows * height, columns * width, channels)).save(buffer, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


class LatentMap(anywidget.AnyWidget):
    """Latents on a map, as a widget: hover or use the arrow keys to see what a point is and where its partner lies.

    With several frames a slider and a play button move through them. Drag to pan; zoom with the buttons, + and −, or
    the wheel once the map was clicked. Under `MMATL_LAB_HEADLESS`, for pages without a kernel, it is a still picture.

    Args:
        frames: from `aligned_umap`; or points (N, 2) or (F, N, 2), with:
        modality: N names (default: all image), for points.
        pair: N numbers 0 to P - 1, equal where points belong together (default: each alone), for points.
        titles: F words, for points.
        captions: words for each of the P pairs.
        pictures: (P, 3, h, w), one for each pair.

    Attributes:
        position: the frame shown, 0 to F - 1; 1.5 lies halfway between frames 1 and 2.
        query: None, or what `query(point, caption, near)` gives: a star on the last frame.
        selected: number of the point that was clicked, -1 for none.

    Example:
        >>> chart = LatentMap(frames, captions=captions, pictures=images)
        >>> [point] = place(model.encode_text(tokens), latents, frames.points[-1])
        >>> chart.query = query(point, "a red star")
    """

    _esm = _HERE / "latent_map.js"
    _css = _HERE / "latent_map.css"
    data = traitlets.Dict().tag(sync=True)
    position = traitlets.Float(0.0).tag(sync=True)
    query = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self,
        frames: Frames | np.ndarray,
        *,
        modality: Sequence[str] | None = None,
        pair: Sequence[int] | None = None,
        titles: Sequence[str] | None = None,
        captions: Sequence[str] | None = None,
        pictures=None,
    ) -> None:
        self.frames = frames if isinstance(frames, Frames) else as_frames(frames, modality, pair, titles)
        self._pictures = pictures
        super().__init__(data=payload(self.frames, captions, pictures), position=float(len(self.frames) - 1))

    @traitlets.validate("query")
    def _query_has_a_place(self, proposal: dict) -> dict | None:
        value = proposal["value"]
        if value is None:
            return None
        if not {"x", "y"} <= set(value) <= {"x", "y", "caption", "near"}:
            raise ValueError(f"expected a query as query(point, caption, near) makes it, got the keys {sorted(value)}")
        return query((value["x"], value["y"]), value.get("caption", ""), value.get("near", ()))

    def still(self) -> Picture:
        """The map as a picture, for pages without a kernel: with pictures, the last frame and what hovering shows."""
        import matplotlib.pyplot as plt

        if self._pictures is None:
            figure = plot_frames(self.frames)
        else:
            figure = plot_cards(self.frames, self.data["captions"], self._pictures)
        picture = Picture.of(figure, self.frames.alt())
        plt.close(figure)
        return picture

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = self.still()._repr_mimebundle_()
        if not headless():
            widget = super()._repr_mimebundle_(**kwargs)
            data |= {kind: view for kind, view in widget[0].items() if kind != "text/plain"}
        return data, metadata


def plot_cards(frames: Frames, captions: Sequence[str], pictures, number: int = 6) -> Figure:
    """The last frame, some of its pairs numbered from left to right, and beside it picture and caption of each.

    Args:
        captions, pictures: one for each pair, as for `payload`.
        number: how many pairs get a number, at most.
    """
    import textwrap

    columns = 3
    last = frames.points[-1]
    first = [np.flatnonzero(frames.pair == pair)[0] for pair in np.unique(frames.pair)]  # a point of each pair
    first = sorted(first, key=lambda n: last[n, 0])
    some = [first[n] for n in np.linspace(0, len(first) - 1, min(number, len(first))).astype(int)]
    figure = plot_frames(frames, [len(frames) - 1])
    figure.set_size_inches(9.6, 4)
    chart, rows = figure.axes[0], -(-len(some) // columns)
    # the map keeps the left of the figure, with the legend; a grid of cards fills what is right of it
    figure.get_layout_engine().set(rect=(0, 0, 0.4, 1))
    figure.legends[0].remove()
    chart.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3)
    pictures = to_uint8(pictures)
    for k, n in enumerate(some):
        pair = int(frames.pair[n])
        ring = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": "black", "linewidth": 0.8}
        place = {"xytext": (0, 13), "textcoords": "offset points", "ha": "center", "va": "center"}
        chart.annotate(str(k + 1), last[n], bbox=ring, fontsize=10, **place)
        left, bottom = 0.44 + 0.19 * (k % columns), 1 - (k // columns + 0.68) / rows
        card = figure.add_axes((left, bottom, 0.16, 0.56 / rows))
        card.imshow(pictures[pair].transpose(1, 2, 0), interpolation="nearest")
        card.axis("off")
        words = textwrap.fill(f"{k + 1}: {captions[pair]}", 24)
        card.text(0.5, -0.06, words, transform=card.transAxes, ha="center", va="top", fontsize=10)
        card.set_in_layout(False)
    return figure


def latent_map_html(frames: Frames, captions: Sequence[str] | None = None, pictures=None, **options) -> HTML:
    """The same map as a Gradio component; arguments as for `LatentMap`, `options` go to `gr.HTML`.

    An event gives it a new query by returning `gr.HTML(query=query(point, caption, near))`, or none by
    `gr.HTML(query=None)`. Its `select` event tells which point was clicked: `event.index`.

    Example:
        >>> def clicked(event: gr.SelectData) -> str:
        ...     return captions[frames.pair[event.index]]
        >>> with gr.Blocks():
        ...     latent_map_html(frames, captions, images).select(clicked, outputs=words)
    """
    import gradio as gr

    return gr.HTML(
        payload(frames, captions, pictures),
        html_template='<div class="host"></div>',
        css_template=(_HERE / "latent_map.css").read_text(encoding="utf-8"),
        js_on_load=_GRADIO_HOST % json.dumps((_HERE / "latent_map.js").read_text(encoding="utf-8")),
        apply_default_css=False,
        query=None,
        **options,
    )


# Gradio gives this code `element`, `props`, `trigger` and `watch`.
_GRADIO_HOST = """
const source = %s;
const state = {position: props.value.frames.length - 1, selected: -1};
import(URL.createObjectURL(new Blob([source], {type: "text/javascript"}))).then(({mount}) => mount(
  element.querySelector(".host"), {
    get: (key) => (key === "data" ? props.value : key === "query" ? props.query : state[key]),
    set: (key, value) => {
      state[key] = value;
      if (key === "selected" && value >= 0) trigger("select", {index: value, value});
    },
    on: (key, callback) => { if (key === "data" || key === "query") watch(key === "data" ? "value" : key, callback); },
  },
));
"""


def as_frames(
    points: np.ndarray,
    modality: Sequence[str] | None = None,
    pair: Sequence[int] | None = None,
    titles: Sequence[str] | None = None,
) -> Frames:
    """Points (N, 2) or (F, N, 2) of any origin as `Frames`, every frame scaled to fill the map.

    Raises:
        ValueError: the shapes do not fit together, or a place is not finite.
    """
    from .alignment import filling

    points = np.asarray(points, dtype=np.float32)
    points = points[None] if points.ndim == 2 else points
    if points.ndim != 3 or points.shape[2] != 2 or 0 in points.shape:
        raise ValueError(f"expected points of shape (N, 2) or frames of shape (F, N, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("the map holds points that are NaN or infinite: check the latents it was made from")
    count = points.shape[1]
    modality = tuple(modality) if modality is not None else ("image",) * count
    pair = np.asarray(pair if pair is not None else range(count))
    titles = tuple(titles) if titles is not None else tuple(f"frame {n + 1}" for n in range(len(points)))
    if len(modality) != count or pair.shape != (count,) or len(titles) != len(points) or pair.min() < 0:
        raise ValueError(
            f"expected a modality and a pair number ≥ 0 for each of {count} points and {len(points)} titles, "
            f"got {len(modality)} modalities, pair numbers {pair.shape} and {len(titles)} titles"
        )
    return Frames(np.stack([filling(frame) for frame in points]), modality, pair, titles)
