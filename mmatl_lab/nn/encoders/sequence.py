"""What encoders of things with parts share: one vector for each part, and a mask that says which parts are there."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Sequence(NamedTuple):
    """One vector for each word, patch, frame or time step, as ``encoder.sequence(x)`` gives it.

    features: (B, L, D), zeros where there is nothing. mask: (B, L) bool, True where there is something.
    """

    features: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """(B, D): the mean over what is there; zeros for an example in which there is nothing."""
        return self.features.sum(1) / self.mask.sum(1, keepdim=True).clamp(min=1)


def finish(features: Tensor, mask: Tensor | None) -> Sequence:
    """Features (B, L, D) with their mask, or None when everything is there, as a Sequence."""
    if mask is None:
        return Sequence(features, torch.ones(features.shape[:2], dtype=torch.bool, device=features.device))
    return Sequence(hide(features, mask, 1), mask)


def mean(features: Tensor, mask: Tensor | None, project: nn.Linear) -> Tensor:
    """``finish(project(features), mask).mean()``, with the linear layer on the mean, which is the same and faster."""
    if mask is None:
        return project(features.mean(1))
    # masked at the end as well: a bias is not zero where there is nothing
    return project(finish(features, mask).mean()).masked_fill(~mask.any(1, keepdim=True), 0.0)


def hide(x: Tensor, mask: Tensor | None, axis: int = -1) -> Tensor:
    """``x`` (B, ...) with zeros where ``mask`` (B, T) is False along an axis of T, whatever stands there.

    It belongs before the first layer: behind it, NaN in the padding would be NaN in the gradient of the weights.
    """
    if mask is None:
        return x
    shape = [1] * x.dim()
    shape[0], shape[axis] = mask.shape
    return x.masked_fill(~mask.view(shape), 0.0)


def strided(mask: Tensor | None, stride: int) -> Tensor | None:
    """The mask (B, T) behind a layer of this stride, (B, T / stride) rounded up: a position is there when any of the
    ``stride`` steps that it stands for is."""
    if mask is None or stride == 1:
        return mask
    return F.pad(mask, (0, -mask.shape[1] % stride)).unflatten(1, (-1, stride)).any(2)


def check_mask(mask: Tensor | None, B: int, T: int) -> None:
    """Raises ValueError unless ``mask`` is None or (B, T) bool."""
    if mask is not None and (mask.dtype != torch.bool or mask.shape != (B, T)):
        raise ValueError(
            f"expected a bool mask ({B}, {T}), True where there is something, got {mask.dtype} {tuple(mask.shape)}."
        )


def convolution(conv: nn.Module) -> nn.Module:
    """``conv`` with He's initial weights (2015, arXiv:1502.01852), which keep the scale of a signal through it and a
    rectifier: no normalisation is needed, which would mix examples or time steps."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    nn.init.zeros_(conv.bias)
    return conv
