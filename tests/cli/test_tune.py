"""`mmatl-lab tune`: it prints the best trials, writes figures beside them, and goes on from what is there."""

from dataclasses import dataclass

import pytest
from torch import nn

from mmatl_lab.lessons import Recipe, System
from mmatl_lab.lessons.search import Range, Search

pytest.importorskip("optuna")


@dataclass(frozen=True)
class Settings:
    num_steps: int = 5
    lr: float = 0.01
    weight: float = 0.0
    bias: float = 0.0
    model: tuple = ()


def fit(run, settings):
    for _ in run:
        run.step(run.module.weight.sum() * 0)
    nn.init.constant_(run.module.weight, settings.weight)
    nn.init.constant_(run.module.bias, settings.bias)


def score(model):
    return -float((model.weight - 1).square().mean() + 0.1 * model.bias.square().mean())


@pytest.fixture
def tuned(toy):
    system = System("toy", {"quick": Settings()}, build=lambda config: nn.Linear(1, 1), fit=fit)
    search = Search("toy", {"weight": Range(0.1, 10), "bias": Range(-1, 1, log=False)}, score, "nearness")
    toy.recipe = Recipe("toy", "Toys", systems=(system,), search=search)
    return toy


def test_the_best_trials_are_printed_and_the_same_command_goes_on(run, tuned, tmp_path):
    words = ("tune", "toy", "--preset", "quick", "--folder", tmp_path, "--trials")
    assert run(*words, 3).code == 0
    answer = run(*words, 8)
    assert answer.code == 0 and "nearness" in answer.out and answer.out.count("trial ") >= 5
    assert f"kept in {tmp_path / 'tune.db'}" in answer.err
    assert (tmp_path / "tune_importance.png").is_file() and (tmp_path / "tune_contour.png").is_file()
    answer = run(*words, 8, "--json")
    assert answer.json["finished"] == 8 and set(answer.json["best"]) == {"weight", "bias"}


def test_a_lesson_without_a_search_space_and_an_unknown_preset_are_named(run, tuned, tmp_path):
    answer = run("tune", "toy", "--preset", "quik")
    assert answer.code == 2 and "did you mean 'quick'?" in answer.err
    tuned.recipe = Recipe("toy", "Toys", systems=tuned.recipe.systems)
    answer = run("tune", "toy", "--preset", "quick", "--folder", tmp_path)
    assert answer.code == 1 and "the lesson 'toy' names no search space" in answer.err
