"""The map of the course: the lessons that are there, in their order, the ways to open them, and what you have done."""

from mmatl_lab import lessons
from mmatl_lab.viz.tables import Link, Table

from . import record
from .choices import Question
from .progress import Tally, tally

COLUMNS = ("", "lesson", "what it shows", "minutes (2 cores)", "demo", "exercises", "predictions", "quiz", "")


def overview() -> Table:
    """All lessons that have a notebook, with links to the notebooks beside the one that shows this.

    The link in the last column is to the lesson that you were in last or, when its quiz is answered, to the next one
    whose quiz is not.
    """
    known = [lesson for lesson in map(lessons.get, lessons.names()) if lesson.has_notebook]
    done = {lesson.name: tally(lesson.name) for lesson in known}
    here = _here(done)
    return Table(COLUMNS, [_row(lesson, done[lesson.name], here) for lesson in known])


def _here(done: dict[str, Tally]) -> str:
    """Name of the lesson to go on with; empty when all are finished."""
    visited = [event.lesson for event in record.events() if event.lesson in done]
    names = list(done)
    last = names.index(visited[-1]) if visited else 0
    return next((name for name in names[last:] + names[:last] if not done[name].finished), "")


def _row(lesson: lessons.Lesson, done: Tally, here: str) -> tuple:
    """Number, name, title, minutes of the notebook with the preset full, whether it has a demo, and what is done."""
    return (
        f"{lesson.number:02d}",
        Link(lesson.name, lesson.notebook.name),
        lesson.title,
        f"{lesson.recipe.minutes['full']:g}" if lesson.trains else "–",
        "✔" if lesson.has_demo else "",
        f"{done.passed}/{done.checked}" if done.checked else "",
        _right(done.predictions),
        _right(done.quiz),
        Link("◀\u00a0go\u00a0on\u00a0here", lesson.notebook.name) if lesson.name == here else "",
    )


def _right(asked: list[Question]) -> str:
    """Right answers of all questions; a dash while none is answered."""
    if not asked:
        return ""
    right = sum(q.right for q in asked) if any(q.chosen is not None for q in asked) else "–"
    return f"{right}/{len(asked)}"
