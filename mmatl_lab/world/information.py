r"""Information in tables of probabilities: mutual information, and its decomposition between two sources.

For a table of probabilities $p(x, y)$, in bits (Shannon 1948),

$$ I(X; Y) = \sum_{x, y} p(x, y) \log_2 \frac{p(x, y)}{p(x)\,p(y)}. $$

The information of two sources together, $I(X_1 X_2; Y)$, has four parts: what both carry (redundancy), what only
the first or only the second carries (unique), and what only the two together carry (synergy; an XOR is all synergy).
Mutual information gives three equations for these four parts, so one part needs a definition. We use BROJA
(Bertschinger, Rauh, Olbrich, Jost and Ay 2014, arXiv:1311.2852). There, all but the synergy depends only on the
marginals $p(x_1, y)$ and $p(x_2, y)$. It is the smallest mutual information of all couplings with these marginals,

$$ I_\cup = \min_q I_q(X_1 X_2; Y) \quad\text{over } q \text{ with } q(x_1, y) = p(x_1, y),\; q(x_2, y) = p(x_2, y). $$

We do not use the older $I_{\min}$ (Williams and Beer 2010, arXiv:1004.2515), because it compares only amounts: it calls
two different bits of a target redundant. In BROJA a source has unique information exactly if some decision about the
target can be made better with it than with the other source.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_GAP = 1e-7  # nats, at most, between what the solver returns and the true minimum
_MAX_STEPS = 500  # of Newton's method; 30 to 100 are usual
_LARGEST = 4_000_000  # entries of the solver's matrix: some seconds on one core
_RAREST = 1e-12  # a smaller probability changes no result, only the solver's conditioning


class Decomposition(NamedTuple):
    """Bits about a target that both sources carry, only the first, only the second, and only the two together.

    They sum to the mutual information between the two sources together and the target.
    """

    redundancy: float
    unique_first: float
    unique_second: float
    synergy: float


def probabilities(joint: Tensor, axes: str) -> Tensor:
    """The table in float64, scaled to the sum 1 where rounding has moved it.

    Args:
        axes: what is expected, such as "(X, Y)".

    Raises:
        ValueError: another number of axes, an entry below 0 or not finite, or a sum other than 1.
    """
    if joint.dim() != axes.count(",") + 1:
        raise ValueError(f"expected a table of probabilities {axes}, got the shape {tuple(joint.shape)}.")
    joint = joint.detach().cpu().double()
    total = joint.sum().item()
    if not (joint >= 0).all() or not abs(total - 1) < 1e-4:
        raise ValueError(
            f"expected probabilities {axes} of at least 0 with the sum 1, got a smallest of {joint.min():.3g} and the "
            f"sum {total:.6g}; divide counts by their sum."
        )
    return joint if abs(total - 1) < 1e-12 else joint / total


def mutual_information(joint: Tensor) -> float:
    """I(X; Y) in bits, of a table (X, Y) of probabilities; 0 where X and Y are independent.

    Raises:
        ValueError: a table that holds no probabilities.
    """
    joint = probabilities(joint, "(X, Y)")
    x, y = joint.nonzero().T
    p = joint[x, y]
    return max((p * (p / (joint.sum(1)[x] * joint.sum(0)[y])).log2()).sum().item(), 0.0)


def decompose(joint: Tensor) -> Decomposition:
    """What two sources tell about a target, from a table (X1, X2, Y) of probabilities, by BROJA.

    With I₁ and I₂ for what each source tells alone: redundancy I₁ + I₂ − I∪, unique I∪ − I₂ and I∪ − I₁, synergy
    I(X₁X₂; Y) − I∪. Each is at least 0 and exact to 1e-6 bits; probabilities below 1e-12 count as 0.

    >>> xor = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]]]) / 4
    >>> round(decompose(xor).synergy, 6)
    1.0

    Raises:
        ValueError: a table that holds no probabilities, or more values than the solver takes.
        ArithmeticError: no convergence.
    """
    joint = probabilities(joint, "(X1, X2, Y)")
    joint = torch.where(joint < _RAREST, 0.0, joint)
    joint = joint / joint.sum()
    return decompose_tables(joint.sum(1), joint.sum(0), joint.flatten(0, 1))


def decompose_tables(first: Tensor, second: Tensor, both: Tensor) -> Decomposition:
    """``decompose`` from the three tables it depends on: (X1, Y), (X2, Y), and (V, Y) for the pairs v = (x1, x2)."""
    one, two, together = (mutual_information(table) for table in (first, second, both))
    first, second = _merge(first), _merge(second)
    open_y = ((first > 0).sum(0) > 1) & ((second > 0).sum(0) > 1)  # where y leaves both sources more than one value
    union = union_information(first, second) / math.log(2) if open_y.any() else together  # else p is the only q
    union = max(min(union, one + two, together), one, two)  # it lies between these; the solver knows it but for its gap
    parts = (one + two - union, union - two, union - one, together - union)
    return Decomposition(*(round(bits, 9) + 0.0 for bits in parts))  # without 1e-16 and -0.0, which are rounding


def _merge(table: Tensor) -> Tensor:
    """(X, Y) -> (X', Y): values that say the same about the target become one, which changes no information."""
    table = table[table.sum(1) > 0]
    _, group = (table / table.sum(1, keepdim=True)).mul(1e12).round().unique(dim=0, return_inverse=True)
    return table.new_zeros(int(group.max()) + 1, table.shape[1]).index_add(0, group, table)


def union_information(first: Tensor, second: Tensor) -> float:
    r"""$I_\cup$ in nats, from the tables p(x1, y) and p(x2, y), which agree on p(y).

    The minimum over couplings q is convex, and its dual is smaller and proves itself: any λ and μ within the
    constraints give a lower bound, and the best ones give the minimum.

    $$ I_\cup = \max_{\lambda, \mu} \sum_{x_1, y} p(x_1, y)\, \lambda(x_1, y) + \sum_{x_2, y} p(x_2, y)\, \mu(x_2, y)
       \quad\text{with}\quad g(x_1, x_2) = \sum_y p(y)\, e^{\lambda(x_1, y) + \mu(x_2, y)} \le 1 $$

    Newton's method climbs the sum plus the barrier $\tau \sum \log(1 - g)$ while τ falls; at the top for a τ, the sum
    is within τ times the number of constraints of the maximum.
    """
    X1, X2, Y = len(first), len(second), first.shape[1]
    count_1, count_2 = (first > 0).sum(0), (second > 0).sum(0)  # (Y,)
    n, m = int((count_1 * count_2).sum()), int((count_1 + count_2).sum())
    if n * m > _LARGEST:
        raise ValueError(
            f"a decomposition takes n · m up to {_LARGEST:,}, of n values (x1, x2, y) and m pairs (x1, y) and (x2, y) "
            f"that occur; got {n:,} · {m:,}; group values that are alike."
        )
    has_1, has_2 = ([values.nonzero()[:, 0] for values in (table > 0).T] for table in (first, second))  # for each y
    x1, x2 = torch.cat([torch.cartesian_prod(*values) for values in zip(has_1, has_2)]).T  # (n,) what a q can weigh
    y = torch.arange(Y).repeat_interleave(count_1 * count_2)
    _, cell = (x1 * X2 + x2).unique(return_inverse=True)  # the constraint that each takes part in
    cells = int(cell.max()) + 1
    pair, index = torch.cat([y * (X1 + X2) + x1, y * (X1 + X2) + X1 + x2]).unique(return_inverse=True)
    A = F.one_hot(index, m).view(2, n, m).sum(0).double()  # (n, m): λ + μ = A θ
    p, p_y = torch.cat([first, second]).T.flatten()[pair], first.sum(0)[y]  # (m,), (n,)

    def per_cell(values: Tensor) -> Tensor:
        return values.new_zeros(cells, *values.shape[1:]).index_add(0, cell, values)

    def barrier(theta: Tensor) -> tuple[Tensor, Tensor]:
        """Its height, NaN outside the constraints, and the coupling that the multipliers stand for."""
        e = p_y * (A @ theta).exp()
        slack = 1 - per_cell(e)
        return p @ theta + tau * slack.log().sum(), tau * e / slack[cell]

    theta, tau = torch.full_like(p, -0.5), 1 / cells
    for _ in range(_MAX_STEPS):
        height, q = barrier(theta)
        gradient, per_pair = p - q @ A, q[:, None] * A
        curvature = A.T @ per_pair + per_cell(per_pair).T @ per_cell(per_pair) / tau  # minus the Hessian
        curvature.diagonal().mul_(1 + 1e-12)  # (λ + c, μ - c) is as good as (λ, μ): take any one of them
        step = torch.linalg.solve_ex(curvature, gradient).result  # of a singular one, the line search takes nothing
        gain = gradient @ step
        if gain < 0.1 * tau:  # at the top
            if tau * cells < _GAP:
                return (p @ theta).item()
            tau /= 10
            continue
        sizes = (0.5**k for k in range(50))
        size = next((s for s in sizes if barrier(theta + s * step)[0] >= height + 0.1 * s * gain), 0.0)
        theta = theta + size * step
    raise ArithmeticError(f"the decomposition did not converge in {_MAX_STEPS} steps; group the rarest values.")
