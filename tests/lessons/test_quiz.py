"""The quiz of a lesson: explained at once, kept with the progress, and not to be guessed from its form."""

import pytest

from mmatl_lab import lessons
from mmatl_lab.lessons import choices, progress, quiz
from mmatl_lab.lessons.progress import tally

LESSONS = [name for name in lessons.names() if lessons.get(name).has_notebook]


def test_it_shows_its_questions_and_after_a_choice_the_reason(toy_questions):
    assert repr(quiz("toy")) == (
        "? Quiz\n  1. How many?\n    ○ one\n    ○ two\n    ○ three\n  2. Which?\n    ○ this\n    ○ that\n"
        "  Run this cell to answer."
    )
    quiz("toy").questions[0].choose("three")
    text = repr(quiz("toy"))
    assert "✘ three" in text and "One and one." in text and "near" not in text
    assert text.endswith("0 of 1 right, 1 not answered.")


def test_buttons_keep_the_score(toy_questions, live):
    first, second, total = quiz("toy").widget().children
    assert "2 not answered" in total.value
    first.children[2].click()
    second.children[2].click()
    assert "1 of 2 right." in total.value and "One and one." in first.children[-1].value
    assert [q.chosen for q in quiz("toy").questions] == [1, 1] and tally("toy").finished


def test_progress_shows_what_was_answered_and_gives_nothing_else_away(toy_questions):
    quiz("toy").questions[0].choose("two")
    choices.questions("predict", "toy")[0].choose("rise")
    text = repr(progress("toy"))
    assert "✘ rise" in text and "✔ two" in text and "Which?" not in text
    assert text.endswith("Predictions: 0 of 1 right, 1 not answered. Quiz: 1 of 1 right, 1 not answered.")


def test_a_lesson_without_questions_says_so(toy_questions):
    with pytest.raises(ValueError, match="'other' has no quiz: register"):
        quiz("other")


@pytest.mark.parametrize("lesson", [name for name in LESSONS if choices.questions("quiz", name)])
def test_a_quiz_has_five_questions_that_neither_length_nor_place_answers(lesson):
    asked = choices.questions("quiz", lesson)
    assert len(asked) == 5 and all(q.why and len(q.options) >= 3 for q in asked)
    assert len({q.answer for q in asked}) >= 3, "the right answers stand in at least three places"
    for extreme in (max, min):
        longest = sum(len(q.options[q.answer]) == extreme(map(len, q.options)) for q in asked)
        assert longest <= 2, f"the right answer is too often the {extreme.__name__} of its options by length"
