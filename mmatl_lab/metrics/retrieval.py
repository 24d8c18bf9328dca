r"""Recall at K, from embeddings or from a similarity matrix, with ties and several right answers, in bounded memory.

A query is answered at K when at least one right key is among the K most similar:

$$ \mathrm{R@}K = \frac1N \sum_i \Pr[\text{a right key of query } i \text{ is among its first } K]. $$

**Ties.** Let $b$ wrong keys be more similar than the best right one, and let $t$ keys be exactly as similar as it, $r$
of them right. The order among equals is arbitrary, so the default counts the probability under a random order,

$$ 1 - \binom{t-r}{K-b} \Big/ \binom{t}{K-b} \quad (b < K), $$

which gives constant embeddings chance and nothing more. An argsort would give them what the order of the rows gives.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Ids = Tensor | tuple[Tensor, Tensor] | None
BLOCK = 1 << 20  # numbers of the similarity matrix held at once: 4 MiB in float32


class Recall(NamedTuple):
    i2t: float  # an image asks for its text
    t2i: float  # a text asks for its image


def recall_both(
    image: Tensor, text: Tensor, *, k: int = 1, ids: Ids = None, ties: Literal["expected", "lost"] = "expected"
) -> Recall:
    """R@K in both directions.

    Args:
        image: (N, D) unit vectors.
        text: (M, D) unit vectors.
        k, ids, ties: as in `hits_at_k`; `ids` as a pair is (image ids, text ids).
    """
    swapped = ids[::-1] if isinstance(ids, tuple) else ids
    return Recall(
        recall_at_k(image, text, k=k, ids=ids, ties=ties), recall_at_k(text, image, k=k, ids=swapped, ties=ties)
    )


def recall_at_k(
    queries: Tensor,
    keys: Tensor | None = None,
    *,
    k: int = 1,
    ids: Ids = None,
    ties: Literal["expected", "lost"] = "expected",
) -> float:
    """R@K of queries against keys: the mean of `hits_at_k`, whose arguments it takes."""
    return hits_at_k(queries, keys, k=k, ids=ids, ties=ties).mean().item()


def hits_at_k(
    queries: Tensor,
    keys: Tensor | None = None,
    *,
    k: int = 1,
    ids: Ids = None,
    ties: Literal["expected", "lost"] = "expected",
) -> Tensor:
    """For each query the probability that a right key is among its K nearest: what an interval is computed from.

    Args:
        queries: (N, D) vectors, compared by dot product: give unit vectors for the cosine. Or, without `keys`, the
            similarity matrix (N, M) itself.
        keys: (M, D) vectors.
        k: how many of the nearest keys count.
        ids: what is a right answer. (N,) integers, when queries and keys share them: key j answers query i when their
            ids are equal. A pair of (N,) and (M,): the ids of queries and of keys. None: key i answers query i.
        ties: `"expected"` gives the probability under a random order of equal similarities; `"lost"` counts a tie with
            a wrong key as lost.

    Returns:
        (N,) float64 on the CPU; 0 or 1 where nothing is tied.

    Raises:
        ValueError: for shapes that do not fit, K below 1, similarities that are not numbers, or a query without any
            right key.
    """
    if keys is not None and not isinstance(keys, Tensor):
        raise TypeError(f"keys is a tensor (M, D), got {type(keys).__name__}: give K by name, as k={keys}")
    if k < 1:
        raise ValueError(f"K counts the nearest keys, got {k}: give 1 or more")
    if ties not in ("expected", "lost"):
        raise ValueError(f"ties is 'expected' or 'lost', got {ties!r}")
    query_ids, key_ids = answer_ids(queries, keys, ids)
    hits = torch.empty(len(queries), dtype=torch.float64)
    for rows, similarity in similarity_blocks(queries, keys):
        hits[rows] = block_hits(similarity, query_ids[rows, None] == key_ids, k, ties)
    check_found(~hits.isnan(), len(key_ids))
    return hits


def block_hits(similarity: Tensor, relevant: Tensor, k: int, ties: Literal["expected", "lost"] = "expected") -> Tensor:
    """`hits_at_k` of one block, with the right keys as a matrix: NaN where no key is right.

    Args:
        similarity: (N, M).
        relevant: (N, M) bool, True where key j answers query i.
    """
    best = similarity.masked_fill(~relevant, -torch.inf).amax(1, keepdim=True)
    level = similarity == best
    above = (similarity > best).sum(1).cpu().double()  # b: all wrong, since no right key lies above the best one
    tied, right = level.sum(1).cpu().double(), (level & relevant).sum(1).cpu().double()  # t, r
    if ties == "lost":
        hit = (above + tied - right < k).double()
    else:
        hit = 1 - miss_probability(tied, right, k - above)
    return torch.where(relevant.any(1).cpu(), hit, torch.nan)


def miss_probability(tied: Tensor, right: Tensor, places: Tensor) -> Tensor:
    """C(t - r, p) / C(t, p): that none of r right keys among t equals is among the first p in a random order.

    Args:
        tied: t. right: r. places: p; below 0 is as 0, above t as t. They broadcast.
    """
    wrong, places = tied - right, places.clamp(min=0).minimum(tied)
    log_miss = _log_choose(wrong, torch.minimum(places, wrong)) - _log_choose(tied, places)
    return torch.where(places > wrong, 0.0, log_miss.exp())  # with fewer wrong keys than places a right one is certain


def _log_choose(n: Tensor, k: Tensor) -> Tensor:
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


def similarity_blocks(queries: Tensor, keys: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
    """Slices of rows with their similarities to all keys, `BLOCK` numbers or one row at a time."""
    keys = None if keys is None else _wide(keys)
    size = max(BLOCK // (queries.shape[1] if keys is None else len(keys)), 1)
    for start in range(0, len(queries), size):
        rows = slice(start, start + size)
        similarity = _wide(queries[rows]) if keys is None else _wide(queries[rows]) @ keys.T
        if similarity.isnan().any():
            raise ValueError(
                f"the similarities of queries {start} to {start + len(similarity) - 1} hold NaN, which has no rank: "
                "look for embeddings that are not finite"
            )
        yield rows, similarity


def check_found(found: Tensor, num_keys: int) -> None:
    """ValueError unless each query, (N,) bool, has a right key."""
    if not found.all():
        missing = ~found
        raise ValueError(
            f"{int(missing.sum())} queries have no right key among {num_keys}, the first is query "
            f"{int(missing.nonzero()[0])}: leave them out, or give ids under which each has one"
        )


def _wide(x: Tensor) -> Tensor:
    """At least float32: half precision makes ties of near misses."""
    return x.detach() if x.dtype == torch.float64 else x.detach().float()


def answer_ids(queries: Tensor, keys: Tensor | None, ids: Ids) -> tuple[Tensor, Tensor]:
    """The ids of queries and keys, (N,) and (M,), after checking that everything fits."""
    shapes = f"{tuple(queries.shape)}" + ("" if keys is None else f" and {tuple(keys.shape)}")
    if queries.dim() != 2 or (keys is not None and (keys.dim() != 2 or keys.shape[1] != queries.shape[1])):
        raise ValueError(f"expected vectors (N, D) and (M, D), or similarities (N, M), got {shapes}")
    n, m = len(queries), queries.shape[1] if keys is None else len(keys)
    if n == 0 or m == 0:
        raise ValueError(f"expected at least one query and one key, got {shapes}")
    pair = ids if isinstance(ids, tuple) else (ids, ids)
    if ids is None:
        pair = torch.arange(n), torch.arange(m)
    query_ids, key_ids = (torch.as_tensor(i, device=queries.device) for i in pair)
    if query_ids.shape != (n,) or key_ids.shape != (m,):
        raise ValueError(
            f"expected an id for each of {n} queries and {m} keys, got {tuple(query_ids.shape)} and "
            f"{tuple(key_ids.shape)}: give ids as a pair when queries and keys differ"
        )
    return query_ids, key_ids
