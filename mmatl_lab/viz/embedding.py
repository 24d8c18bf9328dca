"""Flat pictures of latent spaces: PCA, UMAP, and where a new latent lands on a map.

PCA shows the directions of largest variance and is exact and fast. UMAP (McInnes et al. 2018, arXiv:1802.03426) keeps
neighbours together: who lies beside whom can be read from it, axes and the distance between far clusters cannot.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

MAX_POINTS = 2_000  # 10,000 take most of a minute on two cores
NEIGHBOURS = 15


def umap_embed(x: Tensor | np.ndarray, seed: int = 0) -> np.ndarray:
    """UMAP of x to two dimensions, on Euclidean neighbours, the same bit for bit for the same seed.

    Above 2,000 points a random 2,000 are embedded and the others placed among their neighbours, with a warning.

    Args:
        x: (N, D).
    Returns:
        (N, 2) float32, centred.
    Raises:
        ValueError: x has another shape, fewer than 3 rows, or values that are not finite.
    """
    x = checked(x)
    if len(x) <= MAX_POINTS:
        return umap_from(x, seed, pca(x))
    warnings.warn(
        f"UMAP of {len(x)} points is slow: a random {MAX_POINTS} were embedded and the others placed among them",
        stacklevel=2,
    )
    chosen = np.sort(np.random.default_rng(seed).permutation(len(x))[:MAX_POINTS])
    points = umap_from(x[chosen], seed, pca(x[chosen]))
    placed = place(x, x[chosen], points)
    placed[chosen] = points
    return placed


def place(queries: Tensor | np.ndarray, latents: Tensor | np.ndarray, points: np.ndarray, k: int = 5) -> np.ndarray:
    """Where new latents land on a map: the mean place of their k nearest latents, the nearer the heavier.

    $p(q) = \\sum_{i \\in kNN(q)} w_i p_i$ with $w_i \\propto \\exp(-(d_i - d_1) / \\bar d)$, where $\\bar d$ is
    the mean of the k differences $d_i - d_1$ to the smallest distance.

    Args:
        queries: (Q, D) new latents.
        latents: (N, D) latents on the map.
        points: (N, 2) their places.
    Returns:
        (Q, 2) float32.
    Raises:
        ValueError: shapes that do not fit together, or values that are not finite.
    """
    queries, latents = checked(queries, 1), checked(latents, 1)
    if queries.shape[1] != latents.shape[1] or np.shape(points) != (len(latents), 2):
        raise ValueError(
            "expected queries (Q, D), latents (N, D) and points (N, 2), "
            f"got {queries.shape}, {latents.shape} and {np.shape(points)}"
        )
    index, distance = _neighbours(queries, latents, min(k, len(latents)))  # (Q, k)
    beyond = distance - distance[:, :1]
    weight = np.exp(-beyond / np.maximum(beyond.mean(1, keepdims=True), 1e-12))
    weight /= weight.sum(1, keepdims=True)
    return (weight[..., None] * np.asarray(points)[index]).sum(1).astype(np.float32)


def checked(x: Tensor | np.ndarray, least: int = 3) -> np.ndarray:
    """Latents as (N, D) float32, finite and at least `least` of them; else a ValueError."""
    x = np.asarray(x.detach().float().cpu() if hasattr(x, "detach") else x, dtype=np.float32)
    if x.ndim != 2 or len(x) < least:
        raise ValueError(f"expected latents of shape (N, D) with N ≥ {least}, got {x.shape}")
    bad = (~np.isfinite(x)).any(1)
    if bad.any():
        raise ValueError(f"{bad.sum()} of {len(x)} latents hold NaN or infinity: find the step where training diverged")
    return x


def _neighbours(x: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row of x its k nearest rows of y, nearest first: indices and Euclidean distances, (len(x), k)."""
    import torch

    from mmatl_lab.threads import calm_threads

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    exact = {"compute_mode": "donot_use_mm_for_euclid_dist"}  # the fast way rounds small distances away
    with calm_threads():
        nearest = [torch.cdist(part, b, **exact).topk(k, largest=False) for part in a.split(1024)]
    return torch.cat([n.indices for n in nearest]).numpy(), torch.cat([n.values for n in nearest]).numpy()


def pca(x: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, 2) main directions, scaled to [-10, 10] as UMAP starts, the sign fixed by the heavier side."""
    x = x - x.mean(0)
    _, _, directions = np.linalg.svd(x, full_matrices=False)
    points = np.zeros((len(x), 2), dtype=np.float32)
    flat = x @ directions[:2].T
    flat *= np.where((flat**3).sum(0) < 0, -1, 1)
    points[:, : flat.shape[1]] = flat
    return points * (10 / max(float(np.abs(points).max()), 1e-12))


def umap_from(x: np.ndarray, seed: int, start: np.ndarray, gentle: bool = False) -> np.ndarray:
    """UMAP from given starting points; `gentle` moves them no further than their neighbours pull them."""
    with warnings.catch_warnings(), _threads_of_torch():
        warnings.simplefilter("ignore")  # n_jobs, disconnected vertices: neither is the learner's doing
        from umap import UMAP

        k = min(NEIGHBOURS, len(x) - 1)
        # The nearest neighbour of a point has to be itself, which duplicates would upset.
        index, distance = _neighbours(x, x, k)
        for row in np.flatnonzero(index[:, 0] != np.arange(len(x))):
            own = np.flatnonzero(index[row] == row)
            index[row, own[0] if own.size else 0] = index[row, 0]
            index[row, 0] = row
        # Equal starting points would never part.
        start = start + np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
        points = UMAP(
            n_neighbors=k,
            init=start.astype(np.float32),
            n_epochs=300 if gentle else 500,
            learning_rate=0.25 if gentle else 1.0,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(index.astype(np.int32), distance.astype(np.float32)),
        ).fit_transform(x)
    return points - points.mean(0)


@contextmanager
def _threads_of_torch() -> Iterator[None]:
    """Keeps torch's number of threads: UMAP's compiler tells OpenMP, which torch uses too, to take all cores."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def turned(points: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Turns and mirrors points (N, 2) to lie as near to `before` as they can (orthogonal Procrustes)."""
    points = points - points.mean(0)
    if before is None:
        return points
    u, _, v = np.linalg.svd(points.T @ before)
    return (points @ (u @ v)).astype(np.float32)
