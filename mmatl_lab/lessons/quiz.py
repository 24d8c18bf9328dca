"""The quiz at the end of a lesson: `quiz("clip")` asks what `question` registered in the lesson's exercises package."""

from dataclasses import dataclass

from .choices import RUN, Asked, Question, questions, register, score
from .notes import Note


@dataclass(frozen=True, repr=False)
class Quiz(Asked):
    """The questions of one lesson, shown together."""

    lesson: str
    questions: tuple[Question, ...]

    def note(self, answered: bool) -> Note:
        numbered = [(f"{number}.", q) for number, q in enumerate(self.questions, 1)]
        text = "\n".join(q.to_text(label, answered) for label, q in numbered)
        page = "".join(f'<div style="margin:.8em 0">{q.to_html(label, answered)}</div>' for label, q in numbered)
        begun = answered and any(q.chosen is not None for q in self.questions)
        return Note("question", "Quiz", text, page, f"{score(self.questions)}." if begun else RUN)

    def widget(self):
        import ipywidgets

        total = ipywidgets.HTML()

        def count() -> None:
            total.value = f"<b>Quiz:</b> {score(self.questions)}."

        asked = [q.widget(f"{number}.", then=count) for number, q in enumerate(self.questions, 1)]
        for box in asked:
            box.layout.margin = "0 0 1em 0"
        count()
        return ipywidgets.VBox([*asked, total])


def question(id: str, text: str, options: tuple[str, ...], answer: int | str, why: str) -> None:
    """Register a question of the quiz in the lesson's `exercises.py`.

    Args:
        id: `"<lesson>.<name>"`.
        text: the question; LaTeX between `$` is typeset, `code` and *stress* are shown as such.
        options: the possible answers, plain text, in the order in which they are shown.
        answer: the right one: its text, or its place counted from 1.
        why: one or two sentences that are shown once an option is chosen.

    Raises:
        ValueError: fewer than two options, two alike, or an answer that is not among them.
    """
    register("quiz", id, text, options, answer, why)


def quiz(lesson: str) -> Quiz:
    """The quiz of a lesson.

    Raises:
        ValueError: for an unknown lesson, or one without questions.
    """
    found = questions("quiz", lesson)
    if not found:
        raise ValueError(f"the lesson {lesson!r} has no quiz: register questions with `question` in its exercises")
    return Quiz(lesson, tuple(found))
