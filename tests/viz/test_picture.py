import base64
import io
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mmatl_lab.viz.picture import Picture, animation, to_png


def image_tag(bundle):
    """Attributes of the one <img> in a bundle's HTML."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(bundle["text/html"])
    [(tag, attributes)] = found
    assert tag == "img"
    return attributes


def test_alt_text_is_in_html_and_in_the_png_metadata_whatever_it_holds():
    alt = 'loss < 1 & "accuracy" > .9'
    figure = plt.figure()
    data, metadata = Picture(to_png(figure), alt, width=640)._repr_mimebundle_()
    tag = image_tag(data)
    assert tag["alt"] == alt and tag["width"] == "640"
    assert metadata["image/png"]["alt"] == alt
    assert data["text/plain"] == alt
    png = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    kind, source = tag["src"].split(";base64,")
    webp = Image.open(io.BytesIO(base64.b64decode(source)))
    assert (png.format, webp.format, kind) == ("PNG", "WEBP", "data:image/webp")
    assert png.size == webp.size


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_picture_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="alt text is empty"):
        Picture(b"", alt, 100)


def test_an_animation_keeps_its_pictures_and_ends_on_the_last_as_png():
    pictures = [np.full((40, 60, 3), value, np.uint8) for value in (0, 120, 250)]
    moving = animation(pictures, [100, 100, 500], "from black to white")
    assert Image.open(io.BytesIO(moving.data)).n_frames == 3
    data, _ = moving._repr_mimebundle_()
    source = image_tag(data)["src"].split(";base64,")[1]
    assert base64.b64decode(source) == moving.data
    png = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    assert min(png.getpixel((30, 20))) > 240


def test_an_animation_keeps_to_its_limit_by_losing_quality():
    noise = np.random.default_rng(0).integers(0, 255, (6, 200, 200, 3), dtype=np.uint8)
    assert len(animation(noise, [100] * 6, "noise", limit=10**9).data) > 120_000
    assert len(animation(noise, [100] * 6, "noise", limit=120_000).data) <= 120_000
