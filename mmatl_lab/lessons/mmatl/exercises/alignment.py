"""Exercises on alignment: ln N, reversed gradients, missing modalities, CDAN."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...exercise import exercise, mistakes


def _distributions(generator: torch.Generator) -> Iterator[tuple[Tensor]]:
    for n, k in ((2, 5), (3, 4), (5, 6)):
        yield (torch.randn(n, k, generator=generator).mul(1.5).softmax(1),)
    apart = torch.rand(2, 4, generator=generator) * torch.tensor([[1.0, 1, 1, 0], [0, 1, 1, 1]])
    yield (apart / apart.sum(1, keepdim=True),)


@exercise(
    "mmatl.1",
    "The lowest loss of a discriminator",
    task=r"A code takes one of $K$ values. Modality $i$ has the value $k$ with the probability $p_{ik}$, and all $N$ "
    r"modalities are equally frequent. Which answer $D(k)$, a probability for each modality, makes the mean "
    r"cross-entropy $-\frac1N \sum_i \sum_k p_{ik} \log D(k)_i$ smallest? Return that smallest loss. Then say what it "
    "is where all rows of $p$ are equal.",
    minutes=10,
    difficulty=1,
    hints=(
        r"By Bayes' rule, $P(i \mid k) = p_{ik} / \sum_j p_{jk}$. No other answer has a smaller cross-entropy.",
        r"With equal rows this is $1/N$ for each $i$, and $-\log 1/N = \ln N$.",
        r"Some $p_{ik}$ are 0, and $0 \log 0$ counts as 0: `torch.xlogy(p, D)` gives that.",
    ),
    cases=_distributions,
    answer="the loss",
    passed="Where all modalities have the same codes, the best that any discriminator can do is ln N. The distance "
    "below ln N is the Jensen–Shannon divergence of the modalities: it is 0 only where they are equal.",
)
def best_loss(p: Tensor) -> Tensor:
    """Smallest cross-entropy (nats) of a discriminator: p (N, K), rows sum to 1 -> scalar.

    >>> best_loss(torch.full((3, 4), 0.25))
    tensor(1.0986)
    """
    # BEGIN SOLUTION
    D = p / p.sum(0)  # (N, K), P(i | k) by Bayes' rule
    return -torch.xlogy(p, D).sum() / len(p)
    # END SOLUTION


def _best_in_parts(p, bayes=lambda p: p / p.sum(0), weight=lambda p, D: p, log=torch.xlogy, over=len) -> Tensor:
    D = bayes(p)
    return -log(weight(p, D), D).sum() / over(p)


mistakes(
    best_loss,
    "You normalised over the values: for each value of the code, the probabilities of the modalities sum to 1.",
    dict(bayes=lambda p: p / p.sum(1, keepdim=True)),
    "You weighed log D by D: a code of modality i comes with the probability p.",
    dict(weight=lambda p, D: D),
    "You summed over the modalities: they are equally frequent, so divide by N.",
    dict(over=lambda p: 1),
    "You took logarithms to base 2: a cross-entropy in nats uses the natural logarithm.",
    lambda solve, p: solve(p) / math.log(2),
    "0 · log 0 gave nan: it counts as 0, as `torch.xlogy` has it.",
    dict(log=lambda p, D: p * D.log()),
    "The sign is reversed: a cross-entropy is at least 0.",
    lambda solve, p: -solve(p),
    "That is the Jensen–Shannon divergence, ln N minus the loss: return the loss itself.",
    lambda solve, p: math.log(len(p)) - solve(p),
    "You returned ln N whatever p is: it is the smallest loss only where all rows are equal.",
    lambda p: torch.tensor(math.log(len(p))),
    "You averaged over the values as well: each row of p sums to 1 already.",
    dict(over=lambda p: p.numel()),
    base=_best_in_parts,
)


def _reversals(generator: torch.Generator) -> Iterator[list[tuple[Tensor, float, Tensor]]]:
    kinds = ((4, 3), 1.0), ((5,), 0.3), ((2, 3, 2), 2.0)  # judged together: with a strength of 1 mistakes look alike
    pairs = [(torch.randn(2, *shape, generator=generator), strength) for shape, strength in kinds]
    yield [(x, strength, weight) for (x, weight), strength in pairs]


def _forward_and_backward(function: Callable, x: Tensor, strength: float, weight: Tensor):
    """The function's value, then the gradient of (weight · value).sum() with respect to its input."""
    leaf = x.clone().requires_grad_()
    value = function(leaf * 1, strength)  # no leaf, so that even a function that writes into it runs
    if not isinstance(value, Tensor) or value.shape != x.shape:
        return value
    gradient = torch.zeros_like(x)
    if value.requires_grad:
        found = torch.autograd.grad((weight * value).sum(), leaf, allow_unused=True)[0]
        gradient = gradient if found is None else found
    return torch.stack([value.detach(), gradient])


