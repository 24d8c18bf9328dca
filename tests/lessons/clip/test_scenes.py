"""The scenes half of the CLIP lesson: what training may see, what is measured, and that the notebook teaches it."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.lessons.clip import scenes
from mmatl_lab.lessons.clip.recipe import RECIPE
from mmatl_lab.lessons.clip.scenes import SCENES, ScenesSettings, clip_config
from mmatl_lab.metrics.alignment import modality_gap
from mmatl_lab.models.clip import clip_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.world import held_out_combinations, sample_scenes

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell

SMALL = ScenesSettings(3, batch_size=16, lr=1e-3, model=clip_config((8, 8, 8), num_layers=1, hidden_dim=16, out_dim=16))


def test_training_scenes_hold_out_what_they_promise_and_hard_negatives_follow():
    batch = scenes.training_scenes(replace(SMALL, batch_size=400), generator=seeded(0))
    assert len(batch) == 400 and not held_out_combinations()[batch.shape, batch.colour][batch.mask].any()
    assert (batch.caption_class[:200] != batch.caption_class[200:]).float().mean() > 0.99
    easy = scenes.training_scenes(replace(SMALL, hard=False, num_objects=(1, 1)), generator=seeded(0))
    assert len(easy) == 16 and (easy.count == 1).all()


def test_rows_of_a_batch_are_those_of_the_whole():
    drawn = sample_scenes(32, (1, 2), generator=seeded(1))
    whole = scenes.make_batch(drawn, generator=seeded(2))
    half = scenes.make_batch(drawn, generator=seeded(2), rows=slice(1, None, 2))
    for a, b in zip(whole, half):
        assert torch.equal(a[1::2], b)


def test_galleries_are_fresh_and_their_captions_all_differ():
    one, other = scenes.gallery(draw=0), scenes.gallery(draw=1)
    assert len(one) == scenes.GALLERY == len(one.caption_class.unique())
    assert torch.equal(one.caption_class, scenes.gallery().caption_class)
    assert not torch.equal(one.caption_class, other.caption_class)


def test_an_untrained_model_is_at_its_controls():
    for result in scenes.evaluate(SCENES.make(SMALL), num_galleries=2):
        assert abs(result.value - result.control) < 0.06


def test_a_fixed_temperature_stays_and_a_learned_one_moves():
    fixed = scenes.experiment(3, temperature=0.2, batch_size=16)
    assert fixed["temperature"] == pytest.approx(0.2) and 0 <= fixed["i2t"] <= 1
    assert scenes.experiment(3, batch_size=16)["temperature"] != pytest.approx(0.07, abs=1e-6)


def test_the_loss_of_the_notebook_is_the_librarys():
    taught: dict = {"torch": torch, "F": F}
    exec(cell_with("clip", "def contrastive_loss(u, v, tau)"), taught)
    u, v = (F.normalize(torch.randn(9, 5, generator=seeded(i)), dim=1) for i in (1, 2))
    for tau in (1.0, 0.07, 0.01):
        assert torch.allclose(taught["contrastive_loss"](u, v, tau), clip_loss(u, v, -torch.tensor(tau).log()))


def test_the_loop_of_the_notebook_trains_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    exec(cell_with("clip", "import matplotlib"), space := {})
    space |= {"settings": SMALL, "clip_loss": clip_loss, "SCENES": SCENES}
    cell = cell_with("clip", "run = SCENES.run(")
    exec(cell_with("clip", "import Snapshots"), space)
    space["choice"].choose("quick")
    assert same_weights(trained_by_cell(cell, space, "model"), SCENES.trained(SMALL))


def test_with_shipped_models_the_notebook_has_its_pictures_of_before_and_after(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    exec(cell_with("clip", "import matplotlib"), space := {})
    space |= {"settings": SCENES.settings("shipped"), "clip_loss": clip_loss, "SCENES": SCENES}
    exec(cell_with("clip", "import Snapshots"), space)
    model = loaded_by_cell(cell_with("clip", "run = SCENES.run("), space, "run", "model")
    assert same_weights(model, RECIPE.load("clip_scenes")[0]) and not list(tmp_path.iterdir())
    snapshots, plot = space["snapshots"], space["plot"]
    assert snapshots.steps == [step for step, _ in plot.recorded] == [0, SCENES.settings("full").num_steps]
    assert modality_gap(*snapshots.latents[0].values()) != modality_gap(*snapshots.latents[1].values())
    assert plot.animation().alt.endswith("at steps 0, 1500.")
