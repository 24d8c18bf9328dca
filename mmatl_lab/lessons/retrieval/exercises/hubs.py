"""Exercises on hubs."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import exercise, mistakes


def _cosines(generator: torch.Generator) -> Iterator[tuple[Tensor, int]]:
    for n, m, k in ((9, 6, 2), (12, 8, 3), (7, 10, 4)):
        similarity = torch.randn(n, m, generator=generator).tanh()
        similarity[:, 1] += 0.8  # a hub
        yield similarity, k


@exercise(
    "retrieval.6",
    "Who is always found",
    task="Count for each key how many queries have it among their $K$ most similar ones.",
    minutes=6,
    difficulty=1,
    hints=(
        "`similarity.topk(k, dim=1).indices` are the keys that each query finds.",
        "`bincount(minlength=M)` counts how often each number occurs, also those that never do.",
    ),
    cases=_cosines,
    answer="the counts",
    passed="The counts sum to N times K, so where one key is found by all, others are found by nobody.",
)
def found_by(similarity: Tensor, k: int) -> Tensor:
    """How often each key is found: similarity (N, M), K -> (M,) int64.

    >>> found_by(torch.tensor([[0.9, 0.1, 0.5], [0.8, 0.2, 0.3]]), 1)
    tensor([2, 0, 0])
    """
    # BEGIN SOLUTION
    found = similarity.topk(k, dim=1).indices  # (N, K)
    return found.flatten().bincount(minlength=similarity.shape[1])
    # END SOLUTION


def _top(similarity: Tensor, k: int, dim: int = 1, largest: bool = True) -> Tensor:
    found = similarity.topk(min(k, similarity.shape[dim]), dim=dim, largest=largest).indices.flatten()
    return found.bincount(minlength=similarity.shape[1 if dim == 1 else 0])


mistakes(
    found_by,
    "You let the keys look for queries (dim=0): each query looks along its row, dim=1.",
    lambda s, k: _top(s, k, dim=0),
    "You counted the least similar keys.",
    lambda s, k: _top(s, k, largest=False),
    "Only the nearest key of each query is counted: count the nearest K.",
    lambda s, k: _top(s, 1),
    "One key too many: K counts all that are found.",
    lambda s, k: _top(s, k + 1),
    "Those are shares: give counts.",
    lambda s, k: _top(s, k) / len(s),
    "That says whether a key is found at all: count how often.",
    lambda s, k: (_top(s, k) > 0).long(),
)


@exercise(
    "retrieval.7",
    "Push the hubs down",
    task=r"Write CSLS: $2 s_{ij} - r_i - r_j$. Here $r_i$ is the mean similarity of query $i$ to its $K$ nearest keys, "
    "and $r_j$ that of key $j$ to its $K$ nearest queries.",
    minutes=8,
    difficulty=2,
    hints=(
        "`similarity.topk(k, dim=1).values.mean(1)` is the number of each query.",
        "The same with `dim=0` is that of each key. Which of them is a column, which a row?",
    ),
    cases=_cosines,
    answer="the similarities",
    passed="A key that is near to all queries has a large $r_j$, so it must be nearer than that to be found.",
)
def scaled(similarity: Tensor, k: int) -> Tensor:
    """CSLS: similarity (N, M), K -> (N, M).

    >>> scaled(torch.tensor([[0.8, 0.6], [0.8, 0.0]]), 1)
    tensor([[ 0.0000, -0.2000],
            [ 0.0000, -1.4000]])
    """
    # BEGIN SOLUTION
    query = similarity.topk(k, dim=1).values.mean(1)  # (N,)
    key = similarity.topk(k, dim=0).values.mean(0)  # (M,)
    return 2 * similarity - query[:, None] - key
    # END SOLUTION


def _in_parts(
    s,
    k,
    near=lambda s, k, dim: s.topk(k, dim=dim).values.mean(dim),
    double=2,
    use=(True, True),
    sign=-1,
) -> Tensor:
    query, key = near(s, k, 1)[:, None], near(s, k, 0)
    return double * s + sign * (use[0] * query + use[1] * key)


mistakes(
    scaled,
    "The similarity counts twice: two means are subtracted.",
    dict(double=1),
    "The keys' mean is missing: without it the ranking of a query does not change.",
    dict(use=(True, False)),
    "The queries' mean is missing.",
    dict(use=(False, True)),
    "You added the means: hubs must lose.",
    dict(sign=1),
    "The means run over all: take the K nearest only.",
    dict(near=lambda s, k, dim: s.mean(dim)),
    "The means run over the K least similar ones.",
    dict(near=lambda s, k, dim: s.topk(k, dim=dim, largest=False).values.mean(dim)),
    "You took the K-th similarity: take the mean of the first K.",
    dict(near=lambda s, k, dim: s.topk(k, dim=dim).values.amin(dim)),
    "You added up the K nearest: take their mean.",
    dict(near=lambda s, k, dim: s.topk(k, dim=dim).values.sum(dim)),
    base=_in_parts,
)
