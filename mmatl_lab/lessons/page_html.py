"""What demos show, as HTML: notes, pictures, bars, curves; and how they read what visitors type and bring.

The colours of letters and lines are those of the page, light or dark. `pages.output` brings the style sheet.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from functools import wraps
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from mmatl_lab.viz.style import to_uint8

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = ("#2b8cc4", "#d98b00", "#b5548a")  # of bars, in their order: 3 : 1 on the tracks of both themes
WIDTH, LEFT, BOTTOM = 480, 44, 20  # of a chart, in its own units: in all, and where its axes are
CSS = """
img { border-radius: 6px; border: 1px solid var(--border-color-primary); }
p { margin: .3em 0; }
figure { margin: 0; } figcaption, small { font-size: 13px;
  color: color-mix(in srgb, var(--body-text-color) 75%, var(--body-background-fill)); }
.note { border-left: 4px solid #e69f00; padding: .2em .7em; margin: .4em 0; overflow-wrap: anywhere; }
.waiting { opacity: .75; }
.verdict { font-size: 17px; line-height: 1.4; margin: .4em 0; min-height: 2.8em; }
.group { font-weight: 600; margin: .9em 0 .2em; }
.legend { display: flex; flex-wrap: wrap; gap: .1em 1.2em; margin-top: .5em; }
.legend i { display: inline-block; width: 1em; height: .6em; border-radius: 2px; margin-right: .4em; }
ol { list-style: none; margin: 0; padding: 0; }
a { color: var(--link-text-color); text-decoration: underline; padding: 0; margin: 0; }
.demos { padding-left: 1.2em; } .demos li { margin: .8em 0; }
.bars li { display: grid; grid-template-columns: 11.5em 1fr var(--words); gap: 0 .8em; margin: .25em 0;
  align-items: center; }
.bars li > span:first-child { overflow-wrap: anywhere; }
.bars small { font-variant-numeric: tabular-nums; }
.track { display: grid; gap: 2px; padding: 2px 0; position: relative; border-radius: 4px; overflow: clip;
  background: color-mix(in srgb, var(--body-text-color) 8%, transparent); }
.track i { height: 8px; min-width: 3px; border-radius: 2px; }
.track u { position: absolute; top: 0; bottom: 0; border-left: 2px dotted var(--body-text-color); }
.wide li { grid-template-columns: 1fr auto; gap: .1em .6em; margin: .5em 0; }
.wide .track { grid-row: 2; grid-column: 1 / -1; }
table { display: block; width: fit-content; max-width: 100%; overflow-x: auto; border-collapse: collapse;
  border: 0 !important; padding: 0 !important; }
th, td { padding: .25em .6em !important; text-align: left; }
.seen { display: flex; flex-wrap: wrap; gap: .8em; margin-bottom: .6em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 10px; }
.tiles:has(audio) { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }  /* room for the play button */
.tiles li { text-align: center; font-size: 14px; line-height: 1.25; overflow-wrap: anywhere; }
.tiles img { display: block; margin: 0 auto 4px; padding: 6px; background: #fff; }
.pixels { image-rendering: pixelated; }
.chart { width: 100%; margin-top: 6px; overflow: visible; }
.chart text { font: 12px system-ui, sans-serif; fill: currentColor; }
@media (max-width: 560px) {
  .bars li { grid-template-columns: minmax(10.5em, 1fr) auto; gap: .1em .6em; margin: .5em 0; }
  .bars .track { grid-row: 2; grid-column: 1 / -1; }
  .chart text { font-size: 16px; }
}
"""


def note(sentence: object) -> str:
    """A sentence as a paragraph; a capital letter first, a full stop last."""
    text = str(sentence).strip()
    return f'<p class="note" role="status">{escape(text[:1].upper() + text[1:].rstrip("."))}.</p>'


def verdict(sentence: str) -> str:
    """What there is to learn from the numbers below it, in larger letters."""
    return f'<p class="verdict">{escape(sentence)}</p>'


def waiting(sentence: str) -> str:
    """What stands where there is no answer yet."""
    return f'<p class="waiting">{escape(sentence)}</p>' if sentence else ""


def answering(function):
    """The same function, whose errors of one sentence come back as the note that a page shows; it returns HTML."""

    @wraps(function)
    def answer(*args) -> str:
        try:
            return function(*args)
        except (ValueError, OSError) as error:  # OSError: a file that is not there, such as a checkpoint
            return note(error)

    return answer


def percent(p: float) -> str:
    """``"97%"``; what is not certain is never rounded to certainty."""
    return "<1%" if 0 < p < 0.005 else ">99%" if 0.995 < p < 1 else f"{p:.0%}"


# --- pictures


def picture_html(picture: Tensor, alt: str, width: int, height: int | None = None) -> str:
    """A picture as an `img` of so many pixels, within the page: no file is written or asked for.

    Args:
        picture: (3, H, W) in [0, 1]; one of fewer pixels than shown is enlarged, and its pixels can be seen.
        alt: what it shows, for those who do not see it.
        width, height: as shown; None shows a square.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture[None])[0].transpose(1, 2, 0)).save(buffer, "PNG")
    data, size = base64.b64encode(buffer.getvalue()).decode(), f'width="{width}" height="{height or width}"'
    look = ' class="pixels"' if picture.shape[2] < width else ""
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" {size}{look}>'


def captioned(shown: str, caption: str) -> str:
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"


