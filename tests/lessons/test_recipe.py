"""A recipe: systems are trained in order, saved with their cards, rebuilt from the card alone, and measured."""

import json
import os
import shutil
import signal
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from mmatl_lab.lessons import Recipe, Result, System
from mmatl_lab.training import CheckpointError, Run, load_checkpoint, save_checkpoint, unfinished


@dataclass(frozen=True)
class Config:
    out_dim: int = 4


@dataclass(frozen=True)
class Settings:
    num_steps: int = 3
    batch_size: int = 2
    lr: float = 1e-3
    model: Config = Config()


class Lesson:
    """Two systems of one class with different arguments; the second needs the first."""

    def __init__(self):
        self.interrupted, self.needed, self.devices, self.note = [], [], set(), "chosen on validation data"
        presets = {"quick": Settings(), "full": Settings(model=Config(6))}
        one = System("toy_one", presets, self.build, self.fit, self.evaluate, reserved=(99,))
        two = replace(one, name="toy_two", needs=("toy_one",), data=lambda: {"digits": "abc"})
        self.recipe = Recipe("toy", "Toys", {"quick": 0.1, "full": 1}, (one, two), self.evaluate_all)

    def build(self, config):
        return nn.Linear(2, config.out_dim)

    def fit(self, run, settings, **needed):
        self.needed.append(tuple(needed))
        for _, generator in run:
            if run.name in self.interrupted:
                os.kill(os.getpid(), signal.SIGINT)
            run.step(run.model(torch.rand(settings.batch_size, 2, generator=generator)).square().sum())

    def evaluate(self, model, **needed):
        name = f"out_dim_{len(needed)}"
        self.devices.add(model.weight.device.type)
        return [Result(name, "width", model.out_features, at_least=1, note=self.note), "a sample"]

    def evaluate_all(self, models):
        return [Result("same", "both alike", models["toy_one"].out_features == models["toy_two"].out_features)]


@pytest.fixture
def lesson():
    return Lesson()


def train(lesson, folder, **options):
    return lesson.recipe.train("quick", folder=folder, **({"seed": 5} | options))


def test_each_is_trained_saved_with_its_card_and_loaded(lesson, tmp_path):
    files = train(lesson, tmp_path)
    assert list(files) == ["toy_one", "toy_two"] and lesson.needed == [(), ("toy_one",)]
    model, card = lesson.recipe.load("toy_two", folder=tmp_path)
    assert not model.training and model.weight.shape == (4, 2)
    assert (card["recipe"], card["preset"], card["seed"], card["data"]) == ("toy", "quick", 5, {"digits": "abc"})
    assert card["command"] == "mmatl-lab train toy --preset quick --seed 5 --only toy_two"
    assert card["config"] == {"out_dim": 4} and card["metrics"] == {"out_dim_1": 4.0}


def test_what_is_said_beside_a_number_is_on_the_card_and_is_written_anew_without_training(lesson, tmp_path):
    file = train(lesson, tmp_path)["toy_one"]
    before = load_checkpoint(file)
    assert before.card["notes"] == {"out_dim_0": "chosen on validation data"}
    lesson.note = "the old target was .3"
    lesson.recipe.evaluate(folder=tmp_path)
    assert load_checkpoint(file).card == before.card  # evaluating alone writes nothing
    lesson.recipe.evaluate(folder=tmp_path, write=True)
    after = load_checkpoint(file)  # whose digest is right
    assert (
        after.card["notes"] == {"out_dim_0": "the old target was .3"} and after.card["sha256"] != before.card["sha256"]
    )
    assert json.loads(file.with_suffix(".json").read_text()) == after.card
    same = {"notes", "sha256"}
    assert {k: v for k, v in after.card.items() if k not in same} == {
        k: v for k, v in before.card.items() if k not in same
    }
    assert all(torch.equal(after.state[k], v) and after.state[k].dtype == v.dtype for k, v in before.state.items())


def test_a_card_without_notes_is_read(lesson, tmp_path):
    file = train(lesson, tmp_path, only="toy_one")["toy_one"]
    state, card = load_checkpoint(file)
    save_checkpoint(file, state, {name: value for name, value in card.items() if name != "notes"})
    assert lesson.recipe.load("toy_one", folder=tmp_path)[0].out_features == 4


def test_models_go_where_they_are_asked_to(lesson, tmp_path):
    train(lesson, tmp_path)
    assert lesson.recipe.load("toy_one", folder=tmp_path, device="meta")[0].weight.is_meta
    lesson.devices.clear()
    lesson.recipe.evaluate(folder=tmp_path, device="cpu")
    assert lesson.devices == {"cpu"}
    with pytest.raises(ValueError, match="device 'nose' is not available here"):
        lesson.recipe.evaluate(folder=tmp_path, device="nose")


def test_a_model_is_rebuilt_from_its_card_whatever_preset_made_it(lesson, tmp_path):
    lesson.recipe.train("full", folder=tmp_path, only="toy_one")
    assert lesson.recipe.load("toy_one", folder=tmp_path)[0].out_features == 6


