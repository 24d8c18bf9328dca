"""What both tabs of the demo need: the models, words and pictures that visitors bring, checked."""

from torch import Tensor

from mmatl_lab.data.emoji import SIZE, words_of
from mmatl_lab.data.pictures import PictureError, open_picture
from mmatl_lab.lessons.pages import loader

load = loader("clip")
MAX_WORDS = 32  # of a text; what the scenes' text encoder can read
MAX_CHARACTERS = 5_000  # of everything typed into one box
CSS = """
img { image-rendering: pixelated; }
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
