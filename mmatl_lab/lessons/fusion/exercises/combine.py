"""Exercises on combining: a product of experts, all products of two vectors, a gate."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import exercise, mistakes


def _experts(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, m, c in [(3, 3, 3), (5, 2, 4), (4, 3, 6)]:
        log_p = (2 * torch.randn(b, m, c, generator=generator)).log_softmax(-1)
        yield log_p, 0.3 + 1.5 * torch.rand(m, generator=generator)


@exercise(
    "fusion.2",
    "A product of experts",
    task=r"Each of $M$ experts gives the logarithms of its probabilities. Write $p = \frac1Z \prod_m p_m^{w_m}$ for a "
    "batch, as probabilities that sum to 1.",
    minutes=6,
    difficulty=2,
    hints=(
        "The logarithm of a product of powers is a sum: $\\sum_m w_m \\log p_m$. Over which axis do you sum?",
        "What divides by $Z$? A softmax of the logarithms does: $e^{z_y} / \\sum_{y'} e^{z_{y'}}$.",
    ),
    cases=_experts,
    answer="the probabilities",
    passed="One expert can rule a class out here, whatever the others say. That is what independent evidence asks for.",
)
def product_of_experts(log_p: Tensor, w: Tensor) -> Tensor:
    """Normalised weighted product: log p (B, M, C) and weights (M,) -> probabilities (B, C).

    >>> product_of_experts(torch.tensor([[[0.6, 0.4], [0.9, 0.1]]]).log(), torch.ones(2))
    tensor([[0.9310, 0.0690]])
    """
    # BEGIN SOLUTION
    return (w[:, None] * log_p).sum(1).softmax(1)  # (B, C)
    # END SOLUTION


def _experts_in_parts(log_p, w, weigh=lambda z, w: w[:, None] * z, join=lambda z: z.sum(1), end=lambda z: z.softmax(1)):
    return end(join(weigh(log_p, w)))


mistakes(
    product_of_experts,
    "Your rows do not sum to 1: this is the form without its normaliser. Divide by the sum over the classes.",
    dict(end=torch.exp),
    "You took the mean of the logarithms: that divides every exponent by M. Take the sum.",
    dict(join=lambda z: z.mean(1)),
    "You added probabilities: that is a mixture. A product adds their logarithms.",
    lambda log_p, w: (w[:, None] * log_p.exp()).sum(1) / w.sum(),
    "The weights change nothing here: a weight is an exponent, $p_m^{w_m}$. A factor would be cancelled by $Z$.",
    dict(weigh=lambda z, w: z),
    lambda log_p, w: (w[:, None] * log_p.exp()).prod(1) / (w[:, None] * log_p.exp()).prod(1).sum(1, keepdim=True),
    "You normalised over the batch (dim=0): the classes are dim=1.",
    dict(end=lambda z: z.softmax(0)),
    "You returned logarithms: give the probabilities.",
    dict(end=lambda z: z.log_softmax(1)),
    "The weights are scaled to a sum of 1: take them as they are, so that two sure experts are surer than one.",
    lambda solve, log_p, w: solve(log_p, w / w.sum()),
    base=_experts_in_parts,
)


def _two_vectors(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, n, m in [(4, 3, 3), (3, 2, 5), (5, 4, 1)]:
        yield torch.randn(b, n, generator=generator), torch.randn(b, m, generator=generator)


@exercise(
    "fusion.1",
    "All products",
    task=r"Tensor fusion: write all products of a number of $[e_1; 1]$ with a number of $[e_2; 1]$ as one row of "
    r"$(n_1 + 1)(n_2 + 1)$ numbers. All products with the first number of $e_1$ come first.",
    minutes=8,
    difficulty=1,
    hints=(
        "`torch.cat([e, torch.ones(len(e), 1)], 1)` is $[e; 1]$.",
        "`a[:, :, None] * b[:, None, :]` has shape (B, n_1 + 1, n_2 + 1): every number of a with every number of b.",
    ),
    cases=_two_vectors,
    answer="the products",
    passed="Because of the ones, the vectors themselves are among the products. A linear layer on this row is a "
    "bilinear function of both, and XOR is one of those.",
)
def all_products(one: Tensor, other: Tensor) -> Tensor:
    """All products of [e_1; 1] and [e_2; 1]: (B, n_1), (B, n_2) -> (B, (n_1 + 1) (n_2 + 1)).

    >>> all_products(torch.tensor([[2.0]]), torch.tensor([[3.0, 5.0]]))
    tensor([[ 6., 10.,  2.,  3.,  5.,  1.]])
    """
    # BEGIN SOLUTION
    one = torch.cat([one, torch.ones(len(one), 1)], 1)  # (B, n_1 + 1)
    other = torch.cat([other, torch.ones(len(other), 1)], 1)  # (B, n_2 + 1)
    return (one[:, :, None] * other[:, None, :]).flatten(1)
    # END SOLUTION


def _with_one(e: Tensor) -> Tensor:
    return torch.cat([e, torch.ones(len(e), 1)], 1)


def _products_in_parts(
    one, other, extend=_with_one, outer=lambda a, b: a[:, :, None] * b[:, None], flat=True
) -> Tensor:
    products = outer(extend(one), extend(other))
    return products.flatten(1) if flat else products


mistakes(
    all_products,
    "The ones are missing: without them the row holds products of two only, and a vector alone cannot speak.",
    dict(extend=lambda e: e),
    "You put the 1 in front: write it behind, $[e; 1]$.",
    dict(extend=lambda e: torch.cat([torch.ones(len(e), 1), e], 1)),
    "You added where you should multiply.",
    dict(outer=lambda a, b: a[:, :, None] + b[:, None]),
    "The order is that of the other vector: all products with the first number of $e_1$ come first.",
    dict(outer=lambda a, b: b[:, :, None] * a[:, None]),
    "Your result has three axes: flatten the products of each example to one row.",
    dict(flat=False),
    "You wrote the vectors side by side: that is a concatenation.",
    dict(outer=lambda a, b: torch.cat([a, b], 1)),
    "Zeros stand where ones belong: a product with 0 says nothing.",
    dict(extend=lambda e: torch.cat([e, torch.zeros(len(e), 1)], 1)),
    base=_products_in_parts,
)


def _gates(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, m, d in [(3, 3, 3), (4, 2, 5), (5, 3, 2)]:
        yield torch.randn(b, m, d, generator=generator), 2 * torch.randn(b, m, d, generator=generator)


@exercise(
    "fusion.3",
    "A gate",
    task=r"Each modality has a vector $a_m = W_m e_m + b_m$ and a row of gate scores, one for each number. Write "
    r"$e_g = \sum_m g_m \odot \tanh a_m$ with $g = \mathrm{softmax}_m$ of the scores.",
    minutes=8,
    difficulty=2,
    hints=(
        "For each of the D numbers, the gates of the M modalities sum to 1. Which axis is that?",
        "`scores.softmax(1)` has the shape of the vectors: multiply number by number, then sum over the modalities.",
    ),
    cases=_gates,
    answer="the fused vectors",
    passed="With two modalities this is the published unit: the softmax of two scores is the sigmoid of their "
    "difference.",
)
def gated_sum(a: Tensor, scores: Tensor) -> Tensor:
    """The gated multimodal unit: vectors before the tanh and gate scores, (B, M, D) each -> (B, D).

    >>> gated_sum(torch.tensor([[[9.0], [-9.0]]]), torch.tensor([[[2.0], [0.0]]]))
    tensor([[0.7616]])
    """
    # BEGIN SOLUTION
    g = scores.softmax(1)  # (B, M, D), of sum 1 over the modalities
    return (g * a.tanh()).sum(1)
    # END SOLUTION


def _gate_in_parts(a, scores, gates=lambda s: s.softmax(1), bound=torch.tanh, join=lambda h: h.sum(1)) -> Tensor:
    return join(gates(scores) * bound(a))


mistakes(
    gated_sum,
    "The tanh is missing: one long vector then outweighs any gate.",
    dict(bound=lambda a: a),
    "Your gates sum to 1 over the D numbers (dim=2): they share among the modalities, dim=1.",
    dict(gates=lambda s: s.softmax(2)),
    "Your gates sum to 1 over the batch (dim=0): they share among the modalities, dim=1.",
    dict(gates=lambda s: s.softmax(0)),
    "You took a sigmoid of each score by itself: the gates then do not sum to 1 over the modalities.",
    dict(gates=torch.sigmoid),
    "You took the mean over the modalities: the gates already share, so take the sum.",
    dict(join=lambda h: h.mean(1)),
    "You multiplied the modalities with each other: add them.",
    dict(join=lambda h: h.prod(1)),
    "The tanh stands around the sum: it belongs to each vector.",
    lambda a, scores: (scores.softmax(1) * a).sum(1).tanh(),
    "Each modality has one gate for all its numbers: here each number has its own.",
    dict(gates=lambda s: s.mean(2, keepdim=True).softmax(1)),
    base=_gate_in_parts,
)
