"""The exercises of lesson 01: what they define is what the library computes, and what it asks to predict is so."""

import json
import runpy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab import paths
from mmatl_lab.lessons import predict
from mmatl_lab.lessons.why_multimodal.exercises import evaluation, fusion, sarcasm
from mmatl_lab.lessons.why_multimodal.exercises.information import shared_bits
from mmatl_lab.nn.fusion import Add
from mmatl_lab.seeding import seeded
from mmatl_lab.world import information
from mmatl_lab.world.sarcasm import belief, ceiling, sample_utterances

ANSWERS = runpy.run_path(str(Path(__file__).with_name("answers.py")))


# what the exercises define is what the library computes -------------------------------------------------------------


def test_the_best_accuracy_is_the_worlds():
    dials = torch.tensor([[0.5, 0.8, 0.0], [0.8, 0.8, 0.3], [2.0, 0.4, 1.0]])
    expected = [ceiling(voice_noise=v, face_noise=f, ambiguity=a) for v, f, a in dials.tolist()]
    assert sarcasm.best_accuracy(*dials.T).tolist() == pytest.approx(expected, abs=1e-6)


def test_the_classifier_is_the_worlds():
    noise = {"voice_noise": 0.7, "face_noise": 1.5}
    u = sample_utterances(50, **noise, ambiguity=0.3, generator=seeded(0))
    assert torch.allclose(sarcasm.p_sarcastic(u.valence, u.voice, u.face, 0.7, 1.5), belief(u), atol=1e-6)


def test_the_bits_are_the_librarys():
    joint = torch.rand(4, 6, generator=seeded(0))
    joint[1, 2] = joint[3] = 0
    assert shared_bits(joint / joint.sum()).item() == pytest.approx(
        information.mutual_information(joint / joint.sum()), abs=1e-6
    )


def test_what_the_check_says_of_bits_in_the_world_of_sarcasm():
    table = torch.zeros(2, 2, 2)  # t, m, s
    for t in (0, 1):
        for m in (0, 1):
            table[t, m, int(t != m)] = 1 / 4
    assert shared_bits(table.sum(1)) == shared_bits(table.sum(0)) == 0
    assert shared_bits(table.flatten(0, 1)) == 1


def test_the_addition_is_the_librarys():
    add, e = Add([5, 3], 4), [torch.randn(6, 5), torch.randn(6, 3)]
    with torch.no_grad():
        assert torch.allclose(fusion.add_projected(*e, *(p.weight for p in add.project)), add(e), atol=1e-6)


def test_no_sum_gets_four_and_one_that_learns_gets_none():
    t, m = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).T
    target = (t != m).float()
    w = torch.randn(10_000, 3, generator=seeded(0))
    right = ((w @ torch.stack([t, m, torch.ones(4)]) > 0) == target.bool()).sum(1)
    assert set(right.tolist()) == {1, 2, 3}
    w = torch.randn(3, generator=seeded(1)).requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(w @ torch.stack([t, m, torch.ones(4)]), target).backward()
        optimizer.step()
    assert w.abs().max() < 1e-3


def test_the_bugs_flatter_on_the_real_recordings():
    """What the exercise says: nearly every window is recognised, one bug hardly matters, and the truth is far below."""
    watch = evaluation.watch_inputs()
    flattered = evaluation.broken_accuracy(*watch, evaluation.nearest_window).mean()
    honest = evaluation.honest_accuracy(*watch, evaluation.nearest_window).mean()
    leak = ANSWERS["evaluation"](known="all")(*watch, evaluation.nearest_window).mean()
    assert flattered > 0.97 and honest < 0.75
    assert abs(leak - honest) < 0.02


# what the lesson asks to predict is so ------------------------------------------------------------------------------


def answer(id):
    asked = predict(id)
    return asked.options[asked.answer]


def test_the_pair_that_is_worth_a_coin():
    pairs = {"words + voice": "text voice", "words + face": "text face", "voice + face": "voice face"}
    assert [name for name, pair in pairs.items() if ceiling(pair.split()) == 0.5] == [answer("why_multimodal.pairs")]


def test_ideal_classifiers_of_one_sense_add_up_to_nothing():
    u = sample_utterances(100, generator=seeded(0))
    assert all((belief(u, sense) == 0.5).all() for sense in ("text", "voice", "face"))
    assert answer("why_multimodal.adding") == "as often as a coin"


def test_the_sensors_that_tell_most():
    metrics = json.loads(paths.asset("checkpoints/why_smartwatch.json").read_text())["metrics"]
    best = max(("accelerometer", "gyroscope", "both"), key=lambda sensors: metrics[f"watch_{sensors}"])
    assert answer("why_multimodal.sensor").removesuffix(" alone") == best
