"""Exercises on test-time fusion: dynamic weights with missing modalities, temperatures, your own experiment."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import empty_plan, exercise, mistakes


def _present(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n, b, c in ((2, 6, 3), (3, 8, 4), (4, 6, 5)):
        z = 2 * torch.randn(n, b, c, generator=generator)
        present = torch.rand(n, b, generator=generator) > 0.4
        present[torch.randint(n, (b,), generator=generator), torch.arange(b)] = True
        present[:, 0], present[0, 1] = True, False
        present[1, 1] = True
        yield z, present


@exercise(
    "balanced_learning.5",
    "Entropy weights",
    task=r"Compute MLA's dynamic weights, $w_m \propto \exp(\max_k e_k - e_m)$, where $e_m$ is the entropy of "
    r"$\mathrm{softmax}(z_m)$ for each sample. A modality that is not present gets the weight 0, and those that are "
    "present sum to 1.",
    minutes=10,
    difficulty=2,
    hints=(
        "The entropy is `-(p * log_p).sum(-1)` with `log_p = logits.log_softmax(-1)`: (N, B).",
        r"A factor that all modalities share, such as $\exp(\max_k e_k)$, drops out when the weights are normalised.",
        "`x.masked_fill(~present, -torch.inf).softmax(0)` gives exact zeros.",
    ),
    cases=_present,
    answer="the weights",
    passed="Each sample has weights of its own. The released code takes the softmax over the batch, so that all "
    "samples of a batch share one weight.",
)
def certain(logits: Tensor, present: Tensor) -> Tensor:
    """Dynamic weights: logits (N, B, C), present (N, B) bool -> (N, B).

    >>> certain(torch.tensor([[[50.0, 0.0]], [[0.0, 0.0]]]), torch.ones(2, 1, dtype=torch.bool))
    tensor([[0.6667],
            [0.3333]])
    """
    # BEGIN SOLUTION
    log_p = logits.log_softmax(-1)  # (N, B, C)
    e = -(log_p.exp() * log_p).sum(-1)  # (N, B)
    return (-e).masked_fill(~present, -torch.inf).softmax(0)
    # END SOLUTION


def _certain_in_parts(logits, present, classes=-1, sign=-1, mask=None, over=0) -> Tensor:
    log_p = logits.log_softmax(classes)
    e = -(log_p.exp() * log_p).sum(-1)
    known = present if mask is None else mask(present)
    return (sign * e).masked_fill(~known, -torch.inf).softmax(over)


mistakes(
    certain,
    "Your softmax runs over the batch, as in the released code: the classes are the last axis.",
    dict(classes=1),
    "You trust the uncertain modality: a large entropy must give a small weight.",
    dict(sign=1),
    "Missing modalities get a weight: theirs is 0.",
    dict(mask=torch.ones_like),
    "Your weights do not sum to 1 over the modalities that are present: normalise after the missing ones are left out.",
    lambda logits, present: _certain_in_parts(logits, torch.ones_like(present)) * present,
    "You returned exp(-e) without normalising: the weights of a sample sum to 1.",
    lambda logits, present: (logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).exp().masked_fill(~present, 0.0),
    "You took the largest probability for the certainty: the weights come from the entropy.",
    lambda logits, present: logits.softmax(-1).amax(-1).masked_fill(~present, -torch.inf).softmax(0),
    base=_certain_in_parts,
)


def _tempered(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n, b, c in ((2, 5, 3), (3, 6, 4)):
        yield 3 * torch.randn(n, b, c, generator=generator), 0.5 + 3 * torch.rand(n, b, generator=generator)


@exercise(
    "balanced_learning.6",
    "A calibrated product of experts",
    task=r"Fuse with temperatures: the probabilities $\mathrm{softmax}(z_m / T_m)$ of the modalities are multiplied "
    "and normalised. Return log-probabilities whose exponentials sum to 1. Every modality has a temperature for every "
    "sample.",
    minutes=8,
    difficulty=3,
    hints=(
        "A temperature (N, B) needs one more axis to divide logits (N, B, C).",
        "The logarithm of a product is a sum. After the sum, `log_softmax` normalises.",
    ),
    cases=_tempered,
    answer="the log-probabilities",
    passed="A modality with a high temperature gives nearly the same to all classes, so it has hardly any influence.",
)
def product_of_experts(logits: Tensor, T: Tensor) -> Tensor:
    """Normalised log-probabilities: logits (N, B, C), temperatures (N, B) -> (B, C).

    >>> logits = torch.tensor([[[2.0, 0.0]], [[4.0, 0.0]]])
    >>> product_of_experts(logits, torch.tensor([[2.0], [4.0]])).exp()
    tensor([[0.8808, 0.1192]])
    """
    # BEGIN SOLUTION
    each = (logits / T[..., None]).log_softmax(-1)  # (N, B, C)
    return each.sum(0).log_softmax(-1)
    # END SOLUTION


def _product_in_parts(logits, T, scale=torch.div, join=lambda x: x.sum(0), normalise=lambda x: x.log_softmax(-1)):
    return normalise(join(scale(logits, T[..., None]).log_softmax(-1)))


mistakes(
    product_of_experts,
    "You multiplied by the temperature: a high one must flatten, so divide.",
    dict(scale=torch.mul),
    "You averaged the log-probabilities: a product adds them.",
    dict(join=lambda x: x.mean(0)),
    "The exponentials do not sum to 1: normalise after the sum.",
    dict(normalise=lambda x: x),
    "You averaged the probabilities: that is a mixture, not a product.",
    lambda logits, T: (logits / T[..., None]).softmax(-1).mean(0).log(),
    "The temperatures are missing.",
    lambda solve, logits, T: solve(logits, torch.ones_like(T)),
    "You returned probabilities: return their logarithms.",
    lambda solve, logits, T: solve(logits, T).exp(),
    base=_product_in_parts,
)


@exercise(
    "balanced_learning.7",
    "Your own experiment",
    task="Bring both inputs to the same spread, and joint training starves the picture less. Is MLA then still "
    "better than joint training? Plan an experiment with the digits that decides between MLA and scaled inputs. Then "
    "run it.",
    minutes=25,
    difficulty=3,
    hints=(
        "`tasks.digits(seed, contrast=1.0)` gives pictures with the spread of the sounds.",
        "Which method is the control that uses no balancing and no joint loss?",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is the independent control in the table, beside joint training and MLA?",
        "Was each method's learning rate chosen on validation data, and from the same list?",
        "Are differences taken seed by seed, over at least five seeds, with an interval?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "With pictures at full contrast, how many points is MLA ahead of joint training, fused?",
        "prediction": "Less than one point, because both encoders learn at the same pace.",
        "varied": "The contrast of the pictures (0.2 or 1), and the method (joint, independent, MLA).",
        "held fixed": "Encoders, steps, batch size, the list of learning rates, and the seeds.",
        "control": "Independent training, which has neither a joint loss nor any balancing.",
        "measured": "Fused and single accuracy on the test part; Student interval of the differences over five seeds.",
        "would change my mind": "MLA two points ahead at full contrast, with an interval above 0.",
    }
