"""The map of the course: the lessons that are there, in their order, with the ways to open them."""

from mmatl_lab import lessons
from mmatl_lab.viz.tables import Code, Link, Table

COLUMNS = ("", "lesson", "what it shows", "training on 2 cores", "demo")


def overview() -> Table:
    """All lessons that have a notebook, with links to the notebooks beside the one that shows this."""
    known = map(lessons.get, lessons.names())
    return Table(COLUMNS, [_row(lesson) for lesson in known if lesson.has_notebook])


def _row(lesson: lessons.Lesson) -> tuple[str, Link, str, str, Code]:
    """Number, name, title, minutes of training with the preset full, and the command of the demo."""
    return (
        f"{lesson.number:02d}",
        Link(lesson.name, lesson.notebook.name),
        lesson.title,
        f"{lesson.recipe.minutes['full']:g} min" if lesson.trains else "none",
        Code(f"mmatl-lab demo {lesson.name}" if lesson.has_demo else ""),
    )
