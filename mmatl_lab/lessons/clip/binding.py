"""What does a model need to tell 'A above B' from 'B above A'? Hard negatives and the text encoder's attention, varied.

    python -m mmatl_lab.lessons.clip.binding

runs the study, and writes what the lesson shows to ``assets/results`` (10 to 20 minutes on 2 CPU cores; started again,
it goes on).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from mmatl_lab.nn.encoders import Part
from mmatl_lab.training import Study

from .scenes import SCENES, ScenesSettings, evaluate

if TYPE_CHECKING:
    from pandas import DataFrame

NEGATIVES = {"one attribute changed": 0.0, "objects exchanged, too": ScenesSettings(0).swapped}
ATTENTION = {"both directions": False, "causal": True}
NAME = "clip_binding"


def settings_of(negatives: str, attention: str) -> ScenesSettings:
    """The full settings with these hard negatives and this attention over the words."""
    full = SCENES.presets["full"]
    text = Part(full.model.text.name, {**full.model.text.options, "causal": ATTENTION[attention]})
    return replace(full, swapped=NEGATIVES[negatives], model=replace(full.model, text=text))


def cell(negatives: str, attention: str, seed: int) -> dict[str, float]:
    """Train one variant as long as the shipped model and evaluate it."""
    model = SCENES.trained(settings_of(negatives, attention), seed=seed)
    return {result.name: result.value for result in evaluate(model)}


def study() -> Study:
    return Study(NAME, cell, {"negatives": NEGATIVES, "attention": ATTENTION, "seed": (0,)})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
