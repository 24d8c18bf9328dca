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
        width: D, the length of the vector.
        channels: of the stages.
        bands: F of the log-mels, divisible by 2 for each stage.

    Raises:
        ValueError: a number of bands that the stages cannot halve.
    """

    def __init__(self, width: int, channels: tuple[int, ...] = (32, 64, 128), bands: int = 40):
        super().__init__()
        if bands % 2 ** len(channels):
            raise ValueError(
                f"{len(channels)} stages take a multiple of {2 ** len(channels)} bands, got bands={bands}."
            )
        self.strides = [2 if stage < 2 else 1 for stage in range(len(channels))]  # in time
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv2d(before, now, 3, (2, stride), 1))
            for before, now, stride in zip((1, *channels), channels, self.strides)
        )
        inner = channels[-1] * bands // 2 ** len(channels)
        self.norm = nn.LayerNorm(inner)
        self.project = nn.Linear(inner, width)
        self.bands = bands

    def sequence(self, log_mel: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, F, T) in [0, 1], mask (B, T) True where there is sound -> one vector for 4 frames, L = T / 4, rounded up.

        Raises:
            ValueError: another number of bands, or a mask of another shape or type.
        """
        B, F, T = log_mel.shape
        if F != self.bands:
            raise ValueError(f"this encoder takes log-mels of {self.bands} bands, (B, {self.bands}, T), got {F} bands.")
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
