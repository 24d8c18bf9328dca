"""Encoders of videos: images then time, and a transformer that attends over space and time in turn."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer import FactorisedBlock
from .image import ImageCNN
from .sequence import Sequence, check_mask, convolution, finish, hide, mean, strided


class VideoCNN(nn.Module):
    """An ImageCNN looks at each frame, then convolutions over time look at its vectors (as R(2+1)D does in each layer:
    Tran et al. 2018, arXiv:1711.11248). The mean over the frames is the vector.

    One frame's vector has seen the 4 frames before it and the 4 after it.

    Args:
        out_dim: D, the length of the vector.
        channels, stem, in_channels: of the ImageCNN; thin, since it looks at every frame.
        hidden_dim: length of the vectors between the two.
    """

    def __init__(
        self,
        out_dim: int,
        channels: tuple[int, ...] = (24, 48, 96),
        stem: int = 8,
        in_channels: int = 3,
        hidden_dim: int = 128,
    ):
        super().__init__()
        self.frame = ImageCNN(hidden_dim, channels, stem, in_channels)
        self.time = nn.ModuleList(convolution(nn.Conv1d(hidden_dim, hidden_dim, 5, padding=2)) for _ in range(2))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)

    def sequence(self, video: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, C, H, W) in [0, 1], mask (B, T) True where there is a frame -> one vector a frame.

        Raises:
            ValueError: frames of another number of channels, or a mask of another shape or type.
        """
        x, mask = self._frames(video, mask)
        return finish(self.project(x), mask)

    def forward(self, video: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, C, H, W) in [0, 1] -> (B, D), the mean of the sequence."""
        return mean(*self._frames(video, mask), self.project)

    def _frames(self, video: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        _check(video, self.frame.in_channels, None, mask)
        x = self.frame(hide(video, mask, 1).flatten(0, 1)).unflatten(0, video.shape[:2])  # (B, T, hidden_dim)
        x = hide(x.transpose(1, 2), mask)
        for conv in self.time:
            x = x + hide(F.gelu(conv(x)), mask)
        return self.norm(x.transpose(1, 2)), mask


class VideoTransformer(nn.Module):
    """A transformer over blocks of the video, each some frames deep. Blocks attend to those of the same frames, then to
    those of the same position in all frames (ViViT's model 3: Arnab et al. 2021, arXiv:2103.15691; in the other order
    it is TimeSformer: Bertasius et al. 2021, arXiv:2102.05095).

    With P positions and L time steps attention costs P² L + P L² in place of the (P L)² of attention over everything.

    Args:
        out_dim: D. size: S, pixels of a frame. patch: pixels of a token, S must be divisible by it.
        depth: frames of a token. max_frames: the most that a video may have. in_channels: C, 3 for colours.

    Raises:
        ValueError: a size that is not divisible by ``patch``.
    """

    def __init__(
        self,
        out_dim: int,
        size: int = 32,
        max_frames: int = 16,
        patch: int = 8,
        depth: int = 2,
        num_layers: int = 2,
        num_heads: int = 4,
        hidden_dim: int = 128,
        in_channels: int = 3,
    ):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be divisible by patch, got size={size}, patch={patch}.")
        self.embed = nn.Linear(in_channels * depth * patch**2, hidden_dim)
        self.spatial_pos = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, hidden_dim))
        self.temporal_pos = nn.Parameter(0.02 * torch.randn(-(-max_frames // depth), 1, hidden_dim))
        self.blocks = nn.ModuleList(FactorisedBlock(hidden_dim, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.in_channels, self.size, self.patch = in_channels, size, patch
        self.max_frames, self.depth = max_frames, depth

    def sequence(self, video: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, C, S, S) in [0, 1], mask (B, T) True where there is a frame -> one vector a token: all positions of
        the first frames row by row, then those of the next.

        Raises:
            ValueError: frames of another size, too many of them, or a mask of another shape or type.
        """
        x, mask = self._tokens(video, mask)
        return finish(self.project(x).flatten(1, 2), None if mask is None else mask.repeat_interleave(x.shape[2], 1))

    def forward(self, video: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, C, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        x, mask = self._tokens(video, mask)
        return mean(x.mean(2), mask, self.project)

    def _tokens(self, video: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, L, P, hidden_dim) and the mask (B, L) of the time steps."""
        _check(video, self.in_channels, self.size, mask)
        T, P = video.shape[1], self.patch
        if T > self.max_frames:
            raise ValueError(f"this encoder takes up to {self.max_frames} frames, got {T}; leave some out.")
        x = F.pad(hide(video * 4 - 1, mask, 1), (0, 0, 0, 0, 0, 0, 0, -T % self.depth))
        x = x.unflatten(4, (-1, P)).unflatten(3, (-1, P)).unflatten(1, (-1, self.depth))  # (B, L, depth, C, h, P, w, P)
        x = self.embed(x.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(2, 3))  # (B, L, P, hidden_dim)
        x, mask = x + self.spatial_pos + self.temporal_pos[: x.shape[1]], strided(mask, self.depth)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), mask


def _check(video: Tensor, channels: int, size: int | None, mask: Tensor | None) -> None:
    sides = video.shape[3:] if size is None else (size, size)
    if video.dim() != 5 or video.shape[2:] != (channels, *sides):
        wanted = f"(B, T, {channels}, {'H, W' if size is None else f'{size}, {size}'})"
        raise ValueError(f"this encoder takes videos {wanted}, got {tuple(video.shape)}.")
    check_mask(mask, *video.shape[:2])
