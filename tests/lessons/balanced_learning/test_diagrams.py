"""The diagrams say what the models do."""

import re

import pytest

from mmatl_lab.lessons.balanced_learning import diagrams
from mmatl_lab.lessons.balanced_learning.systems import make_system, settings_of
from mmatl_lab.lessons.balanced_learning.tasks import load
from mmatl_lab.viz.diagram import check_diagram


@pytest.mark.parametrize(
    ("diagram", "method", "last"), [(diagrams.joint, "normal", "sum"), (diagrams.mla, "mla", "weights\nat test time")]
)
def test_the_models_have_the_shapes_of_their_diagrams(diagram, method, last):
    model = make_system("digits", method).make(settings_of("digits", method))
    views = {name: x[:5] for name, x in load("digits").test.views.items()}
    values = {last: model.fuse(model(views).logits)}
    assert check_diagram(diagram(), model, views, lambda: model(views), values) == {"B": 5, "D": 32}


@pytest.mark.parametrize("diagram", [diagrams.joint, diagrams.mla])
def test_letters_are_not_shrunk_in_a_notebook(diagram):
    assert int(re.search(r'width="(\d+)"', diagram().to_svg())[1]) <= 700
