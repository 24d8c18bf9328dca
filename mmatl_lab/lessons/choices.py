"""Questions with options: buttons in a live notebook, text elsewhere. The first choice counts and is explained."""

import html
from collections.abc import Callable
from dataclasses import dataclass

from mmatl_lab.viz.reopened import display_live
from mmatl_lab.viz.style import GREEN, ORANGE, headless, in_notebook

from . import record
from .exercise import exercises
from .notes import Note, make_note, marked

RUN = "Run this cell to answer."  # below what is still to be answered

_registered: dict[tuple[str, str], "Question"] = {}  # by kind and id

# Of JupyterLab's buttons, which are one line high and dimmed when disabled, options that can be read in any width.
_STYLE = f"""<style>
.mmatl-option.jupyter-button {{ width: fit-content; max-width: 100%; height: auto; min-height: 28px; line-height: 1.4;
  padding: 4px 12px; white-space: normal; text-align: left; border-radius: 4px; border-left: 4px solid transparent }}
.mmatl-option.jupyter-button:disabled {{ opacity: .6 }}
.mmatl-option.mmatl-right:disabled {{ border-left-color: {GREEN}; opacity: 1; font-weight: 600 }}
.mmatl-option.mmatl-wrong:disabled {{ border-left-color: {ORANGE}; opacity: 1 }}
</style>"""


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Attributes:
        kind: `"predict"` or `"quiz"`.
        id: `"<lesson>.<name>"`.
        text: one or two sentences; LaTeX between `$` is typeset, `code` and *stress* are shown as such.
        options: the possible answers, plain text.
        answer: index of the right one.
        why: one or two sentences that are shown once an option is chosen.
    """

    kind: str
    id: str
    text: str
    options: tuple[str, ...]
    answer: int
    why: str

    @property
    def chosen(self) -> int | None:
        """Index of the option that was chosen first, None before that."""
        said = (event.what for event in record.events(self.kind, self.id))
        return next((self.options.index(what) for what in said if what in self.options), None)

    @property
    def right(self) -> bool:
        return self.chosen == self.answer

    def choose(self, option: int | str) -> "Question":
        """Choose without buttons: by the option's text, or by its place counted from 1. The first choice counts.

        Raises:
            ValueError: when there is no such option.
        """
        place = _place(self.options, option)
        if self.chosen is None:
            record.add(self.kind, self.id, self.options[place])
        return self

    def verdict(self) -> Note:
        """What was right, and why; once an option is chosen."""
        right = self.options[self.answer]
        return (
            make_note("passed", f"Right: {right}", self.why)
            if self.right
            else make_note("missed", f"The answer is: {right}", self.why)
        )

    def lines(self, answered: bool) -> list[str]:
        """The options, each with its sign; `answered` marks the right one and the chosen one."""
        signs = ["○"] * len(self.options)
        if answered and self.chosen is not None:
            signs[self.chosen], signs[self.answer] = "✘", "✔"
        return [f"{sign} {option}" for sign, option in zip(signs, self.options)]

    def to_text(self, label: str, answered: bool) -> str:
        """The question as text, with the verdict if it was answered and `answered` asks for it."""
        lines = [f"{label} {self.text}".strip(), *(f"  {line}" for line in self.lines(answered))]
        return "\n".join(lines + [repr(self.verdict())] * (answered and self.chosen is not None))

    def to_html(self, label: str, answered: bool) -> str:
        """The same as HTML."""
        options = "".join(f"<div>{html.escape(line)}</div>" for line in self.lines(answered))
        verdict = self.verdict()._repr_html_() if answered and self.chosen is not None else ""
        label = f"<b>{html.escape(label)}</b> " if label else ""
        return f"<div>{label}{marked(self.text)}</div>{options}{verdict}"

    def widget(self, label: str, then: Callable[[], None] = lambda: None):
        """The question with a button for each option. Choosing one explains it, locks them all and calls `then`."""
        import ipywidgets

        head = ipywidgets.HTMLMath(f"{_STYLE}<b>{html.escape(label)}</b> {marked(self.text)}")
        buttons = [ipywidgets.Button() for _ in self.options]
        explained = ipywidgets.HTMLMath(layout=ipywidgets.Layout(display="none"))

        def draw() -> None:
            chosen = self.chosen
            for i, (button, line) in enumerate(zip(buttons, self.lines(answered=True))):
                button.description, button.disabled = line, chosen is not None
                if chosen is not None:
                    look = ["mmatl-right"] * (i == self.answer) or ["mmatl-wrong"] * (i == chosen)
                    button._dom_classes = ("mmatl-option", *look)
            if chosen is not None:
                explained.value, explained.layout.display = self.verdict()._repr_html_(), None

        def choose(button) -> None:
            self.choose(buttons.index(button) + 1)
            draw()
            then()

        for button in buttons:
            button.add_class("mmatl-option")
            button.on_click(choose)
        draw()
        return ipywidgets.VBox([head, *buttons, explained])


def register(kind: str, id: str, text: str, options: tuple[str, ...], answer: int | str, why: str) -> None:
    """Register a question under its kind and id.

    Raises:
        ValueError: fewer than two options, two alike, or an answer that is not among them.
    """
    options = tuple(map(str, options))
    if len(set(options)) < max(2, len(options)):
        raise ValueError(f"the options of {id!r} are {options}: give at least two, all different")
    _registered[kind, id] = Question(kind, id, text, options, _place(options, answer), why)


def questions(kind: str, lesson: str) -> list[Question]:
    """The questions of a lesson in the order in which its exercises package registers them.

    Raises:
        ValueError: for an unknown lesson.
    """
    exercises(lesson)  # importing them registers the questions
    return [q for (its, id), q in _registered.items() if its == kind and id.startswith(f"{lesson}.")]


def score(asked: list[Question]) -> str:
    """How many of the answered questions are right and how many are left, in words.

    >>> score([])
    'none asked'
    """
    answered = [q for q in asked if q.chosen is not None]
    left = len(asked) - len(answered)
    parts = [f"{sum(q.right for q in answered)} of {len(answered)} right"] * bool(answered)
    return ", ".join(parts + [f"{left} not answered"] * bool(left)) or "none asked"


class Asked:
    """Something asked: a widget in a live notebook; elsewhere, and in the saved page, a note without the answers.

    A subclass says what is shown: `note(answered)`, with or without what was chosen, and `widget()`.
    """

    def __repr__(self) -> str:
        return repr(self.note(answered=True))

    def _repr_html_(self) -> str:
        return self.note(answered=True)._repr_html_()

    def _ipython_display_(self) -> None:
        if headless() or not in_notebook():
            raise NotImplementedError  # this tells IPython to show text and HTML
        still = self.note(answered=False)  # what was chosen stands in the widget, and in no saved page
        display_live(self.widget(), repr(still), still._repr_html_())


def _place(options: tuple[str, ...], option: int | str) -> int:
    """Index of an option given by its text or by its place counted from 1."""
    if option in options:
        return options.index(option)
    if isinstance(option, int) and 1 <= option <= len(options):
        return option - 1
    raise ValueError(f"{option!r} is none of the options {options}: give its text, or 1 to {len(options)}")
