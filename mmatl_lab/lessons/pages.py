"""What the pages of all demos share: sentences in place of errors, pictures within the page, things loaded once."""

import base64
import io
import threading
from functools import cache, wraps
from html import escape
from typing import TYPE_CHECKING

from torch import Tensor

from mmatl_lab.viz.style import to_uint8

if TYPE_CHECKING:
    import gradio as gr

CSS = """
img { border-radius: 6px; border: 1px solid var(--border-color-primary); }
p { margin: .3em 0; }
figure { margin: 0; } figcaption, small { font-size: 13px;
  color: color-mix(in srgb, var(--body-text-color) 72%, var(--body-background-fill)); }
.note { border-left: 4px solid #e69f00; padding: .2em .7em; margin: .4em 0; overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; }
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


def picture_html(picture: Tensor, alt: str, width: int, height: int | None = None) -> str:
    """A picture as an `img` of so many pixels, within the page: no file is written or asked for.

    Args:
        picture: (3, H, W) in [0, 1].
        alt: what it shows, for those who do not see it.
        width, height: as shown; None shows a square.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture[None])[0].transpose(1, 2, 0)).save(buffer, "PNG")
    data, size = base64.b64encode(buffer.getvalue()).decode(), f'width="{width}" height="{height or width}"'
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" {size}>'


def dial(minimum: float, maximum: float, value: float, *, step: float, label: str) -> "gr.Slider":
    """A slider that passes on whatever stands in its number box, None when that is empty; what it sets must be checked.

    Gradio's own answers with a traceback and the word Error, already while a visitor is typing.
    """
    import gradio as gr

    slider = gr.Slider(minimum, maximum, value, step=step, label=label)
    slider.preprocess = lambda payload: payload
    return slider


def once(function):
    """A function without side effects, computed at the first call with its arguments; an error is not remembered.

    Visitors come in threads: the first computes, others who ask the same function wait, nobody else does.
    """
    cached, lock = cache(function), threading.RLock()

    @wraps(function)
    def call(*args):
        with lock:
            return cached(*args)

    call.forget = cached.cache_clear
    return call
