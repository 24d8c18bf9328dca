"""The diagrams say what the models do."""

import re

import torch

from mmatl_lab.lessons.clip import diagrams, scenes
from mmatl_lab.models.clip import CLIP
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.diagram import check_diagram


def test_clip_has_the_shapes_of_its_diagram():
    model = CLIP.from_config(scenes.clip_config((8, 16, 16), out_dim=24))
    batch = scenes.make_batch(scenes.gallery(5), generator=seeded(0))
    with torch.no_grad():
        out = model(batch.images, batch.tokens)
    sizes = check_diagram(
        diagrams.clip(),
        model,
        {"image": batch.images, "text": batch.tokens},
        values={"u · v / τ\nall pairs": out.image @ out.text.T},
    )
    assert sizes["B"] == 5 and sizes["D"] == 24
    assert int(re.search(r'width="(\d+)"', diagrams.clip().to_svg())[1]) <= 700
