"""The lesson that CONTRIBUTING offers to be copied: it trains, is measured, checks its exercise, and has a demo."""

import sys
from pathlib import Path

import pytest

from mmatl_lab import lessons, paths
from mmatl_lab.lessons import check
from mmatl_lab.lessons.exercise import find

SKETCH = Path(__file__).parent / "sketch"


@pytest.fixture
def lesson(monkeypatch):
    monkeypatch.setattr(lessons, "__path__", [*lessons.__path__, str(SKETCH)])
    yield lessons.get("fusion_sketch")
    for name in [name for name in sys.modules if name.startswith("mmatl_lab.lessons.fusion_sketch")]:
        del sys.modules[name]


def test_it_is_short():
    lines = [line for file in SKETCH.rglob("*.py") for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) <= 120


def test_it_trains_and_is_measured_without_a_line_elsewhere(lesson, tmp_path):
    lesson.recipe.train("quick", folder=tmp_path)
    report = lesson.recipe.evaluate(folder=tmp_path)
    assert [r.name for r in report.results] == ["xor_concat", "xor_add", "xor_product", "size_ratio"]
    assert all(r.ceiling is None or 0.4 < r.value < r.ceiling + 0.03 for r in report.results)


def test_its_exercise_names_each_mistake(lesson):
    lesson.exercises  # noqa: B018, importing registers them
    exercise = find("fusion_sketch.1")
    assert check(exercise.id, exercise.solution).passed
    for mistake in exercise.mistakes:
        assert mistake.sentence in check(exercise.id, mistake.function).message


def test_its_demo_answers(lesson, tmp_path, monkeypatch):
    lesson.recipe.train("quick", folder=tmp_path / "checkpoints")
    monkeypatch.setattr(paths, "asset", lambda relative: tmp_path / relative)
    assert lesson.demo.answer(1, -1).count("P(they differ)") == 3
    assert lesson.demo.build().title == "Two signs, one question"
