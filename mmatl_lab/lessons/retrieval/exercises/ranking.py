"""Exercises on ranks and their scores."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import exercise, mistakes


def _similarities(generator: torch.Generator) -> Iterator[tuple[Tensor]]:
    for n in (6, 9, 12):
        yield (torch.randint(5, (n, n), generator=generator) / 4,)  # few levels, so that there are ties


@exercise(
    "retrieval.1",
    "The rank of the right key",
    task="Key $i$ is the right answer to query $i$. Return its rank for each query: 1 plus the number of keys that are "
    "*more* similar, plus half the number of *other* keys that are exactly as similar.",
    minutes=6,
    difficulty=1,
    hints=(
        "`similarity.diagonal()[:, None]` is the similarity of each query to its own key, as a column.",
        "`(similarity > own).sum(1)` counts the keys above. Of those that are equal, one is the right key itself.",
    ),
    cases=_similarities,
    answer="the ranks",
    passed="The half is what a random order among equals gives on average, so constant vectors get (N + 1) / 2.",
)
def expected_rank(similarity: Tensor) -> Tensor:
    """Rank of the right key of each query: similarity (N, N) -> (N,).

    >>> expected_rank(torch.tensor([[0.9, 0.1, 0.9], [0.5, 0.2, 0.1], [0.0, 0.0, 0.3]]))
    tensor([1.5000, 2.0000, 1.0000])
    """
    # BEGIN SOLUTION
    own = similarity.diagonal()[:, None]  # (N, 1)
    return 1 + (similarity > own).sum(1) + ((similarity == own).sum(1) - 1) / 2
    # END SOLUTION


def _own(s: Tensor) -> Tensor:
    return s.diagonal()[:, None]


mistakes(
    expected_rank,
    "Ranks begin at 1: a key with nothing above it has rank 1, not 0.",
    lambda s: (s > _own(s)).sum(1) + ((s == _own(s)).sum(1) - 1) / 2,
    "Ties are left out: other keys that are exactly as similar count half.",
    lambda s: 1.0 + (s > _own(s)).sum(1),
    "You put every tied key above the right one: that is the worst order, not the average one.",
    lambda s: 1.0 * (s >= _own(s)).sum(1),
    "The right key is tied with itself: take it out before you halve.",
    lambda s: 1 + (s > _own(s)).sum(1) + (s == _own(s)).sum(1) / 2,
    "You counted the keys that are less similar: those above are more similar.",
    lambda s: 1 + (s < _own(s)).sum(1) + ((s == _own(s)).sum(1) - 1) / 2,
    "You counted down the columns: that is the rank of the query for its key. Keys stand in a row.",
    lambda s: 1 + (s > s.diagonal()).sum(0) + ((s == s.diagonal()).sum(0) - 1) / 2,
)


def _ranked(generator: torch.Generator) -> Iterator[tuple[Tensor]]:
    for n, m in ((5, 6), (4, 10), (6, 8)):
        right = torch.rand(n, m, generator=generator) < 0.4
        right[0] = torch.arange(m) == m // 2  # one right key
        right[1] = torch.arange(m) % 3 == 2  # the first is wrong
        right[~right.any(1), 0] = True
        yield (right,)


@exercise(
    "retrieval.2",
    "Average precision",
    task="The keys of each query are sorted, most similar first, and `right` says which are right. Precision at place "
    "$r$ is the share of right keys among the first $r$. Return the mean of the precisions at the places of the right "
    "keys.",
    minutes=8,
    difficulty=2,
    hints=(
        "`right.cumsum(1)` counts the right keys so far, and the places are `torch.arange(1, M + 1)`.",
        "Keep the precision only where `right` is True. Then divide by the number of right keys of the row.",
    ),
    cases=_ranked,
    answer="the average precisions",
    passed="With a single right key it is the reciprocal of its rank.",
)
def precision_average(right: Tensor) -> Tensor:
    """Average precision of each query: right (N, M) bool, best key first -> (N,).

    >>> precision_average(torch.tensor([[True, False, True], [False, True, False]]))
    tensor([0.8333, 0.5000])
    """
    # BEGIN SOLUTION
    place = torch.arange(1, right.shape[1] + 1)
    precision = right.cumsum(1) / place  # (N, M)
    return (precision * right).sum(1) / right.sum(1)
    # END SOLUTION


def _precision(right: Tensor) -> Tensor:
    return right.cumsum(1) / torch.arange(1, right.shape[1] + 1)


mistakes(
    precision_average,
    "You averaged over all places: only the places of right keys count.",
    lambda right: _precision(right).mean(1),
    "You divided by the number of keys: divide by the number of right ones.",
    lambda right: (_precision(right) * right).mean(1),
    "Places begin at 1: the first key is in place 1, so a right one there has precision 1.",
    lambda right: (right.cumsum(1) / torch.arange(2, right.shape[1] + 2) * right).sum(1) / right.sum(1),
    "That is the reciprocal rank of the first right key: the other right keys count as well.",
    lambda right: 1 / (right.float().argmax(1) + 1),
    "You added reciprocal ranks: at the second right key, two of the keys so far are right.",
    lambda right: (right / torch.arange(1, right.shape[1] + 1)).sum(1) / right.sum(1),
    "You did not average: divide by the number of right keys.",
    lambda right: (_precision(right) * right).sum(1),
    "You averaged over all queries: return one number for each.",
    lambda right: ((_precision(right) * right).sum(1) / right.sum(1)).mean(),
)


def _vectors(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n, m, d in ((4, 5, 3), (6, 4, 8), (5, 7, 2)):
        yield torch.randn(n, d, generator=generator), 2 * torch.randn(m, d, generator=generator)


@exercise(
    "retrieval.3",
    "Distances by a dot product",
    task=r"Return $s_{ij} = -\frac12 \lVert q_i - k_j \rVert^2 + \frac12 \lVert q_i \rVert^2$ for all queries and "
    "keys, by one matrix product and one sum of squares. What was added depends on the query alone, so the ranking is "
    "that of the distances.",
    minutes=8,
    difficulty=2,
    hints=(
        r"Write out $\lVert q - k \rVert^2 = \lVert q \rVert^2 - 2 q^\top k + \lVert k \rVert^2$.",
        r"What is left is $q^\top k - \frac12 \lVert k \rVert^2$, with one number for each key.",
    ),
    cases=_vectors,
    answer="the similarities",
    passed="A search by dot products can search by distance, too. For keys of one length it ranks as the cosine.",
)
def by_distance(queries: Tensor, keys: Tensor) -> Tensor:
    """Similarities that rank as distances do: (N, D), (M, D) -> (N, M).

    >>> by_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [4.0, 0.0]]))
    tensor([[ 0.5000, -4.0000]])
    """
    # BEGIN SOLUTION
    return queries @ keys.T - keys.square().sum(1) / 2
    # END SOLUTION


def _parts(queries, keys, penalty=lambda q, k: k.square().sum(1) / 2) -> Tensor:
    return queries @ keys.T - penalty(queries, keys)


mistakes(
    by_distance,
    "The lengths of the keys are left out: that is the dot product alone, which prefers long keys.",
    dict(penalty=lambda q, k: 0),
    "The half is missing: the product counts once, so the squares count half.",
    dict(penalty=lambda q, k: k.square().sum(1)),
    "You added the squares of the keys: far keys must lose, so subtract them.",
    dict(penalty=lambda q, k: -k.square().sum(1) / 2),
    "You subtracted the length: take its square.",
    dict(penalty=lambda q, k: k.norm(dim=1) / 2),
    "You subtracted the squares of the queries: those were added back, the keys' are what is left.",
    dict(penalty=lambda q, k: q.square().sum(1, keepdim=True) / 2),
    "That is the cosine: keep the lengths.",
    lambda q, k: torch.nn.functional.normalize(q, dim=1) @ torch.nn.functional.normalize(k, dim=1).T,
    "That is minus half of the squared distance: add what depends on the query alone.",
    lambda q, k: -torch.cdist(q, k).square() / 2,
    base=_parts,
)
