"""Pictures and animations with their alt text, as a notebook keeps and shows them, on a light page and on a dark one.

A figure is drawn once, on white. On a dark page a sheet over it inverts its lightness and keeps its hues: white becomes
the page's #111, black letters become #EEE, blue stays blue. The sheet has a hole over each picture and heat map in the
figure, whose colours mean something. Where a page keeps no style sheets, as JupyterLab does until a notebook is
trusted, the figure stays as it is, on white.
"""

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

Region = tuple[float, float, float, float]  # left, top, right, bottom, in shares of a figure's width and height
# JupyterLab, and pages that nbconvert makes from a notebook; VS Code
DARK = ':is([data-jp-theme-light="false"], .vscode-dark)'
INVERT = 0.933  # takes white to #111, the ground of JupyterLab's dark theme
SHEET = (  # JupyterLab shows the first line of an output that is folded
    "<!-- a figure -->\n"
    "<style>.mmatl-figure{position:relative;display:inline-block;max-width:100%}.mmatl-figure>i{display:none}"
    f"{DARK} .mmatl-figure>i{{display:block;position:absolute;inset:0;"
    f"backdrop-filter:invert({INVERT}) hue-rotate(180deg)}}</style>"
)


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
        true_colours: regions that look the same on a dark page, such as the pictures in a figure.
    Raises:
        ValueError: `alt` is empty.
    """

    data: bytes = field(repr=False)
    alt: str
    width: int
    true_colours: tuple[Region, ...] = ()

    @classmethod
    def of(cls, figure: Figure, alt: str) -> Picture:
        """The figure as a picture, 100 pixels an inch wide; pictures and heat maps in it keep their colours."""
        data = to_png(figure)  # first: only what is drawn has a place
        return cls(data, alt, round(100 * figure.get_figwidth()), coloured_regions(figure))

    def to_html(self, kind: str = "png", data: bytes | None = None) -> str:
        """The picture and the sheet that fits it to a dark page.

        Args:
            kind, data: format and bytes of the file, where not those of this PNG.
        """
        source = f"data:image/{kind};base64,{base64.b64encode(data or self.data).decode()}"
        shown = 'style="max-width:100%;display:block"'
        return (
            f'{SHEET}<div class="mmatl-figure"><img alt="{html.escape(self.alt)}" width="{self.width}" {shown} '
            f'src="{source}"><i style="clip-path:{_with_holes(self.true_colours)}"></i></div>'
        )

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
        return (
            {
                "text/html": self.to_html(kind.lower(), shown),
                "image/png": base64.b64encode(png).decode(),
                "text/plain": self.alt,
            },
            {"image/png": {"alt": self.alt, "width": self.width}},
        )


def coloured_regions(figure: Figure) -> tuple[Region, ...]:
    """Where pictures, heat maps and colour bars are in a figure that was drawn."""
    from matplotlib.collections import QuadMesh
    from matplotlib.image import AxesImage
    from matplotlib.transforms import Bbox

    page, found = figure.bbox, []
    for artist in (*figure.findobj(AxesImage), *figure.findobj(QuadMesh)):
        box = Bbox.intersection(artist.get_window_extent(), artist.axes.bbox)
        if box is not None:
            left, right = box.x0 / page.width, box.x1 / page.width
            found.append((left, 1 - box.y1 / page.height, right, 1 - box.y0 / page.height))
    unique = list(dict.fromkeys(tuple(round(x, 4) for x in region) for region in found))
    return tuple(a for a in unique if not any(a != b and _within(a, b) for b in unique))


def _within(a: Region, b: Region) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def _with_holes(regions: Sequence[Region]) -> str:
    """Everything but the regions, as a CSS polygon: one line goes round the page and round each hole."""
    path = ["-1% -1%,101% -1%,101% 101%,-1% 101%,-1% -1%"]  # a little beyond: an edge on half a pixel stays white
    for left, top, right, bottom in regions:
        x0, y0, x1, y1 = (f"{100 * share:.4g}%" for share in (left, top, right, bottom))
        path.append(f"{x0} {y0},{x1} {y0},{x1} {y1},{x0} {y1},{x0} {y0},-1% -1%")
    return f"polygon(evenodd,{','.join(path)})"


def animation(
    pictures: Sequence,
    milliseconds: Sequence[int],
    alt: str,
    *,
    marks: bool = False,
    limit: int = 250_000,
    true_colours: tuple[Region, ...] = (),
) -> Picture:
    """Pictures as one animated WebP that plays on any page without a kernel.

    Args:
        pictures: (H, W, 3) uint8 arrays of one size.
        milliseconds: how long each is shown.
        alt: what a person would conclude from it.
        marks: small marks in few colours, which stay crisp in 16 colours without loss, and blur with loss.
        limit: bytes; the quality falls until it is kept, or the lowest is reached.
        true_colours: as for `Picture`.
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
    return Picture(data, alt, images[0].width, true_colours)


def _encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()
