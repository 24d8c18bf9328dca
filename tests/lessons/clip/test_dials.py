"""The dials of the notebook: what they train, the line that each run adds, and what a page without a kernel shows."""

import pytest

from mmatl_lab.lessons.clip import dials, scenes


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "0")
    return dials.experiment_dials(7)


def test_a_run_takes_the_settings_and_adds_a_line(box, monkeypatch):
    asked = []

    def experiment(num_steps, **settings):
        asked.append((num_steps, settings))
        return {"i2t": 0.5, "t2i": 0.25, "gap": 1.25, "temperature": 0.02}

    monkeypatch.setattr(scenes, "experiment", experiment)
    temperature, batch_size, loss, masked, button, said = box.children
    button.click()
    temperature.value, batch_size.value, loss.value, masked.value = "0.02", 8, dials.LOSSES[1], False
    button.click()
    assert asked == [
        (7, {"temperature": None, "batch_size": 128, "symmetric": True, "masked": True}),
        (7, {"temperature": 0.02, "batch_size": 8, "symmetric": False, "masked": False}),
    ]
    assert said.value.count("<tr>") == 3 and "0.50" in said.value and "1.25" in said.value
    assert "equal captions as negatives" in said.value and not button.disabled


def test_an_error_leaves_the_button_usable(box, monkeypatch, capsys):
    monkeypatch.setattr(scenes, "experiment", lambda *_, **__: 1 / 0)
    button = box.children[4]
    button.click()  # ipywidgets prints what a button raises
    assert not button.disabled and button.description == "Train"


def test_a_page_without_a_kernel_says_which_dials_there_are(monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    text = repr(dials.experiment_dials(7))
    assert "0.005" in text and "256" in text and "image → text only" in text
