"""The diagrams say what the model does."""

import re

import pytest
import torch

from mmatl_lab.lessons.mmatl import diagrams
from mmatl_lab.models.mmatl import MMATL, MMATLConfig
from mmatl_lab.nn.encoders import Part
from mmatl_lab.viz.diagram import check_diagram


def test_the_model_has_the_shapes_of_its_diagram():
    encoders = {name: Part("MLPEncoder", {"in_dim": 64, "hidden_dim": 16}) for name in ("audio", "sensor")}
    model = MMATL(MMATLConfig(encoders, num_classes=8)).eval()
    views = {name: torch.randn(5, 64) for name in encoders}

    def run():
        answer = model(views)
        model.alignment_discriminator(answer.e.flatten(0, 1))
        model.task_discriminator(answer.logits.softmax(1), answer.t)

    found = check_diagram(diagrams.mmatl(), model, views, run)
    assert (found["B"], found["F"], found["D"], found["H"], found["C"]) == (5, 64, 8, 64, 8)


@pytest.mark.parametrize("diagram", [diagrams.mmatl, diagrams.reversal])
def test_letters_are_not_shrunk_in_a_notebook(diagram):
    assert int(re.search(r'width="(\d+)"', diagram().to_svg())[1]) <= 700
