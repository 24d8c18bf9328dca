"""Figures on a dark page of JupyterLab and on a light one, from the same bytes, as Chromium draws them."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mmatl_lab.viz.picture import Picture
from mmatl_lab.viz.style import BLACK, use_style

pytestmark = pytest.mark.slow

PURPLE = (140, 40, 200)  # of the picture in the figure


@pytest.fixture(scope="module")
def figure():
    """A black field at the left, a purple picture at the right, white elsewhere, as HTML."""
    use_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(4, 2), layout="none")
    left.add_patch(plt.Rectangle((0.2, 0.2), 0.6, 0.6, color=BLACK))
    right.imshow(np.full((8, 8, 3), PURPLE, np.uint8))
    for ax in (left, right):
        ax.axis("off")
    picture = Picture.of(figure, "A black square and a purple one.")
    plt.close(figure)
    return picture._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize(("light", "ground", "black", "paper"), [("true", "#fff", 0, 255), ("false", "#111", 238, 17)])
def test_a_figure_takes_the_ground_of_the_page_and_its_pictures_keep_their_colours(
    page, figure, light, ground, black, paper
):
    page.set_content(f'<body data-jp-theme-light="{light}" style="margin:0;background:{ground}">{figure}</body>')
    page.wait_for_function("document.images[0].complete")
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    assert np.abs(seen[100, 112] - black).max() <= 3  # inside the square
    assert np.abs(seen[:200, 5] - paper).max() <= 3  # the figure's margin, to its very edges
    assert np.abs(seen[100, 300] - PURPLE).max() <= 3  # inside the picture
    assert np.abs(seen[450, 700] - paper).max() <= 3  # the page
