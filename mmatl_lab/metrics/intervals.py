"""Intervals: how far a measured number would move if the measurement were done again."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

Values = Tensor | Sequence[float]


class Interval(NamedTuple):
    low: float
    high: float


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    r"""Interval of a share, from `successes` among `n` independent trials (Wilson 1927).

    $$ \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}, \quad \hat p = \text{successes}/n $$

    It stays inside [0, 1] and keeps a width at 0 and at n, where $\hat p \pm z\sqrt{\hat p(1-\hat p)/n}$ has none.

    Raises:
        ValueError: unless 0 ≤ successes ≤ n, n ≥ 1 and 0 < confidence < 1.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise ValueError(f"expected 0 ≤ successes ≤ n and n ≥ 1, got {successes} of {n}")
    z, p = NormalDist().inv_cdf((1 + _share(confidence)) / 2), successes / n
    middle = p + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    # at p = 0 and p = 1 the ends are exactly 0 and 1: keep rounding from moving them outside
    return Interval(max((middle - reach) / (1 + z * z / n), 0.0), min((middle + reach) / (1 + z * z / n), 1.0))


def bootstrap(
    values: Values,
    statistic: Callable[[Tensor], Tensor] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    generator: torch.Generator | None = None,
) -> Interval:
    """Percentile bootstrap interval of a statistic of items (Efron 1979).

    Args:
        values: (n,) numbers, one per independent item. It needs some 30 of them; for a few seeds use `student`.
        statistic: (R, n) resampled values -> (R,); the mean by default.
        resamples: R in total.
        generator: CPU generator; a fixed one by default, so that the same values give the same interval.

    Raises:
        ValueError: for fewer than two values, or values that are not finite.
    """
    values = _values(values)
    generator = generator or torch.Generator().manual_seed(0)
    statistic = statistic or (lambda x: x.mean(1))
    step = max((1 << 22) // len(values), 1)  # resamples at a time, for bounded memory
    results = [
        statistic(values[torch.randint(len(values), (min(step, resamples - done), len(values)), generator=generator)])
        for done in range(0, resamples, step)
    ]
    tail = (1 - _share(confidence)) / 2
    low, high = torch.cat(results).quantile(torch.tensor([tail, 1 - tail], dtype=values.dtype)).tolist()
    return Interval(low, high)


def student(values: Values, confidence: float = 0.95) -> Interval:
    """Interval of a mean from a few runs, such as five seeds: mean ± t · s/√n (Student 1908).

    Exact for normal values. A bootstrap of five values covers far less than it says.

    Raises:
        ValueError: for fewer than two values, or values that are not finite.
    """
    from scipy.special import stdtrit

    values = _values(values)
    n = len(values)
    reach = float(stdtrit(n - 1, (1 + _share(confidence)) / 2)) * values.std().item() / math.sqrt(n)
    return Interval(values.mean().item() - reach, values.mean().item() + reach)


def _values(values: Values) -> Tensor:
    values = torch.as_tensor(values).detach().cpu().double()
    if values.dim() != 1 or len(values) < 2 or not values.isfinite().all():
        raise ValueError(f"expected two or more finite numbers (n,), got {tuple(values.shape)}")
    return values


def _share(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, got {confidence}: give .95 for 95 %")
    return confidence
