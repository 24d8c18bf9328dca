"""The state of a run in one file, so that a kill at any moment leaves weights, moments and step that fit together."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import CheckpointError, fit_into, load_checkpoint, save_checkpoint

Optimizers = Mapping[str, torch.optim.Optimizer]


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Optimizers,
    card: Mapping[str, Any],
    buffers: Mapping[str, Tensor] | None = None,
) -> None:
    """Write what a run needs to go on.

    The weights of each module are ``MODULE/NAME``; what an optimizer keeps of each weight is
    ``optimizer/OPTIMIZER/KEY/NAME``, or stands on the card under the same name where it is a number.

    Args:
        modules: by name; the first is the one that is trained.
        optimizers: by name.
        card: settings, step and history.
        buffers: of the first module, which a forward pass has changed since the weights were those of ``card``.

    Raises:
        CheckpointError: when an optimizer keeps anything but tensors and numbers.
    """
    tensors = {f"{module}/{name}": t for module, own in modules.items() for name, t in own.state_dict().items()}
    first = next(iter(modules))
    tensors |= {f"{first}/{name}": t for name, t in (buffers or {}).items() if f"{first}/{name}" in tensors}
    numbers = {}
    for label, optimizer in optimizers.items():
        for name, parameter in _optimised(modules[first], optimizer).items():
            for key, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{label}/{key}/{name}"] = value
                elif isinstance(value, int | float):
                    numbers[f"optimizer/{label}/{key}/{name}"] = value
                elif value is not None:
                    raise CheckpointError(
                        f"{type(optimizer).__name__} keeps a {type(value).__name__} ({key!r}), which a checkpoint "
                        "cannot hold: use an optimizer that keeps tensors and numbers, or save=False"
                    )
    save_checkpoint(path, tensors, {**card, "numbers": numbers}, sidecar=False)


def load_state(
    path: Path, modules: Mapping[str, nn.Module], optimizers: Optimizers, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Put modules and optimizers back to what :func:`save_state` wrote, bit for bit.

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
    for module, own in modules.items():
        prefix = f"{module}/"
        fit_into(own, {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}, path)
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for entry, value in (tensors | card["numbers"]).items():
        if entry.startswith("optimizer/"):
            _, label, key, name = entry.split("/", 3)
            kept.setdefault((label, name), {})[key] = value
    for label, optimizer in optimizers.items():
        state = {}
        for index, (name, parameter) in enumerate(_optimised(next(iter(modules.values())), optimizer).items()):
            own = kept.get((label, name))
            if own:
                state[index] = {key: _laid_out(value, parameter) for key, value in own.items()}
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    history = {name: [math.nan if x is None else x for x in column] for name, column in card["history"].items()}
    return card | {"history": history}


def _laid_out(value: Any, parameter: nn.Parameter) -> Any:
    """A moment in another memory layout than its weight (channels last) would be misread."""
    if isinstance(value, Tensor) and value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    return value


def _optimised(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    """The optimizer's parameters by name, in the optimizer's own order."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: p for group in optimizer.param_groups for p in group["params"]}


def unfinished(path: Path) -> tuple[int, int] | None:
    """(steps done, steps of the run) where the run that saved ``path`` was stopped early; None where it is done.

    Raises:
        FileNotFoundError, CheckpointError: as :func:`load_checkpoint`, and when the file is not from a ``Run``.
    """
    card = load_checkpoint(path).card
    try:
        done, num_steps = card["step"], card["settings"]["num_steps"]
    except (KeyError, TypeError):
        raise CheckpointError(f"the card of {path} says nothing of a run's steps: it was not saved by a Run") from None
    return (done, num_steps) if done < num_steps else None
