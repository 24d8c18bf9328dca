"""The demo's answers, and the sentence that stands in place of each when it was asked badly. No model is trained."""

import pytest
import torch

from mmatl_lab.lessons.balanced_learning import demo
from mmatl_lab.lessons.balanced_learning.systems import make_system, settings_of
from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.models.balanced import METHODS


@pytest.fixture
def models(monkeypatch):
    """The demo's models have weights by chance."""

    def make(recipe, name):
        method = name.removeprefix("balanced_digits_")
        return make_system("digits", method).make(settings_of("digits", method)).eval(), {"name": name}

    monkeypatch.setattr(Recipe, "load", make)
    forget()
    yield
    forget()


def forget():
    for function in (demo.load_model, demo.calibration):
        function.forget()


def test_every_method_answers_and_the_calibrated_one_as_well(models):
    page = demo.judge("3", 0, 1.0, 2.0)
    assert page.count("<tr>") == 2 + len(METHODS)
    assert "a handwritten 3" in page and "MLA, calibrated" in page and page.count("<audio") == 1


def test_the_shares_of_trust_sum_to_one(models):
    _, views = demo.digit("3", 0, 0, 0)
    for method in METHODS:
        model = demo.load_model(f"balanced_digits_{method}")
        assert demo.whom_it_trusts(model, model(views).logits).sum().item() == pytest.approx(1)


def test_the_dials_change_only_what_they_say():
    picture, views = demo.digit("7", 3, 0, 0)
    soft, blurred = demo.digit("7", 3, 2.0, 0)
    _, noisy = demo.digit("7", 3, 0, 2.0)
    assert torch.equal(views["audio"], blurred["audio"]) and not torch.equal(views["image"], blurred["image"])
    assert torch.equal(views["image"], noisy["image"]) and not torch.equal(views["audio"], noisy["audio"])
    assert soft.float().std() < picture.float().std()


def test_a_blur_keeps_the_ink_of_a_digit_that_is_far_from_the_edge():
    image = torch.zeros(28, 28, dtype=torch.uint8)
    image[13:16, 13:16] = 200
    assert demo.blurred(image, 1.5).sum().item() == pytest.approx(image.sum().item(), rel=0.05)
    assert torch.equal(demo.blurred(image, 0), image)


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ((None, 0, 0, 0), "There is no digit chosen"),
        (("12", 0, 0, 0), "There is no digit chosen"),
        (("3", None, 0, 0), "The example must be a number from 0 to 19"),
        (("3", 0, 99, 0), "The blur must be a number from 0 to 4"),
        (("3", 0, 0, float("nan")), "The noise must be a number"),
    ],
)
def test_bad_input_gets_a_sentence(controls, sentence):
    assert sentence in demo.judge(*controls)


def test_without_models_the_page_says_so(monkeypatch):
    def missing(recipe, name):
        raise FileNotFoundError(f"no checkpoint {name}: make it")

    monkeypatch.setattr(Recipe, "load", missing)
    forget()
    assert "No checkpoint balanced_digits_normal" in demo.judge("3", 0, 0, 0)
    forget()
