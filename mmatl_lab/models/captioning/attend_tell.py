r"""Show, Attend and Tell: an LSTM that looks at places of the picture, anew for each word (Xu et al. 2015,
arXiv:1502.03044; soft attention).

With one vector $a_i$ for each place i of the picture,

$$ e_{ti} = w^\top \tanh(W_a a_i + W_h h_{t-1}), \quad \alpha_t = \mathrm{softmax}(e_t), \quad
   z_t = \sum_i \alpha_{ti}\, a_i, $$

$$ h_t, c_t = \mathrm{LSTM}\big([E\,y_{t-1};\, z_t],\; (h_{t-1}, c_{t-1})\big), \qquad
   p(y_t \mid y_{<t}, x) = \mathrm{softmax}\big(W [h_t; z_t] + b\big). $$

The shares $\alpha_t$ say where the model looked for the word $y_t$.
"""

from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from mmatl_lab.nn.decoding import State
from mmatl_lab.nn.encoders import Part

from .base import Captioner, build_encoder


@dataclass(frozen=True)
class AttendTellConfig:
    vocab_size: int
    encoder: Part = field(default_factory=lambda: Part("ImageGrid"))
    dim: int = 128  # D of a word and of a place
    hidden_dim: int = 256  # of the LSTM
    word_dropout: float = 0.0
    pretrained: bool = True  # the encoder's convolutions come from another model, and are not trained


class AttendTell(Captioner):
    """Images -> one vector for each place -> LSTM with attention. ``memory`` is (B, P, D), P places row by row."""

    def __init__(self, encoder: nn.Module, vocab_size: int, dim: int, hidden_dim: int, word_dropout: float = 0.0):
        super().__init__(vocab_size, dim, hidden_dim + dim, word_dropout)
        self.encoder = encoder
        self.cell = nn.LSTMCell(2 * dim, hidden_dim)
        self.first_h, self.first_c = nn.Linear(dim, hidden_dim), nn.Linear(dim, hidden_dim)
        self.of_place, self.of_state = nn.Linear(dim, dim), nn.Linear(hidden_dim, dim, bias=False)  # W_a, W_h
        self.energy = nn.Linear(dim, 1, bias=False)  # w

    @classmethod
    def from_config(cls, config: AttendTellConfig) -> Self:
        """The model that ``config`` describes, with fresh weights."""
        encoder = build_encoder(config.encoder, config.dim, config.pretrained)
        return cls(encoder, config.vocab_size, config.dim, config.hidden_dim, config.word_dropout)

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder.sequence(images).features

    def logits(self, memory: Tensor, tokens: Tensor) -> Tensor:
        return self._unroll(memory, tokens)[0]

    def attention(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """(B, L, P): the share of each place in what follows each of the tokens (B, L), the start token first."""
        return self._unroll(memory, tokens)[1]

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        memory = self.encode(images)
        h, c = self._start(memory)
        return self._first(memory, State(memory=memory, keys=self.of_place(memory), h=h, c=c))

    def step(self, tokens: Tensor, state: State) -> Tensor:
        word = self.words(tokens[:, None])[:, 0]
        x, state["h"], state["c"], _ = self._look(word, state["memory"], state["keys"], state["h"], state["c"])
        return self.say(x)

    def _start(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        mean = memory.mean(1)
        return self.first_h(mean).tanh(), self.first_c(mean).tanh()

    def _look(self, word: Tensor, memory: Tensor, keys: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """One word: [h_t; z_t] (B, hidden_dim + D), the new h and c, and α_t (B, P)."""
        energy = self.energy((keys + self.of_state(h)[:, None]).tanh()).squeeze(2)  # (B, P)
        share = energy.softmax(1)
        seen = (share[:, None] @ memory).squeeze(1)  # (B, D)
        h, c = self.cell(torch.cat([word.to(seen.dtype), seen], 1), (h, c))
        return torch.cat([h, seen], 1), h, c, share

    def _unroll(self, memory: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        words, keys = self.words(tokens), self.of_place(memory)
        h, c = self._start(memory)
        outputs, shares = [], []
        for word in words.unbind(1):
            x, h, c, share = self._look(word, memory, keys, h, c)
            outputs.append(x)
            shares.append(share)
        return self.say(torch.stack(outputs, 1)), torch.stack(shares, 1)
