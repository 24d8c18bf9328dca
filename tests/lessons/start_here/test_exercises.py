"""The warm-up: its stub, its solution, the mistakes it names and the answers it accepts."""

import doctest
import inspect

import pytest
import torch

from mmatl_lab.lessons import check
from mmatl_lab.lessons.exercise import exercises
from mmatl_lab.lessons.start_here.exercises import MISTAKES, best_accuracy
from mmatl_lab.world import ceilings

[EXERCISE] = exercises("start_here")
SEEDS = range(15)


def weighted(joint):
    """The mean of the best share of each row, every row weighted alike."""
    return sum(float(row.max() / row.sum()) for row in joint) / len(joint)


WRONG = [
    ("dim=0", lambda joint: joint.max(dim=0).values.sum()),
    ("dim=0", lambda joint: sum(max(column) for column in joint.T.tolist())),
    ("divided by the number of views", lambda joint: joint.max(dim=1).values.mean()),
    ("the same weight", weighted),
    ("divided each row by its sum", lambda joint: sum(row.max() / row.sum() for row in joint)),
    ("without looking", lambda joint: joint.sum(dim=0).max()),
    ("commonest view", lambda joint: joint.sum(dim=1).max()),
    ("largest entry alone", lambda joint: joint.max()),
    ("a number for each view", lambda joint: joint.amax(1)),
    ("diagonal", lambda joint: sum(joint[i, i] for i in range(min(joint.shape)))),
    ("(argmax)", lambda joint: joint.argmax(dim=1).sum()),
    ("blind guessing", lambda joint: 1 / joint.shape[1]),
    ("all entries", lambda joint: float(joint.sum())),
    ("is wrong", lambda joint: 1 - joint.max(dim=1).values.sum()),
    ("per cent", lambda joint: 100 * joint.max(dim=1).values.sum().item()),
    ("Return the accuracy of the best model as a tensor", lambda joint: joint.max(dim=1)),
    ("is not right yet", lambda joint: joint.max(dim=1).values.sum() ** 2),
]
RIGHT = [
    lambda joint: joint.amax(1).sum(),
    lambda joint: sum(max(row) for row in joint.tolist()),
    lambda joint: joint.gather(1, joint.argmax(1, keepdim=True)).sum().double(),
    lambda joint: (joint.sum(1) * (joint / joint.sum(1, keepdim=True)).max(1).values).sum(),
]


@pytest.mark.parametrize(("message", "function"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_mistake(message, function):
    for seed in SEEDS:
        verdict = check("start_here.1", function, seed=seed)
        assert verdict.status == "wrong" and message in verdict.message, (seed, verdict.message)


@pytest.mark.parametrize("function", [best_accuracy, *RIGHT])
def test_a_right_answer_is_accepted(function):
    assert all(check("start_here.1", function, seed=seed).passed for seed in SEEDS)


def test_every_mistake_is_in_the_bank():
    found = {check("start_here.1", function, seed=0).message for _, function in WRONG}
    assert set(MISTAKES.values()) <= found


def test_the_cell_as_it_is_handed_out_is_not_attempted_and_shows_what_is_expected():
    space = {"torch": torch, "Tensor": torch.Tensor, "check": lambda *_: None}
    exec(EXERCISE.cell, space)
    assert check("start_here.1", space["best_accuracy"]).status == "not attempted"
    exec(EXERCISE.solution_source, space)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(best_accuracy), space, "example", None, 0)
    assert test.examples and doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("task", ["shape", "colour", "motion"])
@pytest.mark.parametrize("view", ["image", "audio", "sensor"])
def test_it_is_what_the_library_computes(task, view):
    values, probability = ceilings.states()
    shown = torch.stack([values[name] for name in ceilings.SHOWS[view]], 1)
    _, seen = torch.unique(shown, dim=0, return_inverse=True)
    joint = torch.zeros(int(seen.max()) + 1, ceilings.FACTORS[task], dtype=torch.float64)
    joint.index_put_((seen, values[task]), probability, accumulate=True)
    assert best_accuracy(joint).item() == pytest.approx(ceilings.accuracy(task, [view]))
