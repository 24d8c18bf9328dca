r"""Captions from a frozen CLIP: its vector of the picture becomes a prefix of a small language model (ClipCap: Mokady
et al. 2021, arXiv:2111.09734).

$$ [p_1, \dots, p_P] = \mathrm{MLP}(u), \quad u = \frac{f(x)}{\|f(x)\|}, \qquad
   p(y_t \mid y_{<t}, x) = \mathrm{LM}\big(p_1, \dots, p_P, E\,y_0, \dots, E\,y_{t-1}\big). $$

The image encoder f was trained by CLIP's contrastive loss and stays as it is. Only the MLP and the language model are
trained. (ClipCap's language model is a pretrained GPT-2; this one begins at random.)
"""

import math
from dataclasses import dataclass, field
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.nn.attention import Cache
from mmatl_lab.nn.decoding import State
from mmatl_lab.nn.encoders import Part
from mmatl_lab.nn.transformer import TransformerBlock

from .base import Captioner


@dataclass(frozen=True)
class PrefixCaptionerConfig:
    vocab_size: int
    encoder: Part = field(default_factory=lambda: Part("ImageCNN"))  # CLIP's
    clip_dim: int = 128  # of CLIP's space
    dim: int = 128  # D
    prefix_len: int = 4  # P
    num_layers: int = 2
    num_heads: int = 4
    max_len: int = 32  # tokens that it can read, the start token included and the prefix not
    word_dropout: float = 0.0


class PrefixCaptioner(Captioner):
    """Images -> frozen encoder -> prefix -> causal transformer. ``memory`` is the prefix, (B, P, D).

    Args:
        encoder: (B, C, H, W) -> (B, clip_dim), such as ``clip.image_encoder``; its parameters get no gradient.
    """

    def __init__(
        self,
        encoder: nn.Module,
        vocab_size: int,
        clip_dim: int,
        dim: int,
        prefix_len: int = 4,
        num_layers: int = 2,
        num_heads: int = 4,
        max_len: int = 32,
        word_dropout: float = 0.0,
    ):
        super().__init__(vocab_size, dim, dim, word_dropout)
        self.encoder = encoder.requires_grad_(False)
        hidden = dim * prefix_len // 2
        self.mapping = nn.Sequential(nn.Linear(clip_dim, hidden), nn.GELU(), nn.Linear(hidden, dim * prefix_len))
        self.pos = nn.Parameter(0.02 * torch.randn(prefix_len + max_len, dim))
        self.blocks = nn.ModuleList(TransformerBlock(dim, num_heads, causal=True) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        self.prefix_len = prefix_len
        nn.init.normal_(self.embed.weight, std=1 / math.sqrt(dim))

    @classmethod
    def from_config(cls, config: PrefixCaptionerConfig) -> Self:
        """The model that ``config`` describes, with fresh weights, those of the encoder too."""
        encoder = config.encoder.build(out_dim=config.clip_dim)
        more = config.prefix_len, config.num_layers, config.num_heads, config.max_len, config.word_dropout
        return cls(encoder, config.vocab_size, config.clip_dim, config.dim, *more)

    def encode(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            u = F.normalize(self.encoder(images).float(), dim=-1) * math.sqrt(self.mapping[0].in_features)
        return self.mapping(u).unflatten(1, (self.prefix_len, -1))

    def logits(self, memory: Tensor, tokens: Tensor) -> Tensor:
        x = torch.cat([memory, self.words(tokens).to(memory.dtype)], 1)
        return self.say(self._run(x, 0, [None] * len(self.blocks))[:, self.prefix_len :])

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        memory = self.encode(images)
        caches = [Cache() for _ in self.blocks]
        self._run(memory, 0, caches)
        return self._first(memory, State(*caches))

    def step(self, tokens: Tensor, state: State) -> Tensor:
        return self.say(self._run(self.words(tokens[:, None]), len(state.caches[0]), state.caches)[:, 0])

    def _run(self, x: Tensor, first: int, caches) -> Tensor:
        """The transformer over (B, L, D), whose first vector stands at position ``first``."""
        last = first + x.shape[1]
        if last > len(self.pos):
            most = len(self.pos) - self.prefix_len
            raise ValueError(f"this captioner reads up to {most} tokens, got {last - self.prefix_len}; lower max_len.")
        x = x + self.pos[first:last]
        for block, cache in zip(self.blocks, caches):
            x = block(x, cache=cache)
        return self.norm(x)
