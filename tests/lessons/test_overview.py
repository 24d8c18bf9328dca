"""The map of the course: what is there, in its order, and nothing else."""

import re
from types import SimpleNamespace

import pytest

from mmatl_lab import lessons
from mmatl_lab.lessons import choices, record
from mmatl_lab.lessons.overview import overview


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A lesson that trains, one that does not, and one whose notebook is still to come."""

    def lesson(name, number, presets, **what):
        what = {"title": f"About {name} & more", "has_demo": False, "has_notebook": True, "exercises": None} | what
        notebook, recipe = tmp_path / f"{number:02d}_{name}.ipynb", SimpleNamespace(minutes=presets)
        return SimpleNamespace(name=name, number=number, notebook=notebook, recipe=recipe, trains=bool(presets), **what)

    full = {"full": 2.5}
    known = [lesson("tour", 0, {}), lesson("cats", 3, full, has_demo=True), lesson("dogs", 4, full, has_notebook=False)]
    monkeypatch.setattr(lessons, "names", lambda: [lesson.name for lesson in known])
    monkeypatch.setattr(lessons, "get", {lesson.name: lesson for lesson in known}.__getitem__)


def rows():
    return [tuple(map(str, row)) for row in overview().rows]


def test_each_lesson_has_its_number_its_claim_its_minutes_and_whether_it_has_a_demo(course):
    assert [row[:5] for row in rows()] == [
        ("00", "tour", "About tour & more", "–", ""),
        ("03", "cats", "About cats & more", "2.5", "✔"),
    ]
    assert re.search(r"^03  cats +About cats & more +2\.5 +✔$", repr(overview()), re.MULTILINE)


def test_a_page_has_links_to_the_notebooks_beside_it(course, toy_questions):
    page = overview()._repr_html_()
    assert re.findall(r'<a href="([^"]*)">([^<]+)</a>', page) == [("00_tour.ipynb", "tour"), ("03_cats.ipynb", "cats")]
    assert "About cats &amp; more" in page


@pytest.fixture
def asked(course, monkeypatch):
    """The course with a prediction and a quiz of two questions in each lesson."""
    monkeypatch.setattr(choices, "_registered", {})
    for name in ("tour", "cats"):
        choices.register("predict", f"{name}.first", "Which?", ("a", "b"), "a", "So.")
        for id in ("q1", "q2"):
            choices.register("quiz", f"{name}.{id}", "Which?", ("a", "b"), "a", "So.")


def test_it_shows_what_is_right_in_each_lesson(asked):
    assert [row[6:8] for row in rows()] == [("–/1", "–/2")] * 2
    choices.questions("predict", "cats")[0].choose("b")
    choices.questions("quiz", "cats")[1].choose("a")
    assert [row[6:8] for row in rows()] == [("–/1", "–/2"), ("0/1", "1/2")]


def test_it_points_to_the_lesson_you_were_in_until_its_quiz_is_answered_and_then_on(asked):
    def here():
        assert sum(bool(row[-1]) for row in rows()) <= 1
        return "".join(row[1] for row in rows() if row[-1])

    assert here() == "tour"
    record.add("check", "cats.1", "wrong")
    record.add("check", "gone.1", "wrong")  # of a lesson that is no longer there
    assert here() == "cats"
    for question in choices.questions("quiz", "cats"):
        question.choose("b")
    assert here() == "tour"
    for question in choices.questions("quiz", "tour"):
        question.choose("b")
    assert here() == ""


def test_the_lessons_of_the_package_are_on_it():
    assert [row[0] for row in rows()] == sorted(row[0] for row in rows())
    assert {("00", "start_here"), ("03", "clip")} <= {row[:2] for row in rows()}
