"""One exercise with its three known mistakes."""

import torch
from torch import Tensor

from mmatl_lab.lessons.exercise import exercise, mistakes


def _logits(generator: torch.Generator):
    yield 2 * torch.randn(5, 3, generator=generator), 2 * torch.randn(5, 3, generator=generator)


@exercise(
    "fusion_sketch.1",
    "A product of experts",
    task="Two classifiers give logits (B, C). Multiply their probabilities and make them sum to 1 again.",
    minutes=5,
    difficulty=1,
    hints=("A product of probabilities is a sum of logarithms. What does a softmax do with a sum of logits?",),
    cases=_logits,
    answer="the probabilities",
)
def product_of_experts(one: Tensor, other: Tensor) -> Tensor:
    """Normalised product of two classifiers' probabilities: (B, C), (B, C) -> (B, C).

    >>> product_of_experts(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """
    # BEGIN SOLUTION
    return (one + other).softmax(dim=1)
    # END SOLUTION


mistakes(
    product_of_experts,
    "Your rows do not sum to 1: divide by their sum after the product.",
    lambda one, other: one.softmax(1) * other.softmax(1),
    "You averaged the probabilities: that is a mixture, not a product.",
    lambda one, other: (one.softmax(1) + other.softmax(1)) / 2,
    "Your softmax runs over the batch (dim=0): the classes are dim=1.",
    lambda one, other: (one + other).softmax(0),
)
