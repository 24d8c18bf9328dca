"""What a loop and a recipe hand to a run, checked where the mistake is made."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor


def check_loss(loss: Tensor) -> None:
    """Raise TypeError unless ``loss`` is what backward can start from."""
    if not isinstance(loss, Tensor):
        got = type(loss).__name__
    elif loss.numel() != 1:
        got = f"a tensor of shape {tuple(loss.shape)}"
    elif not loss.requires_grad:
        got = "one without a gradient"
    else:
        return
    raise TypeError(
        f"expected the loss as a scalar tensor with a gradient, got {got}: pass what the loss function gives, "
        "averaged over the batch, not loss.item() or loss.detach()"
    )


def check_seed(seed: int, reserved: Collection[int]) -> int:
    """The seed, if training may use it.

    Args:
        reserved: the seeds of evaluation: who trains with one of them has seen the test data.

    Raises:
        TypeError: when it is no whole number. ValueError: when it is negative or reserved.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"expected a whole number as the seed, got {seed!r}")
    if seed < 0:
        raise ValueError(f"the seed is {seed}: give 0 or more")
    if seed in reserved:
        raise ValueError(
            f"seed {seed} is kept for evaluation: training with it would see the test data, so use another"
        )
    return seed


def check_metrics(metrics: Mapping[str, Tensor | float], columns: Collection[str]) -> None:
    """Raise unless each of ``metrics`` is one number, under a name that is none of the ``columns`` of the log."""
    for name, value in metrics.items():
        if name in columns:
            raise ValueError(f"a metric cannot be called {name!r}, which is logged already: choose another name")
        size = value.numel() if isinstance(value, Tensor) else getattr(value, "size", isinstance(value, int | float))
        if size != 1:
            raise TypeError(f"the metric {name!r} should be one number, got {value!r}")


def as_number(value: Tensor | float, device: torch.device) -> Tensor:
    """``value`` as a float32 scalar on ``device``, without its graph."""
    return torch.as_tensor(value, dtype=torch.float32, device=device).detach().reshape(())
