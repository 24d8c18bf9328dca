"""Opens whatever picture a learner brings: files, bytes, arrays and tensors of any mode and size.

Either a picture comes back or a ``PictureError`` with one sentence. Memory stays bounded: sizes are read from the
header before anything is decoded, and a large JPEG is decoded at a fraction of its size.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

MAX_PIXELS = 16_000_000  # decoded: 64 MB as RGBA
MAX_DRAFT_PIXELS = 170_000_000  # of a JPEG, which is decoded at 1/2 to 1/8 of its size; Pillow refuses 178,956,970
MAX_SIDE = 65_535  # as in JPEG; Pillow keeps a pointer for each row, so a tall picture of few pixels would take much
# Bitmap formats whose header tells the size, and that Pillow reads by itself. Left out on purpose: EPS (runs another
# program), ICO (its header may lie about the picture inside).
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "AVIF")

Source = str | Path | bytes | Image.Image | np.ndarray | Tensor


class PictureError(ValueError):
    """This is no picture that can be opened; the message says why and what to do."""


def open_picture(
    source: Source, size: int | None = None, *, background: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Tensor:
    """A picture as a tensor (3, H, W) float in [0, 1].

    Args:
        source: a path; the bytes of a file; a PIL image; an array (H, W), (H, W, C) or a tensor (H, W), (C, H, W) with
            1, 3 or 4 channels, uint8, uint16, bool, or float in [0, 1]. Of an animation the first frame is taken;
            EXIF orientation is applied. Values are rounded to 8 bits.
        size: fit the whole picture, unstretched, into (3, size, size), the rest filled with the background.
            None keeps the picture's own size.
        background: red, green, blue in [0, 1] that shines through where the picture is transparent.

    Raises:
        PictureError: not a picture, damaged, too large, or values out of range, in one sentence.
        TypeError: a source of another type.
    """
    if isinstance(source, Image.Image):
        _check_pixels(*source.size, MAX_PIXELS)
        image = source
    elif isinstance(source, (np.ndarray, Tensor)):
        image = _from_array(source)
    elif isinstance(source, (str, Path, bytes, bytearray)):
        image = _from_file(source, size)
    elif source is None:
        raise PictureError("no picture was given: choose a file or draw one.")
    else:
        raise TypeError(f"expected a path, bytes, a PIL image, an array or a tensor, got {type(source).__name__}.")
    try:
        image = _to_rgba(image)
    except PictureError:
        raise
    except Exception as error:  # Pillow raises errors of many types for damaged files
        raise PictureError(f"the picture is damaged or cut off ({error}): save or download it again.") from None
    if size is not None:
        fitted = [max(1, round(side * size / max(image.size))) for side in image.size]
        image = image.convert("RGBa").resize(fitted, Image.Resampling.BICUBIC).convert("RGBA")
    colour = tuple(round(255 * channel) for channel in background)
    canvas = Image.new("RGBA", image.size if size is None else (size, size), (*colour, 255))
    canvas.alpha_composite(image, ((canvas.width - image.width) // 2, (canvas.height - image.height) // 2))
    pixels = torch.from_numpy(np.array(canvas.convert("RGB")))  # (H, W, 3)
    return pixels.permute(2, 0, 1).float().div_(255)


def _from_file(source: str | Path | bytes, size: int | None) -> Image.Image:
    """The file's picture, its size checked, not decoded yet; a JPEG set to be decoded no larger than needed."""
    if isinstance(source, (bytes, bytearray)):
        file, head = io.BytesIO(source), bytes(source[:1024])
    else:
        path = Path(source).expanduser()
        if path.is_dir():
            raise PictureError(f"{path} is a folder: name a picture in it.")
        if not path.is_file():
            raise PictureError(f"there is no picture at {path}: check the name, from the folder {Path.cwd()}.")
        try:
            file = path
            with path.open("rb") as stream:
                head = stream.read(1024)
        except OSError as error:
            raise PictureError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    if not head:
        raise PictureError("the file is empty (0 bytes): save or download it again.")
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limits are lower
            image = Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise PictureError(f"the picture is larger than {MAX_DRAFT_PIXELS:,} pixels: scale it down first.") from None
    except Exception:  # Pillow raises errors of many types for damaged headers
        if b"<svg" in head:
            raise PictureError("this is an SVG drawing, not pixels: export it as PNG first.") from None
        raise PictureError(f"this is not a picture in one of the formats {', '.join(FORMATS)}: convert it.") from None
    # Drafts save nothing for a progressive JPEG: its coefficients are held in memory at full size.
    if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
        _check_pixels(*image.size, MAX_DRAFT_PIXELS)
        scale = next((s for s in (1, 2, 4, 8) if image.width * image.height <= s * s * MAX_PIXELS), 8)
        wanted = 2 * size if size else max(image.size)
        image.draft("RGB", (min(wanted, image.width // scale), min(wanted, image.height // scale)))
    _check_pixels(*image.size, MAX_PIXELS)
    return image


def _check_pixels(width: int, height: int, limit: int) -> None:
    """Raises PictureError for a picture with too many pixels, a side that is too long, or no pixels at all."""
    if max(width, height) > MAX_SIDE:
        raise PictureError(
            f"the picture has {width:,} × {height:,} pixels, more than {MAX_SIDE:,} on one side: crop it first."
        )
    if width * height > limit:
        raise PictureError(
            f"the picture has {width:,} × {height:,} pixels, more than the {limit:,} allowed: scale it down first."
        )
    if width * height == 0:
        raise PictureError(f"the picture has no pixels ({width} × {height}): choose another one.")


def _to_rgba(image: Image.Image) -> Image.Image:
    """Decoded, upright, 8-bit RGBA, from any mode."""
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block is no reason to refuse the picture; Pillow raises many types for it
        pass
    if image.mode.startswith("I;16"):
        return _from_array(np.asarray(image).astype(np.uint16))
    if image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float32)
        top = next((top for top in (1, 255, 65535) if values.max() <= top), 65535)
        return _from_array(values / top)
    return image.convert("RGBA")


def _from_array(source: np.ndarray | Tensor) -> Image.Image:
    """An array, channels last, or a tensor, channels first, as RGBA."""
    x = source
    if isinstance(x, Tensor):
        x = x.detach().cpu()
        known = x.dtype in (torch.float16, torch.float32, torch.float64) or not x.is_floating_point()
        x = (x if known else x.float()).numpy()  # numpy has no bfloat16
        x = np.moveaxis(x, 0, -1) if x.ndim == 3 else x
    order = "(C, H, W)" if isinstance(source, Tensor) else "(H, W, C)"
    if x.ndim not in (2, 3) or (x.ndim == 3 and x.shape[2] not in (1, 3, 4)):
        shape = tuple(source.shape)
        raise PictureError(f"expected a picture of shape (H, W) or {order} with 1, 3 or 4 channels, got {shape}.")
    _check_pixels(x.shape[1], x.shape[0], MAX_PIXELS)
    if x.dtype == np.bool_:
        x = x.astype(np.uint8) * 255
    elif x.dtype == np.uint16:
        x = ((x.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 -> 255, 0 -> 0, rounded
    elif x.dtype.kind == "f":
        if not (np.isfinite(x).all() and x.min() >= -1e-3 and x.max() <= 1 + 1e-3):
            raise PictureError(
                f"expected float values in [0, 1], got {x.min():.3g} to {x.max():.3g}: divide by the largest value."
            )
        x = (x.clip(0, 1) * 255).round().astype(np.uint8)
    elif x.dtype != np.uint8:
        raise PictureError(f"expected values of type uint8, uint16, bool or float, got {x.dtype}: convert them first.")
    return Image.fromarray(np.ascontiguousarray(x.squeeze(2) if x.ndim == 3 and x.shape[2] == 1 else x)).convert("RGBA")
