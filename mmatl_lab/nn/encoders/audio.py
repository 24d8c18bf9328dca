"""The encoder of sounds, given as a log-mel spectrogram: convolutions over frequency and time."""

import torch
from torch import Tensor, nn

from .sequence import Sequence, check_mask, convolution, finish, hide, mean, strided


class AudioCNN(nn.Module):
    """Convolutions over a log-mel spectrogram, then one linear layer over all bands of each time step.

    Every stage halves the number of bands. The first two halve the time as well, so that one vector stands for 4
    frames; with three stages it has seen 15. All time steps share the linear layer, which knows which band is which: a
    higher note changes the vector of the sound, the same note 4 frames later does not, except at the ends.

    Args:
        out_dim: D, the length of the vector.
        channels: of the stages.
        n_mels: F, the number of bands of the log-mels.
    """

    def __init__(self, out_dim: int, channels: tuple[int, ...] = (32, 64, 128), n_mels: int = 40):
        super().__init__()
        self.strides = [2 if stage < 2 else 1 for stage in range(len(channels))]  # in time
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv2d(before, now, 3, (2, stride), 1))
            for before, now, stride in zip((1, *channels), channels, self.strides)
        )
        bands = -(-n_mels // 2 ** len(channels))  # each stage rounds up
        self.norm = nn.LayerNorm(channels[-1] * bands)
        self.project = nn.Linear(channels[-1] * bands, out_dim)
        self.n_mels = n_mels

    def sequence(self, log_mel: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, F, T) in [0, 1], mask (B, T) True where there is sound -> one vector for 4 frames, L = T / 4, rounded up.

        A vector is there when any of its 4 frames is.

        Raises:
            ValueError: another number of bands, or a mask of another shape or type.
        """
        x, mask = self._steps(log_mel, mask)
        return finish(self.project(x), mask)

    def forward(self, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, F, T) in [0, 1] -> (B, D), the mean of the sequence."""
        return mean(*self._steps(log_mel, mask), self.project)

    def _steps(self, log_mel: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        B, F, T = log_mel.shape
        if F != self.n_mels:
            raise ValueError(
                f"this encoder takes log-mels of {self.n_mels} bands, (B, {self.n_mels}, T), got {F} bands."
            )
        check_mask(mask, B, T)
        x = hide(log_mel * 4 - 1, mask)[:, None].contiguous(memory_format=torch.channels_last)  # (B, 1, F, T)
        for conv, stride in zip(self.convolutions, self.strides):
            mask = strided(mask, stride)
            x = hide(nn.functional.gelu(conv(x)), mask)  # zeros, as the convolution's own padding has them
        return self.norm(x.permute(0, 3, 1, 2).flatten(2)), mask  # (B, L, C F')
