"""Encoders of sensor traces: convolutions over time, or a summary of the window."""

import torch
from torch import Tensor, nn

from .sequence import Sequence, check_mask, convolution, finish, hide, mean, strided


class SensorCNN(nn.Module):
    """Convolutions over time that see all sensor axes at once; the mean over time is the vector.

    The first two stages halve the time, so that one vector stands for 4 steps; with three stages it has seen 29. The
    same movement 4 steps later has the same vector, except at the ends.

    Args:
        out_dim: D, the length of the vector.
        in_channels: C, numbers measured in each step, such as 3 of an accelerometer and 3 of a gyroscope. Scale them
            so that their spread is about 1.
        channels: of the stages.
    """

    def __init__(self, out_dim: int, in_channels: int = 6, channels: tuple[int, ...] = (64, 128, 256)):
        super().__init__()
        self.strides = [2 if stage < 2 else 1 for stage in range(len(channels))]
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv1d(before, now, 5, stride, 2))
            for before, now, stride in zip((in_channels, *channels), channels, self.strides)
        )
        self.norm = nn.LayerNorm(channels[-1])
        self.project = nn.Linear(channels[-1], out_dim)
        self.in_channels = in_channels

    def sequence(self, trace: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, C), mask (B, T) True where something was measured -> one vector for 4 steps, L = T / 4, rounded up.

        A vector is there when any of its 4 steps is.

        Raises:
            ValueError: another number of channels, or a mask of another shape or type.
        """
        x, mask = self._steps(trace, mask)
        return finish(self.project(x), mask)

    def forward(self, trace: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, C) -> (B, D), the mean of the sequence."""
        return mean(*self._steps(trace, mask), self.project)

    def _steps(self, trace: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        B, T, C = trace.shape
        if C != self.in_channels:
            raise ValueError(
                f"this encoder takes traces of {self.in_channels} channels, (B, T, {self.in_channels}), got {C}."
            )
        check_mask(mask, B, T)
        x = hide(trace.transpose(1, 2), mask)  # (B, C, T)
        for conv, stride in zip(self.convolutions, self.strides):
            mask = strided(mask, stride)
            x = hide(nn.functional.gelu(conv(x)), mask)  # zeros, as the convolution's own padding has them
        return self.norm(x.transpose(1, 2)), mask  # (B, L, C')


FREQUENCIES = 10  # of a summary
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)


def summarise(trace: Tensor) -> Tensor:
    """Statistics of a window of a sensor trace: (B, T, C) -> (B, 17 C + C (C - 1) / 2).

    For each axis: the mean, the logarithm of the standard deviation, five quantiles (5, 25, 50, 75, 95 %), and
    log(1 + amplitude) of the ten lowest frequencies, 1/T to 10/T. For each pair of axes: their correlation, which tells
    whether they move together or against each other.

    Raises:
        ValueError: fewer than 21 steps, which have no ten frequencies.
    """
    T = trace.shape[1]
    if T <= 2 * FREQUENCIES:
        raise ValueError(f"a summary needs windows of more than {2 * FREQUENCIES} steps, got {T}.")
    mean, spread = trace.mean(1, keepdim=True), trace.std(1).clamp(min=1e-3)
    quantiles = trace.sort(1).values[:, [round(q * (T - 1)) for q in QUANTILES]]  # (B, 5, C)
    spectrum = torch.fft.rfft(trace - mean, dim=1).abs()[:, 1 : FREQUENCIES + 1]  # (B, 10, C)
    alone = torch.cat([mean, spread.log()[:, None], quantiles, spectrum.log1p()], 1).flatten(1)
    scaled = (trace - mean) / spread[:, None]
    correlation = scaled.transpose(1, 2) @ scaled / (T - 1)  # (B, C, C)
    one, other = torch.triu_indices(*correlation.shape[1:], 1)
    return torch.cat([alone, correlation[:, one, other]], 1)


class SummaryEncoder(nn.Module):
    """One linear layer and a GELU over the summary of a window. It has fewer parameters than convolutions, for small
    data sets.

    Each number is scaled by its mean and standard deviation over the training data (batch normalisation without
    weights: Ioffe and Szegedy 2015, arXiv:1502.03167).

    Args:
        out_dim: D. in_channels: C of the traces that were summarised.
        noise: standard deviation of the noise that is added to the scaled numbers in training, against overfitting.
    """

    def __init__(self, out_dim: int, in_channels: int = 6, noise: float = 0.5):
        super().__init__()
        numbers = in_channels * (2 + len(QUANTILES) + FREQUENCIES) + in_channels * (in_channels - 1) // 2
        self.scale = nn.BatchNorm1d(numbers, affine=False, momentum=0.05)
        self.project = nn.Linear(numbers, out_dim)
        self.noise = noise

    def forward(self, summary: Tensor) -> Tensor:
        """Summaries, from ``summarise`` -> (B, D)."""
        x = self.scale(summary)
        if self.training:
            x = x + self.noise * torch.randn_like(x)
        return nn.functional.gelu(self.project(x))
