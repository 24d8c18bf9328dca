"""What holds for every lesson that trains: what is shipped is what its card says, the notebook teaches the library."""

import json
from dataclasses import replace

import pytest
import torch

from mmatl_lab import lessons, paths
from mmatl_lab.config import from_dict, to_dict
from mmatl_lab.lessons.exercise import exercises

from .notebooks import code_cells, same_weights

TRAINED = [name for name in lessons.names() if lessons.get(name).trains and lessons.get(name).has_notebook]
SYSTEMS = [(name, system.name) for name in TRAINED for system in lessons.get(name).recipe.systems]


@pytest.mark.parametrize(("lesson", "name"), SYSTEMS)
def test_each_config_survives_the_card_and_weights_depend_on_the_seed_alone(lesson, name):
    system = lessons.get(lesson).recipe.system(name)
    for settings in system.presets.values():
        card = {"config": json.loads(json.dumps(to_dict(settings.model)))}
        assert system.config(card) == from_dict(type(settings.model), card["config"]) == settings.model
    quick = system.presets["quick"]
    before = torch.random.get_rng_state()
    one, same, other = (system.make(quick, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same_weights(one, same) and not same_weights(one, other)


@pytest.mark.parametrize(("lesson", "name"), SYSTEMS)
def test_what_is_shipped_was_made_by_its_command_from_these_data(lesson, name):
    recipe = lessons.get(lesson).recipe
    system, (model, card) = recipe.system(name), recipe.load(name)
    assert card["command"] == f"mmatl-lab train {lesson} --preset full --seed 0 --only {name}"
    assert card["data"] == dict(system.data()) and not model.training
    assert card["config"] == json.loads(json.dumps(to_dict(system.presets["full"].model)))
    settings = system.presets["full"]
    assert (card["step"], card["settings"]["num_steps"]) == (settings.num_steps, settings.num_steps)
    assert json.loads(paths.asset(f"checkpoints/{name}.json").read_text(encoding="utf-8")) == card


@pytest.mark.slow
@pytest.mark.parametrize("lesson", TRAINED)
def test_shipped_models_give_the_numbers_of_their_cards(lesson):
    recipe = lessons.get(lesson).recipe
    report = recipe.evaluate()
    for name in recipe.checkpoints:
        for metric, value in recipe.load(name)[1]["metrics"].items():
            assert report.to_dict()["metrics"][metric] == pytest.approx(value, abs=0.01)  # another machine's rounding
    for result in report.results:
        assert result.ceiling is None or result.value <= result.ceiling + 0.02
        assert result.label and result.label != result.name


@pytest.mark.slow
@pytest.mark.parametrize("lesson", TRAINED)
def test_a_short_run_trains_all_systems_and_is_evaluated(lesson, tmp_path):
    recipe = lessons.get(lesson).recipe
    short = [
        replace(system, presets={"quick": replace(system.presets["quick"], num_steps=2)}) for system in recipe.systems
    ]
    recipe = replace(recipe, systems=tuple(short))
    files = recipe.train("quick", folder=tmp_path)
    assert tuple(files) == recipe.checkpoints and all(path.is_file() for path in files.values())
    report = recipe.evaluate(folder=tmp_path)
    assert report.preset == "quick" and report.results and report.to_dict()["targets"] == {}


@pytest.mark.parametrize("lesson", [name for name in lessons.names() if lessons.get(name).has_notebook])
def test_every_exercise_of_the_notebook_is_the_registered_one(lesson):
    cells = code_cells(lesson)
    for exercise in exercises(lesson):
        assert exercise.cell in cells, exercise.id