@exercise(
    "mmatl.2",
    "Reverse a gradient",
    task=r"Write a function that returns $x$ as it is, and whose gradient is reversed: where the gradient $g$ comes "
    r"in from above, $-\lambda g$ goes on to $x$. Here $\lambda$ is `strength`.",
    minutes=8,
    difficulty=2,
    hints=(
        "Write a `torch.autograd.Function` with a `forward` and a `backward`. Or combine x and `x.detach()`, which has "
        "the value of x and no gradient.",
        r"$a\,x + b\,\mathrm{sg}[x]$ has the value $(a + b)\,x$ and the derivative $a$. Which $a$ and $b$ do you need?",
    ),
    cases=_reversals,
    using=_forward_and_backward,
    answer="value and gradient",
    passed="One function makes two players opponents: the discriminator goes down the slope of its loss, and the "
    "encoders behind the reversal go up the same slope.",
)
def reverse(x: Tensor, strength: float) -> Tensor:
    """x itself, with its gradient times -strength: any shape -> the same shape.

    >>> x = torch.tensor([2.0, 3.0], requires_grad=True)
    >>> reverse(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    # BEGIN SOLUTION
    return (1 + strength) * x.detach() - strength * x
    # END SOLUTION


mistakes(
    reverse,
    "The gradient is not reversed: its factor is -strength.",
    lambda x, strength: (1 - strength) * x.detach() + strength * x,
    "The gradient passes unchanged: nothing is reversed.",
    lambda x, strength: x * 1,
    "The strength is missing from the gradient: its factor is -1 whatever strength is.",
    lambda x, strength: 2 * x.detach() - x,
    "You turned the sign of the value, too: forward, the function returns x.",
    lambda x, strength: -strength * x,
    "The value is scaled: forward, the function returns x itself.",
    lambda x, strength: x.detach() - strength * x,
    "No gradient arrives: `detach` alone stops it, and nothing reverses it.",
    lambda x, strength: x.detach(),
    "The gradient is divided by the strength: multiply.",
    lambda x, strength: (1 + 1 / strength) * x.detach() - x / strength,
    "The gradient has a factor of 1 - strength instead of -strength.",
    lambda x, strength: x + strength * (x.detach() - x),
)


def _partial(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, n in ((6, 2), (7, 3), (5, 4)):
        logits = 2 * torch.randn(b, n, n, generator=generator)
        present = torch.rand(b, n, generator=generator) > 0.4
        present[torch.arange(b), torch.randint(n, (b,), generator=generator)] = True
        present[0], present[1] = True, False
        present[1, 0] = True
        yield logits, present


@exercise(
    "mmatl.3",
    "The loss for N modalities",
    task=r"Write the discriminator's loss $L_\text{align,dis}$ for $N$ modalities. `logits[b, i]` are the $N$ scores "
    r"that $D_a$ gives to the code of modality $i$ of example $b$. Take the cross-entropy with the right answer $i$. "
    "Some modalities are missing: return the mean over the codes that are present.",
    minutes=8,
    difficulty=2,
    hints=(
        "The target of `logits[b, i]` is `i`: `torch.arange(N).expand(B, N)`.",
        "`logits[present]` keeps the codes that are there, (M, N), and `target[present]` their targets, (M,).",
    ),
    cases=_partial,
    answer="the loss",
    passed="The same function serves two modalities and five, whatever is missing.",
)
def align_dis(logits: Tensor, present: Tensor) -> Tensor:
    """Mean loss of the codes that are present: logits (B, N, N), present (B, N) bool -> scalar.

    >>> align_dis(torch.zeros(4, 3, 3), torch.ones(4, 3, dtype=torch.bool))
    tensor(1.0986)
    """
    # BEGIN SOLUTION
    target = torch.arange(logits.shape[1]).expand(present.shape)  # (B, N)
    return F.cross_entropy(logits[present], target[present])
    # END SOLUTION


def _target(logits: Tensor) -> Tensor:
    return torch.arange(logits.shape[1]).expand(logits.shape[:2])


def _align_in_parts(logits, present, axis=2, target=_target, mean=lambda losses, p: losses[p].mean()) -> Tensor:
    log_p = logits.log_softmax(axis)
    losses = -log_p.gather(2, target(logits)[..., None]).squeeze(2)  # (B, N)
    return mean(losses, present)


mistakes(
    align_dis,
    "Missing modalities count: leave their codes out of the mean.",
    dict(mean=lambda losses, present: losses.mean()),
    "You divided by B·N: divide by the number of codes that are present.",
    dict(mean=lambda losses, present: (losses * present).mean()),
    "You summed the losses: take their mean over the codes that are present.",
    dict(mean=lambda losses, present: losses[present].sum()),
    "You took the mean of each example first: every code that is present counts the same.",
    dict(mean=lambda losses, present: ((losses * present).sum(1) / present.sum(1)).mean()),
    "Your softmax runs over the codes of an example: the scores of one code are the last axis.",
    dict(axis=1),
    "Your softmax runs over the batch: the scores of one code are the last axis.",
    dict(axis=0),
    "Your targets go the wrong way round: the code of modality i has the target i.",
    dict(target=lambda logits: _target(logits).flip(1)),
    "Every code has the target 0: the code of modality i has the target i.",
    dict(target=lambda logits: torch.zeros_like(_target(logits))),
    "The sign is reversed: the discriminator minimises a cross-entropy, which is at least 0.",
    lambda solve, logits, present: -solve(logits, present),
    base=_align_in_parts,
)


def _predicted(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, d, c in ((4, 3, 2), (5, 2, 4), (3, 4, 4)):
        yield torch.randn(b, d, generator=generator), 2 * torch.randn(b, c, generator=generator)


@exercise(
    "mmatl.7",
    "Align class by class",
    task=r"CDAN's discriminator sees the code together with the prediction: the outer product $e_b \otimes p_b$ with "
    r"$p_b = \mathrm{softmax}(z_b)$, flattened. Return it. The prediction is only a label for the discriminator, so no "
    "gradient may flow into the logits $z$.",
    minutes=6,
    difficulty=2,
    hints=(
        "`e[:, :, None] * p[:, None, :]` has the shape (B, D, C), and `flatten(1)` makes it (B, D·C).",
        "`logits.detach()` has the same values and no gradient.",
    ),
    cases=_predicted,
    using=lambda function, e, z: _with_gradients(function, e, z),
    answer="the products, and which inputs get a gradient",
    passed="Where the prediction is sure, the product is the code in the place of its class and zeros elsewhere: the "
    "discriminator compares the modalities class by class.",
)
def conditioned(e: Tensor, logits: Tensor) -> Tensor:
    """Codes times predicted probabilities: e (B, D), logits (B, C) -> (B, D * C).

    >>> conditioned(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000, 1.0000, 1.0000]])
    """
    # BEGIN SOLUTION
    p = logits.detach().softmax(1)  # (B, C)
    return (e[:, :, None] * p[:, None, :]).flatten(1)
    # END SOLUTION


def _with_gradients(function: Callable, e: Tensor, logits: Tensor):
    """The function's value with a column more: 1 and 2 are added to it where codes and logits get a gradient."""
    codes, scores = e.clone().requires_grad_(), logits.clone().requires_grad_()
    value = function(codes * 1, scores * 1)
    if not isinstance(value, Tensor) or value.ndim != 2 or len(value) != len(e):
        return value
    reached = 0.0
    if value.requires_grad:
        found = torch.autograd.grad(value.square().sum(), (codes, scores), allow_unused=True)
        reached = sum(weight for weight, x in zip((1.0, 2.0), found) if x is not None and x.any())
    return torch.cat([value.detach(), value.new_full((len(value), 1), reached)], 1)


