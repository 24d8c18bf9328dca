"""Pictures for the builders: drawn from SVG, scaled down, compared, packed into sheets."""

import io

import numpy as np
from PIL import Image

SIZE, COLUMNS = 32, 40  # pixels of one picture; pictures in a row of a sheet
NEAR = 0.08  # root mean square difference of premultiplied RGBA in [0, 1], at 16 px


def draw(svg: str, size: int = 4 * SIZE) -> Image.Image:
    """An SVG as a square RGBA picture. Text would depend on the fonts installed, so none are loaded."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True))
    return Image.open(io.BytesIO(png)).convert("RGBA")


def shrink(image: Image.Image) -> Image.Image:
    """RGBA to SIZE pixels: the mean of each box, with colours weighted by alpha, so that no dark rim appears."""
    return image.convert("RGBa").resize((SIZE, SIZE), Image.Resampling.BOX).convert("RGBA")


def sheet(images: list[Image.Image], columns: int = COLUMNS) -> bytes:
    """Pictures of one size and mode row by row in one lossless WebP; transparent pixels keep no hidden colour."""
    width, height = images[0].size
    canvas = Image.new(images[0].mode, (columns * width, -(-len(images) // columns) * height))
    for i, image in enumerate(images):
        canvas.paste(image, (i % columns * width, i // columns * height))
    out = io.BytesIO()
    canvas.save(out, "WEBP", lossless=True, quality=100, method=6, exact=True)
    return out.getvalue()


def near(images: list[Image.Image]) -> np.ndarray:
    """(N, N) bool: which RGBA pictures are NEAR each other."""
    small = [image.convert("RGBa").resize((16, 16), Image.Resampling.BOX) for image in images]
    pixels = np.stack([np.asarray(image, dtype=np.int64).ravel() for image in small])  # integers: exact everywhere
    squares = (pixels**2).sum(1)
    distance = squares[:, None] + squares - 2 * pixels @ pixels.T
    return distance < (255 * NEAR) ** 2 * pixels.shape[1]
