"""Encoders of videos: pictures then time, and a transformer that attends over space and time in turn."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer import FactorisedBlock
from .image import ImageCNN
from .sequence import Sequence, check_mask, convolution, finish, hide


class VideoCNN(nn.Module):
    """An ImageCNN looks at each frame, then convolutions over time look at what it saw (as R(2+1)D does in each layer:
    Tran et al. 2018, arXiv:1711.11248); the mean over the frames is the vector.

    One frame's vector has seen the 4 frames before it and the 4 after it.

    Args:
        out_dim: D, the length of the vector.
        channels, stem, size: of the ImageCNN; thin, since it looks at every frame.
        hidden_dim: length of the vectors between the two.
    """

    def __init__(
        self,
        out_dim: int,
        channels: tuple[int, ...] = (24, 48, 96),
        stem: int = 8,
        size: int = 32,
        hidden_dim: int = 128,
    ):
        super().__init__()
        self.frame = ImageCNN(hidden_dim, channels, stem, size)
        self.time = nn.ModuleList(convolution(nn.Conv1d(hidden_dim, hidden_dim, 5, padding=2)) for _ in range(2))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)

    def sequence(self, video: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, 3, S, S) in [0, 1], mask (B, T) True where there is a frame -> one vector a frame.

        Raises:
            ValueError: frames of another size, or a mask of another shape or type.
        """
        B, T = _check(video, self.frame.size, mask)
        x = self.frame(video.flatten(0, 1)).view(B, T, -1).transpose(1, 2)  # (B, hidden_dim, T)
        x = hide(x, mask)
        for conv in self.time:
            x = x + hide(F.gelu(conv(x)), mask)
        return finish(self.project(self.norm(x.transpose(1, 2))), mask)

    def forward(self, video: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, 3, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        return self.sequence(video, mask).mean()


class VideoTransformer(nn.Module):
    """A transformer whose tokens are small blocks of the video, each some frames deep, and which attends to the blocks
    of the same moment, then to those of the same place (ViViT's model 3: Arnab et al. 2021, arXiv:2103.15691; in the
    other order it is TimeSformer: Bertasius et al. 2021, arXiv:2102.05095).

    With P places and L moments attention costs P² L + P L² in place of the (P L)² of attention over everything.

    Args:
        out_dim: D. size: S, pixels of a frame. patch: pixels of a token, S must be divisible by it.
        depth: frames of a token. max_frames: the most that a video may have.

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
    ):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be divisible by patch, got size={size}, patch={patch}.")
        self.blocks_of_video = nn.Conv3d(3, hidden_dim, (depth, patch, patch), (depth, patch, patch))
        self.spatial_pos = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, hidden_dim))
        self.temporal_pos = nn.Parameter(0.02 * torch.randn(-(-max_frames // depth), 1, hidden_dim))
        self.blocks = nn.ModuleList(FactorisedBlock(hidden_dim, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.size, self.max_frames, self.depth = size, max_frames, depth

    def sequence(self, video: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, 3, S, S) in [0, 1], mask (B, T) True where there is a frame -> one vector a token, moment by moment,
        in each the places row by row.

        Raises:
            ValueError: frames of another size, too many of them, or a mask of another shape or type.
        """
        x, mask = self._tokens(video, mask)
        return finish(self.project(x).flatten(1, 2), None if mask is None else mask.repeat_interleave(x.shape[2], 1))

    def forward(self, video: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, 3, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        x, mask = self._tokens(video, mask)
        return self.project(finish(x.mean(2), mask).mean())

    def _tokens(self, video: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, L, P, hidden_dim) and the mask (B, L) of the moments."""
        _, T = _check(video, self.size, mask)
        if T > self.max_frames:
            raise ValueError(f"this encoder takes up to {self.max_frames} frames, got {T}; leave some out.")
        missing = -T % self.depth
        x = hide((video * 4 - 1).permute(0, 2, 3, 4, 1), mask)  # (B, 3, S, S, T)
        x = F.pad(x, (0, missing)).permute(0, 1, 4, 2, 3)  # (B, 3, T, S, S), T divisible by depth
        if mask is not None:
            mask = F.pad(mask, (0, missing)).unflatten(1, (-1, self.depth)).any(2)  # (B, L)
        x = self.blocks_of_video(x).flatten(3).permute(0, 2, 3, 1)  # (B, L, P, hidden_dim)
        x = x + self.spatial_pos + self.temporal_pos[: x.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), mask


def _check(video: Tensor, size: int, mask: Tensor | None) -> tuple[int, int]:
    """B and T of a video that this encoder can take."""
    if video.dim() != 5 or video.shape[2:] != (3, size, size):
        raise ValueError(f"this encoder takes videos (B, T, 3, {size}, {size}), got {tuple(video.shape)}.")
    check_mask(mask, *video.shape[:2])
    return video.shape[0], video.shape[1]
