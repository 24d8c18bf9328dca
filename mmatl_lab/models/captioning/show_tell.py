r"""Show and Tell: an LSTM that sees one vector of the picture (Vinyals et al. 2015, arXiv:1411.4555).

$$ h_t, c_t = \mathrm{LSTM}\big([E\,y_{t-1};\, f(x)],\; (h_{t-1}, c_{t-1})\big), \qquad
   p(y_t \mid y_{<t}, x) = \mathrm{softmax}(W h_t + b). $$

The picture's vector f(x) is read beside every word. (The paper reads it once, before the first word; this is the form
of the survey and of the code guide.) What was said before is in $(h, c)$ alone: without it each word is chosen by the
picture and the last word.

Errata: caption-state, caption-shift (``mmatl-lab errata``).
"""

from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from mmatl_lab.nn.decoding import State
from mmatl_lab.nn.encoders import Part

from .base import Captioner, build_encoder


@dataclass(frozen=True)
class ShowTellConfig:
    vocab_size: int
    encoder: Part = field(default_factory=lambda: Part("ImageCNN"))
    dim: int = 128  # D of a word and of the picture
    hidden_dim: int = 384  # of the LSTM
    word_dropout: float = 0.0
    pretrained: bool = True  # the encoder's convolutions come from another model, and are not trained


class ShowTell(Captioner):
    """Images -> one vector -> LSTM. ``memory`` is the picture's vector, (B, D)."""

    def __init__(self, encoder: nn.Module, vocab_size: int, dim: int, hidden_dim: int, word_dropout: float = 0.0):
        super().__init__(vocab_size, dim, hidden_dim, word_dropout)
        self.encoder = encoder
        self.lstm = nn.LSTM(2 * dim, hidden_dim, batch_first=True)

    @classmethod
    def from_config(cls, config: ShowTellConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        encoder = build_encoder(config.encoder, config.dim, config.pretrained)
        return cls(encoder, config.vocab_size, config.dim, config.hidden_dim, config.word_dropout)

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def logits(self, memory: Tensor, tokens: Tensor) -> Tensor:
        return self.say(self.lstm(self._inputs(memory, tokens))[0])

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        memory = self.encode(images)
        nothing = memory.new_zeros(len(memory), self.lstm.hidden_size)
        return self._first(memory, State(memory=memory, h=nothing, c=nothing))

    def step(self, tokens: Tensor, state: State) -> Tensor:
        inputs = self._inputs(state["memory"], tokens[:, None])
        x, (h, c) = self.lstm(inputs, (state["h"][None], state["c"][None]))
        state["h"], state["c"] = h[0], c[0]
        return self.say(x[:, 0])

    def _inputs(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """(B, L, 2 D): each word beside the picture."""
        words = self.words(tokens)
        return torch.cat([words, memory[:, None].expand_as(words).to(words.dtype)], 2)
