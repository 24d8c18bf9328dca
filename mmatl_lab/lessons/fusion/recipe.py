"""The recipe of lesson 02: one system with all fusions on real views, and the numbers of the two studies beside it."""

from ..recipe import Recipe
from ..results import Result
from .views import VIEWS_SYSTEM


def evaluate_all(models) -> list[Result]:
    """The studies that are shipped, and late fusion as it is printed."""
    from . import real, scores, study

    return [
        *scores.study_results(study.results()),
        *scores.real_results(real.results()),
        *scores.late_fusion_results(),
    ]


RECIPE = Recipe(
    "fusion",
    "How to make one vector of several, and which way for which task",
    minutes={"shipped": 1.5, "quick": 1, "full": 7, "gpu": 6},
    systems=(VIEWS_SYSTEM,),
    evaluate_all=evaluate_all,
)
