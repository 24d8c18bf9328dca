"""The demo of lesson 01 under a real pointer: words, tone and face, noise, the watch. Weights are by chance."""

import re

import pytest

pytestmark = pytest.mark.slow

WAIT = 120_000  # milliseconds; two cores that also train make everything slow


@pytest.fixture(scope="module")
def address(served):
    """The demo, served from this process as `mmatl-lab demo` serves it, but for the models."""
    from mmatl_lab.lessons.recipe import Recipe
    from mmatl_lab.lessons.why_multimodal import (
        demo,
        demo_noise,
        demo_sarcasm,
        demo_watch,
        noise_table,
        sarcasm,
        smartwatch,
    )

    models = {
        "why_sarcasm": sarcasm.SarcasmClassifiers(sarcasm.SarcasmConfig(16, (8, 8, 8))).eval(),
        "why_smartwatch": smartwatch.WatchClassifiers(smartwatch.WatchConfig(dim=8)).eval(),
    }
    remembered = (demo_sarcasm.load, demo_watch.answers, demo_noise.measurement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "load", lambda recipe, name: (models[name], {"name": name}))
        patch.setattr(noise_table, "table", dict)  # what is measured beforehand is of the shipped model
        for function in remembered:
            function.forget()
        page = demo.build()
        yield served(page)
        page.close()
        for function in remembered:
            function.forget()


def pull(page, label: str, share: float) -> None:
    """Drag the handle of the slider called `label` to a share of its length."""
    box = page.get_by_role("slider", name=re.compile(label)).bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, middle, steps=4)
    page.mouse.up()


def sounds(page) -> str:
    return page.locator("#stage audio").get_attribute("src")


def test_words_tone_and_face_are_judged_as_they_move(page, console_errors, address):
    page.goto(address)
    stage = verdict = page.locator("#stage")
    verdict.get_by_text("The words praise, the voice rises and the face smiles. Both agree").wait_for(timeout=WAIT)
    page.get_by_role("button", name="Say it sarcastically").click()
    verdict.get_by_text("The words praise, the voice falls and the face frowns. Both contradict").wait_for(timeout=WAIT)
    assert verdict.locator("li").count() == 7

    before = sounds(page)
    pull(page, "Tone", 0.9)
    verdict.get_by_text("the voice rises and the face frowns.").wait_for(timeout=WAIT)
    pull(page, "Face", 0.9)
    verdict.get_by_text("Both agree with the words.").wait_for(timeout=WAIT)
    stage.get_by_alt_text("a face, smiling").wait_for(timeout=WAIT)
    assert sounds(page) != before

    page.get_by_role("button", name="Neutral words").click()
    verdict.get_by_text("Neutral words leave nothing to contradict").wait_for(timeout=WAIT)

    page.locator("#remark textarea, #remark input").first.fill("wow grate food")
    page.locator("#remark textarea, #remark input").first.press("Enter")
    stage.get_by_text("Unknown word: 'grate' (did you mean great").wait_for(timeout=WAIT)
    verdict.locator("li").first.wait_for(state="detached", timeout=WAIT)
    assert console_errors == []


def test_a_remark_is_said_aloud_as_often_as_asked(page, console_errors, address):
    page.add_init_script(
        "window.said = 0; const play = HTMLMediaElement.prototype.play;"
        "HTMLMediaElement.prototype.play = function () { window.said += 1; return play.call(this); };"
    )
    page.goto(address)
    page.locator("#stage audio").wait_for(timeout=WAIT)
    for times in (1, 2):
        page.get_by_role("button", name="Say it", exact=True).click()
        page.wait_for_function("times => window.said === times", arg=times, timeout=WAIT)
    assert console_errors == []


def test_what_is_typed_into_a_dial_is_answered_and_held_within_it(page, console_errors, address):
    page.goto(address)
    stage = page.locator("#stage")
    stage.locator("audio").wait_for(timeout=WAIT)
    box = page.get_by_role("spinbutton", name=re.compile("Tone"))
    for typed, held in (("50", "3"), ("", "0")):
        box.fill(typed)
        stage.get_by_text("The tone must be a number from -3 to 3").wait_for(timeout=WAIT)
        box.press("Tab")
        stage.locator("audio").wait_for(timeout=WAIT)
        assert box.input_value() == held
    assert console_errors == []


def test_ceilings_follow_the_noise(page, console_errors, address):
    page.goto(address)
    page.get_by_role("tab", name="Noise").click()
    measured = page.locator("#measured")
    measured.get_by_text("the best possible accuracy is 96%").wait_for(timeout=WAIT)
    pull(page, "Noise of the voice", 1.0)
    measured.get_by_text("the best possible accuracy is 90%").wait_for(timeout=WAIT)  # Φ(√(1/9 + 1/.64))
    assert measured.locator("li").count() == 7 and console_errors == []


def test_whoever_is_not_told_the_noise_trusts_the_wrong_sense(page, console_errors, address, monkeypatch):
    from mmatl_lab.lessons.why_multimodal import demo_noise
    from mmatl_lab.lessons.why_multimodal.sarcasm import SUBSETS
    from mmatl_lab.seeding import seeded
    from mmatl_lab.world.sarcasm import NOISE, belief, ceiling, sample_utterances

    def ideal(*, told, **noise):
        remarks = sample_utterances(1_000, **noise, generator=seeded(1))
        heard = remarks if told else remarks.told(NOISE, NOISE)
        right = {s: ((belief(heard, s) > 0.5) == remarks.sarcastic).float().mean().item() for s in SUBSETS}
        return [(" + ".join(s), right[s], ceiling(s, **noise)) for s in SUBSETS]

    monkeypatch.setattr(demo_noise, "measurement", lambda: ideal)
    page.goto(address)
    page.get_by_role("tab", name="Noise").click()
    pull(page, "Noise of the voice", 1.0)
    measured = page.locator("#measured")
    measured.get_by_text("the best possible accuracy is 90%").wait_for(timeout=WAIT)
    assert measured.get_by_text("trusts").count() == 0
    page.get_by_label("Tell the models the noises").uncheck()
    measured.get_by_text("it trusts the voice more than it should").wait_for(timeout=WAIT)
    assert console_errors == []


def test_a_recording_of_the_watch_is_chosen(page, console_errors, address):
    page.goto(address)
    page.get_by_role("tab", name="Watch").click()
    felt = page.locator("#felt")
    felt.locator("li").nth(6).wait_for(timeout=WAIT)
    assert felt.locator("polyline").count() == 6
    page.get_by_role("button", name="All are fooled").click()
    felt.get_by_text("✓ abduction").wait_for(timeout=WAIT)
    pull(page, "Moment", 0.0)
    felt.locator("svg").first.get_by_text("4", exact=True).wait_for(timeout=WAIT)  # the axis: seconds 0 to 4
    assert console_errors == []
