"""Exercises on what the vectors are used for: a classifier made of sentences, and recall at K."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.metrics.retrieval import block_hits

from ...attempt import Wrong
from ...diagnose import Trial
from ...exercise import exercise, mistakes


def _prompts(generator: torch.Generator) -> Iterator[tuple[Tensor]]:
    for c, t, d in [(4, 3, 6), (2, 5, 8)]:
        lengths = 0.5 + 3 * torch.rand(c, t, 1, generator=generator)
        yield (lengths * (torch.randn(c, t, d, generator=generator) + 0.5),)


@exercise(
    "clip.6",
    "A classifier made of sentences",
    task="Each of C classes has T sentences ('a photo of a …', 'a drawing of a …'). You get their text vectors, whose "
    "lengths still differ. Make one vector of length 1 for each class, in which every sentence counts the same.",
    minutes=8,
    difficulty=1,
    hints=(
        "A vector that is three times longer counts three times as much in the mean. What has to come first?",
        "The mean of unit vectors is shorter than 1 unless all are equal. What has to come last?",
        "`F.normalize(x, dim=-1)`, then the mean over the axis of the sentences, then `F.normalize` again.",
    ),
    cases=_prompts,
    answer="the class vectors",
    passed="Right: every sentence counts the same, and every class vector has length 1.",
)
def class_vectors(prompts: Tensor) -> Tensor:
    """One unit vector per class from its prompts: (C, T, D) -> (C, D).

    >>> class_vectors(torch.tensor([[[3.0, 0.0], [0.0, 1.0]]]))
    tensor([[0.7071, 0.7071]])
    """
    # BEGIN SOLUTION
    prompts = F.normalize(prompts, dim=-1)
    return F.normalize(prompts.mean(dim=1), dim=-1)  # (C, D)
    # END SOLUTION


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=-1)


def _class_vectors_in_parts(prompts: Tensor, first=_unit, pool=lambda x: x.mean(1), last=_unit) -> Tensor:
    return last(pool(first(prompts)))


mistakes(
    class_vectors,
    "You averaged before you normalised: a long vector counts more. Normalise each first.",
    dict(first=lambda x: x),
    "Your class vectors are shorter than 1: the mean of unit vectors has to be normalised again.",
    dict(last=lambda x: x),
    "You normalised over the sentences (dim=1): the vector of one prompt lies along the last axis.",
    dict(first=lambda x: F.normalize(x, dim=1)),
    "You normalised over the classes (dim=0): the vector of one prompt lies along the last axis.",
    dict(first=lambda x: F.normalize(x, dim=0)),
    "You averaged over the classes (dim=0): the sentences are axis 1.",
    dict(pool=lambda x: x.mean(0)),
    "You averaged over the features: the sentences are axis 1.",
    dict(pool=lambda x: x.mean(2)),
    "You used the first sentence only: average over all of them.",
    dict(pool=lambda x: x[:, 0]),
    "You took the maximum over the sentences: take the mean.",
    dict(pool=lambda x: x.amax(1)),
    "You kept all the sentences: average over axis 1, so that (C, D) is left.",
    dict(pool=lambda x: x),
    base=_class_vectors_in_parts,
)


ORDER = (
    "The order of the columns decides a tie, as it does in `topk`, `argsort` and `argmax`: a wrong key that is as "
    "similar stands before the right one, so count the wrong keys with `>=`."
)


def _check_recall(trial: Trial, generator: torch.Generator) -> None:
    # how often the right key has rank 0, 1, … 8: uneven, so that every mistake gives other numbers
    ranks = torch.repeat_interleave(torch.arange(9), torch.tensor([10, 2, 8, 4, 2, 6, 4, 4, 8]))
    n, m, ks = len(ranks), 15, (1, 2, 3, 5)
    plain = torch.rand(n, m, generator=generator).argsort(1).float()  # no two alike in a row
    tied = torch.randint(4, (n, m), generator=generator).float()
    one = plain == m - 1 - ranks[:, None]
    several = one | (torch.rand(n, m, generator=generator) < 0.15)
    trial.compare(*((plain, one, k) for k in ks), answer="the recall with one right key (K = 1, 2, 3, 5)")
    trial.compare(*((plain, several, k) for k in ks), answer="the recall with several right keys (K = 1, 2, 3, 5)")
    for s, relevant, what in [(tied, several, "ties"), (torch.ones(n, m), one, "all similarities equal")]:
        for order in (torch.arange(m - 1, -1, -1), torch.randperm(m, generator=generator)):
            if any(float(trial(s, relevant, k)) != float(trial(s[:, order], relevant[:, order], k)) for k in ks):
                raise Wrong(ORDER)
        trial.compare(*((s, relevant, k) for k in ks), answer=f"the recall with {what} (K = 1, 2, 3, 5)")


@exercise(
    "clip.5",
    "Recall at K, honestly",
    task="A *query* is what looks, and the *keys* are what it looks among: a picture and all captions, for example. A "
    "query counts when at least one of its right keys is among its K most similar keys. Some queries have several "
    "right keys. A tie with a wrong key counts as lost, so embeddings that are all equal win nothing.",
    minutes=10,
    difficulty=2,
    hints=(
        "Only the best right key of each query matters: `similarity.masked_fill(~relevant, -torch.inf)` leaves the "
        "right ones.",
        "Its rank, counted from 0, is the number of *wrong* keys that stand before it.",
        "A wrong key that is exactly as similar stands before it: compare with `>=`. The query counts when rank < k.",
    ),
    checker=_check_recall,
    answer="the recall",
    passed="Right with one right key, with several and with ties, and 0 where all similarities are equal.",
)
def recall_at_k(similarity: Tensor, relevant: Tensor, k: int) -> float:
    """Share of queries answered among their K nearest: (N, M), (N, M) booleans -> number.

    >>> similarity = torch.tensor([[0.9, 0.5, 0.1], [0.4, 0.4, 0.2]])
    >>> relevant = torch.tensor([[False, True, True], [True, False, False]])
    >>> recall_at_k(similarity, relevant, 1), recall_at_k(similarity, relevant, 2)
    (0.0, 1.0)
    """
    # BEGIN SOLUTION
    best = similarity.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)  # (N, 1)
    rank = ((similarity >= best) & ~relevant).sum(dim=1)  # (N,) wrong keys that stand before the best right one
    return (rank < k).float().mean().item()
    # END SOLUTION


def _best(s: Tensor, r: Tensor) -> Tensor:
    return s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)


def _found(s: Tensor, r: Tensor, k: int) -> Tensor:
    """Which of the first K keys are right."""
    return r.gather(1, s.topk(k).indices)


mistakes(
    recall_at_k,
    "You returned the share of right keys that were found: one right key among the first K is enough.",
    lambda s, r, k: (_found(s, r, k).sum(1) / r.sum(1)).mean(),
    "You returned the share of the first K that are right: one right key among them is enough.",
    lambda s, r, k: _found(s, r, k).float().mean(),
    "You wanted all right keys among the first K: one is enough.",
    lambda s, r, k: (_found(s, r, k).sum(1) == r.sum(1)).float().mean(),
    "You looked at the first right key of each query only: any of them will do.",
    lambda s, r, k: ((s > s.gather(1, r.int().argmax(1, True))).sum(1) < k).float().mean(),
    "You count the right keys, too, among those that stand before the best right one: count only the wrong ones, "
    "`& ~relevant`.",
    lambda s, r, k: ((s >= _best(s, r)).sum(1) <= k).float().mean(),
    "You count the right key itself among those before it: a rank from 1 goes with rank ≤ K.",
    lambda solve, s, r, k: solve(s, r, k - 1),
    "You let K + 1 keys count: a rank from 0 goes with rank < K.",
    lambda solve, s, r, k: solve(s, r, k + 1),
    "You searched along the columns (dim=0): a query is a row, its keys lie along dim=1.",
    lambda solve, s, r, k: solve(s.T, r.T, k),
    "You took the least similar keys: the most similar come first.",
    lambda solve, s, r, k: solve(-s, r, k),
    "You took key i as the answer of query i: `relevant` says which keys are right.",
    lambda solve, s, r, k: solve(s, torch.eye(*s.shape).bool(), k),
    "You returned a count: divide by the number of queries.",
    lambda solve, s, r, k: solve(s, r, k) * len(s),
    "You returned per cent: return a share between 0 and 1.",
    lambda solve, s, r, k: solve(s, r, k) * 100,
    "You returned the share of queries that miss.",
    lambda solve, s, r, k: 1 - solve(s, r, k),
    "You looked at the nearest key only, whatever K is.",
    lambda solve, s, r, k: solve(s, r, 1),
    "Return one number, the mean over the queries.",
    lambda s, r, k: ((s >= _best(s, r)) & ~r).sum(1) < k,
    "You count a tie as won, so embeddings that are all equal reach 1: a wrong key that is as similar stands before "
    "the right one (`>=`).",
    lambda s, r, k: ((s > _best(s, r)).sum(1) < k).float().mean(),
    "You count a tie by its probability, as the library does by default: here it counts as lost.",
    lambda s, r, k: block_hits(s, r, k).mean(),
    ORDER,
    lambda s, r, k: _found(s, r, k).any(1).float().mean(),
    lambda s, r, k: r.gather(1, s.argsort(dim=1, descending=True, stable=True)[:, :k]).any(1).float().mean(),
    together=1,
)
