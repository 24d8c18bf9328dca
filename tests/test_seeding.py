"""Weights that depend on a seed alone, and on nothing that was drawn before."""

import torch
from torch import nn

from mmatl_lab.seeding import drawn_from


def weights(seed: int) -> torch.Tensor:
    with drawn_from(seed):
        return nn.Linear(3, 2).weight.detach()


def test_new_weights_depend_on_the_seed_alone():
    first = weights(7)
    torch.rand(5)
    assert torch.equal(weights(7), first) and not torch.equal(weights(8), first)


def test_random_numbers_outside_go_on_as_if_nothing_had_been_drawn():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    weights(7)
    assert torch.equal(torch.rand(2), expected)
