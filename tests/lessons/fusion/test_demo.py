"""The demo answers, and says in a sentence what it was asked badly."""

import re

import pytest

from mmatl_lab.lessons.fusion import demo
from mmatl_lab.lessons.fusion.methods import METHODS
from mmatl_lab.world import SHAPES


def words(html):
    return re.sub(r"<[^>]+>", " ", html)


def test_every_fusion_answers_and_the_clear_scene_is_recognised():
    said = words(demo.answer(3, *demo.CLEAR))
    assert all(method.label in said for method in METHODS.values())
    assert int(re.search(r"(\d+) of 14 fusions", said)[1]) >= 12
    assert demo.answer(3, *demo.CLEAR) == demo.answer(3, *demo.CLEAR)


def test_a_view_that_is_switched_off_is_not_shown_and_has_no_weight():
    shown = demo.answer(3, 0.1, 0.1, 0.1, False, True, True)
    assert "<img" not in shown and "<audio" in shown and "“" in shown
    gated = re.search(r"gated\s+(?:✓ )?(\w+).*?(\d\.\d\d)\s+(\d\.\d\d)\s+(\d\.\d\d)\s", words(shown), re.DOTALL)
    assert gated[1] in SHAPES and gated[2] == "0.00"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ((3, 0.1, 0.1, 0.1, False, False, False), "all three views are switched off: switch at least one on"),
        ((3, None, 0.1, 0.1, True, True, True), "the noise of the picture must be a number from 0 to 1"),
        ((99, *demo.CLEAR), "the scene must be a number from 1 to 20"),
    ],
)
def test_what_cannot_be_answered_gets_a_sentence(asked, sentence):
    assert sentence.capitalize() in demo.answer(*asked)


def test_every_example_is_answered_and_the_page_is_built():
    for values in demo.EXAMPLES.values():
        assert "fusions say so" in demo.answer(*values)
    assert demo.build().title
