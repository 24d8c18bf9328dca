"""The demo's answers, and the sentence that stands in place of each when it was asked badly. No model is trained."""

import pytest
import torch

from mmatl_lab.lessons.mmatl import demo
from mmatl_lab.lessons.mmatl.systems import make_system
from mmatl_lab.lessons.recipe import Recipe


@pytest.fixture
def models(monkeypatch):
    """The demo's models have weights by chance."""

    def make(recipe, name):
        system = make_system("digits")
        return system.make(system.presets["quick"]).eval(), {"name": name}

    monkeypatch.setattr(Recipe, "load", make)
    forget()
    yield
    forget()


def forget():
    for function in (demo.load_model, demo.counts):
        function.forget()


def test_both_models_answer_and_each_modality_shows_its_code(models):
    page = demo.judge("3", 0, True, True, 0.0, "both")
    assert page.count("<table") == len(demo.MODELS)
    assert page.count("the picture alone") == page.count("the sound alone") == len(demo.MODELS)
    assert page.count("as the model gets it") == 2 * len(demo.MODELS)
    without = demo.judge("3", 0, False, True, 0.0, "both")
    assert "the picture alone" not in without and "the sound alone" in without


def test_an_attack_stays_within_epsilon_and_in_range_and_changes_its_target_alone(models):
    model, one = demo.load_model("mmatl_digits"), demo.event("7", 1, (True, True))
    views = demo.attacked(model, one, 0.05, "the picture")
    change = views["image"] - one.views["image"]
    assert 0 < change.abs().max() <= 0.05 + 1e-6 and views["image"].min() >= 0 and views["image"].max() <= 1
    assert torch.equal(views["audio"], one.views["audio"])
    for nothing in (demo.attacked(model, one, 0.0, "both"),
                    demo.attacked(model, demo.event("7", 1, (False, True)), 0.05, "the picture")):  # fmt: skip
        assert all(torch.equal(nothing[name], one.views[name]) for name in nothing)


def test_the_counting_probe_has_seen_every_validation_code(models):
    seen = demo.counts("mmatl_digits")
    total = sum(counts.sum() - len(counts) for counts in seen.values())
    assert total == 2 * len(demo.task().validation.label)


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ((None, 0, True, True, 0.0, "both"), "There is no digit chosen"),
        (("3", 99, True, True, 0.0, "both"), "example"),
        (("3", 0, False, False, 0.0, "both"), "Picture and sound are switched off"),
        (("3", 0, True, True, None, "both"), "ε"),
        (("3", 0, True, True, float("nan"), "both"), "ε"),
        (("3", 0, True, True, 0.05, None), "Nothing is chosen to attack"),
    ],
)
def test_bad_input_gets_a_sentence(controls, sentence):
    page = demo.judge(*controls)
    assert sentence in page and "<table" not in page


def test_without_models_the_page_says_so(monkeypatch):
    def missing(recipe, name):
        raise FileNotFoundError(f"no checkpoint {name}: make it")

    monkeypatch.setattr(Recipe, "load", missing)
    forget()
    assert "No checkpoint mmatl_digits" in demo.judge("3", 0, True, True, 0.0, "both")
    forget()
