r"""What a ranking is worth: R@K, rank, reciprocal rank, average precision and nDCG of each query, in one pass.

Key $j$ stands at rank $\rho_j$ of a query's list; $G$ are the query's right keys, $R$ of them. Then

$$ \text{rank} = \min_{j \in G} \rho_j, \quad \text{RR} = \frac{1}{\text{rank}}, \quad
   \text{AP} = \frac1R \sum_{j \in G} \frac{|\{i \in G: \rho_i \le \rho_j\}|}{\rho_j}, \quad
   \text{nDCG@}K = \frac{\sum_{j \in G, \rho_j \le K} 1/\log_2(\rho_j + 1)}{\sum_{r=1}^{\min(R, K)} 1/\log_2(r + 1)}. $$

Means over the queries are R@K (of `hits`), MRR, mAP and nDCG; the median of the ranks is the median rank.

**Ties.** The order among equal similarities is arbitrary, so each score is its exact expectation under a random order
(McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the presence of tied
scores"). scikit-learn's ``average_precision_score`` differs there: it gives every tied key the precision at the end of
its tie. Its ``ndcg_score`` agrees. torchmetrics ranks equals in any order, and takes right keys with a similarity of 0
or below for wrong ones; for positive similarities without ties it agrees.

**Memory.** Similarities are made and dropped in blocks; only the scores of each query stay.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .retrieval import Ids, answer_ids, check_found, miss_probability, similarity_blocks


class Ranking(NamedTuple):
    """The scores of each of N queries, (N,) float64 on the CPU."""

    hits: dict[int, Tensor]  # by K: probability that a right key is among the first K
    rank: Tensor  # of the first right key, from 1
    reciprocal_rank: Tensor
    average_precision: Tensor
    ndcg: dict[int, Tensor]  # by K

    def summary(self) -> dict[str, float]:
        """The means by their usual names, and the median rank."""
        found = {f"R@{k}": hits.mean().item() for k, hits in self.hits.items()}
        found |= {"mAP": self.average_precision.mean().item(), "MRR": self.reciprocal_rank.mean().item()}
        found |= {"median rank": self.rank.quantile(0.5).item()}
        return found | {f"nDCG@{k}": ndcg.mean().item() for k, ndcg in self.ndcg.items()}


class Levels(NamedTuple):
    """Where the right keys of a query stand: one column for each right key, best first, (N, R) float64."""

    above: Tensor  # b: keys that are more similar
    tied: Tensor  # t: keys that are as similar, itself included
    right_above: Tensor  # right keys among the b
    right_tied: Tensor  # r: right keys among the t
    there: Tensor  # bool: queries may have fewer than R right keys


def rank_metrics(
    queries: Tensor, keys: Tensor | None = None, *, k: int | Sequence[int] = (1, 5, 10), ids: Ids = None
) -> Ranking:
    """All scores of each query.

    Args:
        queries, keys, ids: as in `hits_at_k`: vectors compared by dot product, or the similarities themselves.
        k: the depths of R@K and nDCG@K, each from 1 to the number of keys.

    Raises:
        ValueError: as `hits_at_k`, or a K beyond the number of keys.
    """
    depths = (k,) if isinstance(k, int) else tuple(k)
    query_ids, key_ids = answer_ids(queries, keys, ids)
    n, m = len(query_ids), len(key_ids)
    if wrong := [depth for depth in depths if not 1 <= depth <= m]:
        raise ValueError(f"K counts the nearest of {m} keys, got {wrong[0]}: give 1 to {m}")
    discount = torch.cat([torch.zeros(1), 1 / torch.arange(2, m + 2).double().log2()]).double().cumsum(0)
    hits, ndcg = ({depth: torch.empty(n, dtype=torch.float64) for depth in depths} for _ in range(2))
    rank, reciprocal, precision = (torch.empty(n, dtype=torch.float64) for _ in range(3))
    check_found(torch.isin(query_ids, key_ids), m)
    for rows, similarity in similarity_blocks(queries, keys):
        relevant = query_ids[rows, None] == key_ids
        levels = find_levels(similarity, relevant)
        right = levels.there.sum(1)  # R
        first = Levels(*(column[:, 0] for column in levels))
        rank[rows] = first.above + (first.tied + 1) / (first.right_tied + 1)
        reciprocal[rows] = _reciprocal_rank(first)
        precision[rows] = (_precision(levels) * levels.there).sum(1) / right
        for depth in depths:
            hits[depth][rows] = 1 - miss_probability(first.tied, first.right_tied, depth - first.above)
            end = (levels.above + levels.tied).clamp(max=depth).long()
            gain = (discount[end] - discount[levels.above.clamp(max=depth).long()]) / levels.tied  # mean over the tie
            ndcg[depth][rows] = (gain * levels.there).sum(1) / discount[right.clamp(max=depth)]
    return Ranking(hits, rank, reciprocal, precision, ndcg)


def find_levels(similarity: Tensor, relevant: Tensor) -> Levels:
    """Where the right keys stand, without sorting the others.

    Args:
        similarity: (N, M). relevant: (N, M) bool, at least one in each row.
    """
    count = relevant.sum(1)
    best = similarity.masked_fill(~relevant, -torch.inf).topk(int(count.max())).values  # (N, R), best first
    rising = best.flip(1).contiguous()
    # A key is above the right key in column i of `rising` when more than i columns are below it.
    counts = [
        _suffix_counts(torch.searchsorted(rising, x.contiguous(), right=right), rising.shape[1])
        for x in (similarity, rising)
        for right in (False, True)
    ]
    above, level, right_above, right_level = counts
    there = torch.arange(best.shape[1], device=best.device) < count[:, None]
    tied, right_tied = (torch.where(there.flip(1), x, 1) for x in (level - above, right_level - right_above))
    return Levels(*(x.flip(1).cpu() for x in (above, tied, right_above, right_tied)), there.cpu())


def _suffix_counts(places: Tensor, r: int) -> Tensor:
    """(N, M) numbers from 0 to R -> (N, R) float64: how many are larger than 0, ..., R - 1."""
    counts = torch.zeros(len(places), r + 1, dtype=torch.float64, device=places.device)
    counts.scatter_add_(1, places, torch.ones((), dtype=torch.float64, device=places.device).expand_as(places))
    return counts.flip(1).cumsum(1).flip(1)[:, 1:]


def _reciprocal_rank(first: Levels) -> Tensor:
    """(N,) expectation of 1 / (b + x), where x is the first place of a right key in the tie: Pr[x ≥ p] is known."""
    place = torch.arange(1, int(first.tied.max()) + 1, dtype=torch.float64)  # (T,)
    miss = miss_probability(first.tied[:, None], first.right_tied[:, None], torch.cat([place.new_zeros(1), place]))
    return ((miss[:, :-1] - miss[:, 1:]) / (first.above[:, None] + place)).sum(1)


def _precision(levels: Levels) -> Tensor:
    r"""(N, R) expected precision at the place of each right key.

    At place $p$ of its tie it has $1 + B + (p - 1)(r - 1)/(t - 1)$ right keys up to itself, on average, among $b + p$;
    the mean over $p = 1, ..., t$ is a difference of harmonic numbers.
    """
    b, t = levels.above, levels.tied
    share = (levels.right_tied - 1) / (t - 1).clamp(min=1)
    harmonic = torch.digamma(b + t + 1) - torch.digamma(b + 1)
    return share + (1 + levels.right_above - share * (b + 1)) * harmonic / t
