"""Tuning: trials are drawn, trained, scored, stopped early and kept; a search goes on, and processes share it."""

import builtins
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mmatl_lab import lessons
from mmatl_lab.lessons import Recipe, System
from mmatl_lab.lessons.search import Range, Search, changed, field_of
from mmatl_lab.lessons.tune import NUM_LOOKS, Tuning

pytest.importorskip("optuna")


@dataclass(frozen=True)
class Config:
    start: float = 0.0


@dataclass(frozen=True)
class Settings:
    num_steps: int = 10
    batch_size: int = 1
    lr: float = 1e-3
    shift: float = 0.0
    model: Config = Config()


class Point(nn.Module):
    """One weight, and a part that may be kept in evaluation mode, as a frozen encoder is."""

    def __init__(self, config: Config):
        super().__init__()
        self.w, self.frozen = nn.Parameter(torch.tensor(config.start)), nn.Identity()


STEPS: list[int] = []  # of each training
MODES: list[tuple[bool, bool]] = []  # of model and frozen part at the beginning of each step


def fit(run, settings):
    """One step is one unit of `shift`, without a learning rate: the score is known beforehand."""
    STEPS.append(0)
    for _, _generator in run:
        if not STEPS[-1]:
            run.module.frozen.eval()
        MODES.append((run.module.training, run.module.frozen.training))
        run.step(run.module.w * 0)
        with torch.no_grad():
            run.module.w += settings.shift
        STEPS[-1] += 1


def score(model):
    assert not model.training
    return -((model.w.item() - 20) ** 2)


SPACE = {"shift": Range(0.5, 4), "lr": (1e-3, 1e-2)}
SYSTEM = System("toy", {"quick": Settings()}, build=Point, fit=fit)
RECIPE = Recipe("toy", "Toys", systems=(SYSTEM,), search=Search("toy", SPACE, score))


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A search in a folder of its own; what is given replaces parts of it."""
    STEPS.clear()
    MODES.clear()

    def made(folder="a", seed=0, **parts) -> Tuning:
        return Tuning(replace(RECIPE, search=replace(RECIPE.search, **parts)), "quick", tmp_path / folder, seed)

    return made


def drawn(tuning):
    return [(t.params, t.value) for t in tuning.finished]


def test_the_best_settings_give_the_score_when_they_are_trained_again(make):
    tuning = make()
    tuning.run(8)
    assert len(tuning.frame()) == 8 and tuning.best.shift == tuning.to_dict()["best"]["shift"]
    model = SYSTEM.trained(tuning.best)
    assert score(model) == tuning.to_dict()["score"] == tuning.frame().score.max()
    assert abs(tuning.best.shift - 2) < 0.5 and tuning.best.lr in SPACE["lr"]
    assert set(MODES) == {(True, False)}  # a look on the way leaves every part as it was


def test_a_search_that_goes_on_draws_what_it_would_have_drawn(make):
    whole, parts = make("whole"), make("parts")
    whole.run(7)
    parts.run(3)
    parts.run(3)  # as many as there are: nothing is done
    make("parts").run(7)
    assert drawn(parts) == drawn(whole)
    assert len({params["shift"] for params, _ in drawn(whole)}) == 7


def test_seeds_have_trials_of_their_own(make):
    one, other = make(), make(seed=1)
    one.run(2)
    other.run(1)
    assert len(one.finished) == 2 and drawn(one)[0] != drawn(other)[0]


def test_trials_below_the_median_stop_early_and_are_counted(make):
    tuning = make()
    tuning.run(14)
    pruned = tuning.frame().score.isna().tolist()
    assert [steps < 10 for steps in STEPS] == pruned and any(pruned) and not any(pruned[:5])
    assert all(steps % (10 // NUM_LOOKS) == 0 for steps in STEPS)
    assert tuning.to_dict()["stopped_early"] == sum(pruned) == 14 - len(tuning.complete)


def test_a_score_that_is_no_number_is_a_bad_trial_and_not_the_end(make):
    tuning = make(score=lambda model: math.nan)
    tuning.run(2)
    assert tuning.frame().score.isna().all()
    with pytest.raises(ValueError, match="no trial of toy has run to its end: ask for more trials"):
        tuning.to_dict()


def test_a_trial_that_is_stopped_does_not_count(make):
    def stop(model):
        os.kill(os.getpid(), signal.SIGINT)
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        make(score=stop).run(3)
    tuning = make()
    assert tuning.finished == []
    tuning.run(1)
    assert len(tuning.finished) == 1


def test_importance_and_contour_show_what_matters(make):
    tuning = make(space=SPACE | {"model.start": Range(0, 0.1, log=False)})
    assert tuning.figures() == {}
    tuning.run(16)
    importance = tuning.importance()
    assert next(iter(importance)) == "shift" and importance["shift"] > 0.5
    assert sum(importance.values()) == pytest.approx(1)
    figures = tuning.figures()
    assert set(figures) == {"importance", "contour"}
    ax = figures["contour"].axes[0]
    assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"
    assert "shift" in str(tuning.table())


def test_fields_are_changed_by_their_names():
    settings = changed(Settings(), {"lr": 1.0, "model.start": 2.0})
    assert settings == Settings(lr=1.0, model=Config(2.0))
    assert changed({"lr": {"a": 1, "b": 2}}, {"lr.a": 3}) == {"lr": {"a": 3, "b": 2}}


def test_what_cannot_be_searched_is_named(make, tmp_path):
    with pytest.raises(ValueError, match="the lesson 'toy' names no search space"):
        Tuning(replace(RECIPE, search=None), "quick", tmp_path)
    with pytest.raises(ValueError, match="names 'model.stat', but 'stat' is no field there: its fields are start"):
        make(space={"model.stat": (1, 2)})
    with pytest.raises(ValueError, match="its fields are none"):
        make(space={"lr.a": (1, 2)})


def test_without_optuna_a_sentence_says_what_to_install(make, monkeypatch):
    really = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("optuna"):
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"needs optuna, which is missing: `pip install 'mmatl-lab\[tune\]'`"):
        make()


@pytest.mark.parametrize(
    "lesson", [name for name in lessons.names() if lessons.get(name).trains and lessons.get(name).recipe.search]
)
def test_the_search_of_each_lesson_names_settings_and_scores_a_trained_model(lesson):
    recipe = lessons.get(lesson).recipe
    settings = recipe.system(recipe.search.system).settings("full")
    for name, domain in recipe.search.space.items():
        low = domain.low if isinstance(domain, Range) else domain[0]
        assert field_of(changed(settings, {name: low}), name) == low
    assert 0.5 < recipe.search.score(recipe.load(recipe.search.system)[0]) <= 1


@pytest.mark.slow
def test_processes_that_start_together_share_the_trials(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from test_tune import RECIPE, Tuning, Path\nTuning(RECIPE, 'quick', Path({str(tmp_path)!r})).run(12)"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [worker.communicate(timeout=120)[0].count("trial ") for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    tuning = Tuning(RECIPE, "quick", tmp_path)
    assert sum(told) == len(tuning.finished) and 12 <= len(tuning.finished) <= 13 and min(told) > 0
    assert len({t.params["shift"] for t in tuning.finished}) == len(tuning.finished)
    assert json.dumps(tuning.to_dict())
