"""CLIP on scenes and on emoji: the data, the models, the training and the evaluation of lesson 03.

One recipe serves the notebook, the command line, the tests and the shipped checkpoints.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from mmatl_lab.errata import get as erratum
from mmatl_lab.lessons.models import Models, Parts
from mmatl_lab.lessons.report import Report, joined, target

from . import emoji, scenes
from .emoji import EmojiPreset
from .scenes import ScenesPreset

TITLE = "A picture and its sentence share no number, yet they can learn to meet in one space"
CHECKPOINTS = (scenes.NAME, emoji.NAME)


TARGETS = {  # at least, on what training never saw (emoji_seen_r1 apart, which is a fit)
    "scenes_i2t_r1": 0.99,
    "scenes_t2i_r1": 0.99,
    "zero_shot_held_out": 0.80,
    "emoji_seen_r1": 0.85,
    "emoji_unseen_concepts_r1": 0.30,
    "emoji_unseen_style_r1": 0.25,
}


@dataclass(frozen=True)
class Preset:
    """What is trained at one budget: quick runs in CI, full is what is shipped, gpu is larger."""

    minutes: float  # of training on 2 CPU cores (gpu: on one GPU)
    scenes: ScenesPreset
    emoji: EmojiPreset
    experiment_steps: int = 120  # of each small model behind the dials


PRESETS = {
    # so few steps leave no time to recover from a large learning rate
    "quick": Preset(
        0.3, ScenesPreset(120, batch_size=64, lr=1e-3), EmojiPreset(30, batch_size=128), experiment_steps=10
    ),
    "full": Preset(5, ScenesPreset(1_500), EmojiPreset()),
    "gpu": Preset(
        3,
        ScenesPreset(6_000, batch_size=1024, lr=2e-3, channels=(96, 192, 384), text_width=128, width=256),
        EmojiPreset(6_000, batch_size=1024),
    ),
}


def parts(chosen: Preset) -> Parts:
    """The module and the part of a preset behind each checkpoint."""
    return {scenes.NAME: (scenes, chosen.scenes), emoji.NAME: (emoji, chosen.emoji)}


MODELS = Models("clip", PRESETS, parts)
preset, train, load = MODELS.preset, MODELS.train, MODELS.load


def evaluate(preset_name: str = "full", *, folder: Path | None = None) -> Report:
    """Measure both models on what training never saw, beside controls and ceilings.

    Args:
        folder: where the checkpoints are; None takes the shipped ones, which are of the preset full.
    """
    start = time.perf_counter()
    found = MODELS.measure(preset_name, folder=folder)
    one_sided = erratum("clip-one-sided").measure().printed
    overflow = erratum("clip-exp-overflow").measure().printed
    measured = {
        "one_sided_i2t": one_sided["i2t_accuracy"],
        "one_sided_t2i": one_sided["t2i_accuracy"],
        "exp_overflow_temperature": overflow["largest_failing_temperature"],
    }
    return report(preset_name, time.perf_counter() - start, *found, (measured, {}, {}))


def report(preset_name: str, seconds: float, *measured: tuple[dict, dict, dict]) -> Report:
    """One table of what was measured.

    Args:
        measured: (metrics, controls, ceilings), such as ``scenes.evaluate`` and ``emoji.evaluate`` give them.
    """
    metrics, controls, ceilings = joined(measured)
    # A minute of training is for seeing that everything runs: the preset quick promises nothing of the models.
    bounds = {} if preset_name == "quick" else TARGETS
    targets = {name: target(metrics[name], at_least=bound) for name, bound in bounds.items() if name in metrics}
    if "one_sided_t2i" in metrics:
        targets["one_sided_t2i"] = target(metrics["one_sided_t2i"], at_most=0.60)
    return Report("clip", preset_name, seconds, metrics, controls, ceilings, targets)
