"""Exercises on robustness and transfer: an attack, and an experiment to plan."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...exercise import empty_plan, exercise, judged_together, mistakes


def _attacked(generator: torch.Generator) -> Iterator[tuple[Callable, Tensor, Tensor, float]]:
    for b, d, c, epsilon in ((4, 6, 3, 0.1), (5, 8, 4, 0.3), (6, 5, 2, 0.05)):
        W, bias = torch.randn(c, d, generator=generator), torch.randn(c, generator=generator)
        x = torch.rand(b, d, generator=generator)
        x[0, 0], x[0, 1] = 0.0, 1.0
        label = torch.randint(c, (b,), generator=generator)
        yield lambda x, W=W, bias=bias: x @ W.T + bias, x, label, epsilon


@exercise(
    "mmatl.8",
    "Attack with one gradient",
    task=r"Write FGSM, the fast gradient sign method: $\mathrm{clip}(x + \varepsilon\, \mathrm{sign}\, \nabla_x L)$. "
    "$L$ is the cross-entropy of `model(x)` with the right labels. Inputs lie in $[0, 1]$, and so must the result.",
    minutes=8,
    difficulty=2,
    hints=(
        "`x = x.clone().requires_grad_()`, then `torch.autograd.grad(loss, x)[0]` is the gradient.",
        "Every number moves by ε, up or down, whatever the size of its gradient. Then `clamp(0, 1)`.",
    ),
    cases=judged_together(_attacked),
    answer="the attacked inputs",
    passed="One gradient is enough to move every number in the direction that hurts most. Stronger attacks (PGD) take "
    "many small steps of this kind.",
)
def fgsm(model, x: Tensor, label: Tensor, epsilon: float) -> Tensor:
    """Inputs that raise the loss, at most epsilon away: x (B, D) in [0, 1], label (B,) -> (B, D).

    >>> model = lambda x: x * torch.tensor([1.0, -1.0])
    >>> fgsm(model, torch.tensor([[0.5, 0.5]]), torch.tensor([0]), 0.1)
    tensor([[0.4000, 0.4000]])
    """
    # BEGIN SOLUTION
    x = x.clone().requires_grad_()
    loss = F.cross_entropy(model(x), label)
    gradient = torch.autograd.grad(loss, x)[0]
    return (x + epsilon * gradient.sign()).clamp(0, 1).detach()
    # END SOLUTION


def _clip(x: Tensor) -> Tensor:
    return x.clamp(0, 1)


def _fgsm_in_parts(model, x, label, epsilon, way=torch.sign, sign=1, target=None, clip=_clip) -> Tensor:
    x = x.clone().requires_grad_()
    logits = model(x)
    loss = F.cross_entropy(logits, label if target is None else target(logits, label))
    return clip(x + sign * epsilon * way(torch.autograd.grad(loss, x)[0])).detach()


mistakes(
    fgsm,
    "You moved along the gradient itself: take its sign, so that every number moves by epsilon.",
    dict(way=lambda g: g),
    "You normalised the gradient to length 1: take the sign of every number.",
    dict(way=lambda g: F.normalize(g, dim=1)),
    "Your inputs lower the loss: an attack goes up the gradient.",
    dict(sign=-1),
    "Some inputs leave [0, 1]: clip them after the step.",
    dict(clip=lambda x: x),
    "You clipped to [-1, 1]: the inputs lie in [0, 1].",
    dict(clip=lambda x: x.clamp(-1, 1)),
    "You returned the change alone: add it to x.",
    lambda solve, model, x, *others: solve(model, x, *others) - x,
    "The size of the step is missing: every number moves by epsilon, not by 1.",
    lambda solve, model, x, label, epsilon: solve(model, x, label, 1.0),
    "You attacked another label: the loss is that of the right one.",
    dict(target=lambda logits, label: (label + 1) % logits.shape[1]),
    base=_fgsm_in_parts,
)


@exercise(
    "mmatl.9",
    "Your own experiment",
    task="A teacher has labels for spoken digits and none for handwritten ones. Does alignment let a model read the "
    "handwritten ones? Plan an experiment that tells alignment, pairs and luck apart. Then run it with the code of "
    "this lesson.",
    minutes=25,
    difficulty=3,
    hints=(
        "Which training uses the labels of the sounds and nothing else? Which one has all labels?",
        "Two classes can be exchanged without any discriminator noticing. Which figure would show that?",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Are there a control without alignment, one with pairs instead of an adversary, and a supervised ceiling?",
        "Do all trainings see the same labels, the same unlabelled digits and the same number of steps?",
        "Are the choices made on validation data whose labels the transfer itself would not have?",
        "Are there at least five seeds, differences seed by seed with an interval, and a confusion matrix?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "How many points does alignment without pairs add on handwritten digits?",
        "prediction": "None: the classes have equal shares, so nothing says which cloud belongs to which class.",
        "varied": "Training: labels alone, adversarial alignment, CDAN, InfoNCE on pairs, all labels.",
        "held fixed": "Encoders, steps, labelled sounds, unlabelled pictures, and the seeds.",
        "control": "Labels alone (nothing is transferred) and InfoNCE on shuffled pairs; all labels as the ceiling.",
        "measured": "Accuracy on test pictures and its best over permutations of the classes; five seeds, intervals.",
        "would change my mind": "Alignment without pairs 20 points above labels alone, with an interval above 0.",
    }
