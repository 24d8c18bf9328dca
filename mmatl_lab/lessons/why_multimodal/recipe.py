"""One sense is not enough: the data, the models, the training and the evaluation of lesson 01.

One recipe serves the notebook, the command line, the tests and the shipped checkpoints.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from mmatl_lab.lessons.models import Parts, load_model, train_models
from mmatl_lab.lessons.report import Report, target

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


def preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        ValueError: for another name than quick, full and gpu.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def parts(chosen: Preset) -> Parts:
    """The module and the part of a preset behind each checkpoint."""
    return {sarcasm.NAME: (sarcasm, chosen.sarcasm), smartwatch.NAME: (smartwatch, chosen.smartwatch)}


def train(
    preset_name: str, *, folder: Path, resume: bool = False, seed: int = 0, only: str | None = None
) -> dict[str, Path]:
    """Train the lesson's models and save each with its card, see ``train_models``; ``only`` one of CHECKPOINTS."""
    chosen = parts(preset(preset_name))
    return train_models("why_multimodal", chosen, preset_name, folder=folder, resume=resume, seed=seed, only=only)


def load(name: str, preset_name: str = "full", *, folder: Path | None = None) -> tuple[nn.Module, dict]:
    """A trained model and its card. ``folder`` None takes the shipped one."""
    return load_model("why_multimodal", parts(preset(preset_name)), name, preset_name, folder=folder)


def evaluate(preset_name: str = "full", *, folder: Path | None = None) -> Report:
    """Measure both models on what training never saw, beside controls and ceilings.

    Args:
        folder: where the checkpoints are; None takes the shipped ones, which are of the preset full.
    """
    start = time.perf_counter()
    found = []
    for name, (module, _) in parts(preset(preset_name)).items():
        model, _ = load(name, preset_name, folder=folder)
        found.append(module.evaluate(model))
    return report(preset_name, time.perf_counter() - start, *found)


def report(preset_name: str, seconds: float, *measured: tuple[dict, dict, dict]) -> Report:
    """One table of what was measured.

    Args:
        measured: (metrics, controls, ceilings), such as ``sarcasm.evaluate`` and ``smartwatch.evaluate`` give them.
    """
    metrics, controls, ceilings = ({k: v for part in column for k, v in part.items()} for column in zip(*measured))
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
