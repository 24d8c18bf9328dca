"""What recipes share: a lesson's models are trained one after the other, each with its card, and loaded again.

A lesson's ``parts`` are its models in their order: name of the checkpoint -> (module, part of a preset). The module has
``make_model(part)``, ``train(part, folder=, resume=, seed=, card=)`` and ``evaluate(model)``.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from mmatl_lab import paths
from mmatl_lab.training import load_into, unfinished

Parts = Mapping[str, tuple[ModuleType, Any]]


def train_models(
    lesson: str, parts: Parts, preset_name: str, *, folder: Path, resume: bool, seed: int, only: str | None
) -> dict[str, Path]:
    """Train the models of a lesson and save each with its card.

    Args:
        only: one of ``parts``; None trains all.

    Returns:
        The file of each; after a run that was stopped early, of those up to it.

    Raises:
        ValueError: ``only`` is not among the parts.
    """
    if only is not None and only not in parts:
        raise ValueError(f"there is no checkpoint {only!r} in this lesson: choose one of {', '.join(parts)}.")
    files = {}
    for name, (module, part) in parts.items():
        if only in (None, name):
            command = f"mmatl-lab train {lesson} --preset {preset_name} --seed {seed} --only {name}"
            card = {"recipe": lesson, "preset": preset_name, "seed": seed, "command": command}
            files[name] = module.train(part, folder=folder, resume=resume, seed=seed, card=card)
            if unfinished(files[name]):  # Ctrl-C means the whole command, not only this model
                break
    return files


def load_model(
    lesson: str, parts: Parts, name: str, preset_name: str, *, folder: Path | None
) -> tuple[nn.Module, dict[str, Any]]:
    """A trained model, ready to be used, and its card. ``folder`` None takes the shipped one."""
    path = paths.asset(f"checkpoints/{name}.safetensors") if folder is None else Path(folder) / f"{name}.safetensors"
    module, part = parts[name]
    model = module.make_model(part)
    where = "" if folder is None else f" --folder {folder}"
    card = load_into(model, path, command=f"mmatl-lab train {lesson} --preset {preset_name} --only {name}{where}")
    return model.eval(), card
