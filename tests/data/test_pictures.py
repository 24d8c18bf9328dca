"""Every picture gets an answer or one sentence, and memory stays bounded."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from mmatl_lab.data.pictures import MAX_DRAFT_PIXELS, MAX_PIXELS, PictureError, open_picture

RED, WHITE = (1.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def encoded(image, form="PNG", **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def pixel(picture, x, y):
    return tuple(round(v, 2) for v in picture[:, y, x].tolist())


@pytest.fixture
def scene():
    image = Image.new("RGB", (40, 20), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 9, 19), fill="red")
    return image


@pytest.mark.parametrize("mode", "1 L LA P PA RGB RGBA RGBX CMYK YCbCr HSV I F".split())
def test_every_mode_gives_three_channels_in_range(scene, mode):
    source = scene.convert("RGBA").convert("P") if mode in ("P", "PA") else scene.convert("RGB")
    image = (source.convert("L") if mode in ("I", "F") else source).convert(mode)
    picture = open_picture(image)
    assert picture.shape == (3, 20, 40) and picture.dtype == torch.float32
    assert 0 <= picture.min() and picture.max() <= 1
    assert picture[:, :, 20:].mean() > 0.97  # white stays white
    assert picture[1, :, :10].mean() < 0.4  # red has no green in any mode, and is dark in grey


def test_sixteen_bits_keep_their_brightness():
    values = np.linspace(0, 65535, 12, dtype=np.uint16).reshape(3, 4)
    for source in (Image.fromarray(values), encoded(Image.fromarray(values)), values, torch.from_numpy(values)):
        torch.testing.assert_close(
            open_picture(source)[0], torch.from_numpy(values / 65535).float(), atol=0.003, rtol=0
        )


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_float_images_are_read_by_their_range(top):
    image = Image.fromarray(np.array([[0, top / 2, top]], dtype=np.float32))
    torch.testing.assert_close(open_picture(image)[0, 0], torch.tensor([0, 0.5, 1]), atol=0.003, rtol=0)


def test_transparency_shows_the_background():
    clear = Image.new("RGBA", (4, 4), (0, 255, 0, 0))
    assert pixel(open_picture(clear), 1, 1) == WHITE
    assert pixel(open_picture(clear, background=RED), 1, 1) == RED
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 255, 0, 0, 0, 255])
    palette.putpixel((0, 0), 1)
    picture = open_picture(encoded(palette, transparency=0), background=RED)
    assert pixel(picture, 2, 2) == RED and pixel(picture, 0, 0) == (0.0, 0.0, 1.0)
    grey = Image.new("LA", (4, 4), (0, 128))
    assert pixel(open_picture(grey), 0, 0) == (0.5, 0.5, 0.5)


def test_size_fits_the_whole_picture_without_stretching(scene):
    picture = open_picture(scene, 32, background=(0.0, 0.0, 1.0))
    assert picture.shape == (3, 32, 32)
    assert pixel(picture, 16, 2) == (0.0, 0.0, 1.0) and pixel(picture, 16, 29) == (0.0, 0.0, 1.0)  # the bars
    assert pixel(picture, 2, 16) == RED and pixel(picture, 20, 16) == WHITE
    assert open_picture(Image.new("L", (5000, 1), 255), 32).shape == (3, 32, 32)
    assert open_picture(Image.new("L", (1, 1), 255), 32).shape == (3, 32, 32)


def test_shrinking_mixes_no_hidden_colour():
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)
    pixels[:, ::2] = (255, 255, 255, 255)  # white stripes beside transparent black ones
    assert open_picture(Image.fromarray(pixels), 16).min() > 0.98


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(scene, orientation):
    T = Image.Transpose
    undone = (T.FLIP_LEFT_RIGHT, T.ROTATE_180, T.FLIP_TOP_BOTTOM, T.TRANSPOSE, T.ROTATE_90, T.TRANSVERSE, T.ROTATE_270)
    stored = scene if orientation == 1 else scene.transpose(undone[orientation - 2])
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = open_picture(encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0))
    assert picture.shape == (3, 20, 40)
    assert picture[1, :, :8].max() < 0.2 and picture[1, :, 20:].min() > 0.9


def test_of_an_animation_the_first_frame_is_taken(scene):
    frames = [scene, Image.new("RGB", scene.size, "blue")]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        picture = open_picture(data)
        assert picture[2, :, 25:].min() > 0.9 and picture[1, :, 25:].min() > 0.9, form


@pytest.mark.parametrize(
    "source",
    [
        np.full((5, 7), 255, np.uint8),
        np.full((5, 7, 1), True),
        np.full((5, 7, 3), 255, np.uint8),
        np.ones((5, 7, 4), np.float64),
        np.ones((5, 7, 3), np.float16),
        torch.ones(3, 5, 7),
        torch.ones(1, 5, 7, dtype=torch.bfloat16),
        torch.ones(5, 7, requires_grad=True),
        torch.full((4, 5, 7), 255, dtype=torch.uint8),
    ],
    ids=lambda x: f"{type(x).__name__}-{tuple(x.shape)}-{x.dtype}",
)
def test_arrays_and_tensors(source):
    picture = open_picture(source)
    assert picture.shape == (3, 5, 7) and picture.min() == 1


def test_paths_bytes_and_strings_give_the_same(scene, tmp_path):
    path = tmp_path / "scene.png"
    scene.save(path)
    expected = open_picture(scene)
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes())):
        assert torch.equal(open_picture(source), expected)


def test_the_callers_picture_is_not_changed(scene):
    before = scene.tobytes()
    open_picture(scene, 16)
    assert scene.tobytes() == before and scene.size == (40, 20)


def refused(source, sentence, **options):
    with pytest.raises(PictureError, match=sentence) as error:
        open_picture(source, **options)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_truncated_files(form):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, form)
    refused(data[: len(data) // 2], "damaged or cut off|not a picture")


def test_what_is_no_picture(tmp_path):
    refused(b"", "empty")
    refused(b"hello", "not a picture in one of the formats")
    refused(b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG drawing")
    refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "nothing.png", "there is no picture at")
    (tmp_path / "zero.png").touch()
    refused(tmp_path / "zero.png", "empty")
    refused(None, "no picture was given")
    with pytest.raises(TypeError, match="got dict"):
        open_picture({"image": 1})


def test_arrays_out_of_range_or_shape():
    refused(np.zeros((2, 3, 4, 5)), r"expected a picture of shape .* got \(2, 3, 4, 5\)")
    refused(torch.zeros(2, 5, 5), r"\(C, H, W\)")
    refused(np.zeros((0, 5, 3)), "no pixels")
    refused(np.full((5, 5), 255.0), r"expected float values in \[0, 1\], got 255 to 255")
    refused(np.full((5, 5), np.nan), "expected float values")
    for huge in (np.full((5, 5), 1e308), torch.full((5, 5), 1e308, dtype=torch.float64)):
        refused(huge, r"got 1e\+308 to 1e\+308")
    refused(torch.full((5, 5), 2.0, dtype=torch.bfloat16), "got 2 to 2")
    refused(np.zeros((5, 5), np.int64), "got int64")
    refused(Image.fromarray(np.full((5, 5), np.nan, np.float32)), "expected float values")
    refused(Image.new("RGB", (0, 4)), "no pixels")


def test_bytes_damaged_anywhere_never_give_a_traceback(scene):
    rng = np.random.default_rng(1)
    for form in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        data = np.frombuffer(encoded(scene, form), np.uint8)
        for _ in range(40):
            broken = data.copy()
            broken[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
            try:
                picture = open_picture(broken.tobytes(), 16)
                assert picture.shape == (3, 16, 16)
            except PictureError as error:
                assert "\n" not in str(error)


def png_header(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_size_is_read_from_the_header():
    refused(png_header(10_000, 10_000) + b"\0\0\0\0IDAT", f"10,000 × 10,000 pixels, more than the {MAX_PIXELS:,}")
    refused(png_header(60_000, 60_000) + b"\0\0\0\0IDAT", f"larger than {MAX_DRAFT_PIXELS:,} pixels")


@pytest.mark.parametrize("width", [17_100, 18_000])
def test_what_is_said_of_a_large_jpeg_is_true(scene, width):
    data = encoded(scene, "JPEG")
    start = data.index(b"\xff\xc0") + 5  # height and width in the start of frame
    large = data[:start] + struct.pack(">HH", 10_000, width) + data[start + 4 :]
    said = f"17,100 × 10,000 pixels, more than the {MAX_DRAFT_PIXELS:,} allowed"
    refused(large, said if width == 17_100 else f"larger than {MAX_DRAFT_PIXELS:,} pixels")
    assert MAX_DRAFT_PIXELS < width * 10_000


@pytest.mark.parametrize("size", [(1, 15_000_000), (15_000_000, 1)])
def test_a_picture_of_few_pixels_may_not_be_endlessly_long(size):
    refused(png_header(*size) + b"\0\0\0\0IDAT", "pixels, more than 65,535 on one side: crop it first")
    refused(np.zeros(size[::-1], np.uint8), "more than 65,535 on one side")
    refused(Image.new("L", (65_536, 1)), "more than 65,535 on one side")


MEMORY = """
import resource, sys
import torch
from PIL import Image
from mmatl_lab.data.pictures import open_picture, PictureError
data = open(sys.argv[1], "rb").read()
open_picture(Image.new("RGB", (64, 64)), 32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(tuple(open_picture(data, 32).shape), flush=True)
except PictureError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(
    ("form", "options", "answer"),
    [
        ("JPEG", {}, "(3, 32, 32)"),
        ("JPEG", {"progressive": True}, "more than"),
        ("PNG", {}, "more than"),
        ("WEBP", {}, "more than"),
        ("TIFF", {"compression": "tiff_lzw"}, "more than"),
    ],
    ids=lambda x: str(x),
)
def test_memory_stays_bounded_at_100_megapixels(tmp_path, form, options, answer):
    """A legal JPEG of 100 megapixels gets an answer, others a sentence; neither takes what decoding would (300 MB)."""
    path = tmp_path / "large"
    Image.new("RGB", (10_000, 10_000), "red").save(path, form, **options)
    out = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    said, growth = out.stdout.splitlines()
    assert answer in said
    assert float(growth) < 100  # MB
