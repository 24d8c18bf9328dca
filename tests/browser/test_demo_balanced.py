"""The demo of lesson 16 in a browser: blur and noise move what the methods believe."""

import os
import re

import pytest

pytestmark = pytest.mark.slow

WAIT = 120_000  # milliseconds; two cores that also train make everything slow


@pytest.fixture(scope="module")
def address():
    """The demo, served from this process as `mmatl-lab demo` serves it, with the shipped models: beliefs must move."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from mmatl_lab.cli.jupyter import free_port
    from mmatl_lab.lessons import pages
    from mmatl_lab.lessons.balanced_learning import demo

    page = demo.build()
    _, address, _ = page.launch(
        server_name="127.0.0.1", server_port=free_port(7980), prevent_thread_lock=True, quiet=True, **pages.appearance()
    )
    yield address
    page.close()


def shown(page) -> dict[str, list[str]]:
    """What the table says, by method: picture, voice, trust, answer."""
    rows = page.locator("#beliefs tr").all()[1:]
    cells = [row.locator("td").all_inner_texts() for row in rows]
    return {name: rest for name, *rest in cells}


def turn_up(page, label: str) -> None:
    """Bring the slider called `label` to its end, in one step."""
    page.get_by_role("slider", name=re.compile(label)).press("End")


TEXT = "document.querySelector('#beliefs table')?.innerText"


def settled(page) -> str:
    page.locator("#beliefs tr").nth(7).wait_for(timeout=WAIT)
    return page.evaluate(TEXT)


def changed(page, before: str) -> dict[str, list[str]]:
    page.wait_for_function(f"before => {TEXT} && {TEXT} !== before", arg=before, timeout=WAIT)
    return shown(page)


def test_blur_moves_what_the_picture_says_and_noise_what_the_voice_says(page, console_errors, address):
    page.goto(address)
    text, clear = settled(page), shown(page)
    assert list(clear)[-1] == "MLA, calibrated (ours)" and len(clear) == 7
    turn_up(page, "Blur")
    blurred = changed(page, text)
    assert all(blurred[name][1] == clear[name][1] for name in clear), "the voice says what it said"
    assert any(blurred[name][0] != clear[name][0] for name in clear)
    text = settled(page)
    turn_up(page, "Noise")
    noisy = changed(page, text)
    assert all(noisy[name][0] == blurred[name][0] for name in clear), "the picture says what it said"
    assert any(noisy[name][1] != blurred[name][1] for name in clear)
    assert any(noisy[name][2:] != blurred[name][2:] for name in clear), "trust and answers move, too"
    assert console_errors == []


def test_the_button_under_the_title_drowns_the_voice(page, console_errors, address):
    page.goto(address)
    text, before = settled(page), shown(page)
    page.get_by_role("button", name="Drown the voice").click()
    after = changed(page, text)
    assert all(after[name][0] == before[name][0] for name in before) and after != before
    assert page.locator("#beliefs audio").count() == 1
    assert console_errors == []


def test_a_number_that_is_out_of_range_gets_a_sentence_or_is_put_right(page, console_errors, address):
    page.goto(address)
    settled(page)
    field = page.get_by_label("number input for Noise of the voice")
    field.fill("")
    field.press("Enter")
    page.locator("#beliefs").get_by_text("The noise must be a number from 0 to 4").wait_for(timeout=WAIT)
    field.fill("2")
    field.press("Enter")
    settled(page)
    assert console_errors == []
