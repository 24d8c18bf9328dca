"""Looking at a training changes nothing, what was recorded has all games, and the notebook's loop is the library's."""

import json
from dataclasses import replace

import pytest
import torch

from mmatl_lab import paths
from mmatl_lab.lessons.balanced_learning.tasks import Examples
from mmatl_lab.lessons.mmatl import systems, traces
from mmatl_lab.lessons.mmatl.recipe import RECIPE
from mmatl_lab.lessons.mmatl.tasks import Task
from mmatl_lab.seeding import seeded

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell

SCENES = RECIPE.system("mmatl_scenes2")
SMALL = replace(SCENES.settings("quick"), num_steps=4, batch_size=16)


@pytest.fixture(scope="module")
def task():
    """Features by chance, with labels that they tell."""
    parts = []
    for n in (300, 200, 200):
        g = seeded(n, len(parts))
        label = torch.randint(8, (n,), generator=g)
        views = {name: torch.randn(n, 64, generator=g) + label[:, None] / 8 for name in ("audio", "sensor")}
        parts.append(Examples(views, label))
    return Task(*parts)


def test_a_training_that_is_looked_at_is_the_same(task, monkeypatch):
    monkeypatch.setattr(traces, "PROBE_STEPS", 5)
    model = SCENES.make(SMALL)
    trace = traces.Trace(model, task, SMALL.num_steps, looks=3)
    run = SCENES.run(model, SMALL, save=False, quiet=True)
    trace(0)
    SCENES.fit(run, SMALL, task=task, look=lambda step: trace(step + 1))
    assert same_weights(model, SCENES.trained(SMALL, needed={"task": task}))
    assert trace.steps == [0, 1, 4] and {len(values) for values in trace.curves.values()} == {3}
    assert all(0 <= x <= 1 for name in ("probe", "task") for x in trace.curves[name])
    assert [tuple(e.shape) for e in trace.latents] == [(traces.KEPT, 2, SMALL.model.dim)] * 3


def test_every_game_is_recorded_and_codes_of_one():
    recorded = json.loads(paths.asset(traces.FILE).read_text(encoding="utf-8"))
    assert set(recorded) == set(traces.GAMES)
    for title in traces.GAMES:
        found = traces.recorded(title)
        assert {len(x) for x in found.curves.values()} == {len(found.steps)} == {traces.LOOKS}
        assert len(found.latents) == (traces.LOOKS if title == traces.MAPPED else 0)
    assert set(traces.recorded(traces.MAPPED).latents[-1].unique().tolist()) == {-1.0, 1.0}


def test_a_weak_discriminator_shows_ln_two_while_a_probe_reads_the_modality():
    weak = traces.recorded("weak discriminator").curves
    assert weak["L_dis"][-1] > 0.6 and weak["probe"][-1] > 0.95


@pytest.fixture
def space(task, tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    monkeypatch.setattr(traces, "PROBE_STEPS", 5)
    exec(cell_with("mmatl", 'choice = opening("mmatl")'), space := {})
    exec("from mmatl_lab.models.mmatl import training_step", space)
    return space | {"settings": SMALL, "SCENES": SCENES, "task": task}


def test_the_loop_of_the_notebook_trains_the_same_model(task, space):
    space["choice"].choose("quick")
    cell = cell_with("mmatl", "run = SCENES.run(")
    assert same_weights(trained_by_cell(cell, space, "model"), SCENES.trained(SMALL, needed={"task": task}))


def test_with_shipped_models_no_step_is_taken(space):
    space["settings"] = SCENES.settings("shipped")
    model = loaded_by_cell(cell_with("mmatl", "run = SCENES.run("), space, "run", "model")
    assert same_weights(model, RECIPE.load("mmatl_scenes2")[0])
    assert space["trace"].steps == traces.recorded(traces.MAPPED).steps


def test_the_loss_of_the_notebook_is_the_librarys(space):
    space["task"] = space["task"]._replace(train=space["task"].train.rows(torch.arange(6)))
    exec(cell_with("mmatl", "untrained = SCENES.make(settings)"), space)  # its assert compares them
    assert space["batch"].e.shape == (6, 2, systems.settings_of("scenes2").model.dim)
