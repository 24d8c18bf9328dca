import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from mmatl_lab.viz import scatter
from mmatl_lab.viz.embedding import pca


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(scatter, "umap_embed", lambda x, seed: pca(np.asarray(x)))


def test_every_latent_is_drawn_once_in_the_look_of_its_class():
    sarcastic = torch.arange(40) % 3 == 0
    figure = scatter.plot_classes(
        {"words": torch.randn(40, 5), "all": torch.randn(40, 9)}, sarcastic, ("sincere", "sarcastic"), title="Maps"
    )
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["words", "all"]
    for ax in figure.axes:
        drawn = [(to_hex(points.get_facecolor()[0]).upper(), len(points.get_offsets())) for points in ax.collections]
        sizes = [sum(n for colour, n in drawn if colour == look) for look, _ in scatter.CLASS_LOOKS[:2]]
        assert sizes == [int((~sarcastic).sum()), int(sarcastic.sum())] and sum(sizes) == sum(n for _, n in drawn)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["sincere", "sarcastic"]


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 1, 0], "got 3 labels for latents"), ([0, 1, 2, 0], "labels from 0 to 2 of 2 classes")]
)
def test_labels_that_do_not_fit_get_a_sentence(labels, message):
    with pytest.raises(ValueError, match=message):
        scatter.plot_classes({"words": torch.randn(4, 5)}, labels, ("a", "b"))
