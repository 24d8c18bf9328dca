"""The map of the course: the lessons that are there, in their order, with the ways to open them."""

import html
from dataclasses import dataclass

from mmatl_lab import lessons

from .show import table

COLUMNS = ("", "lesson", "what it shows", "training on 2 cores", "demo")


@dataclass(frozen=True)
class Overview:
    """The table of the lessons; shows itself in a notebook, with links to the notebooks beside it, and as text."""

    lessons: tuple[lessons.Lesson, ...]

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Number, name, title, minutes of training with the preset full, and the command of the demo."""
        return [
            (
                f"{lesson.number:02d}",
                lesson.name,
                lesson.title,
                f"{lesson.recipe.PRESETS['full'].minutes:g} min" if lesson.trains else "none",
                f"mmatl-lab demo {lesson.name}" if lesson.has_demo else "",
            )
            for lesson in self.lessons
        ]

    def __repr__(self) -> str:
        return table(COLUMNS, self.rows())[0]

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{name}</th>' for name in COLUMNS)
        body = ""
        for lesson, row in zip(self.lessons, self.rows()):
            number, name, title, minutes, demo = map(html.escape, row)
            link = f'<a href="{html.escape(lesson.notebook.name)}">{name}</a>'
            cells = (number, link, title, minutes, f"<code>{demo}</code>" if demo else "")
            body += "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def overview() -> Overview:
    """All lessons that have a notebook."""
    known = map(lessons.get, lessons.names())
    return Overview(tuple(lesson for lesson in known if lesson.has_notebook))
