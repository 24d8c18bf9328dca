r"""VSE++: image-text retrieval with a triplet loss, on the features of frozen encoders (Faghri et al. 2018,
arXiv:1707.05612).

A head of one hidden layer for each side maps features to unit vectors of a common space. Let $s_{ij}$ be the similarity
of image $i$ and text $j$, and let a pair beat each negative of its batch by a margin $\alpha$. With
$[x]_+ = \max(x, 0)$,

$$ L_\text{all} = \frac1B \sum_i \sum_{j \ne i} ([\alpha - s_{ii} + s_{ij}]_+ + [\alpha - s_{ii} + s_{ji}]_+), $$

$$ L_\text{hardest} = \frac1B \sum_i \Big(\max_{j \ne i}\, [\alpha - s_{ii} + s_{ij}]_+
                                        + \max_{j \ne i}\, [\alpha - s_{ii} + s_{ji}]_+\Big). $$

The first term of each looks for texts, the second for images. $L_\text{all}$ is equation 5 of the paper, there called
VSE0, and $L_\text{hardest}$ equation 6.

Erratum: retrieval-triplet (``mmatl-lab errata``).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MARGIN = 0.2  # α, section 4 of the paper


@dataclass(frozen=True)
class VSEConfig:
    """Lengths of the features, of the hidden layers, and of the vectors of the common space."""

    image_dim: int
    text_dim: int
    hidden_dim: int = 256
    out_dim: int = 64  # D


class VSEOutput(NamedTuple):
    image: Tensor  # (B, D) unit vectors
    text: Tensor  # (B, D) unit vectors


class VSE(nn.Module):
    """Two heads: Linear, ReLU, Linear, and unit length."""

    def __init__(self, config: VSEConfig):
        super().__init__()

        def head(in_dim: int) -> nn.Module:
            return nn.Sequential(
                nn.Linear(in_dim, config.hidden_dim), nn.ReLU(), nn.Linear(config.hidden_dim, config.out_dim)
            )

        self.image_head = head(config.image_dim)
        self.text_head = head(config.text_dim)

    @classmethod
    def from_config(cls, config: VSEConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        return cls(config)

    def encode_image(self, features: Tensor) -> Tensor:
        """(B, image_dim) -> (B, D) unit vectors."""
        return F.normalize(self.image_head(features).float(), dim=-1)

    def encode_text(self, features: Tensor) -> Tensor:
        """(B, text_dim) -> (B, D) unit vectors."""
        return F.normalize(self.text_head(features).float(), dim=-1)

    def forward(self, image: Tensor, text: Tensor) -> VSEOutput:
        return VSEOutput(self.encode_image(image), self.encode_text(text))


def triplet_loss(
    similarity: Tensor,
    *,
    margin: float = MARGIN,
    negatives: Literal["all", "hardest"] = "hardest",
    caption_class: Tensor | None = None,
) -> Tensor:
    """The triplet loss of a batch of pairs, in both directions.

    Args:
        similarity: (B, B), of image i and text j; pair i is on the diagonal.
        margin: α, by which a pair has to beat its negatives.
        negatives: ``"all"`` sums over them, ``"hardest"`` takes the one that violates the margin most.
        caption_class: (B,) integers; pairs with equal numbers are not used as negatives of each other.

    Returns:
        scalar, 0 where every pair beats its negatives by the margin.

    Raises:
        ValueError: a similarity that is not square or has one pair only, or another kind of negatives.
    """
    B = len(similarity)
    if similarity.dim() != 2 or similarity.shape[1] != B or B < 2:
        raise ValueError(f"expected the similarities (B, B) of two or more pairs, got {tuple(similarity.shape)}")
    if negatives not in ("all", "hardest"):
        raise ValueError(f"negatives is 'all' or 'hardest', got {negatives!r}")
    classes = torch.arange(B, device=similarity.device) if caption_class is None else caption_class
    same = classes[:, None] == classes  # (B, B), the pair itself included
    pair = similarity.diagonal()
    total = similarity.new_zeros(())
    for s in (similarity, similarity.T):  # image -> text, text -> image
        violation = (margin - pair[:, None] + s).clamp(min=0).masked_fill(same, 0)  # (B, B)
        total = total + (violation.sum(1) if negatives == "all" else violation.amax(1)).mean()
    return total
