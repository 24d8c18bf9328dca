r"""CLIP: one space for images and texts (Radford et al. 2021, arXiv:2103.00020).

An image encoder and a text encoder map to unit vectors $u_i, v_j \in \mathbb{R}^D$. Their similarities, sharpened by a
learned temperature, are the logits of two classifications per batch of $B$ pairs: which text belongs to image $i$, and
which image to text $j$:

$$ s_{ij} = u_i^\top v_j / \tau, \qquad
   L = \tfrac12 \Big( \tfrac1B \sum_i -\log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}}
                    + \tfrac1B \sum_j -\log \frac{e^{s_{jj}}}{\sum_i e^{s_{ij}}} \Big). $$

Errata: clip-one-sided, clip-zero-shot, clip-exp-overflow, clip-raw-temperature (``mmatl-lab errata``).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.nn.encoders import Part

INITIAL_TEMPERATURE = 0.07  # section 2.5 of the paper
MAX_LOGIT_SCALE = math.log(100)  # the same: keeps training stable, and exp() far from overflow


class CLIPOutput(NamedTuple):
    image: Tensor  # (B, D) unit vectors
    text: Tensor  # (B, D) unit vectors
    logit_scale: Tensor  # scalar, log(1/τ), at most ln 100


@dataclass(frozen=True)
class CLIPConfig:
    """What a CLIP is made of: two encoders by name, and the space in which they meet."""

    image: Part
    text: Part
    out_dim: int = 128  # D of the common space
    temperature: float = INITIAL_TEMPERATURE  # τ at the start
    learn_temperature: bool = True  # False keeps τ as it is


class CLIP(nn.Module):
    """Two encoders and a temperature.

    Args:
        image_encoder: (B, 3, H, W) in [0, 1] -> (B, D).
        text_encoder: (B, L) tokens, 0 where there is nothing -> (B, D) of the same D.
        temperature: τ at the start.
        learn_temperature: whether τ is trained.
    """

    def __init__(
        self,
        image_encoder: nn.Module,
        text_encoder: nn.Module,
        *,
        temperature: float = INITIAL_TEMPERATURE,
        learn_temperature: bool = True,
    ):
        super().__init__()
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        scale = torch.tensor(math.log(1 / temperature))
        self.logit_scale = nn.Parameter(scale, requires_grad=learn_temperature)  # log(1/τ)

    @classmethod
    def from_config(cls, config: CLIPConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        image, text = (part.build(out_dim=config.out_dim) for part in (config.image, config.text))
        return cls(image, text, temperature=config.temperature, learn_temperature=config.learn_temperature)

    @torch.no_grad()
    def after_update(self) -> None:
        """Clamp a learned log(1/τ) at ln 100; call it after each step of the optimizer (``Run`` does).

        The parameter itself is clamped, not its value in the forward pass: a clamp inside the graph has no gradient
        above the limit, so that the temperature could never come back.
        """
        if self.logit_scale.requires_grad:
            self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)

    def encode_image(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, D) unit vectors."""
        return F.normalize(self.image_encoder(images).float(), dim=-1)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(B, L) -> (B, D) unit vectors."""
        return F.normalize(self.text_encoder(tokens).float(), dim=-1)

    def forward(self, images: Tensor, tokens: Tensor) -> CLIPOutput:
        return CLIPOutput(self.encode_image(images), self.encode_text(tokens), self.logit_scale)


def clip_loss(
    image: Tensor,
    text: Tensor,
    logit_scale: Tensor,
    *,
    caption_class: Tensor | None = None,
    gather: Callable[[Tensor], Tensor] | None = None,
    symmetric: bool = True,
) -> Tensor:
    """The contrastive loss over all pairs of the batch, a scalar.

    Args:
        image, text: (B, D) unit vectors; row i of one belongs to row i of the other.
        logit_scale: scalar, log(1/τ).
        caption_class: (B,) int64; pairs with equal numbers say the same, so they are not used as negatives of each
            other (false negatives are masked out of both sums). None: all other rows are negatives.
        gather: (B, ...) -> (world * B, ...), with gradients, for the negatives of other processes; averaged over the
            processes, as ``Run.backward`` does, the gradients are those of one process on the whole batch.
        symmetric: False gives only the image-to-text half (what half of the formula loses is in the errata).

    Raises:
        ValueError: shapes that do not pair up.
    """
    if image.shape != text.shape or image.dim() != 2:
        raise ValueError(
            f"expected image and text of one shape (B, D), got {tuple(image.shape)} and {tuple(text.shape)}."
        )
    if gather is not None:
        image, text = gather(image), gather(text)
        caption_class = None if caption_class is None else gather(caption_class)
    logits = logit_scale.exp() * image @ text.T  # (B, B)
    if caption_class is not None:
        same = caption_class[:, None] == caption_class[None, :]
        logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool, device=same.device), -torch.inf)
    target = torch.arange(len(logits), device=logits.device)
    loss = F.cross_entropy(logits, target)  # log-sum-exp inside: no overflow at any τ
    return (loss + F.cross_entropy(logits.T, target)) / 2 if symmetric else loss


def zero_shot_logits(image: Tensor, weights: Tensor, logit_scale: Tensor) -> Tensor:
    r"""Logits of a classifier whose classes are texts: softmax over the last axis gives P(y | image).

    Args:
        image: (B, D) unit vectors.
        weights: (C, D) one vector a class, or (C, T, D) the vectors of T texts a class that together say all it can
            be (a circle: small or large, here or there). Then $P(y|x) = \sum_t P(y, t|x)$: probabilities are added,
            where the mean of the vectors would look for a circle that is small and large at once.

    Returns:
        (B, C)
    """
    if weights.dim() == 2:
        return logit_scale.exp() * image @ weights.T
    return (logit_scale.exp() * torch.einsum("bd,ctd->bct", image, weights)).logsumexp(-1)
