"""Exercises on training: a step with bugs in it, what moves the temperature, and an experiment to plan."""

import copy
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.models.clip import CLIP

from ...attempt import Shared
from ...differences import as_answer
from ...exercise import empty_plan, exercise, mistakes


def _batches(generator: torch.Generator) -> Iterator[tuple[nn.Module, Tensor, Tensor]]:
    images, tokens = (torch.randn(3, 6, d, generator=generator) for d in (5, 7))  # three batches of six pairs
    yield CLIP(nn.Linear(5, 4), nn.Linear(7, 4)), images, tokens


def _three_steps(step: Callable, start: nn.Module, images: Tensor, tokens: Tensor) -> Tensor:
    """Losses of three steps, then the weights that they leave."""
    model = copy.deepcopy(start)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [step(Shared(model), Shared(optimizer), x, y) for x, y in zip(images, tokens)]
    losses = torch.stack([as_answer(loss, "the loss").reshape(()) for loss in losses])
    return torch.cat([losses, nn.utils.parameters_to_vector(model.parameters()).detach().double()])


def broken_step(model, optimizer, images: Tensor, tokens: Tensor) -> float:
    """One step of training; returns the loss before it. Three bugs are hidden here: mend them."""
    image = F.normalize(model.image_encoder(images), dim=0)  # (B, D)
    text = F.normalize(model.text_encoder(tokens), dim=0)  # (B, D)
    logits = model.logit_scale * image @ text.T  # (B, B)
    target = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    loss.backward()
    optimizer.step()
    return loss.item()


@exercise(
    "clip.8",
    "Find the bugs",
    task="This step runs, and its loss even falls. It contains three bugs, and none of them raises an error. "
    "`model.logit_scale` is log 1/τ. Mend all three.",
    minutes=10,
    difficulty=2,
    hints=(
        "Check one line at a time: what is its shape, and along which axis does it work?",
        "`logit_scale` is a logarithm: at the start it is 2.66, while 1/τ is 14.3.",
        "What do the gradients hold at the second step?",
    ),
    cases=_batches,
    using=_three_steps,
    answer="what three steps leave (losses, then weights)",
    passed="All three bugs are mended, and there is no new one: losses and weights after three steps are right.",
    start=broken_step,
)
def training_step(model, optimizer, images: Tensor, tokens: Tensor) -> float:
    """One step of training; returns the loss before it."""
    image = F.normalize(model.image_encoder(images), dim=1)  # (B, D)
    text = F.normalize(model.text_encoder(tokens), dim=1)  # (B, D)
    logits = model.logit_scale.exp() * image @ text.T  # (B, B)
    target = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _both(logits: Tensor) -> Tensor:
    target = torch.arange(len(logits))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def _step_in_parts(
    model, optimizer, images, tokens, axes=(1, 1), scale=torch.exp, loss=_both, calls="zero backward step"
):
    image, text = (
        F.normalize(model.image_encoder(images), dim=axes[0]),
        F.normalize(model.text_encoder(tokens), dim=axes[1]),
    )
    value = loss(scale(model.logit_scale) * image @ text.T)
    for call in calls.split():
        {"zero": optimizer.zero_grad, "backward": value.backward, "step": optimizer.step}[call]()
    return value.item()


mistakes(
    training_step,
    "After three steps no weight has moved: `optimizer.step()` comes after `loss.backward()`, and "
    "`optimizer.zero_grad()` does not stand between them.",
    dict(calls="zero backward"),
    dict(calls="backward zero step"),
    "The numbers of one picture lie along dim=1, and so do those of one text: over which axis are they normalised?",
    dict(axes=(0, 0)),
    "The numbers of one picture lie along dim=1: over which axis is `image` normalised?",
    dict(axes=(0, 1)),
    "The numbers of one text lie along dim=1: over which axis is `text` normalised?",
    dict(axes=(1, 0)),
    "The logits are multiplied by a logarithm: `logit_scale` is log 1/τ.",
    dict(scale=lambda a: a),
    "At the second step the gradients of the first are still there.",
    dict(calls="backward step"),
    "The logits are multiplied by τ: `logit_scale.exp()` is 1/τ, which multiplies them.",
    dict(scale=lambda a: (-a).exp()),
    "The loss has lost one direction: both cross-entropies belong to it.",
    dict(loss=lambda logits: F.cross_entropy(logits, torch.arange(len(logits)))),
    dict(loss=lambda logits: F.cross_entropy(logits.T, torch.arange(len(logits)))),
    "The loss is the sum of the two directions: take their mean.",
    dict(loss=lambda logits: 2 * _both(logits)),
    "The temperature does not learn: its gradient is cut off.",
    dict(scale=lambda a: a.detach().exp()),
    base=_step_in_parts,
    together=3,
)


def _pairs_and_scales(generator: torch.Generator) -> Iterator[list[tuple[Tensor, Tensor, Tensor]]]:
    pairs = F.normalize(torch.randn(3, 2, 6, 4, generator=generator), dim=-1)
    yield [(*pair, torch.tensor(1 / tau).log()) for pair, tau in zip(pairs, (0.5, 0.3, 0.1))]


