"""What encoders of things with parts share: one vector for each part, and a mask that says which parts are there."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Sequence(NamedTuple):
    """One vector for each word, patch, frame or moment, as ``encoder.sequence(x)`` gives it.

    features: (B, L, D), zeros where there is nothing. mask: (B, L) bool, True where there is something.
    """

    features: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """(B, D): the mean over what is there; zeros for an example in which there is nothing."""
        return self.features.sum(1) / self.mask.sum(1, keepdim=True).clamp(min=1)


def hide(x: Tensor, mask: Tensor | None) -> Tensor:
    """``x`` (B, ..., T) with zeros where ``mask`` (B, T) is False, whatever stands there, NaN included."""
    return x if mask is None else x.masked_fill(~mask.view(len(x), *(1,) * (x.dim() - 2), -1), 0.0)


def finish(features: Tensor, mask: Tensor | None) -> Sequence:
    """Features (B, L, D) with their mask, or None when everything is there, as a Sequence."""
    if mask is None:
        return Sequence(features, torch.ones(features.shape[:2], dtype=torch.bool, device=features.device))
    return Sequence(features.masked_fill(~mask[..., None], 0.0), mask)


def check_mask(mask: Tensor | None, B: int, T: int) -> None:
    """Raises ValueError unless ``mask`` is None or (B, T) bool."""
    if mask is not None and (mask.dtype != torch.bool or mask.shape != (B, T)):
        raise ValueError(
            f"expected a bool mask ({B}, {T}), True where there is something, got {mask.dtype} {tuple(mask.shape)}."
        )


def convolution(conv: nn.Module) -> nn.Module:
    """``conv`` with weights that keep a signal's scale through it and a rectifier, so that no normalisation is needed
    that would mix examples or moments (He et al. 2015, arXiv:1502.01852)."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    nn.init.zeros_(conv.bias)
    return conv
