"""The demo of lesson 02 under a real pointer: switches, noise dials, bad input, with the shipped model."""

import re

import pytest

pytestmark = pytest.mark.slow

WAIT = 120_000  # milliseconds; two cores that also train make everything slow


@pytest.fixture(scope="module")
def address(tmp_path_factory, served):
    """The demo as `mmatl-lab demo fusion` serves it."""
    from mmatl_lab.lessons.fusion import demo

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        page = demo.build()
        yield served(page)
        page.close()


@pytest.fixture
def fusions(page, address):
    """The answer of the opened page."""
    page.goto(address)
    shown = page.locator("#fusions")
    shown.get_by_text("fusions say so").wait_for(timeout=WAIT)
    return shown


def cells(fusions, name: str) -> list[str]:
    """The row of a fusion: its name, answer, probability, and the weights of picture, caption and sound."""
    row = fusions.locator("tbody tr").filter(has=fusions.page.get_by_role("cell", name=name, exact=True))
    return row.locator("td, th").all_inner_texts()


def changed(fusions, act) -> None:
    """Do something and wait until the table is another one."""
    before = fusions.locator("table").inner_text()
    act()
    other = "before => (now => now && now.innerText !== before)(document.querySelector('#fusions table'))"
    fusions.page.wait_for_function(other, arg=before, timeout=WAIT)


def type_noise(page, name: str, value: str) -> None:
    box = page.get_by_label(re.compile(f"number input for Noise of the {name}", re.IGNORECASE))
    box.fill(value)
    box.press("Tab")


def test_all_fusions_answer_and_the_gate_turns_away_from_noise(page, console_errors, fusions):
    from mmatl_lab.lessons.fusion.methods import METHODS

    assert fusions.locator("tbody tr").count() == len(METHODS)
    for method in METHODS.values():
        assert len(cells(fusions, method.label)) == 6
    before, fixed = cells(fusions, "gated"), cells(fusions, "weighted")
    assert sum(map(float, before[3:])) == pytest.approx(1, abs=0.02)
    for name, place in (("picture", 3), ("caption", 4), ("sound", 5)):
        changed(fusions, lambda name=name: type_noise(page, name, "1"))
        assert float(cells(fusions, "gated")[place]) < float(before[place])
        changed(fusions, lambda name=name: type_noise(page, name, "0.1"))
    assert cells(fusions, "weighted")[3:] == fixed[3:]
    assert console_errors == []


def test_a_view_that_is_switched_off_disappears_and_gets_no_weight(page, console_errors, fusions):
    assert fusions.locator("img").count() == fusions.locator("audio").count() == 1
    changed(fusions, lambda: page.get_by_label("The picture is there").uncheck())
    assert fusions.locator("img").count() == 0 and cells(fusions, "gated")[3] == "0.00"
    changed(fusions, lambda: page.get_by_label("The sound is there").uncheck())
    assert fusions.locator("audio").count() == 0 and cells(fusions, "gated")[3:] == ["0.00", "1.00", "0.00"]
    page.get_by_label("The caption is there").uncheck()
    fusions.get_by_text("all three views are switched off", exact=False).wait_for(timeout=WAIT)
    page.get_by_label("The sound is there").check()
    fusions.get_by_text("fusions say so").wait_for(timeout=WAIT)
    assert cells(fusions, "gated")[3:] == ["0.00", "0.00", "1.00"]
    assert console_errors == []


@pytest.mark.parametrize(("value", "sentence"), [("7", "The noise of the picture must be"), ("", "must be a number")])
def test_a_noise_that_is_none_gets_a_sentence(page, fusions, value, sentence):
    type_noise(page, "picture", value)
    fusions.get_by_text(sentence).wait_for(timeout=WAIT)
    type_noise(page, "picture", "0.2")
    fusions.get_by_text("fusions say so").wait_for(timeout=WAIT)


def test_the_button_under_the_title_drowns_the_picture(page, console_errors, fusions):
    before = cells(fusions, "gated")
    changed(fusions, lambda: page.locator("#first").click())
    assert float(cells(fusions, "gated")[3]) < float(before[3])
    assert console_errors == []