def tiles(entries: Sequence[tuple[str, str, str]]) -> str:
    """A grid of pictures, each with its name and small print: (HTML of the picture, name, small print)."""
    found = (f"<li>{shown}{escape(name)}<br><small>{escape(small)}</small></li>" for shown, name, small in entries)
    return f'<ol class="tiles">{"".join(found)}</ol>'


def uploaded(path: str | None, size: int, background: tuple[float, float, float]) -> Tensor:
    """(1, 3, size, size) of a visitor's picture; PictureError, one sentence, for what is none."""
    from mmatl_lab.data.pictures import PictureError, open_picture

    if path is None:
        raise PictureError("no picture was given: choose a file first")
    return open_picture(path, size, background=background)[None]


# --- bars and curves


class Row(NamedTuple):
    """A name, a bar for each of its values, and words beside them."""

    name: str
    values: Sequence[float]
    text: str


def bars(rows: Sequence[Row], *, low: float = 0.0, coin: bool = False, words: str = "9.5em", kind: str = "") -> str:
    """Bars between `low`, where they begin, and 1.

    Args:
        coin: the bars begin at 1/2, which a dotted line marks.
        words: CSS width of what stands beside the bars. kind: "wide" has the names above the bars.
    """
    start = 0.5 if coin else low

    def place(value: float) -> float:
        return (min(max(value, low), 1) - low) / (1 - low)

    def bar(value: float, colour: str) -> str:
        left, right = sorted((place(value), place(start)))
        return f'<i style="background: {colour}; margin-left: {left:.1%}; width: {right - left:.1%}"></i>'

    line = f'<u style="left: {place(start):.1%}"></u>' if coin else ""
    entries = (
        f'<li><span>{escape(row.name)}</span><span class="track" aria-hidden="true">'
        f"{''.join(map(bar, row.values, COLOURS))}{line}</span><small>{escape(row.text)}</small></li>"
        for row in rows
    )
    return f'<ol class="bars {kind}" style="--words: {words}">{"".join(entries)}</ol>'


def legend(title: str, names: Sequence[str], *more: str, colours: Sequence[str] = COLOURS) -> str:
    """What the bars or curves are: a title, a name beside each colour, and further words."""
    keys = (f'<span><i style="background: {c}"></i>{escape(name)}</span>' for name, c in zip(names, colours))
    words = "".join(f"<span>{escape(text)}</span>" for text in more)
    return f'<p class="legend"><span><b>{escape(title)}</b></span>{"".join(keys)}{words}</p>'


class Curve(NamedTuple):
    """Heights at evenly spaced places, and how they are drawn; `dash` is SVG's, such as "6 4"."""

    y: Sequence[float]
    colour: str
    dash: str = ""


def chart(
    curves: Sequence[Curve],
    alt: str,
    *,
    x: tuple[float, float],
    y: Sequence[float],
    height: int = 120,
    at: float | None = None,
    form: str = "{:g}",
) -> str:
    """Curves over x, as SVG.

    Args:
        alt: what there is to see.
        x: ends of its axis. y: the ticks of its axis, whose first and last are its ends.
        at: where a vertical line stands. form: how a tick of y is written.
    """

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * (value - x[0]) / (x[1] - x[0])

    def down(value: float) -> float:
        return 8 + (height - 8 - BOTTOM) * (y[-1] - value) / (y[-1] - y[0])

    def line(curve: Curve) -> str:
        step = (x[1] - x[0]) / (len(curve.y) - 1)
        points = " ".join(f"{across(x[0] + i * step):.1f},{down(value):.1f}" for i, value in enumerate(curve.y))
        style = f'stroke="{curve.colour}" stroke-dasharray="{curve.dash}"'
        return f'<polyline points="{points}" fill="none" stroke-width="2" {style}/>'

    ticks = "".join(
        f'<path d="M{LEFT} {down(value):.1f}H{WIDTH - 8}" stroke="currentColor" opacity=".25"/>'
        f'<text x="{LEFT - 6}" y="{down(value) + 4:.1f}" text-anchor="end">{form.format(value)}</text>'
        for value in y
    )
    ticks += "".join(
        f'<text x="{across(value):.1f}" y="{height - 3}" text-anchor="middle">{value:g}</text>'
        for value in (x[0], (x[0] + x[1]) / 2, x[1])
    )
    here = "" if at is None else f'<path d="M{across(at):.1f} 8V{height - BOTTOM}" stroke="currentColor"/>'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(alt)}">'
        f"{ticks}{here}{''.join(map(line, curves))}</svg>"
    )


# --- what visitors type


def checked_text(text: str | None, example: str, most: int) -> str:
    """What was typed, if it is of reasonable length and holds a letter or a digit.

    Raises:
        ValueError: it is not; one sentence.
    """
    text = (text or "").strip()
    if not text:
        raise ValueError(f"nothing was typed: write something, such as '{example}'")
    if len(text) > most:
        raise ValueError(f"the text has {len(text):,} characters, at most {most:,} are read: shorten it")
    if not any(letter.isalnum() for letter in text):
        raise ValueError("no word is in this text, and signs and emoji are not read: write it in words")
    return text


def checked_dials(values: Mapping[str, float | None], low: float, high: float) -> None:
    """Raises a ValueError, one sentence, for a value that is missing or not between `low` and `high`."""
    for name, value in values.items():
        if value is None or not low <= value <= high:
            raise ValueError(f"the {name} must be a number from {low:g} to {high:g}: move its slider")


def checked_choices(*values: object) -> None:
    """Raises a ValueError, one sentence, for a menu in which nothing is chosen."""
    if None in values:
        raise ValueError("a menu is empty: choose something in each of them")
