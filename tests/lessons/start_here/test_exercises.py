"""The warm-up: what it defines is what the library computes."""

import pytest
import torch

from mmatl_lab.lessons.start_here.exercises import best_accuracy
from mmatl_lab.world import ceilings


@pytest.mark.parametrize("task", ["shape", "colour", "motion"])
@pytest.mark.parametrize("view", ["image", "audio", "sensor"])
def test_it_is_what_the_library_computes(task, view):
    values, probability = ceilings.states()
    shown = torch.stack([values[name] for name in ceilings.SHOWS[view]], 1)
    _, seen = torch.unique(shown, dim=0, return_inverse=True)
    joint = torch.zeros(int(seen.max()) + 1, ceilings.FACTORS[task], dtype=torch.float64)
    joint.index_put_((seen, values[task]), probability, accumulate=True)
    assert best_accuracy(joint).item() == pytest.approx(ceilings.accuracy(task, [view]))
