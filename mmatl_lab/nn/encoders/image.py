"""Encoders of pictures: convolutions, and patches as the tokens of a transformer."""

import torch
from torch import Tensor, nn

from ..transformer import TransformerBlock
from .sequence import Sequence, finish


class ImageCNN(nn.Module):
    """Convolutions that halve the picture until it is 4 pixels wide, then one linear layer over what is left.

    That layer sees the last feature map twice: flattened, which keeps *where* something stands, and its maximum over
    all places, which tells *what* there is wherever it stands. (Flattened alone learns shapes more slowly, the maximum
    alone does not know left from right.)

    Args:
        out_dim: D, the length of the vector.
        channels: of the stages; each stage halves the picture, so an S-pixel picture needs log2(S / 4) of them.
        stem: channels of a first convolution at full size, before anything is halved: it sees thin lines.
        size: S, height and width of the pictures in pixels.

    Raises:
        ValueError: a size that the stages do not bring to 4 pixels.
    """

    def __init__(self, out_dim: int, channels: tuple[int, ...] = (64, 128, 256), stem: int = 16, size: int = 32):
        super().__init__()
        if size != 4 * 2 ** len(channels):
            raise ValueError(
                f"{len(channels)} stages take pictures of {4 * 2 ** len(channels)} pixels, got size={size}."
            )
        layers: list[nn.Module] = []
        for before, now in zip((3, stem, *channels), (stem, *channels)):
            conv = nn.Conv2d(before, now, 3, stride=1 if before == 3 else 2, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # keeps the signal's scale without normalisation
            nn.init.zeros_(conv.bias)
            layers += [conv, nn.GELU()]
        self.convolutions = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(17 * channels[-1])
        self.project = nn.Linear(17 * channels[-1], out_dim)
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, D)."""
        x = (images * 4 - 1).contiguous(memory_format=torch.channels_last)  # faster on CPUs and GPUs alike
        x = self.convolutions(x)  # (B, C, 4, 4)
        x = torch.cat([x.flatten(1), x.amax((2, 3))], 1)  # (B, 17 C)
        return self.project(self.norm(x))


class ImageViT(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929): patches are tokens.

    Args:
        out_dim: D. size: S, pixels. patch: P, pixels; S must be divisible by P.
    """

    def __init__(
        self,
        out_dim: int,
        size: int = 32,
        patch: int = 4,
        num_layers: int = 4,
        num_heads: int = 4,
        hidden_dim: int = 128,
    ):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be divisible by patch, got size={size}, patch={patch}.")
        self.patches = nn.Conv2d(3, hidden_dim, patch, stride=patch)
        self.pos = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, hidden_dim))
        self.blocks = nn.ModuleList(TransformerBlock(hidden_dim, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.size = size

    def sequence(self, images: Tensor) -> Sequence:
        """(B, 3, S, S) in [0, 1] -> one vector a patch, L = (S / P)², row by row from the top left."""
        return finish(self.project(self._patches(images)), None)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, D), the mean of the sequence."""
        return self.project(self._patches(images).mean(1))

    def _patches(self, images: Tensor) -> Tensor:
        x = self.patches(images * 4 - 1).flatten(2).transpose(1, 2)  # (B, L, hidden_dim)
        x = x + self.pos
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
