"""The page of the demo: its examples and what it loads. No model is trained."""

import pytest

from mmatl_lab.data.smartwatch import ARMS, EXERCISES
from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.lessons.why_multimodal import (
    demo,
    demo_sarcasm,
    demo_watch,
    smartwatch,
)
from mmatl_lab.world.sarcasm import (
    belief,
)

from .reading import forget


def test_examples_do_what_their_names_say():
    p = {name: belief(demo_sarcasm.remark(*example)).item() for name, example in demo.EXAMPLES.items()}
    assert p["Meant"] < 0.05 and min(p["Sarcastic"], p["A joke"], p["Poker face"]) > 0.9
    assert 0.5 < p["Torn"] < 0.99 and p["Neutral words"] == 0.5
    assert {demo_sarcasm.remark(remark, 0, 0).valence.item() for remark in demo.REMARKS} == {-1, 0, 1}


def test_the_watchs_examples_do_what_their_names_say():
    """With the shipped models; a share is that of the windows of the recording that are right."""
    forget()
    share = {}
    for name, (person, exercise, arm) in demo.WATCH_EXAMPLES.items():
        recording = demo_watch.recordings()[int(person) - 1, EXERCISES.index(exercise), ARMS.index(arm)]
        rows, truth = smartwatch.windows().recording == recording, EXERCISES.index(exercise)
        found = (demo_watch.answers()[build][rows] for build in demo_watch.BUILDS)
        share[name] = [(p.argmax(1) == truth).float().mean().item() for p in found]
    accelerometer, gyroscope, both = zip(*share.values())
    assert both[0] > max(accelerometer[0], gyroscope[0]) + 0.3
    assert accelerometer[1] > gyroscope[1] + 0.5 and gyroscope[2] > accelerometer[2] + 0.5
    assert both[3] < max(accelerometer[3], gyroscope[3]) - 0.3
    assert max(share["All are fooled"]) < 0.2


def test_building_the_page_loads_no_model(monkeypatch):
    monkeypatch.setattr(Recipe, "load", lambda recipe, name: pytest.fail(f"{name} was loaded before anybody looked"))
    forget()
    tabs = [block.label for block in demo.build().blocks.values() if type(block).__name__ == "Tab"]
    assert tabs == ["Sarcasm", "Noise", "Watch"]
