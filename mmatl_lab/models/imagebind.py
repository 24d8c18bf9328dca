r"""ImageBind: one space for many modalities, each paired with a single one (Girdhar et al. 2023, arXiv:2305.05665).

Encoder $m$ maps its modality to unit vectors. One modality is the bridge, for ImageBind the image. The vectors $h_i$
of the bridge meet those of each other modality, $z_i^m$, in a contrastive loss of both directions, at a temperature
$\tau_m$:

$$ L = \sum_{m \ne \text{bridge}} L_m, \qquad
   L_m = \frac{1}{2B} \sum_i -\log \frac{e^{h_i^\top z_i^m/\tau_m}}{\sum_j e^{h_i^\top z_j^m/\tau_m}}
                           - \log \frac{e^{h_i^\top z_i^m/\tau_m}}{\sum_j e^{h_j^\top z_i^m/\tau_m}}. $$

Two modalities other than the bridge never meet in a loss. They can find each other as far as both agree with the
bridge: *emergent alignment*. With two modalities it is the usual dual encoder.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.nn.encoders import Part

from .clip import INITIAL_TEMPERATURE, MAX_LOGIT_SCALE


@dataclass(frozen=True)
class ImageBindConfig:
    """An encoder for each modality, by name, and the pairs of modalities that are trained."""

    encoders: Mapping[str, Part] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()  # (bridge, other): each has a temperature of its own
    out_dim: int = 64  # D of the common space
    temperature: float = INITIAL_TEMPERATURE  # τ of each pair at the start


class ImageBind(nn.Module):
    """An encoder for each modality, and a temperature for each pair that is trained.

    Args:
        encoders: by modality, each (B, ...) -> (B, D) of the same D.
        pairs: of modalities that meet in a loss.
        temperature: τ of each pair at the start.

    Raises:
        ValueError: no pair, or a pair of modalities that have no encoder.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        pairs: tuple[tuple[str, str], ...],
        *,
        temperature: float = INITIAL_TEMPERATURE,
    ):
        super().__init__()
        unknown = {modality for pair in pairs for modality in pair} - set(encoders)
        if not pairs or unknown:
            raise ValueError(f"pairs must name two of {', '.join(encoders)} each, got {pairs}: give at least one pair")
        self.encoders = nn.ModuleDict(encoders)
        self.pairs = tuple(tuple(pair) for pair in pairs)
        self.logit_scales = nn.Parameter(torch.full((len(pairs),), math.log(1 / temperature)))  # log(1/τ)

    @classmethod
    def from_config(cls, config: ImageBindConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        encoders = {name: part.build(out_dim=config.out_dim) for name, part in config.encoders.items()}
        return cls(encoders, config.pairs, temperature=config.temperature)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.encoders)

    @property
    def device(self) -> torch.device:
        return self.logit_scales.device

    @torch.no_grad()
    def after_update(self) -> None:
        """Clamp each log(1/τ) at ln 100, after each step of the optimizer (``Run`` does)."""
        self.logit_scales.clamp_(max=MAX_LOGIT_SCALE)

    def encode(self, modality: str, x: Tensor) -> Tensor:
        """Inputs of one modality -> (B, D) unit vectors.

        Raises:
            ValueError: a modality without an encoder.
        """
        if modality not in self.encoders:
            raise ValueError(f"this model encodes {', '.join(self.encoders)}, got {modality!r}")
        return F.normalize(self.encoders[modality](x).float(), dim=-1)

    def forward(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inputs by modality -> (B, D) unit vectors by modality."""
        return {modality: self.encode(modality, x) for modality, x in views.items()}

    def logit_scale(self, pair: tuple[str, str]) -> Tensor:
        """log(1/τ) of a trained pair, a scalar.

        Raises:
            ValueError: a pair that is not trained.
        """
        if pair not in self.pairs:
            raise ValueError(f"the trained pairs are {self.pairs}, got {pair}")
        return self.logit_scales[self.pairs.index(pair)]
