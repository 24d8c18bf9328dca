"""The encoder of sounds, given as a log-mel spectrogram: convolutions over frequency and time."""

import torch
from torch import Tensor, nn

from .sequence import Sequence, check_mask, convolution, finish, hide


class AudioCNN(nn.Module):
    """Convolutions over a log-mel spectrogram, then one linear layer over all bands of each moment.

    Every stage halves the bands and the first two halve the time as well, so that one vector stands for 4 frames, as
    long as a frame of a video where there are 64 of sound and 16 of pictures a second; it has seen 15. The linear layer
    knows which band is which, and all moments share it: a higher note changes the vector of the sound, the same note 4
    frames later does not, except where it touches the ends.

    Args:
        out_dim: D, the length of the vector.
        channels: of the stages.
        n_mels: F of the log-mels, divisible by 2 for each stage.

    Raises:
        ValueError: a number of bands that the stages cannot halve.
    """

    def __init__(self, out_dim: int, channels: tuple[int, ...] = (32, 64, 128), n_mels: int = 40):
        super().__init__()
        if n_mels % 2 ** len(channels):
            raise ValueError(
                f"{len(channels)} stages take a multiple of {2 ** len(channels)} bands, got n_mels={n_mels}."
            )
        self.strides = [2 if stage < 2 else 1 for stage in range(len(channels))]  # in time
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv2d(before, now, 3, (2, stride), 1))
            for before, now, stride in zip((1, *channels), channels, self.strides)
        )
        hidden_dim = channels[-1] * n_mels // 2 ** len(channels)
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.n_mels = n_mels

    def sequence(self, log_mel: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, F, T) in [0, 1], mask (B, T) True where there is sound -> one vector for 4 frames, L = T / 4, rounded up.

        Raises:
            ValueError: another number of bands, or a mask of another shape or type.
        """
        B, F, T = log_mel.shape
        if F != self.n_mels:
            raise ValueError(
                f"this encoder takes log-mels of {self.n_mels} bands, (B, {self.n_mels}, T), got {F} bands."
            )
        check_mask(mask, B, T)
        x = hide(log_mel * 4 - 1, mask)[:, None].contiguous(memory_format=torch.channels_last)  # (B, 1, F, T)
        for conv, stride in zip(self.convolutions, self.strides):
            mask = mask if mask is None else mask[:, ::stride]  # a moment is there where the middle it looks at is
            x = hide(nn.functional.gelu(conv(x)), mask)
        x = x.permute(0, 3, 1, 2).flatten(2)  # (B, L, C F / 8)
        return finish(self.project(self.norm(x)), mask)

    def forward(self, log_mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, F, T) in [0, 1] -> (B, D), the mean of the sequence."""
        return self.sequence(log_mel, mask).mean()