def test_the_report_has_every_system_and_what_takes_several(lesson, tmp_path):
    train(lesson, tmp_path)
    report = lesson.recipe.evaluate(folder=tmp_path)
    assert [r.name for r in report.results] == ["out_dim_0", "out_dim_1", "same"] and report.samples == (
        "a sample",
    ) * 2
    assert report.preset == "quick" and report.to_dict()["targets"] == {}  # a quick run promises nothing
    lesson.recipe.train("full", folder=tmp_path)
    assert set(lesson.recipe.evaluate(folder=tmp_path).to_dict()["targets"]) == {"out_dim_0", "out_dim_1"}


def test_names_and_seeds_that_do_not_serve_get_a_sentence(lesson, tmp_path):
    assert list(train(lesson, tmp_path, only="toy_one")) == ["toy_one"]
    with pytest.raises(ValueError, match="'nose' in this lesson: choose one of toy_one, toy_two"):
        train(lesson, tmp_path, only="nose")
    with pytest.raises(ValueError, match="no preset 'huge': choose one of quick, full"):
        lesson.recipe.train("huge", folder=tmp_path)
    with pytest.raises(ValueError, match="seed 99 is kept for evaluation"):
        train(lesson, tmp_path, seed=99)


def test_a_stage_that_is_missing_or_misplaced_is_a_sentence(lesson, tmp_path):
    with pytest.raises(FileNotFoundError, match="mmatl-lab train toy --only toy_one"):
        train(lesson, tmp_path / "mine", only="toy_two")
    train(lesson, tmp_path)
    shutil.copy(tmp_path / "toy_one.safetensors", tmp_path / "toy_two.safetensors")
    with pytest.raises(CheckpointError, match="holds 'toy_one', not 'toy_two'"):
        lesson.recipe.load("toy_two", folder=tmp_path)


def test_a_needed_stage_that_was_stopped_is_named(lesson, tmp_path):
    lesson.interrupted.append("toy_one")
    train(lesson, tmp_path, only="toy_one")
    with pytest.raises(FileNotFoundError, match=r"toy_two needs toy_one: .*toy_one.unfinished.* was stopped: --resume"):
        train(lesson, tmp_path, only="toy_two")


def test_a_card_of_another_config_is_a_sentence(lesson, tmp_path):
    train(lesson, tmp_path)

    @dataclass(frozen=True)
    class Other:
        depth: int = 1

    @dataclass(frozen=True)
    class OtherSettings(Settings):
        model: Other = Other()

    one = replace(lesson.recipe.systems[0], presets={"quick": OtherSettings()})
    with pytest.raises(CheckpointError, match="Other has no field 'out_dim'"):
        replace(lesson.recipe, systems=(one,)).load("toy_one", folder=tmp_path)


def test_a_signal_stops_the_whole_lesson_and_resume_goes_on(lesson, tmp_path):
    lesson.interrupted.append("toy_one")
    files = train(lesson, tmp_path)
    assert list(files) == ["toy_one"] and unfinished(files["toy_one"]) == (1, 3)
    lesson.interrupted.clear()
    files = train(lesson, tmp_path, resume=True)
    assert list(files) == ["toy_one", "toy_two"] and not any(unfinished(file) for file in files.values())


def test_an_experiment_uses_the_same_loop_and_saves_nothing(lesson, tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path / "runs"))
    system = lesson.recipe.system("toy_one")
    saved = lesson.recipe.load("toy_one", folder=train(lesson, tmp_path)["toy_one"].parent)[0]
    model = system.trained(Settings(), seed=5)
    assert torch.equal(model.weight.bfloat16(), saved.weight.bfloat16()) and not (tmp_path / "runs").exists()
    lesson.interrupted.append("toy_one")
    with pytest.raises(KeyboardInterrupt, match="stopped at step 1 of 3"):
        system.trained(Settings())


def test_weights_depend_on_the_seed_alone(lesson):
    system = lesson.recipe.system("toy_one")
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a, b, c = (system.make(Settings(), seed=seed).weight for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_numbers_on_the_card_are_those_of_the_saved_weights(lesson, tmp_path):
    seen = []
    one = replace(lesson.recipe.systems[0], evaluate=lambda model: seen.append(model.weight.clone()) or [])
    replace(lesson.recipe, systems=(one,)).train("quick", folder=tmp_path)
    assert torch.equal(seen[0], seen[0].bfloat16().float())
    assert json.loads((tmp_path / "toy_one.json").read_text())["config"] == {"out_dim": 4}


def test_a_second_process_saves_as_often_as_the_first_since_they_wait_for_each_other_there(
    lesson, tmp_path, monkeypatch
):
    saved = []
    monkeypatch.setattr(Run, "save", lambda run, *_, **__: saved.append(run.is_main) or run.path)

    def fit(run, settings):
        run.is_main = False
        lesson.fit(run, settings)

    one = replace(lesson.recipe.systems[0], fit=fit)
    replace(lesson.recipe, systems=(one,))._train(one, one.settings("quick"), "quick", tmp_path, False, 0)
    assert saved == [False] * 3  # after the loop, before the evaluation and after it
