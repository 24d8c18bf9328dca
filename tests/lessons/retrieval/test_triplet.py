"""Heads on frozen features: the forms of the loss, their study, and what is shipped."""

import pytest
import torch

from mmatl_lab.lessons import get
from mmatl_lab.lessons.retrieval import features, triplet
from mmatl_lab.models.clip import clip_loss
from mmatl_lab.models.vse import triplet_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.world import render

from ..notebooks import cell_with, same_weights, trained_by_cell


@pytest.fixture(scope="module")
def pairs():
    return features.gallery(0, 60)


def test_features_have_their_lengths_and_pictures_of_one_scene_are_what_they_are_in_any_batch(pairs):
    assert pairs.image.shape == (60, features.IMAGE_DIM) and pairs.text.shape == (60, features.TEXT_DIM)
    scenes = features.gallery_scenes(0, 60)
    assert torch.allclose(features.image_features(render(scenes[3:4])), pairs.image[3:4], atol=1e-4)
    assert len(scenes.contents.unique()) == 60


def test_the_contrastive_loss_is_clips_and_the_mended_one_is_vse():
    generator = seeded(1)
    u, v = (torch.nn.functional.normalize(torch.randn(9, 4, generator=generator), dim=1) for _ in range(2))
    classes = torch.tensor([0, 1, 2, 2, 3, 4, 5, 6, 7])
    ours = triplet.LOSSES["contrastive"](u @ v.T, classes)
    assert ours.item() == pytest.approx(
        clip_loss(u, v, -torch.tensor(triplet.TAU).log(), caption_class=classes).item(), abs=1e-5
    )
    own = torch.arange(9)
    mended = triplet.LOSSES["mend_5"](u @ v.T, own)
    assert mended.item() == pytest.approx(triplet_loss(u @ v.T, margin=0.3).item(), abs=1e-6)
    assert list(triplet.LABELS) == list(triplet.LOSSES)


def test_shuffled_batches_have_the_same_rows_with_other_captions(pairs):
    plain, shuffled = (triplet.draw(pairs, 20, generator=seeded(2), shuffled=s) for s in (False, True))
    assert torch.equal(plain.image, shuffled.image) and torch.equal(plain.text.roll(1, 0), shuffled.text)
    assert torch.equal(plain.caption_class.roll(1), shuffled.caption_class)


def test_the_shipped_heads_find_the_captions_of_a_new_gallery(pairs):
    heads = get("retrieval").recipe.load("retrieval_heads")[0]
    with torch.no_grad():
        u, v = heads(pairs.image, pairs.text)
    assert (u @ v.T).argmax(1).eq(torch.arange(60)).float().mean() > 0.9


def test_the_study_shows_the_printed_loss_at_chance_and_the_mended_one_at_its_target():
    frame = triplet.results()
    assert len(frame) == len(triplet.study().configs)
    found = {result.name: result for result in triplet.study_results(frame)}
    assert found["loss_mend_0"].target["met"] and found["loss_mend_5"].target["met"]
    assert found["loss_mend_0"].control < 0.01


def test_the_loop_of_the_notebook_trains_the_same_heads(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    exec(cell_with("retrieval", "import matplotlib"), space := {})
    space["choice"].choose("quick")
    cell = cell_with("retrieval", "heads_run = triplet.HEADS.run(").replace(
        "settings = triplet.HEADS.settings(choice.preset)", "settings = triplet.HeadsSettings(3, batch_size=16)"
    )
    small = triplet.HeadsSettings(3, batch_size=16)
    assert same_weights(trained_by_cell(cell, space, "heads"), triplet.HEADS.trained(small))
