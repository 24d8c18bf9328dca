"""Predictions before the result is shown, and what you have done so far: both kept in memory until the kernel ends."""

import html
import os
from dataclasses import dataclass

from mmatl_lab.viz.tables import Table

from .exercise import exercises, session
from .notes import Note

_predictions: dict[str, "Prediction"] = {}  # by question
_registered: dict[str, "Prediction"] = {}  # by id


@dataclass
class Prediction:
    """A question asked before the answer is shown: radio buttons in a live notebook, text where there are none.

    Attributes:
        question: one sentence; LaTeX between `$` is typeset.
        options: the possible answers.
        answer: index of the right one.
        why: one sentence that `progress` shows with the right answer.
        chosen: index of what you predict, None until you choose.
    """

    question: str
    options: tuple[str, ...]
    answer: int
    why: str = ""
    chosen: int | None = None

    def choose(self, option: int | str) -> "Prediction":
        """Choose without buttons: by the option's text, or by its place counted from 1.

        Raises:
            ValueError: when there is no such option.
        """
        self.chosen = _place(self.options, option)
        return self

    def __repr__(self) -> str:
        signs = ["●" if i == self.chosen else "○" for i in range(len(self.options))]
        lines = [f"  {sign} {option}" for sign, option in zip(signs, self.options, strict=True)]
        return "\n".join([f"? Predict. {self.question}", *lines])

    def _repr_html_(self) -> str:
        signs = ["●" if i == self.chosen else "○" for i in range(len(self.options))]
        lines = "".join(f"<div>{sign} {html.escape(o)}</div>" for sign, o in zip(signs, self.options, strict=True))
        return Note("question", "Predict", "", f"<div>{html.escape(self.question)}</div>{lines}")._repr_html_()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """The buttons, with the text beside them for readers without a kernel."""
        frozen = {"text/plain": repr(self), "text/html": self._repr_html_()}
        widget = None if os.environ.get("MMATL_LAB_HEADLESS") == "1" else self._widget()
        return {**widget._repr_mimebundle_(), **frozen} if widget is not None else frozen

    def _widget(self):
        """Radio buttons, or None outside a notebook."""
        from IPython import get_ipython

        if getattr(get_ipython(), "kernel", None) is None:
            return None
        import ipywidgets

        buttons = ipywidgets.RadioButtons(
            options=list(self.options), index=self.chosen, layout=ipywidgets.Layout(width="max-content")
        )
        buttons.observe(lambda change: setattr(self, "chosen", change["new"]), names="index")
        question = ipywidgets.HTMLMath(f"<b>Predict.</b> {html.escape(self.question)}")
        return ipywidgets.VBox([question, buttons])


def prediction(id: str, question: str, options: tuple[str, ...], answer: int | str, why: str = "") -> None:
    """Register a question in `exercises.py`, so that `predict(id)` shows it without showing the answer in its cell."""
    _registered[id] = _make(question, options, answer, why)


def predict(
    question: str, options: tuple[str, ...] | None = None, answer: int | str | None = None, why: str = ""
) -> Prediction:
    """Ask for a prediction; it is kept, and scored by `progress`. Asking the same again keeps what was chosen.

    Args:
        question: the question, or the id of a registered one such as `"clip.first"`.
        options: the possible answers.
        answer: the right one: its text, or its place counted from 1.
        why: one sentence shown with the score.

    Raises:
        ValueError: for an unknown id, or an answer that is not among the options.
    """
    if options is None:
        exercises(question.partition(".")[0])  # the lesson registers its questions with its exercises
        if question not in _registered:
            raise ValueError(
                f"no question is called {question!r}: give its options and answer, or one of "
                f"{', '.join(_registered) or 'none'}"
            )
        asked = _registered[question]
    else:
        asked = _make(question, options, answer, why)
    return _predictions.setdefault(asked.question, asked)


def progress(lesson: str) -> Note:
    """Your exercises of a lesson and your predictions so far."""
    known = exercises(lesson)
    rows = [(e.id, e.title, *_state(e.id)) for e in known]
    table = Table(("exercise", "", "state", "tries", "help"), rows)
    text, body = repr(table), table._repr_html_()
    passed = sum("passed" in row[2] for row in rows)
    checked = sum(not e.open for e in known)
    foot = f"{passed} of {checked} checked exercises passed."
    answered = [p for p in _predictions.values() if p.chosen is not None]
    if answered:
        scored = [(p.question, p.options[p.chosen], p.options[p.answer], p.why) for p in answered]
        more = Table(("prediction", "yours", "right", "why"), scored)
        text, body = f"{text}\n\n{more!r}", body + more._repr_html_()
    if _predictions:
        right = sum(p.chosen == p.answer for p in answered)
        scored = f"{right} of {len(answered)} right, " if answered else ""
        foot += f" Predictions: {scored}{len(_predictions) - len(answered)} not made."
    return Note("question", f"Progress in {lesson}", text, body, foot)


def _state(id: str) -> tuple[str, str, str]:
    """State, number of tries, help used, of one exercise."""
    tried = [v for v in session.verdicts.get(id, []) if v.status != "not attempted"]
    last = next((v for v in tried if v.passed), tried[-1] if tried else None)
    signs = {"passed": "✔ passed", "wrong": "✘ not yet", "error": "⚠ error", "open": "◇ yours to judge"}
    count = len(session.hints.get(id, ()))
    used = [f"{count} hint{'s' * (count > 1)}"] * (count > 0) + ["solution"] * (id in session.solutions)
    return signs[last.status] if last else "○ not attempted", str(len(tried)), ", ".join(used)


def _make(question: str, options: tuple[str, ...], answer: int | str | None, why: str) -> Prediction:
    options = tuple(map(str, options))
    return Prediction(question, options, _place(options, answer), why)


def _place(options: tuple[str, ...], option: int | str | None) -> int:
    """Index of an option given by its text or by its place counted from 1."""
    if option in options:
        return options.index(option)
    if isinstance(option, int) and 1 <= option <= len(options):
        return option - 1
    raise ValueError(f"{option!r} is none of the options {options}: give its text, or 1 to {len(options)}")
