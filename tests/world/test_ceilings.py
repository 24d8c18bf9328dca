import pytest
import torch

from mmatl_lab.world import captions, held_out_combinations, sample_scenes, seeded
from mmatl_lab.world.ceilings import accuracy, bayes_accuracy, retrieval, states


def test_by_hand():
    assert accuracy("shape") == pytest.approx(1 / 8)
    assert accuracy("shape", ["image"]) == pytest.approx(1)
    assert accuracy("motion", ["image", "text"]) == pytest.approx(1 / 8)
    assert accuracy(("shape", "motion"), ["image"]) == pytest.approx(1 / 8)
    assert accuracy(("shape", "colour")) == pytest.approx(1 / 64)
    # One colour is held out for each shape: a colour leaves seven shapes, or, among the held-out ones, a single one.
    assert accuracy("shape", ["colour"], combinations=~held_out_combinations()) == pytest.approx(1 / 7)
    assert accuracy("shape", ["colour"], combinations=held_out_combinations()) == pytest.approx(1)


def test_bayes_of_xor_copy_and():
    # Two fair bits: (v, y) tables for y = XOR seeing one bit, y = copy, y = AND seeing one bit, AND seeing both.
    assert bayes_accuracy(torch.tensor([[0.25, 0.25], [0.25, 0.25]])) == 0.5
    assert bayes_accuracy(torch.tensor([[0.5, 0.0], [0.0, 0.5]])) == 1.0
    assert bayes_accuracy(torch.tensor([[0.5, 0.0], [0.25, 0.25]])) == 0.75
    assert bayes_accuracy(torch.tensor([[0.25, 0.0]] * 3 + [[0.0, 0.25]])) == 1.0


def test_probabilities_sum_to_one_and_more_views_never_hurt():
    _, probability = states()
    assert probability.sum() == pytest.approx(1)
    for task in ("shape", ("size", "motion"), "row"):
        assert accuracy(task) <= accuracy(task, ["colour"]) + 1e-12 <= accuracy(task, ["colour", "image"]) + 2e-12


def test_the_best_guess_learned_from_one_sample_reaches_the_ceiling_on_another():
    held_in = ~held_out_combinations()
    scenes = sample_scenes(80_000, 1, generator=seeded(0), combinations=held_in)
    learn, test = scenes[:40_000], scenes[40_000:]
    table = torch.zeros(8, 8)
    table.index_put_((learn.colour[:, 0], learn.shape[:, 0]), torch.ones(40_000), accumulate=True)
    right = table.argmax(1)[test.colour[:, 0]] == test.shape[:, 0]
    ceiling = accuracy("shape", ["colour", "size"], combinations=held_in)
    assert right.double().mean() == pytest.approx(ceiling, abs=0.006)  # three standard errors


def test_retrieval_is_one_over_the_number_of_equals():
    assert retrieval(torch.tensor([1, 2, 3])) == 1
    assert retrieval(torch.tensor([1, 1, 2])) == pytest.approx((0.5 + 0.5 + 1) / 3)
    scenes = sample_scenes(800, 1, generator=seeded(1))
    same = (captions(scenes)[:, None] == captions(scenes)[None]).all(-1).sum(1)
    assert retrieval(scenes.meaning) == pytest.approx((1 / same.double()).mean().item())


def test_unknown_names_get_a_sentence():
    with pytest.raises(ValueError, match="shape, colour"):
        accuracy("flavour")
    with pytest.raises(ValueError, match="image, text"):
        accuracy("shape", ["smell"])
