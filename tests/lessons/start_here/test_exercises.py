"""The warm-up: every mistake it names is in the bank, and what it defines is what the library computes."""

import runpy
from pathlib import Path

import pytest
import torch

from mmatl_lab.lessons import check
from mmatl_lab.lessons.start_here.exercises import MISTAKES, best_accuracy
from mmatl_lab.world import ceilings

WRONG = runpy.run_path(str(Path(__file__).with_name("wrong_answers.py")))["WRONG"]["start_here.1"]


def test_every_mistake_is_in_the_bank():
    found = {check("start_here.1", function, seed=0).message for function, _ in WRONG}
    assert set(MISTAKES.values()) <= found


@pytest.mark.parametrize("task", ["shape", "colour", "motion"])
@pytest.mark.parametrize("view", ["image", "audio", "sensor"])
def test_it_is_what_the_library_computes(task, view):
    values, probability = ceilings.states()
    shown = torch.stack([values[name] for name in ceilings.SHOWS[view]], 1)
    _, seen = torch.unique(shown, dim=0, return_inverse=True)
    joint = torch.zeros(int(seen.max()) + 1, ceilings.FACTORS[task], dtype=torch.float64)
    joint.index_put_((seen, values[task]), probability, accumulate=True)
    assert best_accuracy(joint).item() == pytest.approx(ceilings.accuracy(task, [view]))
