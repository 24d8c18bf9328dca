"""The notebook's dials: what they measure, and what a page without a kernel shows."""

import pytest
import torch

from mmatl_lab.lessons.balanced_learning import dials
from mmatl_lab.lessons.balanced_learning.calibration import Calibration
from mmatl_lab.lessons.balanced_learning.systems import make_system, settings_of
from mmatl_lab.lessons.balanced_learning.tasks import load


@pytest.fixture(scope="module")
def parts():
    model = make_system("digits", "mla").make(settings_of("digits", "mla")).eval()
    test = load("digits").test.rows(torch.arange(100))
    return model, Calibration(model, test.views), (0.7, 0.3), test


def test_noise_in_the_voice_leaves_the_picture_alone_as_it_is(parts):
    measure = dials.FusionMeasurement(*parts)
    clean, noisy = ({name: (right, trust) for name, right, trust in measure(0, noise)} for noise in (0, 4))
    assert clean["picture alone"] == noisy["picture alone"] and set(clean) == set(noisy)
    assert clean["fixed, chosen weights"][1] == noisy["fixed, chosen weights"][1] == 0.3
    assert all(0 <= x <= 1 for row in noisy.values() for x in row if x is not None)
    assert measure(0, 4.001) is measure(0, 4)  # kept, to a hundredth


def test_a_page_without_a_kernel_shows_three_settings(parts, monkeypatch):
    monkeypatch.setattr(dials, "headless", lambda: True)
    table = dials.fusion_dials(*parts)
    assert len(table.columns) == 1 + len(dials.FRAMES) and len(table.rows) == 6


def test_turning_a_dial_changes_the_table(parts, monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.setattr(dials, "headless", lambda: False)
    picture, voice, said = dials.fusion_dials(*parts).children
    before = said.value
    voice.value = 4.0
    assert said.value != before
    voice.value = 1.0
    assert said.value == before
    assert picture.value == 0
