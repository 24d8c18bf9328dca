"""What a loop hands to ``run.step``, checked where the mistake is made."""

from collections.abc import Mapping

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
        f"run.step expects the loss as a scalar tensor with a gradient, got {got}: pass what the loss function gives, "
        "averaged over the batch, not loss.item() or loss.detach()"
    )


def check_metrics(metrics: Mapping[str, Tensor | float]) -> None:
    """Raise unless each of ``metrics`` is one number, under a name that the log does not use itself."""
    for name, value in metrics.items():
        if name in ("step", "lr"):
            raise ValueError(f"a metric cannot be called {name!r}, which is logged already: choose another name")
        size = value.numel() if isinstance(value, Tensor) else getattr(value, "size", isinstance(value, int | float))
        if size != 1:
            raise TypeError(f"the metric {name!r} should be one number, got {value!r}")


def as_number(value: Tensor | float, device: torch.device) -> Tensor:
    """``value`` as a float32 scalar on ``device``, without its graph."""
    return torch.as_tensor(value, dtype=torch.float32, device=device).detach().reshape(())
