"""The state of a run in one file, so that a kill at any moment leaves weights, moments and step that fit together."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import CheckpointError, fit_into, load_checkpoint, save_checkpoint


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, card: Mapping[str, Any]) -> None:
    """Write weights as ``model/NAME``, what AdamW keeps of each as ``optimizer/KEY/NAME``, and the card."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    kept = optimizer.state_dict()["state"]
    for index, name in enumerate(_optimised(model, optimizer)):
        for key, value in kept.get(index, {}).items():
            tensors[f"optimizer/{key}/{name}"] = value
    save_checkpoint(path, tensors, card, sidecar=False)


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Put model and optimiser back to what :func:`save_state` wrote, bit for bit.

    Returns:
        The card, with NaN back where the history has no number.

    Raises:
        CheckpointError: when the file is damaged, does not fit the model, or was written under other ``settings``.
    """
    tensors, card = load_checkpoint(path)
    there = card.get("settings", {})
    different = [key for key in settings if there.get(key) != settings[key]]
    if different:
        raise CheckpointError(
            f"{path} belongs to a run with {', '.join(f'{key}={there.get(key)!r}' for key in different)}, this one has "
            f"{', '.join(f'{key}={settings[key]!r}' for key in different)}: use the same, or resume=False to start anew"
        )
    fit_into(model, {n.removeprefix("model/"): t for n, t in tensors.items() if n.startswith("model/")}, path)
    kept: dict[int, dict[str, Tensor]] = {}
    for index, (name, parameter) in enumerate(_optimised(model, optimizer).items()):
        for key in ("step", "exp_avg", "exp_avg_sq"):
            if f"optimizer/{key}/{name}" in tensors:
                value = tensors[f"optimizer/{key}/{name}"]
                if key != "step":  # a moment in another memory layout than its weight (channels last) would be misread
                    value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
                kept.setdefault(index, {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": kept})
    history = {name: [math.nan if x is None else x for x in column] for name, column in card["history"].items()}
    return card | {"history": history}


def _optimised(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    """The optimiser's parameters by name, in the optimiser's own order."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: p for group in optimizer.param_groups for p in group["params"]}


def unfinished(path: Path) -> tuple[int, int] | None:
    """(steps done, steps of the run) where the run that saved ``path`` was stopped early; None where it is done.

    Args:
        path: file of weights, with its card beside it.
    """
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    done, num_steps = card["step"], card["settings"]["num_steps"]
    return (done, num_steps) if done < num_steps else None
