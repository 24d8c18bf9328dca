"""The recipe: what is shipped is what it says, a short run goes through, and the notebook teaches the library."""

import json
import os
import signal

import nbformat
import pytest
import torch
import torch.nn.functional as F

from mmatl_lab import paths
from mmatl_lab.lessons.clip import recipe, scenes
from mmatl_lab.lessons.exercise import exercises
from mmatl_lab.models.clip import clip_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.training import load_checkpoint, unfinished
from mmatl_lab.world import held_out_combinations, sample_scenes


@pytest.fixture(scope="module")
def cells():
    notebook = nbformat.read(paths.notebooks() / "03_clip.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_shipped_models_give_the_numbers_of_their_cards():
    model, card = recipe.load("clip_scenes")
    metrics, controls, ceilings = scenes.evaluate(model)
    for name in controls:
        assert metrics[name] == pytest.approx(card["metrics"][name], abs=0.01)  # bfloat16 weights, another machine
        assert controls[name] < 0.05 < metrics[name] <= ceilings[name] + 1e-9
    assert metrics["scenes_i2t_r1"] >= 0.98 and metrics["zero_shot_held_out"] >= 0.9
    assert card["command"] == "mmatl-lab train clip --preset full --seed 0 --only clip_scenes"


def test_cards_tell_which_data_were_used():
    from mmatl_lab.data.emoji import load_emoji

    card = load_checkpoint(paths.asset("checkpoints/clip_emoji.safetensors")).card
    assert card["data"]["emoji"] == load_emoji().data_hash
    assert json.loads(paths.asset("checkpoints/clip_emoji.json").read_text())["sha256"] == card["sha256"]


def test_train_only_one_and_evaluate_it(tmp_path):
    files = recipe.train("quick", folder=tmp_path, only="clip_scenes")
    assert list(files) == ["clip_scenes"] and files["clip_scenes"].is_file()
    model, card = recipe.load("clip_scenes", "quick", folder=tmp_path)
    assert card["preset"] == "quick" and set(card["metrics"]) >= {"scenes_i2t_r1", "zero_shot_held_out"}
    with pytest.raises(ValueError, match="clip_scenes, clip_emoji"):
        recipe.train("quick", folder=tmp_path, only="clip_photos")
    with pytest.raises(ValueError, match="quick, full, gpu"):
        recipe.preset("huge")


def test_a_signal_stops_the_lesson_and_resume_goes_on(tmp_path, monkeypatch):
    small = scenes.ScenesPreset(3, batch_size=16, channels=(8, 8, 8), text_layers=1)
    monkeypatch.setitem(recipe.PRESETS, "quick", recipe.Preset(0.1, small, recipe.EmojiPreset(1)))
    monkeypatch.setattr(scenes, "evaluate", lambda model: ({}, {}, {}))
    loss = scenes.clip_loss

    def interrupted(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return loss(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(scenes, "clip_loss", interrupted)
        files = recipe.train("quick", folder=tmp_path)
    assert list(files) == ["clip_scenes"] and unfinished(files["clip_scenes"]) == (1, 3)
    files = recipe.train("quick", folder=tmp_path, resume=True, only="clip_scenes")
    assert unfinished(files["clip_scenes"]) is None


def test_training_scenes_hold_out_what_they_promise_and_twins_follow():
    batch = scenes.training_scenes(400, generator=seeded(0))
    assert not held_out_combinations()[batch.shape, batch.colour][batch.mask].any()
    assert torch.equal(batch.x[:200], batch.x[200:])
    assert (batch.caption_class[:200] != batch.caption_class[200:]).all()


def test_rows_of_a_batch_are_those_of_the_whole():
    drawn = sample_scenes(32, (1, 2), generator=seeded(1))
    whole = scenes.make_batch(drawn, generator=seeded(2))
    half = scenes.make_batch(drawn, generator=seeded(2), rows=slice(1, None, 2))
    for a, b in zip(whole, half):
        assert torch.equal(a[1::2], b)


def test_gallery_items_all_mean_something_else_and_nothing_is_held_out():
    gallery = scenes.gallery()
    assert len(gallery) == scenes.GALLERY == len(gallery.caption_class.unique())
    assert torch.equal(gallery.caption_class, scenes.gallery().caption_class)


def test_a_meaningless_model_is_at_its_controls():
    metrics, controls, _ = scenes.evaluate(scenes.make_model(recipe.PRESETS["quick"].scenes))
    assert all(metrics[name] < 0.06 for name in controls)


def test_the_loss_of_the_notebook_is_the_librarys(cells):
    source = next(cell for cell in cells if cell.startswith("def contrastive_loss(u, v, tau)"))
    taught: dict = {"torch": torch, "F": F}
    exec(source, taught)
    u, v = (F.normalize(torch.randn(9, 5, generator=seeded(i)), dim=1) for i in (1, 2))
    for tau in (1.0, 0.07, 0.01):
        assert torch.allclose(taught["contrastive_loss"](u, v, tau), clip_loss(u, v, -torch.tensor(tau).log()))


def test_every_exercise_of_the_notebook_is_the_registered_one(cells):
    for exercise in exercises("clip"):
        assert exercise.cell in cells, exercise.id
