"""Which change of the training pictures buys the unseen style? Each is left out in turn, at one budget, on three seeds.

    python -m mmatl_lab.lessons.clip.ablation

runs the study, and writes what the lesson shows to ``assets/results`` (45 minutes on 2 CPU cores; started again, it
goes on). What is there was measured before whole families were held out and the word vectors were fitted anew: only
the concepts drawn one by one were kept apart.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from mmatl_lab.data.augment import Augmentation
from mmatl_lab.training import Study, paired

from . import emoji
from .emoji import EMOJI, EmojiSettings

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

EVERYTHING = "nothing"  # left out
NOTHING = "everything"
WITHOUT = (EVERYTHING, "drawing", "affine", "colours", "background", "words", NOTHING)
SEEDS = (0, 1, 2)
NUM_STEPS = 400  # of each variant; the full recipe, with nothing left out, has as many as it is shipped with
STYLE, CONCEPTS = "emoji_unseen_style_r1", "emoji_one_by_one_r1"
NAME = "clip_emoji_ablation"


def settings_without(name: str, num_steps: int) -> EmojiSettings:
    """The full settings, shorter, with one change of the data left out.

    Raises:
        ValueError: for a name that is not in WITHOUT.
    """
    if name not in WITHOUT:
        raise ValueError(f"there is no augmentation {name!r}: choose one of {', '.join(WITHOUT)}.")
    settings = EmojiSettings(num_steps)
    if name == "words":
        return replace(settings, dropped_words=0.0)
    if name == NOTHING:
        none = dict.fromkeys(vars(settings.augmentation), 0.0)
        return replace(settings, augmentation=Augmentation(**none), dropped_words=0.0)
    return settings if name == EVERYTHING else replace(settings, augmentation=settings.augmentation.without(name))


def cell(without: str, num_steps: int, seed: int) -> dict[str, float]:
    """Train one variant and evaluate it."""
    model = EMOJI.trained(settings_without(without, num_steps), seed=seed)
    return {result.name: result.value for result in emoji.evaluate(model)}


def study() -> Study:
    """Every variant at the short budget, then the full recipe."""
    short = {"without": WITHOUT, "num_steps": [NUM_STEPS], "seed": SEEDS}
    full = {"without": [EVERYTHING], "num_steps": [EmojiSettings().num_steps], "seed": SEEDS}
    return Study(NAME, cell, [short, full], version=2)


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def values(frame: "DataFrame", without: str, metric: str = STYLE, num_steps: int = NUM_STEPS) -> list[float]:
    """One metric of one variant, in the order of the seeds."""
    chosen = frame[(frame.without == without) & (frame.num_steps == num_steps)]
    return chosen.sort_values("seed")[metric].tolist()


def change(frame: "DataFrame", without: str, metric: str = STYLE) -> "Difference":
    """What leaving something out changes: variants share weights and data of a seed, so they are compared in pairs."""
    sides = ({"without": name, "num_steps": NUM_STEPS} for name in (without, EVERYTHING))
    return paired(frame, metric, *sides)


if __name__ == "__main__":
    study().ship()
