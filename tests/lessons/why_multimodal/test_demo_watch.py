"""The demo's answers on windows of the watch, and what stands in their place. No model is trained."""

import re

import pytest
import torch

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, NUM_PERSONS, load_smartwatch
from mmatl_lab.lessons import page_html
from mmatl_lab.lessons.why_multimodal import (
    demo_watch,
    smartwatch,
)

from .reading import rows, sentences, words


@pytest.mark.parametrize("chosen", [("1", "abduction", "right", 0), ("10", "upright row", "left", 100)])
def test_each_build_says_what_it_believes_about_the_window(models, chosen):
    person, exercise, arm, moment = chosen
    html = demo_watch.recognise(*chosen)
    data, watch = smartwatch.windows(), load_smartwatch()
    mine = (data.person == int(person) - 1) & (data.exercise == EXERCISES.index(exercise))
    rows = (mine & (watch.arm[data.recording] == ARMS.index(arm))).nonzero().squeeze(1)
    found = {name: p[rows] for name, p in smartwatch.predict_proba(models["why_smartwatch"], data).items()}
    place = 0 if moment == 0 else -1
    shown = rows_of_watch(html)
    for i, name in enumerate(EXERCISES):
        texts = [page_html.percent(found[build][place, i].item()) for build in demo_watch.BUILDS]
        assert shown[("✓ " if name == exercise else "") + name] == " · ".join(texts)
    counts = [int((found[build].argmax(1) == EXERCISES.index(exercise)).sum()) for build in demo_watch.BUILDS]
    assert (
        f"Of the {len(rows)} windows of this recording they get {counts[0]}, {counts[1]} and {counts[2]} right" in html
    )
    named = re.search(r"This is (.+?) \(.+?\) to the accelerometer alone, (.+?) \(.+?\) to the gyroscope", html)
    assert list(named.groups()) == [EXERCISES[found[build][place].argmax()] for build in smartwatch.SENSORS]


def rows_of_watch(html: str) -> dict[str, str]:
    return {words(name): text for name, text in rows(html).items()}


def test_the_traces_are_those_of_the_window_at_the_scale_of_the_recording():
    data = smartwatch.windows()
    assert load_smartwatch().arm[4] == ARMS.index("left")  # which models get mirrored, and people do not
    recording = load_smartwatch().recordings[4].unfold(0, smartwatch.LENGTH, smartwatch.HOP).transpose(1, 2)
    assert not torch.equal(recording, data.sensor[data.recording == 4])
    html = demo_watch.traces(recording, 3)
    curves = re.findall(r'points="(.+?)"', html)
    assert len(curves) == 6
    for channel, curve in enumerate(curves):
        top = recording[..., 3 * (channel // 3) :][..., :3].abs().max().ceil().item()
        y = torch.tensor([float(point.split(",")[1]) for point in curve.split()])
        low, high = 120 - page_html.BOTTOM, 8
        assert torch.allclose(top * (2 * (low - y) / (low - high) - 1), recording[3, :, channel], atol=top / 400)
        assert html.count(f">{top:g}<") >= 1 and html.count(f">-{top:g}<") >= 1
    assert html.count(">6<") >= 2 and html.count(">10<") >= 2  # seconds


def test_every_recording_can_be_chosen():
    found = demo_watch.recordings()
    assert sorted(found.values()) == list(range(NUM_PERSONS * len(EXERCISES) * len(ARMS)))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ((None, "pendulum", "left", 0), "A menu is empty: choose something in each of them."),
        (("1", None, "left", 0), "A menu is empty"),
        (("1", "pendulum", "left", None), "The moment must be a number from 0 to 100: move its slider."),
        (("1", "pendulum", "left", 101), "The moment must be a number from 0 to 100: move its slider."),
    ],
)
def test_what_chooses_no_window_gets_a_sentence(models, chosen, says):
    (sentence,) = sentences(demo_watch.recognise(*chosen))
    assert sentence.startswith(says)
