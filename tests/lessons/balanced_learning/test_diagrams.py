"""The diagrams say what the models do."""

import re

import pytest

from mmatl_lab.lessons.balanced_learning import diagrams
from mmatl_lab.lessons.balanced_learning.calibration import Calibration
from mmatl_lab.lessons.balanced_learning.systems import make_system, settings_of
from mmatl_lab.lessons.balanced_learning.tasks import load
from mmatl_lab.models.balanced import confidence
from mmatl_lab.viz.diagram import check_diagram


@pytest.mark.parametrize(
    ("diagram", "method", "last"), [(diagrams.joint, "normal", "sum"), (diagrams.mla, "mla", "weights\nat test time")]
)
def test_the_models_have_the_shapes_of_their_diagrams(diagram, method, last):
    model = make_system("digits", method).make(settings_of("digits", method))
    views = {name: x[:5] for name, x in load("digits").test.views.items()}
    values = {last: model.fuse(model(views).logits)}
    assert check_diagram(diagram(), model, views, lambda: model(views), values) == {"B": 5, "D": 32}


def test_the_fusions_by_confidence_and_by_temperature_have_the_shapes_of_their_diagrams():
    views = {name: x[:5] for name, x in load("digits").test.views.items()}
    model = make_system("digits", "qmf").make(settings_of("digits", "qmf"))
    logits = model(views).logits
    values = {f"confidence\nof the {m}": c for m, c in zip(model.modalities, confidence(logits))}
    values["Σ c z"] = model.fuse(logits)
    assert check_diagram(diagrams.qmf(), model, views, lambda: model(views), values) == {"B": 5}
    calibration = Calibration(model, views)
    signs, logits = calibration.signs(views)
    values = {f"temperature\nof the {m}": T for m, T in zip(model.modalities, calibration.temperatures(signs))}
    values |= {"MLP, Linear\ntrained before": logits[0], "product of\nexperts": calibration(views)}
    assert check_diagram(diagrams.calibrated(), model, views, lambda: model(views), values) == {"B": 5}


@pytest.mark.parametrize("diagram", [diagrams.joint, diagrams.mla, diagrams.qmf, diagrams.calibrated])
def test_letters_are_not_shrunk_in_a_notebook(diagram):
    assert int(re.search(r'width="(\d+)"', diagram().to_svg())[1]) <= 700
