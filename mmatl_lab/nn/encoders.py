"""One encoder for each kind of input; each gives one vector (B, D) per example."""

import math

import torch
from torch import Tensor, nn

from .transformer import TransformerBlock


class ImageCNN(nn.Module):
    """Convolutions that halve the picture until it is 4 pixels wide, then one linear layer over what is left.

    That layer sees the last feature map twice: flattened, which keeps *where* something stands, and its maximum over
    all places, which tells *what* there is wherever it stands. (Flattened alone learns shapes more slowly, the maximum
    alone does not know left from right.)

    Args:
        width: D, the length of the vector.
        channels: of the stages; each stage halves the picture, so an S-pixel picture needs log2(S / 4) of them.
        stem: channels of a first convolution at full size, before anything is halved: it sees thin lines.
        size: S, height and width of the pictures in pixels.

    Raises:
        ValueError: a size that the stages do not bring to 4 pixels.
    """

    def __init__(self, width: int, channels: tuple[int, ...] = (64, 128, 256), stem: int = 16, size: int = 32):
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
        self.project = nn.Linear(17 * channels[-1], width)
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
        width: D. size: S, pixels. patch: P, pixels; S must be divisible by P.
    """

    def __init__(self, width: int, size: int = 32, patch: int = 4, layers: int = 4, heads: int = 4, inner: int = 128):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be divisible by patch, got size={size}, patch={patch}.")
        self.patches = nn.Conv2d(3, inner, patch, stride=patch)
        self.position = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, inner))
        self.blocks = nn.ModuleList(TransformerBlock(inner, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(inner)
        self.project = nn.Linear(inner, width)
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, D)."""
        x = self.patches(images * 4 - 1).flatten(2).transpose(1, 2)  # (B, L, inner)
        x = x + self.position
        for block in self.blocks:
            x = block(x)
        return self.project(self.norm(x.mean(1)))


class TextTransformer(nn.Module):
    """A bidirectional transformer over word tokens; the mean over the words that are there is the vector.

    Args:
        width: D. vocabulary: number of words, padding (token 0) included. length: the most tokens a text may have.
    """

    def __init__(
        self, width: int, vocabulary: int, length: int = 32, layers: int = 2, heads: int = 4, inner: int = 128
    ):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, inner, padding_idx=0)
        self.position = nn.Parameter(0.02 * torch.randn(length, inner))
        self.blocks = nn.ModuleList(TransformerBlock(inner, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(inner)
        self.project = nn.Linear(inner, width)
        self.length = length
        nn.init.normal_(self.embed.weight, std=1 / math.sqrt(inner))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 tokens, 0 where there is nothing -> (B, D)."""
        if tokens.shape[1] > self.length:
            raise ValueError(f"this encoder reads up to {self.length} words, got {tokens.shape[1]}; shorten the text.")
        mask = tokens != 0  # (B, L)
        x = self.embed(tokens) + self.position[: tokens.shape[1]]  # (B, L, inner)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x) * mask[..., None]
        return self.project(x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))  # (B, D)


class BagOfWords(nn.Module):
    """The mean of the word vectors, then one hidden layer: what words are there, not in which order.

    Args:
        width: D. vocabulary: number of words, padding (token 0) included.
    """

    def __init__(self, width: int, vocabulary: int, inner: int = 256):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, inner, padding_idx=0)
        self.project = nn.Sequential(nn.LayerNorm(inner), nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 tokens, 0 where there is nothing -> (B, D)."""
        mask = tokens != 0
        x = self.embed(tokens) * mask[..., None]
        return self.project(x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))
