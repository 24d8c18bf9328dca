"""The dials of the tour: what they draw, what is told of it, and what a page without a kernel shows."""

import re

import pytest

from mmatl_lab.lessons.start_here import dials
from mmatl_lab.viz.picture import Picture


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "0")
    return dials.scene_dials()


def test_what_is_set_is_drawn_and_told(box):
    factors, noise, shown = box.children
    assert re.search(r'alt="a large purple ring in the top left, motion circle, noise 0\.1', shown.value)
    shape, colour, size, motion = factors.children
    shape.value, colour.value, size.value, motion.value = "heart", "red", "small", "bounce"
    assert 'alt="a small red heart in the top left, motion bounce, noise 0.1' in shown.value
    noise.value = 0
    assert "noise 0:" in shown.value and "from the trace alone in 100% of all scenes" in shown.value
    assert shown.value.count("<img") == shown.value.count("<video") == 1


@pytest.mark.parametrize("name", dials.CHOICES)
def test_every_value_can_be_chosen(box, name):
    factors, *_ = box.children
    [dial] = [dial for dial in factors.children if dial.description == name]
    assert tuple(dial.options) == dials.CHOICES[name]


def test_the_more_noise_the_less_the_trace_tells():
    said = [dials._told_by_the_trace(noise) for noise in (0, 0.1, 0.4, 1)]
    shares = [int(re.search(r"in (\d+)% of all", sentence)[1]) for sentence in said]
    assert shares[0] == 100 and shares == sorted(shares, reverse=True) and 13 < shares[-1] < 50


def test_a_page_without_a_kernel_shows_one_setting_frozen(monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    frozen = dials.scene_dials()
    data, _ = frozen._repr_mimebundle_()
    assert isinstance(frozen.picture, Picture) and data["text/plain"].startswith("a large purple ring")
    assert len(data["text/html"]) < 400_000
