"""Predictions before the result is shown, and what you have done so far in a lesson."""

from dataclasses import dataclass

from mmatl_lab.viz.tables import Table

from . import record
from .choices import RUN, Asked, Question, questions, register, score
from .exercise import exercises
from .notes import Note


@dataclass(frozen=True, repr=False)
class Prediction(Asked):
    """A question asked before its answer is shown."""

    question: Question

    @property
    def options(self) -> tuple[str, ...]:
        return self.question.options

    @property
    def answer(self) -> int:
        """Index of the right option."""
        return self.question.answer

    def choose(self, option: int | str) -> "Prediction":
        """Choose without buttons: by the option's text, or by its place counted from 1. The first choice counts.

        Raises:
            ValueError: when there is no such option.
        """
        self.question.choose(option)
        return self

    def note(self, answered: bool) -> Note:
        asked, chosen = self.question, answered and self.question.chosen is not None
        return Note(
            "question", "Predict", asked.to_text("", answered), asked.to_html("", answered), "" if chosen else RUN
        )

    def widget(self):
        return self.question.widget("Predict.")


def prediction(id: str, question: str, options: tuple[str, ...], answer: int | str, why: str) -> None:
    """Register a question in `exercises.py`, so that `predict(id)` asks it without showing the answer in its cell.

    Raises:
        ValueError: fewer than two options, two alike, or an answer that is not among them.
    """
    register("predict", id, question, options, answer, why)


def predict(id: str) -> Prediction:
    """Ask for a prediction. What is right, and why, is shown as soon as an option is chosen; the first choice counts.

    Args:
        id: of a question that the lesson registers, such as `"clip.one-sided"`.

    Raises:
        ValueError: for an unknown id.
    """
    known = {q.id: q for q in questions("predict", id.partition(".")[0])}
    if id not in known:
        raise ValueError(f"no prediction is called {id!r}: this lesson has {', '.join(known) or 'none'}")
    return Prediction(known[id])


@dataclass(frozen=True)
class Tally:
    """What is done of one lesson: counts of exercises and the questions that were asked."""

    passed: int
    checked: int
    predictions: list[Question]
    quiz: list[Question]

    @property
    def finished(self) -> bool:
        """Whether the quiz, which stands at the end, is answered; without a quiz, whether all exercises are passed."""
        return all(q.chosen is not None for q in self.quiz) if self.quiz else self.passed == self.checked


def tally(lesson: str) -> Tally:
    """What is done of a lesson."""
    checked = [e.id for e in exercises(lesson) if not e.open]
    passed = {e.id for e in record.events("check") if e.what == "passed"}
    return Tally(
        len(passed.intersection(checked)), len(checked), questions("predict", lesson), questions("quiz", lesson)
    )


def progress(lesson: str) -> Note:
    """Your exercises, predictions and quiz of a lesson so far."""
    rows = [(e.id, e.title, *_state(e.id)) for e in exercises(lesson)]
    done = tally(lesson)
    parts = [Table(("exercise", "", "state", "tries", "help"), rows)]
    for name, asked in (("prediction", done.predictions), ("quiz", done.quiz)):
        answered = [(q.text, f"{'✔' if q.right else '✘'} {q.options[q.chosen]}", "" if q.right else q.options[q.answer])
                    for q in asked if q.chosen is not None]  # fmt: skip
        if answered:
            parts.append(Table((name, "yours", "the answer"), answered))
    foot = [f"{done.passed} of {done.checked} checked exercises passed."]
    foot += [f"Predictions: {score(done.predictions)}."] * bool(done.predictions)
    foot += [f"Quiz: {score(done.quiz)}."] * bool(done.quiz)
    page = "".join(part._repr_html_() for part in parts)
    return Note("question", f"Progress in {lesson}", "\n\n".join(map(repr, parts)), page, " ".join(foot))


def _state(id: str) -> tuple[str, str, str]:
    """State, number of tries, help used, of one exercise."""
    tried = [e.what for e in record.events("check", id)]
    last = "passed" if "passed" in tried else tried[-1] if tried else None
    signs = {"passed": "✔ passed", "wrong": "✘ not yet", "error": "⚠ error", "open": "◇ yours to judge"}
    count = len({e.what for e in record.events("hint", id)})
    used = [f"{count} hint{'s' * (count > 1)}"] * (count > 0) + ["solution"] * bool(record.events("solution", id))
    return signs.get(last, "○ not attempted"), str(len(tried)), ", ".join(used)
