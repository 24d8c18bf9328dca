"""The tasks, the loop, and what is measured; the studies' numbers are those of their cells."""

import math

import pytest
import torch

from mmatl_lab.lessons.balanced_learning.tasks import Examples
from mmatl_lab.lessons.mmatl import features, study, systems, tasks, uses
from mmatl_lab.lessons.mmatl.recipe import RECIPE
from mmatl_lab.models.mmatl import GAMES, UNLABELLED
from mmatl_lab.seeding import seeded
from mmatl_lab.world.scene import SHAPES, sample_scenes

FEATURES = RECIPE.load("mmatl_features")[0]


def toy_task(n=300):
    """Two modalities of four numbers: the class, in a different place in each, and noise."""
    parts = []
    for seed in range(3):
        label = torch.randint(3, (n,), generator=seeded(seed))
        noise = torch.randn(2, n, 4, generator=seeded(seed, 1)) / 4
        hot = torch.nn.functional.one_hot(label, 4).float()
        parts.append(Examples({"image": 2 * hot + noise[0], "audio": 2 * hot.flip(1) + noise[1]}, label))
    return tasks.Task(*parts)


def toy_settings(monkeypatch, method, **more):
    source = tasks.Source(lambda seed: toy_task(), {"image": 4, "audio": 4}, ("a", "b", "c"))
    monkeypatch.setitem(tasks.DATA, "toy", source)
    model, fields = study.METHODS[method]
    return systems.settings_of("toy", model=model, **(fields | more))


@pytest.mark.parametrize("name", ["digits", "emoji", "smartwatch"])
def test_the_parts_of_a_task_share_nothing_and_fit_the_encoders(name):
    task, source = tasks.load(name, 0), tasks.DATA[name]
    for part in task:
        assert {n: x.shape[1] for n, x in part.views.items()} == dict(source.modalities)
        assert part.label.max() < len(source.classes)
        assert all(len(x) == len(part.label) and x.isfinite().all() for x in part.views.values())
    rows = [{tuple(x.tolist()) for x in next(iter(part.views.values()))} for part in task]
    assert rows[0].isdisjoint(rows[2])
    assert rows[1].isdisjoint(rows[2])


def test_digits_can_be_attacked_within_their_bounds():
    for x in tasks.load("digits", 0).train.views.values():
        assert x.min() >= 0
        assert x.max() <= 1


def test_tied_scenes_move_as_their_shape_demands_and_others_do_not():
    scenes = sample_scenes(2_000, 1, generator=seeded(0))
    assert torch.equal(tasks.tied(scenes, 1.0, generator=seeded(1)).motion, scenes.shape)
    half = tasks.tied(scenes, 0.5, generator=seeded(1))
    agree = (half.motion == scenes.shape).float().mean().item()
    assert agree == pytest.approx(0.5 + 0.5 / len(SHAPES), abs=0.04)


def test_features_depend_on_the_scene_and_the_generator_alone():
    scenes = sample_scenes(20, 1, generator=seeded(0))
    one, same = (features.encode_scenes(FEATURES, scenes, generator=seeded(1)) for _ in range(2))
    assert tuple(one) == features.MODALITIES
    assert all(torch.equal(one[name], same[name]) and one[name].shape == (20, features.DIM) for name in one)


def test_a_batch_is_whole_rows_or_each_modalitys_own(monkeypatch):
    train = toy_task().train
    settings = toy_settings(monkeypatch, "none", paired=True, batch_size=8)
    views, y = systems.draw(train, settings, seeded(0))
    assert y.shape == (8,)
    rows = [[int((x == row).all(1).nonzero()[0]) for row in views[n]] for n, x in train.views.items()]
    assert rows[0] == rows[1]
    views, y = systems.draw(train, toy_settings(monkeypatch, "none", batch_size=8), seeded(0))
    assert y.shape == (8, 2)
    assert not torch.equal(y[:, 0], y[:, 1])
    assert (y != UNLABELLED).all()


@pytest.mark.parametrize("method", study.METHODS)
def test_every_method_of_the_study_trains_and_is_measured(monkeypatch, method):
    settings = toy_settings(monkeypatch, method, num_steps=3)
    model = systems.make_system("toy", settings).trained(settings, needed={"task": toy_task()})
    monkeypatch.setattr(systems, "fresh_probe", lambda fit, test, seed: torch.ones(4, dtype=torch.bool))
    found = systems.measure(model, toy_task())
    assert all(math.isfinite(value) for value in found.values())
    assert {"accuracy", "accuracy_image", "accuracy_fused", "L_dis", "L_enc", "probe"} <= set(found)


def test_a_probe_reads_continuous_codes_and_not_binary_ones_that_are_aligned(monkeypatch):
    read = {}
    for method in ("none_continuous", "reversal_mmd"):
        settings = toy_settings(monkeypatch, method, num_steps=120)
        model = systems.make_system("toy", settings).trained(settings, needed={"task": toy_task()})
        read[method] = systems.probe_hits(model, toy_task()).float().mean().item()
        assert systems.accuracies(model, toy_task().test)["fused"] > 0.95
    assert read["none_continuous"] > 0.85
    assert read["reversal_mmd"] < 0.6


def test_alignment_comes_after_the_task():
    assert systems.ramp(0.0) == 0
    assert systems.ramp(1.0) == pytest.approx(1, abs=1e-4)


def test_calibration_of_answers_that_are_sure_and_right_is_perfect():
    class Sure(torch.nn.Module):
        def forward(self, views):
            return uses_answer(views["image"])

    def uses_answer(logits):
        return type("Answer", (), {"logits": logits})()

    label = torch.arange(6) % 3
    hot = torch.nn.functional.one_hot(label, 3) * 50.0
    right = study.quality(Sure(), Examples({"image": hot}, label))
    assert right["accuracy"] == 1
    assert right["ece"] < 1e-6
    wrong = study.quality(Sure(), Examples({"image": hot}, (label + 1) % 3))
    assert wrong["ece"] == pytest.approx(1, abs=1e-6)


def test_the_drawings_of_the_kinds_are_told_apart():
    known = uses.drawings().flatten(1)
    assert torch.cdist(known, known).fill_diagonal_(9).min() > 0.5


def test_retrieval_of_labels_that_mean_nothing_is_at_chance(monkeypatch):
    """A query never finds itself, which would always be of its own kind."""
    settings = toy_settings(monkeypatch, "none")
    model, task = systems.make_system("toy", settings).make(settings).eval(), toy_task()
    shuffled = task.test.label[torch.randperm(300, generator=seeded(4))]
    found = uses.retrieval(model, task._replace(test=Examples(task.test.views, shuffled)))
    assert set(found) == {"retrieval", "retrieval_image_audio", "retrieval_audio_image"}
    assert found["retrieval"] == pytest.approx(1 / 3, abs=0.1)


def test_every_name_of_the_study_is_a_game():
    for model, _ in study.METHODS.values():
        assert all(name in GAMES for name in model["alignment"].split("+"))


def test_unknown_data_are_said_with_those_that_there_are():
    with pytest.raises(ValueError, match="no data 'coco': choose one of scenes2"):
        systems.settings_of("coco")
    with pytest.raises(ValueError, match="no data 'coco': choose one of scenes2"):
        tasks.load("coco")
