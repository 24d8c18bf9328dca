"""Exercises on training: the shared residual, OGM's coefficients, the rank loss of QMF and MLA's matrix P."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...exercise import exercise, mistakes


def _logits(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n, b, c in ((2, 5, 3), (3, 7, 4), (4, 4, 4)):
        yield 2 * torch.randn(n, b, c, generator=generator), torch.randint(c, (b,), generator=generator)


@exercise(
    "balanced_learning.1",
    "The residual",
    task=r"In joint training the logits $z_m$ of the modalities are added. The loss of one sample is the "
    r"cross-entropy of $z = \sum_m z_m$. Return its gradient with respect to the logits of any one modality, for each "
    "sample of a batch.",
    minutes=5,
    difficulty=1,
    hints=(
        r"The gradient of the cross-entropy with respect to $z$ is $p - y$: probabilities minus the one-hot label.",
        r"Since $z$ is a sum, $\partial z / \partial z_m = 1$. So the gradient is the same for every modality.",
    ),
    cases=_logits,
    answer="the residuals",
    passed="The residual is the same for all heads. Once one modality makes p nearly right, the gradient of "
    "all of them is nearly zero.",
)
def residual(logits: Tensor, label: Tensor) -> Tensor:
    """Gradient of each sample's joint loss: logits (N, B, C), label (B,) -> (B, C).

    >>> residual(torch.zeros(2, 1, 2), torch.tensor([0]))
    tensor([[-0.5000,  0.5000]])
    """
    # BEGIN SOLUTION
    p = logits.sum(0).softmax(-1)  # (B, C)
    return p - F.one_hot(label, p.shape[-1])  # (B, C)
    # END SOLUTION


def _residual_in_parts(logits, label, join=lambda z: z.sum(0), axis=-1, sign=1) -> Tensor:
    p = join(logits).softmax(axis)
    return sign * (p - F.one_hot(label, p.shape[-1]))


mistakes(
    residual,
    "You averaged the logits of the modalities: joint training adds them.",
    dict(join=lambda z: z.mean(0)),
    "You used one modality alone: p comes from the sum of all logits, and that is the point.",
    dict(join=lambda z: z[0]),
    "Your softmax runs over the batch: the classes are the last axis.",
    dict(axis=0),
    "The sign is reversed: the gradient is p - y. The step of gradient descent goes the other way.",
    dict(sign=-1),
    "The label is missing: subtract the one-hot label from the probabilities.",
    lambda logits, label: logits.sum(0).softmax(-1),
    "You divided by the batch: each sample has its own loss here, so nothing is averaged.",
    lambda solve, logits, label: solve(logits, label) / len(label),
    base=_residual_in_parts,
)


def _modulated(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, float]]:
    for (n, b, c), alpha in zip(((2, 6, 3), (3, 8, 4), (4, 5, 3)), (0.3, 0.8, 0.1)):
        z = torch.randn(n, b, c, generator=generator)
        label = torch.randint(c, (b,), generator=generator)
        boost = torch.arange(n, 0, -1.0)[:, None, None] * F.one_hot(label, c)
        yield z + boost, label, alpha


@exercise(
    "balanced_learning.2",
    "OGM's coefficients",
    task=r"Compute OGM's coefficients. $s_m$ is the sum over the batch of the probability that modality $m$ alone "
    r"gives to the right class. $\rho_m$ is $s_m$ over the mean of the *other* modalities' sums. "
    r"$k_m = 1 - \tanh(\alpha \rho_m)$ where $\rho_m > 1$, and $1$ elsewhere.",
    minutes=8,
    difficulty=2,
    hints=(
        "`logits.softmax(-1)[:, range(B), label]` are the probabilities of the right classes, (N, B).",
        "The mean of the others is `(s.sum() - s) / (N - 1)`.",
        "`torch.where(condition, a, b)` chooses number by number.",
    ),
    cases=_modulated,
    answer="the coefficients",
    passed="The modality that is ahead is slowed down, the others are left alone. With Adam instead of SGD a constant "
    "k would change nothing.",
)
def coefficients(logits: Tensor, label: Tensor, alpha: float) -> Tensor:
    """OGM's k of each modality: logits (N, B, C), label (B,) -> (N,).

    >>> coefficients(torch.tensor([[[9.0, 0.0]], [[0.0, 0.0]]]), torch.tensor([0]), 0.5)
    tensor([0.2385, 1.0000])
    """
    # BEGIN SOLUTION
    s = logits.softmax(-1)[:, torch.arange(len(label)), label].sum(1)  # (N,)
    ratio = s / ((s.sum() - s) / (len(s) - 1))  # (N,)
    return torch.where(ratio > 1, 1 - torch.tanh(alpha * ratio), torch.ones_like(ratio))
    # END SOLUTION


def _of_label(logits, label):
    return logits.softmax(-1)[:, torch.arange(len(label)), label].sum(1)


def _others(s):
    return (s.sum() - s) / (len(s) - 1)


def _coefficients_in_parts(logits, label, alpha, s_of=_of_label, others=_others, ahead=torch.gt, k=None) -> Tensor:
    s = s_of(logits, label)
    ratio = s / others(s)
    damped = (k or (lambda x: 1 - torch.tanh(x)))(alpha * ratio)
    return torch.where(ahead(ratio, torch.ones_like(ratio)), damped, torch.ones_like(ratio))


mistakes(
    coefficients,
    "You compared with the mean of all modalities: leave modality m itself out of its own mean.",
    dict(others=lambda s: s.mean()),
    "You slowed down the modality that is behind: k below 1 belongs where rho is above 1.",
    dict(ahead=torch.lt),
    "You slowed down every modality: where rho is at most 1, k is 1.",
    dict(ahead=lambda ratio, one: ratio > 0),
    "You returned tanh without '1 -': the modality that is furthest ahead would be slowed down least.",
    dict(k=torch.tanh),
    "You summed the largest probability of each sample: take that of the right class.",
    dict(s_of=lambda logits, label: logits.softmax(-1).amax(-1).sum(1)),
    "Your softmax runs over the batch: the classes are the last axis.",
    dict(s_of=lambda logits, label: logits.softmax(1)[:, torch.arange(len(label)), label].sum(1)),
    "You left out alpha: it stands inside the tanh.",
    lambda solve, logits, label, alpha: solve(logits, label, 1.0),
    base=_coefficients_in_parts,
)


def _ranks(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b in (4, 6, 9):
        yield torch.rand(b, generator=generator), torch.rand(b, generator=generator)


@exercise(
    "balanced_learning.3",
    "Confidence in the right order",
    task=r"Write QMF's rank loss of a batch. Sample $i$ has the confidence $c_i$ and the past loss $\kappa_i$. Pair "
    r"each sample with the next one, and the last with the first. The loss is the mean of "
    r"$\max(0,\ \mathrm{sgn}(\kappa_i - \kappa_j)(c_i - c_j) + |\kappa_i - \kappa_j|)$.",
    minutes=6,
    difficulty=2,
    hints=(
        "`x.roll(-1)` puts the next sample in the place of each one.",
        "`(...).relu()` is the maximum with 0.",
    ),
    cases=_ranks,
    answer="the loss",
    passed="A sample with a larger past loss must have less confidence, by the difference of the losses. The released "
    "code subtracts that difference: then a pair may even be in the wrong order.",
)
def rank(c: Tensor, kappa: Tensor) -> Tensor:
    """QMF's rank loss: confidences (B,), past losses (B,) -> scalar.

    >>> rank(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    tensor(1.)
    """
    # BEGIN SOLUTION
    gap = kappa - kappa.roll(-1)  # (B,)
    return (gap.sign() * (c - c.roll(-1)) + gap.abs()).relu().mean()
    # END SOLUTION


def _rank_in_parts(c, kappa, order=1, margin=torch.abs, sign=torch.sign, hinge=torch.relu, mean=torch.mean) -> Tensor:
    gap = kappa - kappa.roll(-1)
    return mean(hinge(order * sign(gap) * (c - c.roll(-1)) + margin(gap)))


mistakes(
    rank,
    "You subtracted the margin, as the released code does: it is added, or a wrong order is allowed.",
    dict(margin=lambda gap: -gap.abs()),
    "The margin is missing: the confidences must differ by as much as the losses.",
    dict(margin=lambda gap: 0 * gap),
    "The order is reversed: the sample with the larger past loss must have less confidence.",
    dict(order=-1),
    "You multiplied by the difference of the losses: take its sign alone.",
    dict(sign=lambda gap: gap),
    "Pairs in the right order get a negative loss: take the maximum with 0.",
    dict(hinge=lambda x: x),
    "You took the sum over the pairs: take their mean.",
    dict(mean=torch.sum),
    base=_rank_in_parts,
)


def _matrices(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, float]]:
    for d, alpha in ((3, 0.1), (5, 0.03), (4, 0.5)):
        r = torch.rand(d, generator=generator) + 0.2
        A = torch.randn(d, d, generator=generator)
        yield torch.linalg.inv(torch.eye(d) + A @ A.T / d), r, alpha


@exercise(
    "balanced_learning.4",
    "Updating P",
    task=r"Update MLA's matrix: with $k = P r$, return $P - k k^\top / (\alpha + r^\top P r)$. Do not change the "
    "matrix that you are given.",
    minutes=6,
    difficulty=2,
    hints=(
        r"$k k^\top$ is the outer product, (D, D): `torch.outer(k, k)`.",
        r"$r^\top P r$ is one number: `r @ k`.",
    ),
    cases=_matrices,
    answer="the matrix",
    passed="Along r little of P is left, across it P is as it was. The released code divides by a matrix instead of "
    "the number, number by number: then P loses its symmetry, and more of r is left.",
)
def updated(P: Tensor, r: Tensor, alpha: float) -> Tensor:
    """P after an update with the direction r: (D, D), (D,) -> (D, D).

    >>> updated(torch.eye(2), torch.tensor([1.0, 0.0]), 0.25)
    tensor([[0.2000, 0.0000],
            [0.0000, 1.0000]])
    """
    # BEGIN SOLUTION
    k = P @ r  # (D,)
    return P - torch.outer(k, k) / (alpha + r @ k)
    # END SOLUTION


def _updated_in_parts(P, r, alpha, k_of=torch.mv, product=torch.outer, below=torch.dot, sign=-1) -> Tensor:
    k = k_of(P, r)
    return P + sign * product(k, k) / (alpha + below(r, k))


mistakes(
    updated,
    "You divided by a matrix, number by number, as the released code does: $r^\\top P r$ is one number.",
    dict(below=torch.outer),
    "You added the outer product: P must lose the direction, so subtract it.",
    dict(sign=1),
    "You used r in place of k = P r.",
    dict(k_of=lambda P, r: r),
    "Your product is one number: $k k^\\top$ is the outer product, a matrix.",
    dict(product=lambda k, q: (k @ q) * torch.ones(len(k), len(k))),
    "You left alpha out of the denominator: it keeps the division stable, and says how much of r is left.",
    lambda solve, P, r, alpha: solve(P, r, 0.0),
    "You divided by the square of the length of r: with P between, it is $r^\\top P r$.",
    dict(below=lambda r, k: r @ r),
    base=_updated_in_parts,
)
