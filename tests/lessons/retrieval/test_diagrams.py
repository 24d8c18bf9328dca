"""The diagrams say what the models do."""

import torch

from mmatl_lab.lessons.retrieval import diagrams, five
from mmatl_lab.models.imagebind import ImageBind
from mmatl_lab.models.vse import VSE, VSEConfig
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.diagram import check_diagram


def test_the_heads_have_the_shapes_of_their_diagram():
    model, image, text = VSE(VSEConfig(7, 5, out_dim=4)), torch.randn(3, 7), torch.randn(3, 5)
    out = model(image, text)
    sizes = check_diagram(
        diagrams.heads(),
        model,
        {"image features": image, "text features": text},
        values={"u · v\nall pairs": out.image @ out.text.T},
    )
    assert sizes == {"B": 3, "D": 4, "F": 7, "E": 5}


def test_the_five_encoders_have_the_shapes_of_their_diagram():
    model = ImageBind.from_config(five.five_config(channels=(8, 8, 8), out_dim=6))
    scenes = five.gallery(0, 3)
    views = {name: five.view(scenes, name, generator=seeded(0)) for name in five.MODALITIES}
    sizes = check_diagram(diagrams.five(), model, views, forward=lambda: model(views))
    assert (sizes["B"], sizes["D"], sizes["T"]) == (3, 6, five.NUM_FRAMES)
