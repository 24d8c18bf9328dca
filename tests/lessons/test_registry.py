import subprocess
import sys

import pytest

from mmatl_lab import lessons, paths


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of three lessons, one of them without a notebook."""
    for name in ("bats", "ants", "cats"):
        (tmp_path / "lessons" / name).mkdir(parents=True)
        (tmp_path / "lessons" / name / "__init__.py").write_text("")
        (tmp_path / "lessons" / name / "recipe.py").write_text(
            f'from mmatl_lab.lessons.recipe import Recipe\nRECIPE = Recipe("{name}", "About {name}")'
        )
    (tmp_path / "notebooks").mkdir()
    for notebook in ("07_ants", "02_cats"):
        (tmp_path / "notebooks" / f"{notebook}.ipynb").write_text("{}")
    monkeypatch.setattr(lessons, "__path__", [str(tmp_path / "lessons")])
    monkeypatch.setattr(paths, "notebooks", lambda: tmp_path / "notebooks")
    yield tmp_path
    for module in [m for m in sys.modules if m.startswith(("mmatl_lab.lessons.ants", "mmatl_lab.lessons.bats"))]:
        del sys.modules[module]


def test_lessons_are_their_folders_in_the_order_of_the_notebooks(course):
    assert lessons.names() == ["cats", "ants", "bats"]


def test_a_lesson_knows_its_notebook_number_and_title(course):
    lesson = lessons.get("ants")
    assert (lesson.name, lesson.number, lesson.title) == ("ants", 7, "About ants")
    assert lesson.notebook == course / "notebooks" / "07_ants.ipynb"
    assert lessons.get("07_ants") == lesson


def test_a_missing_notebook_says_where_it_was_looked_for(course):
    with pytest.raises(FileNotFoundError, match=r"'bats' has no notebook at .*NN_bats\.ipynb"):
        lessons.get("bats").number  # noqa: B018


def test_an_unknown_name_gets_the_nearest(course):
    with pytest.raises(ValueError, match="no lesson is called 'cast': did you mean 'cats'"):
        lessons.get("cast")


def test_the_clip_lesson_is_there():
    assert "clip" in lessons.names()
    assert lessons.get("clip").exercises.__name__ == "mmatl_lab.lessons.clip.exercises"


@pytest.mark.parametrize("name", [name for name in lessons.names() if lessons.get(name).has_notebook])
def test_a_lesson_has_every_preset_for_every_system(name):
    lesson = lessons.get(name)
    assert lesson.title and lesson.exercises.__name__.endswith(f"{name}.exercises")
    if lesson.trains:
        assert lesson.recipe.presets == ("quick", "full", "gpu")
        for system in lesson.recipe.systems:
            assert tuple(system.presets) == lesson.recipe.presets and system.reserved
    assert lesson.recipe.lesson == name
    assert not lesson.has_demo or callable(lesson.demo.build)


def test_importing_the_registry_imports_nothing_heavy():
    heavy = "{'torch', 'numpy', 'IPython', 'ipywidgets'}"
    code = f"import sys, mmatl_lab.lessons as l; l.names(); print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
