"""What both halves of the demo need: sentences in place of errors, pictures within the page, models loaded once."""

import base64
import io
import threading
from functools import cache, wraps
from html import escape

from torch import Tensor

from mmatl_lab.data.emoji import SIZE, words_of
from mmatl_lab.data.pictures import PictureError, open_picture
from mmatl_lab.models.clip import CLIP
from mmatl_lab.viz.style import to_uint8

MAX_WORDS = 32  # of a text; what the scenes' text encoder can read
MAX_CHARACTERS = 5_000  # of everything typed into one box
CSS = """
img { image-rendering: pixelated; border-radius: 6px; border: 1px solid var(--border-color-primary); }
p { margin: .3em 0; }
figure { margin: 0; } figcaption, small { font-size: 13px;
  color: color-mix(in srgb, var(--body-text-color) 72%, var(--body-background-fill)); }
.note { border-left: 4px solid #e69f00; padding: .2em .7em; margin: .4em 0; overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; }
.bars li { display: grid; grid-template-columns: 1fr 5.5em 7em; gap: 0 .8em; margin: .55em 0; align-items: baseline; }
.bars b, .bars small { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bars span { overflow-wrap: anywhere; }
.bars i { grid-column: 1 / -1; height: 8px; border-radius: 4px; overflow: hidden;
          background: var(--border-color-primary); }
.bars i::before { content: ""; display: block; height: 100%; width: var(--share); background: #2b8cc4; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 10px; }
.tiles li { text-align: center; font-size: 14px; line-height: 1.25; overflow-wrap: anywhere; }
.tiles img { display: block; margin: 0 auto 4px; width: 72px; height: 72px; padding: 6px; background: #fff; }
"""


def answering(function):
    """The same function, whose errors of one sentence come back as the note that a page shows; it returns HTML."""

    @wraps(function)
    def answer(*args) -> str:
        try:
            return function(*args)
        except (ValueError, OSError) as error:  # OSError: a file that is not there, such as a checkpoint
            return note(error)

    return answer


def note(sentence: object) -> str:
    """A sentence as a paragraph of HTML; a capital letter first, a full stop last."""
    text = str(sentence).strip()
    return f'<p class="note" role="status">{escape(text[:1].upper() + text[1:].rstrip("."))}.</p>'


def picture_html(picture: Tensor, alt: str, pixels: int) -> str:
    """A picture (3, H, W) in [0, 1] as an `img` of so many pixels, within the page: no file is written or asked for."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture[None])[0].transpose(1, 2, 0)).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" width="{pixels}" height="{pixels}">'


def checked_text(text: str | None) -> str:
    """What was typed, if it is of reasonable length and holds a letter or a digit; else a ValueError."""
    text = (text or "").strip()
    if not text:
        raise ValueError("nothing was typed: write what there is to see, such as 'a small red circle'")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the text has {len(text):,} characters, at most {MAX_CHARACTERS:,} are read: shorten it")
    if not words_of(text):
        raise ValueError("no word is in this text, and signs and emoji are not read: say in words what there is to see")
    return text


def uploaded(path: str | None, background: tuple[float, float, float]) -> Tensor:
    """(1, 3, 32, 32) of a visitor's picture; PictureError, one sentence, for what is none."""
    if path is None:
        raise PictureError("no picture was given: choose a file first")
    return open_picture(path, SIZE, background=background)[None]


_lock = threading.RLock()  # visitors come in threads; loading and UMAP are done once, by the first


def once(function):
    """A function without side effects, computed at the first call with its arguments; an error is not remembered."""
    cached = cache(function)

    @wraps(function)
    def call(*args):
        with _lock:
            return cached(*args)

    call.forget = cached.cache_clear
    return call


@once
def load(name: str) -> CLIP:
    """A shipped model of the lesson. FileNotFoundError or CheckpointError, one sentence, when it cannot be had."""
    from . import recipe

    return recipe.load(name)[0]
