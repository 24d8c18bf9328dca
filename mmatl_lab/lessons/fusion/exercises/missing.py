"""Exercises on missing modalities, on attention between modalities, and an experiment."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import empty_plan, exercise, mistakes


def _scores_and_masks(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for b, m in [(4, 4), (6, 3), (5, 2)]:
        there = torch.rand(b, m, generator=generator) < 0.6
        there[0] = torch.arange(m) > 0  # the first one is missing from the first example
        there[1] = torch.arange(m) == 0  # only the first one is there
        there[~there.any(1), -1] = True
        yield 2 * torch.randn(b, m, generator=generator), there


@exercise(
    "fusion.5",
    "Weights without the missing",
    task="Weights of $M$ modalities are a softmax of their scores. Leave the missing ones out: their weight is exactly "
    "0. The other weights sum to 1, in the same proportions as before.",
    minutes=8,
    difficulty=2,
    hints=(
        "A softmax gives weight 0 to a score of minus infinity.",
        "`scores.masked_fill(~mask, -torch.inf)` leaves the scores of those that are there.",
    ),
    cases=_scores_and_masks,
    answer="the weights",
    passed="With this, a fusion by weights, gates or attention ignores a missing modality exactly.",
)
def present_weights(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax among those that are there: scores (B, M), mask (B, M) bool, True if there -> (B, M).

    >>> present_weights(torch.zeros(1, 3), torch.tensor([[True, False, True]]))
    tensor([[0.5000, 0.0000, 0.5000]])
    """
    # BEGIN SOLUTION
    return scores.masked_fill(~mask, -torch.inf).softmax(1)
    # END SOLUTION


mistakes(
    present_weights,
    "The weights of those that are there do not sum to 1: the softmax still counted the missing ones.",
    lambda scores, mask: scores.softmax(1) * mask,
    "A score of 0 is not 'missing': it still gets a weight. Use minus infinity.",
    lambda scores, mask: (scores * mask).softmax(1),
    "The mask is turned around: True means that the modality is there.",
    lambda scores, mask: scores.masked_fill(mask, -1e30).softmax(1),
    "The missing ones are left in.",
    lambda scores, mask: scores.softmax(1),
    "Your softmax runs over the batch (dim=0): the modalities are dim=1.",
    lambda scores, mask: scores.masked_fill(~mask, -1e30).softmax(0),
    "All that are there have the same weight: keep the proportions of their scores.",
    lambda scores, mask: mask / mask.sum(1, keepdim=True),
    "You returned logarithms: give the weights.",
    lambda scores, mask: scores.masked_fill(~mask, -torch.inf).log_softmax(1),
)


def _chances(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, float]]:
    for b, m, p in [(40, 3, 0.5), (40, 2, 0.7), (40, 4, 0.3)]:
        u = torch.rand(b, m, generator=generator)
        u[0] = p / 2  # all would be left out
        u[1] = (1 + p) / 2  # none would
        yield u, torch.randint(m, (b,), generator=generator), p


@exercise(
    "fusion.6",
    "Modality dropout",
    task="Leave each modality out with probability $p$: keep it where its random number $u$, uniform in [0, 1), is at "
    "least $p$. Where all of an example would be left out, keep the one whose place is `spare`.",
    minutes=10,
    difficulty=2,
    hints=(
        "`u >= p` is the mask without the rule for empty rows. `mask.any(1)` says which rows are not empty.",
        "`torch.arange(M) == spare[:, None]` is True at one place of each row.",
        "Add that place only where the row is empty: `mask | (place & ~mask.any(1, keepdim=True))`.",
    ),
    cases=_chances,
    answer="the mask",
    passed="If `spare` is drawn evenly, every modality is alone equally often, and no example is lost.",
)
def keep_some(u: Tensor, spare: Tensor, p: float) -> Tensor:
    """Which stay: uniform numbers (B, M), places (B,) int64 and p -> (B, M) bool, one True a row.

    >>> keep_some(torch.tensor([[0.9, 0.2], [0.1, 0.2]]), torch.tensor([0, 1]), 0.5)
    tensor([[ True, False],
            [False,  True]])
    """
    # BEGIN SOLUTION
    mask = u >= p
    place = torch.arange(u.shape[1]) == spare[:, None]  # (B, M)
    return mask | (place & ~mask.any(1, keepdim=True))
    # END SOLUTION


def _kept_in_parts(u, spare, p, keep=lambda u, p: u >= p, rescue="empty rows") -> Tensor:
    mask = keep(u, p)
    place = torch.arange(u.shape[1]) == spare[:, None]
    if rescue == "nobody":
        return mask
    if rescue == "all of an empty row":
        return mask | ~mask.any(1, keepdim=True)
    return mask | place if rescue == "every row" else mask | (place & ~mask.any(1, keepdim=True))


