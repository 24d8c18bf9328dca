"""Encoders of images: convolutions to one vector or to a grid of them, and a vision transformer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer import TransformerBlock
from .sequence import Sequence, convolution, finish, mean


class ImageCNN(nn.Module):
    """Convolutions that halve the image at each stage, then one linear layer over the last feature map.

    That layer sees the map twice: at 4 x 4 places and flattened, which keeps *where* something is, and its maximum over
    all places, which tells *what* there is wherever it is. (Flattened alone learns shapes more slowly, the maximum
    alone does not know left from right.)

    Args:
        out_dim: D, the length of the vector.
        channels: of the stages. An image of S pixels needs about log2(S / 4) of them; where the last map is not 4 x 4,
            it is averaged to that.
        stem: channels of a first convolution at full size, before anything is halved: it sees thin lines.
        in_channels: C, 3 for colours.
    """

    def __init__(self, out_dim: int, channels: tuple[int, ...] = (64, 128, 256), stem: int = 16, in_channels: int = 3):
        super().__init__()
        self.convolutions = _stages(channels, stem, in_channels)
        self.norm = nn.LayerNorm(17 * channels[-1])
        self.project = nn.Linear(17 * channels[-1], out_dim)
        self.in_channels = in_channels

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, D).

        Raises:
            ValueError: another number of channels.
        """
        _check(images, self.in_channels)
        x = (images * 4 - 1).contiguous(memory_format=torch.channels_last)  # faster on CPUs and GPUs alike
        x = self.convolutions(x)
        where = x if x.shape[2:] == (4, 4) else F.adaptive_avg_pool2d(x, 4)
        return self.project(self.norm(torch.cat([where.flatten(1), x.amax((2, 3))], 1)))  # of (B, 17 channels)


class ImageGrid(nn.Module):
    """Convolutions that halve the image at each stage; one vector for each place of the last map.

    For models that look at places, as attention does. A place's vector has its position added, so that what is above
    can be told from what is below.

    Args:
        out_dim: D. channels, stem, in_channels: as of ImageCNN; S pixels and n stages give (S / 2ⁿ)² places.
        size: S, pixels of the image.

    Raises:
        ValueError: a size that cannot be halved so often.
    """

    def __init__(
        self,
        out_dim: int,
        channels: tuple[int, ...] = (64, 128, 256),
        stem: int = 16,
        in_channels: int = 3,
        size: int = 32,
    ):
        super().__init__()
        side, rest = divmod(size, 2 ** len(channels))
        if rest:
            raise ValueError(f"size must be divisible by 2^{len(channels)}, once for each of channels, got {size}.")
        self.convolutions = _stages(channels, stem, in_channels)
        self.norm = nn.LayerNorm(channels[-1])
        self.project = nn.Linear(channels[-1], out_dim)
        self.pos = nn.Parameter(0.5 * torch.randn(side**2, out_dim))  # large: with .02 places were hardly told apart
        self.in_channels, self.size = in_channels, size

    def sequence(self, images: Tensor) -> Sequence:
        """(B, C, S, S) in [0, 1] -> one vector a place, row by row from the top left.

        Raises:
            ValueError: images of another size or number of channels.
        """
        _check(images, self.in_channels, self.size)
        x = self.convolutions((images * 4 - 1).contiguous(memory_format=torch.channels_last))
        x = self.project(self.norm(x.flatten(2).transpose(1, 2)))  # (B, L, D)
        return finish(x + self.pos, None)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        return self.sequence(images).mean()


class ImageViT(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929): patches are tokens.

    Args:
        out_dim: D. size: S, pixels. patch: P, pixels; S must be divisible by P. in_channels: C, 3 for colours.

    Raises:
        ValueError: a size that is not divisible by ``patch``.
    """

    def __init__(
        self,
        out_dim: int,
        size: int = 32,
        patch: int = 4,
        num_layers: int = 4,
        num_heads: int = 4,
        hidden_dim: int = 128,
        in_channels: int = 3,
    ):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be divisible by patch, got size={size}, patch={patch}.")
        self.embed = nn.Linear(in_channels * patch**2, hidden_dim)  # on patches: faster than the same as a convolution
        self.pos = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, hidden_dim))
        self.blocks = nn.ModuleList(TransformerBlock(hidden_dim, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.in_channels, self.size, self.patch = in_channels, size, patch

    def sequence(self, images: Tensor) -> Sequence:
        """(B, C, S, S) in [0, 1] -> one vector a patch, L = (S / P)², row by row from the top left.

        Raises:
            ValueError: images of another size or number of channels.
        """
        return finish(self.project(self._patches(images)), None)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        return mean(self._patches(images), None, self.project)

    def _patches(self, images: Tensor) -> Tensor:
        _check(images, self.in_channels, self.size)
        P = self.patch
        x = (images * 4 - 1).unflatten(3, (-1, P)).unflatten(2, (-1, P))  # (B, C, S / P, P, S / P, P)
        x = self.embed(x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)) + self.pos  # (B, L, hidden_dim)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def _stages(channels: tuple[int, ...], stem: int, in_channels: int) -> nn.Sequential:
    """A convolution at full size, then one a stage, which halves the image."""
    layers: list[nn.Module] = [convolution(nn.Conv2d(in_channels, stem, 3, padding=1)), nn.GELU()]
    for before, now in zip((stem, *channels), channels):
        layers += [convolution(nn.Conv2d(before, now, 3, stride=2, padding=1)), nn.GELU()]
    return nn.Sequential(*layers)


def _check(images: Tensor, channels: int, size: int | None = None) -> None:
    sides = images.shape[2:] if size is None else (size, size)
    if images.dim() != 4 or images.shape[1:] != (channels, *sides):
        wanted = f"(B, {channels}, {'H, W' if size is None else f'{size}, {size}'})"
        raise ValueError(f"this encoder takes images {wanted}, got {tuple(images.shape)}.")
