r"""The nearest keys of each query, exactly and in blocks, and hubs.

**Other similarities as a dot product.** A query's ranking does not change when a number that depends on the query alone
is added. So each of these ranks as the dot product of vectors that are one number longer, $\tilde q = [q, 1]$:

$$ -\tfrac12 \lVert q - k \rVert^2 = q^\top k - \tfrac12 \lVert k \rVert^2 + \text{const}, \qquad
   \tilde k = [k, -\tfrac12 \lVert k \rVert^2] \quad (\text{Euclidean}) $$

$$ \mathrm{CSLS}(q, k) = 2 q^\top k - r(q) - r(k), \qquad
   \tilde k = [k, -\tfrac12 r(k)] \quad (\text{Conneau et al. 2018, arXiv:1710.04087}), $$

where $r(k)$ is the mean similarity of key $k$ to its $K$ nearest queries. Unit vectors all have the same length, so for
them Euclidean distance and cosine rank alike.

**Hubs** are keys that are among the $K$ nearest of very many queries. $N_K(j)$, how often key $j$ is, has the mean
$K N / M$ whatever the space; hubs show in its skewness (Radovanović et al. 2010, "Hubs in space").
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .retrieval import similarity_blocks


class Nearest(NamedTuple):
    values: Tensor  # (N, K) similarities, largest first
    indices: Tensor  # (N, K) int64, of the keys


def nearest(queries: Tensor, keys: Tensor, k: int = 10) -> Nearest:
    """The K keys most similar to each query by dot product, in blocks of bounded memory.

    Args:
        queries: (N, D). keys: (M, D).
        k: K, from 1 to M.

    Raises:
        ValueError: shapes that do not fit, a K outside 1 to M, or vectors that are not finite.
    """
    if queries.dim() != 2 or keys.dim() != 2 or queries.shape[1] != keys.shape[1]:
        raise ValueError(f"expected vectors (N, D) and (M, D), got {tuple(queries.shape)} and {tuple(keys.shape)}")
    if not 1 <= k <= len(keys):
        raise ValueError(f"K counts the nearest of {len(keys)} keys, got {k}: give 1 to {len(keys)}")
    found = [similarity.topk(k) for _, similarity in similarity_blocks(queries, keys)]
    if not found:
        return Nearest(queries.new_empty(0, k), torch.empty(0, k, dtype=torch.long, device=queries.device))
    return Nearest(torch.cat([block.values for block in found]), torch.cat([block.indices for block in found]))


def by_distance(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors (N, D + 1) and (M, D + 1) whose dot product ranks as the Euclidean distance does, nearest first."""
    return _extended(queries, keys, -keys.square().sum(1) / 2)


def csls(queries: Tensor, keys: Tensor, k: int = 10) -> tuple[Tensor, Tensor]:
    """Vectors (N, D + 1) and (M, D + 1) whose dot product ranks as CSLS does: hubs are pushed down.

    Args:
        queries: (N, D) unit vectors. They are also what tells which keys are hubs: give many, or those of a sample.
        keys: (M, D) unit vectors.
        k: K, how many nearest queries of a key r(k) is the mean of.
    """
    return _extended(queries, keys, -nearest(keys, queries, min(k, len(queries))).values.mean(1) / 2)


def _extended(queries: Tensor, keys: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat([queries, torch.ones_like(queries[:, :1])], 1), torch.cat([keys, last[:, None]], 1)


def k_occurrence(queries: Tensor, keys: Tensor, k: int = 10) -> Tensor:
    """(M,) int64, N_K: how many queries have each key among their K nearest; they sum to N K.

    Args, Raises: as `nearest`.
    """
    return nearest(queries, keys, k).indices.flatten().bincount(minlength=len(keys))


def skewness(values: Tensor) -> float:
    r"""The third standardised moment, $\mathbb{E}[(x - \mu)^3] / \sigma^3$: 0 for a symmetric distribution or equal
    values, and positive where a few values are far above the others.
    """
    x = values.double() - values.double().mean()
    spread = x.square().mean().sqrt()
    return (x.pow(3).mean() / spread**3).item() if spread > 0 else 0.0


def shortlist(queries: Tensor, keys: Tensor, *, dims: int, size: int, k: int = 10) -> Nearest:
    """The K nearest keys in two stages: the first ``dims`` numbers choose ``size`` candidates, all numbers re-rank.

    Args:
        queries: (N, D). keys: (M, D); both rotated so that the first numbers tell most (`principal_axes`).
        dims: of the first stage, 1 to D. size: of the shortlist, K to M.

    Raises:
        ValueError: as `nearest`, or dims or size outside their ranges.
    """
    D = keys.shape[1]
    if not 1 <= dims <= D or not k <= size <= len(keys):
        raise ValueError(
            f"dims must lie in 1 to {D} and the size of the shortlist in {k} to {len(keys)}, got {dims} and {size}"
        )
    candidates = nearest(queries[:, :dims], keys[:, :dims], size).indices  # (N, size)
    parts = []
    for rows in torch.arange(len(queries), device=queries.device).split(max((1 << 20) // (size * D), 1)):
        similarity = torch.einsum("nd,nsd->ns", queries[rows], keys[candidates[rows]])
        best = similarity.topk(k)
        parts.append(Nearest(best.values, candidates[rows].gather(1, best.indices)))
    return Nearest(torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts]))


def principal_axes(keys: Tensor) -> Tensor:
    """(D, D) rotation: ``keys @ axes`` has the same dot products, and its first numbers hold most of their squares."""
    return torch.linalg.eigh(keys.T @ keys).eigenvectors.flip(1)
