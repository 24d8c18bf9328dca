"""The tasks: what they show, and that their ceilings are the best accuracy of anyone."""

import math

import pytest
import torch
from torch.distributions import Normal

from mmatl_lab.lessons.fusion import tasks
from mmatl_lab.lessons.fusion.tasks import FACTORS, SHAPE_VIEWS, TASKS, codes, drop
from mmatl_lab.seeding import seeded

each = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@each
def test_a_batch_has_the_shapes_it_says_and_depends_on_its_generator(task):
    batch, same = (task.draw(50, generator=seeded(1)) for _ in range(2))
    assert {name: x.shape[1] for name, x in batch.inputs.items()} == dict(task.dims)
    assert batch.present.shape == (50, len(task.dims)) and batch.present.all()
    assert batch.label.min() >= 0 and batch.label.max() < task.num_classes
    assert all(torch.equal(batch.inputs[name], same.inputs[name]) for name in task.dims)


@each
def test_more_modalities_never_lower_the_ceiling(task):
    names = tuple(task.dims)
    best = task.ceiling().value
    for name in names:
        assert task.chance - 0.01 <= task.ceiling((name,)).value <= best + 1e-9


def test_the_posterior_of_a_single_modality_is_bayes_rule_by_hand():
    """Sensor alone: motion as a code with noise, two motions an answer, all four pairs of colours alike."""
    batch = TASKS["complementary"].draw(20, generator=seeded(2))
    posterior = tasks.posterior_complementary(batch, ("sensor",))
    density = Normal(torch.eye(8), tasks.COMPLEMENTARY_NOISE["sensor"])
    likelihood = density.log_prob(batch.inputs["sensor"][:, None]).sum(2).exp()  # (20, 8)
    motion = likelihood.unflatten(1, (4, 2)).sum(2) / likelihood.sum(1, keepdim=True)
    assert torch.allclose(posterior.float(), (motion / 4).repeat(1, 4), atol=1e-4)


def test_nuisance_factors_are_averaged_out():
    """Brute force over all 1,536 states of a scene: the same posterior of the shape."""
    batch = TASKS["missing"].draw(6, generator=seeded(3))
    grid = torch.cartesian_prod(*(torch.arange(k) for k in FACTORS.values()))
    states = dict(zip(FACTORS, grid.T))
    log_p = torch.zeros(6, len(grid), dtype=torch.float64)
    for name in SHAPE_VIEWS:
        away = batch.inputs[name].double()[:, None] - codes(states, name).double()
        log_p -= away.square().sum(2) / 2 / tasks.MISSING_NOISE**2
    expected = torch.zeros(6, 8, dtype=torch.float64).index_add(1, states["shape"], log_p.softmax(1))
    assert torch.allclose(tasks.posterior_missing(batch, SHAPE_VIEWS), expected, atol=1e-9)


def test_noise_shows_in_the_modality_itself():
    """Brute force over which is drowned and all states: the same posterior, and no doubt about the drowned one."""
    batch = TASKS["noisy"].draw(50, generator=seeded(8))
    grid = torch.cartesian_prod(*(torch.arange(k) for k in FACTORS.values()))
    states = dict(zip(FACTORS, grid.T))
    log_p = torch.zeros(50, 3, len(grid), dtype=torch.float64)
    for k in range(3):
        for place, name in enumerate(SHAPE_VIEWS):
            density = Normal(codes(states, name).double(), tasks.DROWNED if place == k else tasks.CLEAR)
            log_p[:, k] += density.log_prob(batch.inputs[name].double()[:, None]).sum(2)
    posterior = log_p.flatten(1).softmax(1).view(50, 3, 8, -1)  # the shape comes first
    assert torch.allclose(tasks.posterior_noisy(batch, SHAPE_VIEWS), posterior.sum((1, 3)), atol=1e-9)
    assert posterior.sum((2, 3)).amax(1).mean() > 0.99


def test_choices_are_made_on_other_examples():
    task = TASKS["noisy"]
    trial, test = task.for_choices().test(), task.test()
    assert len(trial.label) == tasks.NUM_VALIDATION and not torch.equal(trial.label, test.label[: len(trial.label)])


def test_whoever_is_told_leaves_the_swapped_modality_out():
    batch = TASKS["swapped_told"].draw(30, generator=seeded(4))
    told = tasks.posterior_swapped(batch, tuple(batch.inputs))
    swapped = batch.inputs["meter"].argmax(1)
    assert torch.equal((batch.inputs["meter"] > 0).sum(1), torch.ones(30))
    for row in range(30):
        kept = tuple(name for m, name in enumerate(SHAPE_VIEWS) if m != swapped[row])
        one = tasks.rows(batch, torch.tensor([row]))
        factors = ("shape", "colour", "size")
        log_p = sum(tasks.log_likelihood(one.inputs[m], m, tasks.SWAPPED_NOISE, factors) for m in kept)
        expected = log_p.expand(-1, 8, 8, 3).logsumexp((2, 3)).softmax(1)
        assert torch.allclose(told[row], expected[0], atol=1e-9)


def test_being_told_helps_and_comparing_helps_less():
    told, untold = TASKS["swapped_told"].ceiling().value, TASKS["swapped"].ceiling().value
    assert told - untold > 0.03 and untold > TASKS["swapped"].ceiling(("image", "text")).value + 0.05


def test_the_ceiling_of_xor_is_that_of_the_sarcasm_world():
    assert TASKS["xor"].ceiling().value == pytest.approx(0.9615, abs=1e-3)
    assert all(TASKS["xor"].ceiling((name,)).value == 0.5 for name in ("text", "voice", "face"))


def test_modality_dropout_leaves_one_that_was_there():
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0]]).bool().repeat(4_000, 1)
    kept = drop(present, 0.5, generator=seeded(5))
    assert kept.any(1).all() and not (kept & ~present).any()
    assert (kept == present)[2::3].all()  # the only one stays
    # of three: (1/2 + 1/8 · 1/3) of each
    assert kept[::3].float().mean().item() == pytest.approx(1 / 2 + 1 / 24, abs=0.02)
    assert drop(present, 1.0, generator=seeded(6)).sum(1).eq(1).all()


def test_missing_examples_are_those_of_the_task_with_one_gone():
    batch = TASKS["missing"].draw(5, generator=seeded(7))
    lacking = tasks.without(batch, 1)
    assert not lacking.present[:, 1].any() and lacking.present[:, [0, 2]].all() and batch.present.all()
    assert math.isclose(TASKS["missing"].chance, 1 / 8)
