"""An exercise on information: what two variables share, in bits."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import exercise, mistakes


def _joint_tables(generator: torch.Generator) -> Iterator[list[tuple[Tensor]]]:
    square, oblong = torch.rand(3, 4, 4, generator=generator) + 0.1, torch.rand(3, 3, 5, generator=generator) + 0.1
    sparse = torch.rand(5, 4, generator=generator)
    sparse[torch.randperm(5, generator=generator)[:4], torch.arange(4)] = 0
    empty = torch.cat([sparse, torch.zeros(1, 4)])
    # square ones first: there marginals of wrong shapes run without an error; and three, so that no mistakes look alike
    for tables in (square, oblong, sparse[None], empty[None]):
        yield [(table / table.sum(),) for table in tables]


@exercise(
    "why_multimodal.3",
    "How many bits?",
    task=r"Accuracy asks for a decision; information does not. Write "
    r"$I(X; Y) = \sum_{x,y} p(x,y) \log_2 \frac{p(x,y)}{p(x)\,p(y)}$, in bits, of a table of probabilities. What never "
    r"happens adds nothing: $0 \log 0 = 0$.",
    minutes=10,
    difficulty=2,
    hints=(
        r"$p(x)$ is the sum of a row and $p(y)$ that of a column. If X and Y were independent, the table would be "
        r"$p(x)\,p(y)$: which shapes make that an (X, Y) table?",
        "`joint.sum(dim=1, keepdim=True)` has shape (X, 1), and times a (1, Y) it fills the table.",
        "`joint[joint > 0]` keeps what can happen; index the other table in the same way. `log2` gives bits.",
    ),
    cases=_joint_tables,
    answer="the information",
    passed="Right, with zeros in the table too. In the world of sarcasm the words share 0 bits with the answer, and "
    "what is meant shares 0 bits; the two together share 1 bit. No sum over the modalities finds it.",
)
def shared_bits(joint: Tensor) -> Tensor:
    """Mutual information of a table of probabilities in bits: (X, Y) -> scalar.

    >>> shared_bits(torch.tensor([[0.5, 0.0], [0.0, 0.5]])), shared_bits(torch.full((2, 2), 0.25))
    (tensor(1.), tensor(0.))
    """
    # BEGIN SOLUTION
    independent = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)  # (X, Y)
    happens = joint > 0
    return (joint[happens] * (joint[happens] / independent[happens]).log2()).sum()
    # END SOLUTION


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum() / math.log(2)


def _bits(p: Tensor, q: Tensor) -> Tensor:
    """p log₂(p / q), entry by entry, where q need not be positive where p is 0."""
    return p * (p / q).log2().where(p > 0, 0)


def _outer(p: Tensor) -> Tensor:
    return p.sum(1, keepdim=True) * p.sum(0)


mistakes(
    shared_bits,
    "A value of X never occurs, and your answer is not a number: p(x) = 0 makes 0 / 0. Leave out what never happens "
    "before you divide.",
    lambda p: torch.special.xlogy(p, p / _outer(p)).sum() / math.log(2),
    "The table has zeros, and your answer is not a number: 0 · log 0 counts as 0, but torch says nan. Leave out what "
    "never happens, or use `torch.special.xlogy`.",
    lambda p: (p * (p / _outer(p)).log2()).sum(),
    "This is in nats: bits need the logarithm to base 2, `log2`.",
    lambda solve, p: solve(p) * math.log(2),
    "This is $H(Y|X)$, what is left unknown of Y when X is known: $I(X; Y) = H(Y) - H(Y|X)$.",
    lambda p: _entropy(p) - _entropy(p.sum(1)),
    "This is $H(X|Y)$, what is left unknown of X when Y is known: $I(X; Y) = H(X) - H(X|Y)$.",
    lambda p: _entropy(p) - _entropy(p.sum(0)),
    "This is $-H(Y|X)$: p(y) is missing in the denominator.",
    lambda p: _bits(p, p.sum(1, keepdim=True)).sum(),
    "This is $-H(X|Y)$: p(x) is missing in the denominator.",
    lambda p: _bits(p, p.sum(0)).sum(),
    "The sign is reversed: information is never below 0.",
    lambda solve, p: -solve(p),
    "The logarithms are not weighted: each counts with its probability p(x, y).",
    lambda p: (p / _outer(p)).log2().sum(),
    "You took the mean over the table: the sum with the weights p(x, y) is the mean already.",
    lambda solve, p: solve(p) / p.numel(),
    "You weighted with p(x) p(y): each logarithm counts with what happens, p(x, y).",
    lambda p: (_outer(p) * (p / _outer(p)).log2()).sum(),
    "This is the entropy of the pair, -Σ p log p: divide p(x, y) by p(x) p(y) inside the logarithm.",
    lambda p: _entropy(p),
    "This is the entropy of X: what X tells of Y is at most that.",
    lambda p: _entropy(p.sum(1)),
    "This is the entropy of Y: what Y tells of X is at most that.",
    lambda p: _entropy(p.sum(0)),
    "Your marginals are multiplied entry by entry: keepdim=True, or `torch.outer`, makes a table of all p(x) p(y).",
    lambda p: _bits(p, p.sum(1) * p.sum(0)).sum(),
    "Your marginals are crossed: row x has the probability `joint.sum(dim=1)[x]`.",
    lambda p: _bits(p, torch.outer(p.sum(0), p.sum(1))).sum(),
    "You returned a table: the information is the sum of its entries.",
    lambda p: _bits(p, _outer(p)),
    "You divided by an entropy, which makes a share: the information itself is asked for, in bits.",
    lambda solve, p: solve(p) / _entropy(p),
    lambda solve, p: solve(p) / _entropy(p.sum(1)),
    lambda solve, p: solve(p) / _entropy(p.sum(0)),
)
