"""The demo answers, shows what it was asked, and says in a sentence what it was asked badly."""

import re

import pytest

from mmatl_lab.lessons.retrieval import demo, demo_search
from mmatl_lab.lessons.retrieval.five import MODALITIES


def words(html):
    return re.sub(r"<[^>]+>", " ", html)


def test_words_find_sounds_of_their_shape_and_size():
    shown = demo_search.answer("a small ring", 1, "text", "audio", False)
    found = re.findall(r"\d\. (\w+) \w+ (\w+) in the", words(shown))
    assert shown.count("<audio") == demo_search.SHOWN == len(found)
    assert sum(kind == ("small", "ring") for kind in found) >= 3
    assert "can agree on: shape, size" in words(shown)


@pytest.mark.parametrize("asks", MODALITIES[1:])
def test_every_modality_asks_and_every_modality_is_found(asks):
    for finds in MODALITIES:
        shown = demo_search.answer(demo_search.DEFAULT, 4, asks, finds, False)
        assert shown.count("<li>") >= demo_search.SHOWN and "Found most often" in words(shown)
        assert "<svg" in shown and "a cross marks the query" in shown


def test_pushing_hubs_down_changes_who_is_found():
    plain, pushed = (demo_search.answer(demo_search.DEFAULT, 4, "audio", "video", down) for down in (False, True))
    counts = [sum(map(int, re.findall(r"\((\d+) of 30\)", shown))) for shown in (plain, pushed)]
    assert plain != pushed and counts[1] < counts[0]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("", 1, "text", "audio", False), "nothing was typed"),
        (("a small elefant", 1, "text", "audio", False), "unknown word: 'elefant'"),
        (("bouncing", 1, "text", "audio", False), "no caption of the training had the word 'bouncing'"),
        (("x", 99, "image", "audio", False), "the scene must be a number from 1 to 30"),
        (("x", None, "image", "audio", False), "the scene must be a number from 1 to 30"),
        (("x", 1, None, "audio", False), "a menu is empty"),
    ],
)
def test_what_cannot_be_answered_gets_a_sentence(asked, sentence):
    assert sentence in demo_search.answer(*asked).replace("&#x27;", "'").replace(sentence.capitalize(), sentence)


def test_a_word_that_was_never_told_is_left_out_and_said():
    said = words(demo_search.answer("a small bouncing ring", 1, "text", "audio", False)).replace("&#x27;", "'")
    assert re.search("o caption of the training had 'bouncing', so this is left out", said)


def test_every_example_is_answered_and_the_page_is_built():
    for values in demo.EXAMPLES.values():
        assert "Found among" in words(demo_search.answer(*values))
    assert demo.build().title
