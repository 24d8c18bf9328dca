import base64
import io
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mmatl_lab.viz.picture import Picture, animation, coloured_regions, to_png


def image_tag(bundle):
    """Attributes of the one <img> in a bundle's HTML."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(bundle["text/html"])
    [attributes] = [attributes for tag, attributes in found if tag == "img"]
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


def test_pictures_and_heat_maps_keep_their_colours_on_a_dark_page_and_curves_do_not():
    figure, axes = plt.subplots(1, 4, figsize=(8, 2), layout="none")
    axes[0].imshow(np.zeros((4, 4, 3)))
    axes[0].imshow(np.zeros((2, 2, 3)), extent=(0, 1, 1, 0))  # within the other
    axes[1].pcolormesh(np.zeros((3, 3)))
    axes[2].plot([0, 1])
    figure.delaxes(axes[3])
    figure.canvas.draw()
    regions = coloured_regions(figure)
    assert len(regions) == 2
    for ax, region in zip(axes, regions):
        place = ax.get_position()
        assert region == pytest.approx((place.x0, 1 - place.y1, place.x1, 1 - place.y0), abs=1e-3)


def test_a_picture_beyond_its_axes_keeps_the_colours_of_what_is_seen():
    figure, ax = plt.subplots(layout="none")
    ax.imshow(np.zeros((4, 4, 3)), aspect="auto")
    ax.set(xlim=(1.5, 9), ylim=(3, 0))
    figure.canvas.draw()
    [(left, _, right, _)] = coloured_regions(figure)
    place = ax.get_position()
    assert left == pytest.approx(place.x0, abs=1e-3)
    assert right == pytest.approx(place.x0 + place.width * 2 / 7.5, abs=1e-3)


def test_the_sheet_over_a_figure_has_a_hole_for_each_region():
    html = Picture(b"", "two pictures", 100, ((0, 0.5, 0.25, 1), (0.5, 0, 1, 1))).to_html()
    sheet = html[html.index("polygon(evenodd,") :]
    assert "0% 50%,25% 50%,25% 100%,0% 100%,0% 50%" in sheet and "50% 0%,100% 0%,100% 100%,50% 100%,50% 0%" in sheet
