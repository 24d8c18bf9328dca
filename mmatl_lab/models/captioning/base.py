r"""What all captioners share: words in and out, the shift of the targets, the loss.

A captioner gives the probability of a caption $y$ of a picture $x$ word by word. It is trained to give the true next
word after the true words before it (teacher forcing):

$$ L = -\frac{1}{N} \sum_t \log p(y_t \mid y_{<t}, x), \qquad y_0 = \text{start}, \quad y_{L+1} = \text{end}, $$

over the N words and end tokens of a batch. The target at each place is the *next* word: targets are the inputs shifted
by one. Where a caption is over, there is padding (token 0), which is left out of the sum.

Errata: caption-state, caption-shift (``mmatl-lab errata``).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.nn.decoding import State
from mmatl_lab.nn.encoders import Part

START, END = "<start>", "<end>"


def with_start_and_end(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a captioner: the padding first, as in ``words``, and the start and the end token last."""
    return (*words, START, END)


class CaptionOutput(NamedTuple):
    logits: Tensor  # (B, L + 1, V), −∞ for what is never said: the padding and the start token
    targets: Tensor  # (B, L + 1) int64, the captions with the end token after each; 0 where there is nothing


class Captioner(nn.Module):
    """Words, and what follows them. A subclass has

    - ``encode(images)`` -> what the decoder looks at, (B, ...);
    - ``logits(memory, tokens)``: (B, L) tokens, the start token first -> (B, L, V), the logits of what follows each;
    - ``begin(images)`` and ``step(tokens, state)``, the same one word at a time: see :mod:`mmatl_lab.nn.decoding`.

    Args:
        vocab_size: V, padding, start and end token included; the last two are the start and the end.
        dim: D of the word vectors. hidden_dim: length of the vectors that the next word is read from.
        word_dropout: share of the words that the decoder does not see in training (Bowman et al. 2016,
            arXiv:1511.06349). It then has to look at the picture: what it wrote before, which may be a pair of words
            that was never seen together, decides less.
    """

    def __init__(self, vocab_size: int, dim: int, hidden_dim: int, word_dropout: float):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim)
        self.next_word = nn.Linear(hidden_dim, vocab_size)
        self.start, self.end = vocab_size - 2, vocab_size - 1
        self.word_dropout = word_dropout
        never = torch.zeros(vocab_size, dtype=torch.bool)
        never[[0, self.start]] = True
        self.register_buffer("never_said", never, persistent=False)

    def forward(self, images: Tensor, captions: Tensor) -> CaptionOutput:
        """Images (B, C, H, W) and their captions, (B, L) or, R of each, (B, R, L): a picture is encoded once.

        With R captions the rows of the output are (B · R).
        """
        memory = self.encode(images)
        if captions.dim() == 3:
            memory, captions = memory.repeat_interleave(captions.shape[1], 0), captions.flatten(0, 1)
        inputs, targets = shifted(captions, self.start, self.end)
        return CaptionOutput(self.logits(memory, inputs), targets)

    def words(self, tokens: Tensor) -> Tensor:
        """(B, L) tokens -> (B, L, D); in training some are zeros, but never the start."""
        x = self.embed(tokens)
        if not self.training or self.word_dropout == 0:
            return x
        hidden = (torch.rand(tokens.shape, device=tokens.device) < self.word_dropout) & (tokens != self.start)
        return x.masked_fill(hidden[..., None], 0.0)

    def say(self, x: Tensor) -> Tensor:
        """(..., hidden_dim) -> logits (..., V)."""
        return self.next_word(x).masked_fill(self.never_said, -torch.inf)

    def _first(self, memory: Tensor, state: State) -> tuple[Tensor, State]:
        return torch.full([len(memory)], self.start, device=memory.device), state


def shifted(captions: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets of teacher forcing, (B, L + 1) each, of captions (B, L), 0 after the last word.

    start a small star     is read, and
    a small star end       is to be said: at each place the word after it.
    """
    nothing = captions.new_zeros(len(captions), 1)
    inputs = torch.cat([nothing + start, captions], 1)
    length = (captions != 0).sum(1, keepdim=True)
    targets = torch.cat([captions, nothing], 1).scatter(1, length, end)
    return inputs, targets


def caption_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of −log p over the words and end tokens, a scalar; logits (B, L, V), targets (B, L), 0 is left out."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=0)


def caption_log_prob(logits: Tensor, targets: Tensor) -> Tensor:
    """(B,) log p of each caption, its end token included."""
    log_prob = logits.float().log_softmax(2).gather(2, targets[..., None]).squeeze(2)
    return log_prob.masked_fill(targets == 0, 0.0).sum(1)


def build_encoder(part: Part, dim: int, pretrained: bool) -> nn.Module:
    """The encoder with fresh weights; ``pretrained`` keeps its convolutions as they will be loaded."""
    encoder = part.build(out_dim=dim)
    if pretrained:
        encoder.convolutions.requires_grad_(False)
    return encoder
