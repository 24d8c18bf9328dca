"""The optimizers of a run: one for the whole model, or one for each named part of it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn

from .schedule import learning_rate

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


class OptimizedPart(NamedTuple):
    """One optimizer: its parameters, its learning rate at each step, and before what its columns of the log begin."""

    optimizer: torch.optim.Optimizer
    parameters: list[nn.Parameter]
    learning_rates: list[float]
    prefix: str  # "" for the only one, "generator_" for the one called generator


def make_parts(
    module: nn.Module,
    lr: float | Mapping[str, float],
    optimizer: MakeOptimizer | Mapping[str, MakeOptimizer] | None,
    weight_decay: float,
    num_steps: int,
    schedule: str | Mapping[str, str],
) -> dict[str, OptimizedPart]:
    """The optimizers by name; the name is "" where there is one for the whole module.

    Raises:
        ValueError: when a name is no part of the module, when parts share a parameter or leave one out, or when there
            is nothing to train.
    """
    if not isinstance(lr, Mapping):
        lr = dict.fromkeys(module, lr) if isinstance(module, nn.ModuleDict) else {"": lr}
    make = optimizer if isinstance(optimizer, Mapping) else dict.fromkeys(lr, optimizer)
    unknown = [name for name in make if name not in lr]
    if unknown:
        raise ValueError(f"the optimizer {unknown[0]!r} has no learning rate: give lr={{{unknown[0]!r}: …}}")
    if not isinstance(schedule, str) and (strange := [name for name in schedule if name not in lr]):
        raise ValueError(f"there is a schedule for {strange[0]!r}, which is none of {', '.join(lr)}")
    parts = {}
    for name, rate in lr.items():
        part = _submodule(module, name)
        trained = [parameter for parameter in part.parameters() if parameter.requires_grad]
        if not trained:
            what = f"{name} ({type(part).__name__})" if name else type(part).__name__
            raise ValueError(f"{what} has no parameter with requires_grad=True: there is nothing to train")
        built = make_adamw(trained, weight_decay) if make.get(name) is None else make[name](trained)
        kind = schedule if isinstance(schedule, str) else schedule.get(name, "cosine")
        rates = [learning_rate(step, num_steps, rate, kind) for step in range(num_steps)]
        parts[name] = OptimizedPart(built, trained, rates, f"{name}_" if name else "")
    _check_cover(module, parts)
    return parts


def make_adamw(parameters: list[nn.Parameter], weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) that decays matrices and convolution kernels only.

    Biases, norms and a temperature are kept out: decay would pull them to values that mean something.
    """
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    try:
        return torch.optim.AdamW(groups, fused=True)  # one kernel for the whole update
    except (RuntimeError, ValueError):  # a device or type that has no such kernel
        return torch.optim.AdamW(groups)


def settings_of(optimizer: torch.optim.Optimizer) -> str:
    """``SGD(dampening=0, momentum=0.9, nesterov=False, ...)``: what has to be the same when a run is resumed."""
    own = {name: value for name, value in sorted(optimizer.defaults.items()) if name not in ("lr", "fused", "foreach")}
    return f"{type(optimizer).__name__}({', '.join(f'{name}={value}' for name, value in own.items())})"


def can_skip(optimizer: torch.optim.Optimizer) -> bool:
    """Whether its update can be left out by a flag on the device (``found_inf``), so that nothing waits for it."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def _submodule(module: nn.Module, name: str) -> nn.Module:
    try:
        return module.get_submodule(name)
    except AttributeError:
        there = ", ".join(child for child, _ in module.named_children())
        raise ValueError(f"{type(module).__name__} has no part {name!r} for a learning rate: it has {there}") from None


def _check_cover(module: nn.Module, parts: Mapping[str, OptimizedPart]) -> None:
    owner: dict[nn.Parameter, str] = {}
    for name, part in parts.items():
        for parameter in part.parameters:
            if parameter in owner:
                raise ValueError(f"{owner[parameter]!r} and {name!r} share parameters: each belongs to one optimizer")
            owner[parameter] = name
    left = [name for name, p in module.named_parameters() if p.requires_grad and p not in owner]
    if left:
        raise ValueError(
            f"no optimizer trains {left[0]!r} ({len(left)} in all): name its part in lr, or set requires_grad=False"
        )
