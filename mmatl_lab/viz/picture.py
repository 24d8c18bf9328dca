"""Pictures and animations with their alt text, as a notebook keeps and shows them."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from PIL import Image


def to_png(figure: Figure, **options) -> bytes:
    """The figure as the bytes of a PNG file; `options` go to `savefig`. The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, **options)
    return buffer.getvalue()


@dataclass(frozen=True)
class Picture:
    """A picture with its alt text, shown by being the last line of a cell.

    JupyterLab and nbconvert's default page drop the alt text of an `image/png` output, but keep that of an HTML image.
    So a notebook holds the picture twice: small WebP in HTML for pages, PNG for PDF export and other programs.

    Args:
        data: bytes of a PNG, WebP or GIF file; an animation stays animated on pages, its PNG is the last frame.
        alt: what a person would conclude from the picture.
        width: shown width in CSS pixels.
    Raises:
        ValueError: `alt` is empty.
    """

    data: bytes = field(repr=False)
    alt: str
    width: int

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("the alt text is empty: say in a sentence what a person would conclude from the picture")

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        from PIL import Image

        picture = Image.open(io.BytesIO(self.data))
        if getattr(picture, "is_animated", False):
            shown, kind = self.data, picture.format
            picture.seek(picture.n_frames - 1)
        else:
            shown, kind = _encoded(picture, "WEBP", lossless=True), "WEBP"
        png = _encoded(picture.convert("RGB").quantize(256, dither=0), "PNG", optimize=True)  # a third of the size
        source = f"data:image/{kind.lower()};base64,{base64.b64encode(shown).decode()}"
        tag = f'<img alt="{html.escape(self.alt)}" width="{self.width}" style="max-width:100%" src="{source}">'
        return (
            {"text/html": tag, "image/png": base64.b64encode(png).decode(), "text/plain": self.alt},
            {"image/png": {"alt": self.alt, "width": self.width}},
        )


def animation(
    pictures: Sequence, milliseconds: Sequence[int], alt: str, *, marks: bool = False, limit: int = 250_000
) -> Picture:
    """Pictures as one animated WebP that plays on any page without a kernel.

    Args:
        pictures: (H, W, 3) uint8 arrays of one size.
        milliseconds: how long each is shown.
        alt: what a person would conclude from it.
        marks: small marks in few colours, which stay crisp in 16 colours without loss, and blur with loss.
        limit: bytes; the quality falls until it is kept, or the lowest is reached.
    """
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    tries = [(images, {"quality": quality}) for quality in (60, 40, 20, 5)]
    if marks:
        tries.insert(0, ([image.quantize(16, dither=0).convert("RGB") for image in images], {"lossless": True}))
    for frames, options in tries:
        timing = {"duration": list(milliseconds), "loop": 0}
        data = _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], **timing, **options)
        if len(data) <= limit:
            break
    return Picture(data, alt, width=images[0].width)


def _encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()
