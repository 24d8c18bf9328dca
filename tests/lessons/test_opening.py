"""The switch of a lesson's first cell: what it shows and gives, and the minutes that it and all other places state."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
import torch

from mmatl_lab import lessons
from mmatl_lab.lessons import opening
from mmatl_lab.lessons.overview import overview
from mmatl_lab.training import hardware

from .notebooks import same_weights

module = sys.modules["mmatl_lab.lessons.opening"]
README = Path(__file__).parents[2] / "README.md"
TRAINED = [lesson for lesson in map(lessons.get, lessons.names()) if lesson.trains and lesson.has_notebook]
each = pytest.mark.parametrize("lesson", TRAINED, ids=lambda lesson: lesson.name)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(module, "_choices", {})
    monkeypatch.setattr(module, "speed", lambda: hardware.REFERENCE_GFLOPS / 2)  # half as fast as the reference
    monkeypatch.setattr(module, "machine", lambda: hardware.Machine("cpu", "A processor", 2, True, 2**33))


def test_without_a_page_the_choice_is_text_with_the_minutes_of_this_machine(monkeypatch, capsys):
    monkeypatch.setenv("MMATL_LAB_PRESET", "full")
    choice = opening("clip")
    minutes = choice.recipe.minutes
    said = capsys.readouterr().out
    assert re.search(rf"○ shipped +{2 * minutes['shipped']:.0f} min +load the shipped models", said)
    assert re.search(rf"● full +{2 * minutes['full']:.0f} min +train what", said)
    assert re.search(r"○ gpu +needs CUDA", said)
    assert "run the cells below again" in said and "A processor (cpu), 2 cores" in said and "differ" not in said


def test_quick_says_that_the_text_has_other_numbers(capsys):
    opening("clip")  # the tests' environment asks for quick
    assert "With quick the models have hardly learnt anything" in capsys.readouterr().out


def test_a_gpu_is_not_scaled_by_the_processor_and_is_wanted_where_there_is_none(monkeypatch):
    recipe = lessons.get("clip").recipe
    assert module.minutes(recipe, "gpu") == recipe.minutes["gpu"]
    assert module.minutes(recipe, "quick") == 2 * recipe.minutes["quick"]
    assert "no CUDA" in module.Choice(recipe, "gpu").note()
    monkeypatch.setattr(module, "machine", lambda: hardware.Machine("cuda", "A GPU", 2, True, 2**33))
    choice = module.Choice(recipe, "gpu")
    assert "needs CUDA" not in repr(choice) and "no CUDA" not in choice.note()


def test_running_the_cell_again_keeps_the_choice(capsys):
    opening("clip").choose("shipped")
    assert opening("clip").shipped and not opening("why_multimodal").shipped
    with pytest.raises(ValueError, match="no preset 'huge': choose one of shipped, quick, full, gpu"):
        opening("clip").choose("huge")


def test_a_lesson_without_models_has_no_switch():
    with pytest.raises(ValueError, match="'start_here' trains nothing"):
        opening("start_here")


def test_in_a_notebook_there_are_buttons_and_a_frozen_page_for_readers_without_a_kernel(live, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda output, **_: shown.append(output))
    choice = opening("clip")
    still, buttons = shown
    assert still["text/plain"] == repr(choice) and choice._repr_html_() in still["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in buttons
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    assert opening("clip") is choice and shown[2:] == [choice]


def test_a_button_chooses_and_what_is_to_be_known_follows():
    choice = opening("clip")
    _, buttons, said, _ = choice.widget().children
    assert buttons.value == "quick" and "hardly learnt" in said.value
    buttons.value = "shipped"
    assert choice.shipped and "hardly learnt" not in said.value and "shipped models" in said.value


@each
def test_shipped_weights_are_loaded_and_no_step_is_taken(lesson, tmp_path):
    choice = module.Choice(lesson.recipe, "shipped")
    for system in lesson.recipe.systems:
        settings = system.settings(choice.preset)
        run = system.run(
            model := system.make(settings), settings, weights=choice.weights(system), folder=tmp_path, quiet=True
        )
        system.fit(run, settings)
        assert run.done == settings.num_steps and not run.history["step"] and not list(tmp_path.iterdir())
        assert same_weights(model, lesson.recipe.load(system.name)[0])
        assert choice.choose("quick").weights(system) is None
        choice.choose("shipped")


def test_a_seed_of_evaluation_trains_nothing():
    system = lessons.get("clip").recipe.system("clip_scenes")
    settings = system.settings("quick")
    with pytest.raises(ValueError, match="kept for evaluation"):
        system.run(torch.nn.Linear(1, 1), settings, seed=system.reserved[0], save=False)


@each
def test_the_minutes_of_a_lesson_are_the_same_wherever_they_are_stated(lesson):
    minutes = lesson.recipe.minutes
    assert set(minutes) == set(module.WAYS)
    name = lesson.notebook.name
    (row,) = [line for line in README.read_text(encoding="utf-8").splitlines() if f"(notebooks/{name})" in line]
    assert row.split("|")[-2].strip() == f"{minutes['full']:g}"
    (line,) = [row for row in overview().rows if row[0] == f"{lesson.number:02d}"]
    assert line[3] == f"{minutes['full']:g}"


@each
def test_a_lesson_that_trains_has_the_switch_and_states_its_minutes(lesson):
    notebook = nbformat.read(lesson.notebook, as_version=4)
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert f'choice = opening("{lesson.name}")' in first
    assert f"**Minutes:** {module.stated_minutes(lesson.recipe)} ·" in notebook.cells[0].source
