r"""Decoding: a model that gives the next word writes a sequence word by word, a whole batch at once.

With $y_{<t}$ the words so far and $x$ what they describe, such a model gives $p(y_t \mid y_{<t}, x)$, so that

$$ \log p(y \mid x) = \sum_t \log p(y_t \mid y_{<t}, x), $$

the end token included. Three ways to choose $y$:

- greedy: the most probable word at each step;
- beam search: the W most probable beginnings are kept at each step;
- sampling: at random, from the distribution at a temperature, from its k best words, or from the smallest set of words
  of probability p (Holtzman et al. 2020, arXiv:1904.09751).

What can be decoded is a :class:`Decoder`. What it remembers of the words so far, its :class:`State`, makes each step
cost one word and not all: keys and values of attention, or the state of an LSTM.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .attention import Cache

MAX_LEN = 32


class State:
    """What a decoder remembers of B sequences: the caches of its attention layers, and tensors of B rows by name."""

    def __init__(self, *caches: Cache, **tensors: Tensor):
        self.caches, self._tensors = caches, tensors

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __setitem__(self, name: str, tensor: Tensor) -> None:
        self._tensors[name] = tensor

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch (B',) int64, in this order; a row may be repeated."""
        for cache in self.caches:
            cache.select(rows)
        self._tensors = {name: tensor[rows] for name, tensor in self._tensors.items()}


class Decoder(Protocol):
    """What can be decoded.

    ``begin(context)`` gives the first token of each sequence, (B,) int64, and the state before it. ``step`` reads one
    token a sequence, brings the state up to date and gives the logits of the next token, (B, V).
    """

    end: int  # the token after which nothing follows

    def begin(self, context: Tensor) -> tuple[Tensor, State]: ...

    def step(self, tokens: Tensor, state: State) -> Tensor: ...


class Uncached:
    """A decoder that reads the whole beginning again at each step: the same results, at the cost of all its words.

    Args:
        model: has ``begin`` and ``end`` of a decoder, ``encode(context)`` -> memory (B, ...), and ``logits(memory,
            tokens)``, (B, L) tokens -> (B, L, V), the logits of what follows each.
    """

    def __init__(self, model):
        self.model, self.end = model, model.end

    def begin(self, context: Tensor) -> tuple[Tensor, State]:
        tokens, _ = self.model.begin(context)
        return tokens, State(memory=self.model.encode(context), tokens=tokens[:, None][:, :0])

    def step(self, tokens: Tensor, state: State) -> Tensor:
        state["tokens"] = torch.cat([state["tokens"], tokens[:, None]], 1)
        return self.model.logits(state["memory"], state["tokens"])[:, -1]


class Decoded(NamedTuple):
    """What was written.

    tokens: (B, L) int64, 0 after the last word, without the start and the end token. log_prob: (B,) log p(y | x) under
    the model, the end token included. finished: (B,) bool, False where the end token was not reached.
    """

    tokens: Tensor
    log_prob: Tensor
    finished: Tensor

    @property
    def length(self) -> Tensor:
        """(B,) number of tokens, the end token included."""
        return (self.tokens != 0).sum(1) + self.finished


@torch.no_grad()
def greedy(decoder: Decoder, context: Tensor, max_len: int = MAX_LEN) -> Decoded:
    """The most probable token at each step.

    Args:
        context: what the decoder's ``begin`` takes, such as images.
        max_len: the most tokens, the end token included.

    Raises:
        ValueError: max_len below 1.
    """
    return _write(decoder, context, max_len, lambda logits: logits.argmax(1))


