"""Retrieval: heads with a triplet loss, and five modalities in one space: the systems of lesson 04."""

from collections.abc import Mapping

from torch import nn

from ..recipe import Recipe
from ..results import Result
from . import bridge, real, triplet
from .five import FIVE
from .triplet import HEADS


def evaluate_all(models: Mapping[str, nn.Module]) -> list[Result]:
    """The studies that the package carries, of the losses and of what a bridge passes on, and real art."""
    studies = [*triplet.study_results(triplet.results()), *bridge.study_results(bridge.results())]
    return [*studies, *real.results(), *real.gains()]


RECIPE = Recipe(
    "retrieval",
    "Find a sound by words that never met it, and measure what is found",
    minutes={"shipped": 1, "quick": 1, "full": 4, "gpu": 4},
    systems=(HEADS, FIVE),
    evaluate_all=evaluate_all,
)
