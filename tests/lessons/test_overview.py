"""The map of the course: what is there, in its order, and nothing else."""

import re
from types import SimpleNamespace

import pytest

from mmatl_lab import lessons
from mmatl_lab.lessons.overview import overview


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A lesson that trains, one that does not, and one whose notebook is still to come."""

    def lesson(name, number, presets, **what):
        what = {"title": f"About {name} & more", "has_demo": False, "has_notebook": True} | what
        notebook, recipe = tmp_path / f"{number:02d}_{name}.ipynb", SimpleNamespace(minutes=presets)
        return SimpleNamespace(name=name, number=number, notebook=notebook, recipe=recipe, trains=bool(presets), **what)

    full = {"full": 2.5}
    known = [lesson("tour", 0, {}), lesson("cats", 3, full, has_demo=True), lesson("dogs", 4, full, has_notebook=False)]
    monkeypatch.setattr(lessons, "names", lambda: [lesson.name for lesson in known])
    monkeypatch.setattr(lessons, "get", {lesson.name: lesson for lesson in known}.__getitem__)


def test_each_lesson_has_its_number_its_claim_its_minutes_and_its_demo(course):
    assert [tuple(map(str, row)) for row in overview().rows] == [
        ("00", "tour", "About tour & more", "none", ""),
        ("03", "cats", "About cats & more", "2.5 min", "mmatl-lab demo cats"),
    ]
    assert re.search(r"^03  cats +About cats & more +2\.5 min +mmatl-lab demo cats$", repr(overview()), re.MULTILINE)


def test_a_page_has_links_to_the_notebooks_beside_it(course):
    page = overview()._repr_html_()
    assert re.findall(r'<a href="([^"]*)">(\w+)</a>', page) == [("00_tour.ipynb", "tour"), ("03_cats.ipynb", "cats")]
    assert "About cats &amp; more" in page and page.count("<code>") == 1


def test_the_lessons_of_the_package_are_on_it():
    rows = [tuple(map(str, row)) for row in overview().rows]
    assert rows == sorted(rows)
    assert {("00", "start_here"), ("03", "clip")} <= {row[:2] for row in rows}