@exercise(
    "clip.7",
    "What moves the temperature",
    task=r"With $a = \log 1/\tau$ the logits are $e^a S$. Derive $\partial L / \partial a$ of the loss of clip.3 on "
    "paper and write it without autograd. Then read its sign: when does the loss ask for a sharper softmax?",
    minutes=15,
    difficulty=3,
    hints=(
        r"For one row, $-\log \mathrm{softmax}(z)_i$ has the gradient $p_j - [j = i]$ with respect to $z_j$.",
        r"$z_{ij} = e^a S_{ij}$, so $\partial z_{ij} / \partial a = z_{ij}$: the chain rule leaves "
        r"$\sum_j (p_{ij} - [j=i])\, z_{ij}$ for a row.",
        "Take the mean over the rows with `softmax(dim=1)`, the mean over the columns with `softmax(dim=0)`, and half "
        "of their sum.",
    ),
    cases=_pairs_and_scales,
    answer="the derivative at τ = .5, .3 and .1",
    passed="Right. Its sign is that of (similarity the softmax expects) − (similarity of the right pair): while the "
    "right pairs win, the loss asks for a sharper softmax, and when they lose, for a softer one.",
)
def logit_scale_gradient(image: Tensor, text: Tensor, logit_scale: Tensor) -> Tensor:
    """Derivative of the loss of B pairs by log 1/τ: (B, D), (B, D), scalar -> scalar.

    >>> pairs = torch.eye(2)
    >>> logit_scale_gradient(pairs, pairs, torch.tensor(0.0))
    tensor(-0.2689)
    """
    # BEGIN SOLUTION
    logits = logit_scale.exp() * image @ text.T  # (B, B)
    right = logits.diagonal().mean()
    rows = (logits.softmax(dim=1) * logits).sum(dim=1).mean() - right
    columns = (logits.softmax(dim=0) * logits).sum(dim=0).mean() - right
    return (rows + columns) / 2
    # END SOLUTION


def _sharp(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return logit_scale.exp() * similarity


def _row(p: Tensor, logits: Tensor) -> Tensor:
    return (p * logits).sum(1) - logits.diagonal()


def _gradient_in_parts(image, text, logit_scale, sharp=_sharp, row=_row, halves=slice(2)) -> Tensor:
    z, p = _sharp(image @ text.T, logit_scale), sharp(image @ text.T, logit_scale)
    return torch.stack([row(p.softmax(1), z).mean(), row(p.T.softmax(1), z.T).mean()])[halves].mean()


mistakes(
    logit_scale_gradient,
    "You derived by 1/τ: $a$ is its logarithm, so a factor $e^a$ is missing.",
    lambda solve, image, text, a: solve(image, text, a) / a.exp(),
    "You derived by τ itself: $a = \\log 1/τ$, so $∂L/∂a = −τ\\, ∂L/∂τ$.",
    lambda solve, image, text, a: -solve(image, text, a) * a.exp(),
    "The sign is reversed: what the softmax expects comes first, the right pair is subtracted.",
    lambda solve, *case: -solve(*case),
    "One direction only: the columns (softmax over dim=0) are missing.",
    dict(halves=slice(1)),
    "One direction only: the rows (softmax over dim=1) are missing.",
    dict(halves=slice(1, 2)),
    "You added the two directions: the loss is their mean.",
    lambda solve, *case: 2 * solve(*case),
    "You summed over the batch: the loss is a mean.",
    lambda solve, image, *others: solve(image, *others) * len(image),
    "The right pair is missing: softmax minus one-hot, so subtract the mean of the diagonal.",
    dict(row=lambda p, z: (p * z).sum(1)),
    "Your softmax ignores the temperature: it runs over $e^a S$, not over $S$.",
    dict(sharp=lambda s, a: s),
    "You weighted the right pairs only: the softmax averages over all the columns of a row.",
    dict(row=lambda p, z: ((p - 1) * z).diagonal()),
    base=_gradient_in_parts,
)


@exercise(
    "clip.9",
    "Your own experiment",
    task="Does a larger batch make a better CLIP, or does it only see more pairs? Plan an experiment that tells the "
    "two apart with the loop of this lesson in ten minutes. Then run it.",
    minutes=25,
    difficulty=3,
    hints=(
        "A larger batch brings more negatives, more pairs seen, and fewer steps per pair. Which of them do you "
        "hold fixed?",
        "One run can be luck. Run five seeds, and compute the interval with `mmatl_lab.metrics.intervals.student`.",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only one thing varied, and are pairs seen, learning rate and evaluation set the same in both arms?",
        "Is there a control whose result you know in advance, such as shuffled pairs?",
        "Are there at least five seeds, and is the difference larger than its interval?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "Does R@1 on held-out scenes rise with the number of negatives, at the same number of pairs seen?",
        "prediction": "From 32 to 256 negatives R@1 rises, from 256 to 511 it does not.",
        "varied": "How many of the other texts of a batch of 512 enter the softmax of an image: 32, 128, 256, 511.",
        "held fixed": "Batch size, steps, learning rate, model, the 1,000 held-out scenes and the seeds.",
        "control": "The same with shuffled pairs: R@1 stays at 1/1,000 whatever the number of negatives.",
        "measured": "R@1 in both directions with ties at chance, five seeds, Student interval of each difference.",
        "would change my mind": "An interval of the difference between 32 and 256 negatives that includes 0.",
    }