def _conditioned_in_parts(e, logits, stop=torch.detach, scores=lambda z: z.softmax(1), product=None) -> Tensor:
    p = scores(stop(logits))
    return (product or (lambda e, p: (e[:, :, None] * p[:, None, :]).flatten(1)))(e, p)


mistakes(
    conditioned,
    "A gradient flows into the logits: take them as `logits.detach()`.",
    dict(stop=lambda z: z),
    "No gradient flows into the codes: it is the codes that the alignment has to move.",
    lambda solve, e, logits: solve(e.detach(), logits),
    "You multiplied with the logits: take their softmax first.",
    dict(scores=lambda z: z),
    "Your softmax runs over the batch: the classes are the last axis.",
    dict(scores=lambda z: z.softmax(0)),
    "You concatenated code and prediction: a linear layer on top cannot tell which code goes with which class.",
    dict(product=lambda e, p: torch.cat([e, p], 1)),
    "The order is class by class: return it with the numbers of the code as the slower index, (D, C) flattened.",
    dict(product=lambda e, p: (p[:, :, None] * e[:, None, :]).flatten(1)),
    "You took the most probable class only: the product uses all probabilities.",
    dict(scores=lambda z: F.one_hot(z.argmax(1), z.shape[1]).float()),
    "You added code and prediction: multiply them.",
    dict(product=lambda e, p: (e[:, :, None] + p[:, None, :]).flatten(1)),
    base=_conditioned_in_parts,
)
