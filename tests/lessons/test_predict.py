import pytest

from mmatl_lab.lessons import choices, predict, quiz
from mmatl_lab.lessons.progress import prediction

pytestmark = pytest.mark.usefixtures("toy_questions")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def displayed(live, monkeypatch):
    """`displayed(asked)` gives what Jupyter is told to show, by MIME type: the still page, and then the widget."""
    import IPython.display

    def show(asked) -> list[dict]:
        shown = []
        monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
        asked._ipython_display_()
        return shown

    return show


def parts(widget):
    head, *buttons, explained = widget.children
    return head, buttons, explained


def test_as_text_it_asks_and_once_answered_it_explains():
    assert (
        repr(predict("toy.rise")) == "? Predict\n  Rise or $f$?\n    ○ rise\n    ○ fall <\n  Run this cell to answer."
    )
    assert repr(predict("toy.rise").choose("rise")) == (
        "? Predict\n  Rise or $f$?\n    ✘ rise\n    ✔ fall <\n  ✘ The answer is: fall <\n    It is heavy."
    )
    assert repr(predict("toy.later").choose(1)).endswith("✔ Right: yes\n    Soon.")


def test_the_first_choice_counts():
    predict("toy.rise").choose("rise").choose("fall <")
    assert predict("toy.rise").question.chosen == 0 and not predict("toy.rise").question.right
    with pytest.raises(ValueError, match="3 is none of the options"):
        predict("toy.rise").choose(3)


def test_a_choice_survives_the_kernel_and_an_option_that_is_no_longer_there_does_not_count(kept, monkeypatch):
    predict("toy.rise").choose("fall <")
    assert predict("toy.rise").question.right and "fall <" in kept.read_text()
    prediction("toy.rise", "Rise or fall?", ("up", "down"), "down", "It is heavy.")
    assert predict("toy.rise").question.chosen is None
    assert predict("toy.rise").choose("down").question.right


def test_a_button_explains_in_place_and_locks_the_question(displayed):
    assert WIDGET in displayed(predict("toy.rise"))[1]
    _, buttons, explained = parts(predict("toy.rise").widget())
    assert [b.description for b in buttons] == ["○ rise", "○ fall <"] and not any(b.disabled for b in buttons)
    assert explained.value == ""
    buttons[0].click()
    assert [b.description for b in buttons] == ["✘ rise", "✔ fall <"] and all(b.disabled for b in buttons)
    assert "It is heavy." in explained.value and choices.ORANGE in explained.value
    assert "mmatl-wrong" in buttons[0]._dom_classes and "mmatl-right" in buttons[1]._dom_classes
    _, again, explained = parts(predict("toy.rise").widget())  # the cell is run again
    assert all(b.disabled for b in again) and "It is heavy." in explained.value


def test_a_right_choice_is_green(live):
    _, buttons, explained = parts(predict("toy.rise").widget())
    buttons[1].click()
    assert choices.GREEN in explained.value and [b.description for b in buttons] == ["○ rise", "✔ fall <"]


@pytest.mark.parametrize("ask", [lambda: predict("toy.rise"), lambda: quiz("toy")], ids=["prediction", "quiz"])
def test_the_saved_page_has_the_question_and_neither_choice_nor_answer(displayed, ask):
    before = displayed(ask())
    for kind in ("predict", "quiz"):
        for question in choices.questions(kind, "toy"):
            question.choose(1)
    after = displayed(ask())
    assert before[0] == after[0] and after[1].keys() == {WIDGET, "text/plain"} and after[1]["text/plain"] == ""
    page = after[0]["text/plain"] + after[0]["text/html"]
    assert "✔" not in page and "✘" not in page
    assert not any(why in page for why in ("heavy", "Soon", "One and one", "near")) and "○ " in page


def test_headless_there_is_no_widget():
    with pytest.raises(NotImplementedError):  # IPython then shows the HTML
        predict("toy.rise")._ipython_display_()
    assert "fall &lt;" in predict("toy.rise")._repr_html_() and "Run this cell" in predict("toy.rise")._repr_html_()


def test_an_unknown_id_gets_the_known_ones():
    with pytest.raises(ValueError, match=r"no prediction is called 'toy.last': this lesson has toy.rise, toy.later"):
        predict("toy.last")


@pytest.mark.parametrize(
    ("options", "answer", "message"),
    [(("a", "b"), "c", "'c' is none of the options"), (("a", "b"), 0, "0 is none"), (("a",), "a", "at least two"),
     (("a", "a"), "a", "all different")],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused(options, answer, message):
    with pytest.raises(ValueError, match=message):
        prediction("toy.bad", "Which?", options, answer, "Because.")
