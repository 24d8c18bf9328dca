"""A suggestion is made only where a known name is spelt nearly alike."""

import pytest

from mmatl_lab.errata import get
from mmatl_lab.lessons import get as get_lesson
from mmatl_lab.spelling import near, unknown
from mmatl_lab.world.speech.phonemes import spoken


@pytest.mark.parametrize(("name", "known"), [("clpi", "clip"), ("Smartwach", "smartwatch"), ("quik", "quick")])
def test_a_misspelt_name_gets_the_known_one(name, known):
    assert near(name, ["what", "that", "than", known]) == [known]
    assert unknown("lesson", name, ["what", known]) == (
        f"no lesson is called {name!r}: did you mean {known!r}? There are what, {known}"
    )


def test_a_name_like_no_other_gets_none_but_all_that_there_are():
    assert near("elephant", ["what", "that", "than", "clip"]) == []
    assert unknown("lesson", "elephant", ["what", "clip"]) == "no lesson is called 'elephant': there are what, clip"
    assert unknown("lesson", "elephant", []) == "no lesson is called 'elephant': there is none"


@pytest.mark.parametrize("ask", [get, get_lesson])
def test_who_asks_for_what_there_is_not_is_not_asked_back(ask):
    with pytest.raises(ValueError, match="is called 'zyzzyva': there are "):
        ask("zyzzyva")
    with pytest.raises(ValueError, match="'elephant' is not among the 40 words spoken here; choose among WORDS"):
        spoken("elephant")
    with pytest.raises(ValueError, match="'batt' is not among .*; did you mean bat"):
        spoken("batt")
