"""How two clouds of unit vectors lie to each other: the gap between them, how close pairs are, how evenly they spread.

Every function scales its rows to unit length first, so only directions count, and takes any device.
"""

import math

import torch
from torch import Tensor

BLOCK = 1 << 20  # numbers of the distance matrix held at once


def modality_gap(x: Tensor, y: Tensor) -> float:
    r"""Distance of the centroids of two modalities (Liang et al. 2022, arXiv:2203.02053).

    $$ \Big\| \frac1N\sum_i x_i - \frac1M\sum_j y_j \Big\| \in [0, 2] $$

    0 means that the clouds share their centre, not that pairs are close: `alignment` says that.

    Args:
        x: (N, D) vectors of one modality.
        y: (M, D) vectors of the other.
    """
    x, y = _unit(x), _unit(y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"expected vectors of one width, got {tuple(x.shape)} and {tuple(y.shape)}")
    return (x.mean(0) - y.mean(0)).norm().item()


def alignment(x: Tensor, y: Tensor, alpha: float = 2.0) -> float:
    r"""Mean distance of pairs, to the power α (Wang & Isola 2020, arXiv:2005.10242); smaller is better aligned.

    $$ \frac1N \sum_i \|x_i - y_i\|^\alpha \in [0, 2^\alpha] $$

    Constant vectors reach 0: read it beside `uniformity`.

    Args:
        x, y: (N, D); row i of one belongs to row i of the other.
    """
    x, y = _unit(x), _unit(y)
    if x.shape != y.shape:
        raise ValueError(f"expected pairs of one shape (N, D), got {tuple(x.shape)} and {tuple(y.shape)}")
    return (x - y).norm(dim=1).pow(alpha).mean().item()


def uniformity(x: Tensor, t: float = 2.0) -> float:
    r"""How evenly vectors spread over the sphere (Wang & Isola 2020); smaller is more even, 0 is one point.

    $$ \log \frac{1}{N(N-1)} \sum_{i \ne j} e^{-t \|x_i - x_j\|^2} \in [-4t, 0] $$

    Summed in the log domain: with a large t every exponential underflows and the plain form is $-\infty$. Rows are
    taken in blocks, so the memory does not grow with N².

    Args:
        x: (N, D), N ≥ 2.
        t: sharpness of the kernel; 2 in the paper.
    """
    x = _unit(x)
    n = len(x)
    if n < 2:
        raise ValueError("expected two or more vectors, got one: there is no pair to measure")
    sums, size = [], max(BLOCK // n, 1)
    for start in range(0, n, size):
        rows = x[start : start + size]
        exponent = -t * (2 - 2 * rows @ x.T).clamp(min=0)  # -t ‖x_i − x_j‖² of unit vectors
        exponent[torch.arange(len(rows)), torch.arange(start, start + len(rows))] = -torch.inf  # i = j
        sums.append(exponent.flatten().logsumexp(0))
    return torch.stack(sums).logsumexp(0).item() - math.log(n * (n - 1))


def _unit(x: Tensor) -> Tensor:
    """(N, D) at unit length, in float32 or wider."""
    if x.dim() != 2 or len(x) == 0:
        raise ValueError(f"expected vectors (N, D), got {tuple(x.shape)}")
    x = x.detach() if x.dtype == torch.float64 else x.detach().float()
    length = x.norm(dim=1)
    if not (length.isfinite() & (length > 0)).all():
        raise ValueError("expected finite vectors that are not zero: a zero vector has no direction")
    return x / length[:, None]
