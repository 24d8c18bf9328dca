r"""A transformer that writes captions (Vaswani et al. 2017, arXiv:1706.03762): the words look at each other and at
places of the picture.

$$ x_0 = E\,y + P, \qquad x \leftarrow x + \mathrm{Self}(x), \quad x \leftarrow x + \mathrm{Cross}(x, a), \quad
   x \leftarrow x + \mathrm{MLP}(x), \qquad p(y_{t+1} \mid y_{\le t}, x) = \mathrm{softmax}(W x_t + b), $$

where a word attends to itself and those before it, and a holds one vector for each place of the picture. All words of
a caption are trained in one pass; an LSTM needs one pass a word.
"""

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from mmatl_lab.nn.attention import Cache
from mmatl_lab.nn.decoding import State
from mmatl_lab.nn.encoders import Part
from mmatl_lab.nn.transformer import DecoderBlock

from .base import Captioner, build_encoder


@dataclass(frozen=True)
class TransformerCaptionerConfig:
    vocab_size: int
    encoder: Part = field(default_factory=lambda: Part("ImageGrid"))
    dim: int = 128  # D
    num_layers: int = 2
    num_heads: int = 4
    max_len: int = 32  # tokens that it can read, the start token included
    word_dropout: float = 0.0
    pretrained: bool = True  # the encoder's convolutions come from another model, and are not trained


class TransformerCaptioner(Captioner):
    """Images -> one vector for each place -> transformer decoder. ``memory`` is (B, P, D), P places row by row."""

    def __init__(
        self,
        encoder: nn.Module,
        vocab_size: int,
        dim: int,
        num_layers: int = 2,
        num_heads: int = 4,
        max_len: int = 32,
        word_dropout: float = 0.0,
    ):
        super().__init__(vocab_size, dim, dim, word_dropout)
        self.encoder = encoder
        self.pos = nn.Parameter(0.02 * torch.randn(max_len, dim))
        self.blocks = nn.ModuleList(DecoderBlock(dim, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        nn.init.normal_(self.embed.weight, std=1 / math.sqrt(dim))

    @classmethod
    def from_config(cls, config: TransformerCaptionerConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        encoder = build_encoder(config.encoder, config.dim, config.pretrained)
        more = config.num_layers, config.num_heads, config.max_len, config.word_dropout
        return cls(encoder, config.vocab_size, config.dim, *more)

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder.sequence(images).features

    def logits(self, memory: Tensor, tokens: Tensor) -> Tensor:
        x = self._positioned(tokens, 0)
        for block in self.blocks:
            x = block(x, memory)
        return self.say(self.norm(x))

    def attention(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """(B, L, P): the share of each place in what follows each of the tokens (B, L), the start token first.

        It is the mean over the heads and layers. A word is read from much more than this one number a place, so where
        it is large the model looked, but it need not be what decided.
        """
        x, shares = self._positioned(tokens, 0), []
        for block in self.blocks:
            shares.append(block.cross_weights(x, memory).mean(1))
            x = block(x, memory)
        return torch.stack(shares).mean(0)

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        memory = self.encode(images)
        caches = [Cache() for _ in range(2 * len(self.blocks))]  # of the words and of the picture, layer by layer
        return self._first(memory, State(*caches, memory=memory))

    def step(self, tokens: Tensor, state: State) -> Tensor:
        x = self._positioned(tokens[:, None], len(state.caches[0]))
        for i, block in enumerate(self.blocks):
            x = block(x, state["memory"], *state.caches[2 * i : 2 * i + 2])
        return self.say(self.norm(x[:, 0]))

    def _positioned(self, tokens: Tensor, first: int) -> Tensor:
        """(B, L, D): words with their positions, from ``first`` on."""
        last = first + tokens.shape[1]
        if last > len(self.pos):
            raise ValueError(f"this captioner reads up to {len(self.pos)} tokens, got {last}; lower max_len.")
        return self.words(tokens) + self.pos[first:last]
