"""The learning rate is a function of the step, checked against torch's own scheduler."""

import pytest
import torch

from mmatl_lab.training import learning_rate


@pytest.mark.parametrize("num_steps", [1, 2, 4, 10, 137])
def test_one_cycle_is_that_of_torch(num_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=num_steps)
    for step in range(num_steps):
        assert learning_rate(step, num_steps, 0.3, "one-cycle") == pytest.approx(scheduler.get_last_lr()[0], rel=1e-6)
        optimizer.step()
        if step + 1 < num_steps:
            scheduler.step()


@pytest.mark.parametrize("num_steps", [1, 3, 40, 1000])
def test_cosine_warms_up_peaks_and_falls_to_zero(num_steps):
    rates = [learning_rate(step, num_steps, 0.3) for step in range(num_steps)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.3) and min(rates) > 0
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert top == max(1, round(0.05 * num_steps)) - 1
    assert num_steps < 40 or rates[-1] < 0.001


def test_constant_stays_at_the_top():
    rates = [learning_rate(step, 100, 0.3, "constant") for step in range(100)]
    assert rates[0] == pytest.approx(0.06) and rates[4:] == [0.3] * 96


def test_an_unknown_schedule_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"'cosin'.*cosine, one-cycle, constant"):
        learning_rate(0, 10, 0.1, "cosin")