mistakes(
    keep_some,
    "Some rows are empty: nothing is left to answer from. Keep the place `spare` there.",
    dict(rescue="nobody"),
    "You keep `spare` in every row, so that more stay than 1 - p: only empty rows need it.",
    dict(rescue="every row"),
    "You keep all modalities of an empty row: keep the one at `spare`.",
    dict(rescue="all of an empty row"),
    "You keep with probability p: p is the probability of leaving out, so keep where u is at least p.",
    dict(keep=lambda u, p: u < p),
    "One random number decides for the whole example: each modality has its own.",
    dict(keep=lambda u, p: (u[:, :1] >= p).expand(u.shape)),
    "The whole batch shares a random number for each modality: each example has its own.",
    dict(keep=lambda u, p: (u[:1] >= p).expand(u.shape)),
    "You keep everything.",
    dict(keep=lambda u, p: torch.ones_like(u, dtype=torch.bool)),
    base=_kept_in_parts,
)


def _tokens(generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    for b, n, k, d in [(3, 4, 4, 4), (2, 3, 5, 4), (4, 2, 3, 6)]:
        shapes = (b, n, d), (b, k, d), (b, n, k), (d, d)
        yield tuple(torch.randn(shape, generator=generator) for shape in shapes)


@exercise(
    "fusion.4",
    "One modality looks at the other",
    task=r"Cross-modal attention. Token $i$ of one modality has a score $e_{ij}$ for each token $j$ of the other. "
    r"Write $h_i \leftarrow h_i + \sum_j \alpha_{ij} V h'_j$ with $\alpha_{ij} = \mathrm{softmax}_j\, e_{ij}$.",
    minutes=10,
    difficulty=2,
    hints=(
        "The weights of one query $i$ sum to 1 over the keys $j$: the last axis of the scores.",
        "Tokens stand in rows, so $V h'_j$ for all j is `other @ V.T`. A batched `alpha @ values` sums over j.",
    ),
    cases=_tokens,
    answer="the tokens",
    passed="With a single token on either side alpha is 1 whatever the score: between two vectors there is nothing to "
    "choose.",
)
def look_across(h: Tensor, other: Tensor, scores: Tensor, V: Tensor) -> Tensor:
    """Tokens (B, L, D), the other's (B, K, D), scores (B, L, K) and a matrix (D, D) -> (B, L, D).

    >>> score = torch.tensor([[[1.0, 0.0]]])
    >>> look_across(torch.zeros(1, 1, 2), torch.eye(2)[None], score, torch.eye(2))
    tensor([[[0.7311, 0.2689]]])
    """
    # BEGIN SOLUTION
    alpha = scores.softmax(-1)  # (B, L, K)
    return h + alpha @ (other @ V.T)
    # END SOLUTION


def _across_in_parts(
    h, other, scores, V, weigh=lambda s: s.softmax(-1), value=lambda x, V: x @ V.T, add=lambda h, x: h + x
) -> Tensor:
    return add(h, weigh(scores) @ value(other, V))


mistakes(
    look_across,
    "The residual is missing: the tokens lose what they knew themselves.",
    dict(add=lambda h, x: x),
    "Your weights sum to 1 over the queries (dim=1): each query shares among the keys, the last axis.",
    dict(weigh=lambda s: s.softmax(1)),
    "The values are missing: you added the other's tokens themselves, as the survey prints it.",
    dict(value=lambda x, V: x),
    "You multiplied by V: tokens stand in rows, so $V h'$ is `other @ V.T`.",
    dict(value=lambda x, V: x @ V),
    "There is no softmax: the scores themselves are taken as weights.",
    dict(weigh=lambda s: s),
    "Every key gets the same weight: the scores are not used.",
    dict(weigh=lambda s: torch.full_like(s, 1 / s.shape[-1])),
    "V is applied to the sum with the residual: it belongs to the other's tokens.",
    lambda h, other, scores, V: (h + scores.softmax(-1) @ other) @ V.T,
    base=_across_in_parts,
)


@exercise(
    "fusion.7",
    "Your own experiment",
    task="Independent experts, multiplied, are as good as any fusion where evidence adds up. Does that still hold when "
    "there is little training data? Plan an experiment with `study.train` or with the digits, and run it.",
    minutes=30,
    difficulty=3,
    hints=(
        "A task draws fresh examples in every step. How would you give all fusions the same 200 examples instead?",
        "With little data the number of parameters matters. What must be equal, and on what do you choose it?",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only the amount of data varied, and are parameters, steps and seeds the same for all fusions?",
        "Do all fusions see the same examples, and is the test made of others?",
        "Is the difference paired by seed, and is its interval shown?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "Do independent experts lose less than intermediate fusion when only 200 examples are trained on?",
        "prediction": "Yes: by 3 points or more on 'missing', since each expert has fewer ways to be wrong.",
        "varied": "The number of training examples: 200, 1,000, 5,000 and fresh ones without end.",
        "held fixed": "Parameters, steps, learning rate and seeds; the examples are the same for all fusions.",
        "control": "The best single modality, trained on the same examples.",
        "measured": "Accuracy on the 20,000 test examples; paired differences over five seeds with their interval.",
        "would change my mind": "An interval of the differences that includes 0 at 200 examples.",
    }
