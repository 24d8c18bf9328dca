"""A lesson's models: trained in order, each with its card, until a signal says stop; and loaded again."""

import os
import signal
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmatl_lab.lessons.models import Models
from mmatl_lab.training import Run, unfinished


def part(name: str, interrupted: list[str]) -> tuple:
    """The module of a one-layer model that is interrupted after its first step where ``interrupted`` names it."""

    def train(width, *, folder, resume, seed, card):
        run = Run(make_model(width), name, 3, folder=folder, resume=resume, seed=seed, card=card)
        for _ in run:
            if name in interrupted:
                os.kill(os.getpid(), signal.SIGINT)
            run.step(run.model(torch.ones(1, 2)).square().sum())
        return run.save({})

    def make_model(width):
        return nn.Linear(2, width)

    def evaluate(model):
        return {f"{name}_width": model.out_features}, {}, {}

    return SimpleNamespace(train=train, make_model=make_model, evaluate=evaluate), 4


@pytest.fixture
def interrupted():
    return []


@pytest.fixture
def models(interrupted):
    return Models("senses", {"quick": ("ears", "eyes")}, lambda names: {n: part(n, interrupted) for n in names})


def train(models, folder, only=None, resume=False):
    return models.train("quick", folder=folder, resume=resume, seed=5, only=only)


def test_each_is_trained_saved_with_its_card_and_loaded(models, tmp_path):
    files = train(models, tmp_path)
    assert list(files) == ["ears", "eyes"] and all(file.is_file() for file in files.values())
    model, card = models.load("eyes", "quick", folder=tmp_path)
    assert not model.training and model.weight.shape == (4, 2)
    assert (card["recipe"], card["preset"], card["seed"]) == ("senses", "quick", 5)
    assert card["command"] == "mmatl-lab train senses --preset quick --seed 5 --only eyes"


def test_only_one_is_trained_where_one_is_named(models, tmp_path):
    assert list(train(models, tmp_path, only="eyes")) == ["eyes"]
    with pytest.raises(ValueError, match="'nose' in this lesson: choose one of ears, eyes"):
        train(models, tmp_path, only="nose")
    with pytest.raises(ValueError, match="no preset 'huge': choose one of quick"):
        models.preset("huge")


def test_a_signal_stops_the_whole_lesson_and_resume_goes_on(models, interrupted, tmp_path):
    interrupted.append("ears")
    files = train(models, tmp_path)
    assert list(files) == ["ears"] and unfinished(files["ears"]) == (1, 3)
    interrupted.clear()
    files = train(models, tmp_path, resume=True)
    assert list(files) == ["ears", "eyes"] and not any(unfinished(file) for file in files.values())


def test_each_is_measured_as_it_was_saved(models, tmp_path):
    train(models, tmp_path)
    assert models.measure("quick", folder=tmp_path) == [({"ears_width": 4}, {}, {}), ({"eyes_width": 4}, {}, {})]


def test_a_file_that_is_missing_is_answered_with_the_command_that_makes_it(models, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        models.load("eyes", "quick", folder=tmp_path / "mine")
    assert f"mmatl-lab train senses --preset quick --only eyes --folder {tmp_path / 'mine'}" in str(caught.value)
