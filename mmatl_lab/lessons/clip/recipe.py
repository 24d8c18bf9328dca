"""CLIP on scenes and on emoji: the systems of lesson 03."""

from collections.abc import Mapping

from torch import nn

from mmatl_lab.errata import get as erratum

from ..recipe import Recipe
from ..results import Result
from ..search import Range, Search
from .emoji import EMOJI
from .scenes import SCENES, validate


def evaluate_all(models: Mapping[str, nn.Module]) -> list[Result]:
    """What the wrong formulas of the errata cost; no trained model enters."""
    one_sided = erratum("clip-one-sided").measure().printed
    overflow = erratum("clip-exp-overflow").measure().printed
    return [
        Result("one_sided_i2t", "printed one-sided loss, image → text", one_sided["image_to_text"]),
        Result("one_sided_t2i", "printed one-sided loss, text → image", one_sided["text_to_image"], at_most=0.60),
        Result(
            "exp_overflow_temperature",
            "largest temperature at which the printed loss overflows",
            overflow["largest_failing_temperature"],
        ),
    ]


RECIPE = Recipe(
    "clip",
    "How can a picture be compared with a sentence? CLIP lets them meet in one space",
    minutes={"shipped": 5, "quick": 0.8, "full": 10.5, "gpu": 5},
    systems=(SCENES, EMOJI),
    evaluate_all=evaluate_all,
    search=Search(
        "clip_scenes",
        {"lr": Range(3e-4, 3e-2), "model.temperature": Range(0.02, 0.5), "swapped": Range(0, 0.6, log=False)},
        validate,
        "image → text, R@1 of 300 validation scenes",
    ),
)
