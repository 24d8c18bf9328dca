"""One sense is not enough: the data, the models, the training and the evaluation of lesson 01.

One recipe serves the notebook, the command line, the tests and the shipped checkpoints.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from mmatl_lab.lessons.models import Models, Parts
from mmatl_lab.lessons.report import Report, joined, target

from . import sarcasm, smartwatch
from .sarcasm import SarcasmPreset
from .smartwatch import SmartwatchPreset

TITLE = "Words, voice and face: each alone is worth a coin, together they are as good as anyone can be"
CHECKPOINTS = (sarcasm.NAME, smartwatch.NAME)
TOLERANCE = 0.02  # how near to its ceiling, from below or above, each set of views must come


@dataclass(frozen=True)
class Preset:
    """What is trained at one budget: quick runs in CI, full is what is shipped, gpu is larger."""

    minutes: float  # of training on 2 CPU cores (gpu: on one GPU)
    sarcasm: SarcasmPreset
    smartwatch: SmartwatchPreset
    fusion_steps: int = 150  # of each comparison of fusions
    num_test: int = 10_000  # remarks that listeners are tested on
    num_curve: int = 4_000  # and for each noise of a curve


PRESETS = {
    "quick": Preset(
        0.2, SarcasmPreset(30, batch_size=64), SmartwatchPreset(20, batch_size=64), 10, num_test=1_000, num_curve=200
    ),
    "full": Preset(2, SarcasmPreset(600), SmartwatchPreset()),
    "gpu": Preset(2, SarcasmPreset(3_000, batch_size=1024, width=128, channels=(32, 64, 128)), SmartwatchPreset()),
}


def parts(chosen: Preset) -> Parts:
    """The module and the part of a preset behind each checkpoint."""
    return {sarcasm.NAME: (sarcasm, chosen.sarcasm), smartwatch.NAME: (smartwatch, chosen.smartwatch)}


MODELS = Models("why_multimodal", PRESETS, parts)
preset, train, load = MODELS.preset, MODELS.train, MODELS.load


def evaluate(preset_name: str = "full", *, folder: Path | None = None) -> Report:
    """Measure both models on what training never saw, beside controls and ceilings.

    Args:
        folder: where the checkpoints are; None takes the shipped ones, which are of the preset full.
    """
    start = time.perf_counter()
    found = MODELS.measure(preset_name, folder=folder)
    return report(preset_name, time.perf_counter() - start, *found)


def report(preset_name: str, seconds: float, *measured: tuple[dict, dict, dict]) -> Report:
    """One table of what was measured.

    Args:
        measured: (metrics, controls, ceilings), such as ``sarcasm.evaluate`` and ``smartwatch.evaluate`` give them.
    """
    metrics, controls, ceilings = joined(measured)
    targets = {}
    if preset_name != "quick":  # a few seconds of training are for seeing that everything runs: they promise nothing
        targets = {name: target(metrics[name], at_least=ceiling - TOLERANCE) for name, ceiling in ceilings.items()}
        targets["sarcasm_clear"] = target(metrics["sarcasm_clear"], at_least=0.95)
        if "watch_both" in metrics:
            targets["watch_both"] = target(metrics["watch_both"], at_least=0.85)
            # The intervals over people must not overlap those of either sensor alone.
            highest = max(metrics[f"watch_{sensor}_high"] for sensor in smartwatch.SENSORS)
            targets["watch_both_low"] = target(metrics["watch_both_low"], at_least=highest)
    return Report("why_multimodal", preset_name, seconds, metrics, controls, ceilings, targets)
