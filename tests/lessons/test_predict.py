import sys
from types import SimpleNamespace

import ipywidgets  # noqa: F401  # it keeps the get_ipython that it finds when it is imported: not the one of a test
import pytest

from mmatl_lab.lessons import predict, progress
from mmatl_lab.lessons.clip import exercises  # noqa: F401  # registered before the fixture hides what is registered

module = sys.modules["mmatl_lab.lessons.progress"]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(module, "_predictions", {})
    monkeypatch.setattr(module, "_registered", {})


def ask():
    return predict("Which is larger, $a$ or $b$?", ("a < b", "b"), answer="b", why="It is.")


def test_without_widgets_it_is_text_and_is_answered_by_place_or_by_text():
    assert repr(ask()) == "? Predict. Which is larger, $a$ or $b$?\n  ○ a < b\n  ○ b"
    assert repr(ask().choose(1)).endswith("● a < b\n  ○ b")
    assert repr(ask().choose("b")).endswith("○ a < b\n  ● b")
    with pytest.raises(ValueError, match="3 is none of the options"):
        ask().choose(3)


def test_the_answer_is_not_shown_before_the_end():
    bundle = ask()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}  # outside a notebook
    assert "It is." not in str(bundle) and "a &lt; b" in bundle["text/html"]


def test_in_a_notebook_there_are_buttons_with_the_text_beside_them(monkeypatch):
    import IPython

    monkeypatch.delenv("MMATL_LAB_HEADLESS", raising=False)
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    question = ask()
    bundle = question._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"] == question._repr_html_() and bundle["text/plain"] == repr(question)
    buttons = question._widget().children[1]
    buttons.index = 1
    assert question.chosen == 1 and ask()._widget().children[1].index == 1  # running the cell again keeps it
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    assert set(ask()._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_progress_scores_them():
    ask().choose("a < b")
    predict("Later?", ["yes", "no"], 1).choose("yes")
    predict("Never?", ["yes", "no"], 1)
    text = repr(progress("clip"))
    assert "Predictions: 1 of 2 right, 1 not made." in text
    assert "It is." in text and "Never?" not in text  # what is not answered yet is not given away


def test_a_registered_question_keeps_its_answer_out_of_the_cell():
    module.prediction("clip.first", "Rise or fall?", ("rise", "fall"), "fall")
    assert predict("clip.first").choose("fall").answer == 1
    with pytest.raises(ValueError, match=r"no question is called 'clip.last'.*clip.first"):
        predict("clip.last")


def test_an_answer_that_is_no_option_is_told():
    with pytest.raises(ValueError, match="'c' is none of the options"):
        predict("Which?", ("a", "b"), "c")
