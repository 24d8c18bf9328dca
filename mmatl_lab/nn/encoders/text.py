"""Encoders of texts, given as word tokens: a transformer, and a bag of words."""

import math

import torch
from torch import Tensor, nn

from ..transformer import TransformerBlock
from .sequence import Sequence, finish, mean


class TextTransformer(nn.Module):
    """A transformer over word tokens; the mean over the words is the vector.

    Args:
        out_dim: D. vocab_size: number of words, padding (token 0) included. max_len: the most tokens a text may have.
        num_layers, num_heads, hidden_dim: of the transformer; hidden_dim must be divisible by num_heads.
        causal: a word sees itself and the words before it, as in CLIP (Radford et al. 2021, arXiv:2103.00020), not the
            words after it. Then 'a red star' has another vector after 'above' than before it, so the model learns which
            object is above in a fraction of the steps.
    """

    def __init__(
        self,
        out_dim: int,
        vocab_size: int,
        max_len: int = 32,
        num_layers: int = 2,
        num_heads: int = 4,
        hidden_dim: int = 128,
        causal: bool = False,
    ):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, hidden_dim, padding_idx=0)
        self.pos = nn.Parameter(0.02 * torch.randn(max_len, hidden_dim))
        self.blocks = nn.ModuleList(TransformerBlock(hidden_dim, num_heads, causal=causal) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_dim)
        self.project = nn.Linear(hidden_dim, out_dim)
        self.max_len = max_len
        nn.init.normal_(self.embed.weight, std=1 / math.sqrt(hidden_dim))

    def sequence(self, tokens: Tensor) -> Sequence:
        """(B, L) int64 tokens, 0 where there is nothing -> one vector a word."""
        return finish(self.project(self._words(tokens)), tokens != 0)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 tokens, 0 where there is nothing -> (B, D), the mean of the sequence."""
        return mean(self._words(tokens), tokens != 0, self.project)

    def _words(self, tokens: Tensor) -> Tensor:
        if tokens.shape[1] > self.max_len:
            raise ValueError(f"this encoder reads up to {self.max_len} words, got {tokens.shape[1]}; shorten the text.")
        mask = tokens != 0  # (B, L)
        x = self.embed(tokens) + self.pos[: tokens.shape[1]]  # (B, L, hidden_dim)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)


class BagOfWords(nn.Module):
    """The mean of the word vectors: which words there are, without their order and without interactions.

    (A hidden layer over the mean fits pairs of words that were seen together, and is worse at new pairs.)

    Args:
        out_dim: D. vocab_size: number of words, padding (token 0) included.
    """

    def __init__(self, out_dim: int, vocab_size: int):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, out_dim, padding_idx=0)
        nn.init.normal_(self.embed.weight, std=1 / math.sqrt(out_dim))
        with torch.no_grad():
            self.embed.weight[0] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 tokens, 0 where there is nothing -> (B, D), 0 for a text without words."""
        mask = tokens != 0
        x = self.embed(tokens) * mask[..., None]
        return x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)  # (B, D)
