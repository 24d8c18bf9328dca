"""A slowly moving average of the weights, which samples and generalises better than the weights of the last step."""

import copy

import torch
from torch import nn


class EMA:
    r"""Exponential moving average of a module's weights.

    After step t (from 0), :math:`\bar w_t = d_t \bar w_{t-1} + (1 - d_t) w_t` with
    :math:`d_t = \min\left(d, \frac{1 + t}{10 + t}\right)`, so that a short run is not held back by its first weights
    (Polyak & Juditsky 1992; the ramp is that of TensorFlow's ``ExponentialMovingAverage``). Buffers, such as the
    statistics of batch norm, and integers are copied.

    Args:
        module: is copied; the copy is in evaluation mode and needs no gradient.
        decay: d, from 0 (the weights themselves) to below 1.

    Raises:
        ValueError: for another decay.
    """

    def __init__(self, module: nn.Module, decay: float):
        if not 0 <= decay < 1:
            raise ValueError(f"ema is {decay}: give a decay from 0 to below 1, such as 0.999, or None for no average")
        self.decay = decay
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self._pairs = list(zip(self.module.parameters(), module.parameters(), strict=True))
        self._buffers = list(zip(self.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        average, weights = zip(*self._pairs, strict=True)
        torch._foreach_lerp_(list(average), list(weights), 1 - decay)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