@torch.no_grad()
def sample(
    decoder: Decoder,
    context: Tensor,
    max_len: int = MAX_LEN,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator,
) -> Decoded:
    r"""Each token at random from $\mathrm{softmax}(z / \tau)$ of the logits z, cut off by ``top_k``, then ``top_p``.

    Args:
        context, max_len: as of :func:`greedy`.
        temperature: τ > 0; near 0 it is greedy, 1 is the model's distribution, above it is flatter.
        top_k: only the k most probable tokens; None: all.
        top_p: only the smallest set of tokens whose probability is at least p, in (0, 1]; None: all.
        generator: on the CPU; the same numbers are used whatever the device and the options.

    Raises:
        ValueError: a temperature of 0 or below, top_k below 1, top_p outside (0, 1], max_len below 1.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}; what it tends to at 0 is greedy().")

    def choose(logits: Tensor) -> Tensor:
        logits = logits.float() / temperature
        if top_k is not None:
            logits = keep_top_k(logits, top_k)
        if top_p is not None:
            logits = keep_top_p(logits, top_p)
        cumulative = logits.softmax(1).cumsum(1)  # (B, V)
        u = torch.rand(len(logits), 1, generator=generator).to(logits.device)
        # the first token whose cumulative probability exceeds u; never one of probability 0
        return (cumulative <= u * cumulative[:, -1:]).sum(1).clamp(max=logits.shape[1] - 1)

    return _write(decoder, context, max_len, choose)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """(B, V) logits with −∞ at all but the k largest of each row (Fan et al. 2018, arXiv:1805.04833).

    Raises:
        ValueError: k below 1.
    """
    if k < 1:
        raise ValueError(f"top_k must be at least 1, got {k}.")
    best = logits.topk(min(k, logits.shape[1]), 1)
    return torch.full_like(logits, -torch.inf).scatter(1, best.indices, best.values)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """(B, V) logits with −∞ outside the nucleus, the smallest set of tokens whose probability is at least p.

    Raises:
        ValueError: p outside (0, 1].
    """
    if not 0 < p <= 1:
        raise ValueError(f"top_p must lie above 0 and be at most 1, got {p}.")
    ordered = logits.sort(dim=1, descending=True, stable=True)
    probability = ordered.values.softmax(1)
    before = probability.cumsum(1) - probability  # of all more probable tokens; 0 for the first
    dropped = torch.zeros_like(before, dtype=torch.bool).scatter(1, ordered.indices, before >= p)
    return logits.masked_fill(dropped, -torch.inf)


@torch.no_grad()
def beam_search(
    decoder: Decoder,
    context: Tensor,
    max_len: int = MAX_LEN,
    *,
    width: int = 4,
    length_penalty: float = 0.0,
    num_results: int = 1,
) -> Decoded:
    r"""The best of the sequences that are found by keeping the W most probable beginnings at each step.

    The score of a sequence of n tokens is $\log p(y \mid x) / n^\alpha$ (Wu et al. 2016, arXiv:1609.08144, section 7).
    A beam may lose the greedy sequence on its way; so that one is written too, and competes at the end: no result has
    a lower score than greedy's.

    Args:
        context, max_len: as of :func:`greedy`.
        width: W; 1 is greedy.
        length_penalty: α; 0 is the likelihood, which favours short sequences, 1 its mean over the tokens.
        num_results: the n best sequences of each row of the context, as rows (B · n), best first.

    Raises:
        ValueError: width below 1, num_results outside 1..width, a negative length_penalty, max_len below 1.
    """
    if width < 1:
        raise ValueError(f"a beam has a width of 1 or more, got {width}; 1 is greedy().")
    if not 1 <= num_results <= width:
        raise ValueError(f"num_results must lie between 1 and the width {width}, got {num_results}.")
    if length_penalty < 0:
        raise ValueError(f"length_penalty must be 0 or more, got {length_penalty}.")
    last, state = decoder.begin(context)
    B, W, device = len(last), width, last.device
    row = torch.arange(B, device=device)[:, None]  # (B, 1)
    state.select(row.repeat(1, W).flatten())
    last = last.repeat_interleave(W)
    tokens = torch.zeros(B, W, _checked(max_len), dtype=torch.long, device=device)
    length = torch.zeros(B, W, dtype=torch.long, device=device)
    finished = torch.zeros(B, W, dtype=torch.bool, device=device)
    log_prob = torch.full((B, W), -torch.inf, device=device)
    log_prob[:, 0] = 0.0  # all W beginnings are still the same: one counts
    for t in range(max_len):
        new = decoder.step(last, state).float().log_softmax(1).unflatten(0, (B, W))  # (B, W, V)
        new = new.masked_fill(finished[..., None], -torch.inf)
        new[..., 0] = torch.where(finished, 0.0, new[..., 0])  # what has ended goes on with padding, at no cost
        total, length = log_prob[..., None] + new, length + ~finished
        best = _score(total, length[..., None], length_penalty).flatten(1).topk(W, 1).indices  # (B, W)
        beam, last = best // new.shape[2], best % new.shape[2]
        tokens, length, finished = tokens[row, beam], length[row, beam], finished[row, beam]
        log_prob = total.flatten(1).gather(1, best)
        tokens[:, :, t] = last.masked_fill(last == decoder.end, 0)
        finished = finished | (last == decoder.end)
        if finished.all():
            break
        state.select((row * W + beam).flatten())
        last = last.flatten()

    one = greedy(decoder, context, max_len)
    own = torch.nn.functional.pad(one.tokens, (0, max_len - one.tokens.shape[1]))[:, None]
    known = ((tokens == own).all(2) & (finished == one.finished[:, None])).any(1)
    tokens, finished = torch.cat([tokens, own], 1), torch.cat([finished, one.finished[:, None]], 1)
    length = torch.cat([length, one.length[:, None]], 1)
    log_prob = torch.cat([log_prob, one.log_prob.masked_fill(known, -torch.inf)[:, None]], 1)
    best = _score(log_prob, length, length_penalty).topk(num_results, 1).indices
    return Decoded(*(_trimmed(x[row, best].flatten(0, 1)) for x in (tokens, log_prob, finished)))


def _write(decoder: Decoder, context: Tensor, max_len: int, choose: Callable[[Tensor], Tensor]) -> Decoded:
    """Word by word, each as ``choose`` chooses it from the logits (B, V)."""
    last, state = decoder.begin(context)
    tokens = []
    log_prob = torch.zeros(len(last), device=last.device)
    finished = torch.zeros_like(last, dtype=torch.bool)
    for _ in range(_checked(max_len)):
        logits = decoder.step(last, state)
        last = choose(logits)
        new = logits.float().log_softmax(1).gather(1, last[:, None]).squeeze(1)
        log_prob = log_prob + new.masked_fill(finished, 0.0)
        ended = finished | (last == decoder.end)
        tokens.append(last.masked_fill(ended, 0))
        finished = ended
        if finished.all():
            break
    return Decoded(_trimmed(torch.stack(tokens, 1)), log_prob, finished)


def _score(log_prob: Tensor, length: Tensor, penalty: float) -> Tensor:
    return log_prob / length.clamp(min=1) ** penalty


def _trimmed(x: Tensor) -> Tensor:
    """(B, L) tokens without the columns in which no row has a word; anything else as it is."""
    return x[:, : int((x != 0).sum(1).max())] if x.dim() == 2 and len(x) else x


def _checked(max_len: int) -> int:
    if max_len < 1:
        raise ValueError(f"max_len must be at least 1, got {max_len}.")
    return max_len
