"""The warm-up of the tour: the line that later lessons draw above every result."""

import torch
from torch import Tensor

from ..attempt import Attempt
from ..diagnose import diagnose
from ..exercise import exercise
from ..progress import prediction

prediction(
    "start_here.motion",
    "The best possible model sees the still picture, and has to name the motion that follows, one of eight. "
    "How often is it right?",
    ("always", "every second time", "one time in eight"),
    answer="one time in eight",
    why="At the first instant nothing has moved yet, so all eight motions look the same.",
)

prediction(
    "start_here.sound",
    "Now it hears the sound and sees nothing. Which of these can it not tell?",
    ("the shape", "the colour", "the size", "the motion"),
    answer="the colour",
    why="Shape is heard as timbre, size as pitch and motion as loudness over time; colour and place are silent.",
)

MISTAKES = {
    "views": "You took the likeliest view of each answer (dim=0): a model is shown a view, which is a row, and answers "
    "with what is likeliest in it.",
    "mean": "You divided by the number of views: each row already counts as often as its view comes.",
    "equal": "You gave every view the same weight: views that come often count more, as their rows in the table do.",
    "share": "You divided each row by its sum and then added up: a share counts as often as its view comes.",
    "blind": "This is what can be reached without looking, with one answer for all views: a model may answer "
    "differently for each row.",
    "commonest": "This is how often the commonest view comes: it says nothing of the answers.",
    "largest": "This is the largest entry alone: a model is also right in the other rows.",
    "one a view": "You returned a number for each view: they add up to the accuracy.",
    "diagonal": "You added up the diagonal: row i need not belong to answer i.",
    "places": "You added up places (argmax): take the probabilities that stand there.",
    "chance": "This is blind guessing, 1 / Y: the table says more.",
    "everything": "You added up all entries: that is 1 for every table.",
    "error": "This is how often the best model is wrong: return how often it is right.",
    "percent": "You returned per cent: return a share between 0 and 1.",
}


def _accuracy(joint: Tensor, wrong: frozenset[str]) -> Tensor:
    """What the right formula gives, or that of one of MISTAKES."""
    best, share = joint.max(1).values, joint / joint.sum(1, keepdim=True)
    given = {
        "views": lambda: joint.max(0).values.sum(),
        "mean": best.mean,
        "equal": lambda: share.max(1).values.mean(),
        "share": lambda: share.max(1).values.sum(),
        "blind": lambda: joint.sum(0).max(),
        "commonest": lambda: joint.sum(1).max(),
        "largest": joint.max,
        "one a view": lambda: best,
        "diagonal": lambda: joint.diagonal().sum(),
        "places": lambda: joint.argmax(1).sum(),
        "chance": lambda: torch.tensor(1 / joint.shape[1]),
        "everything": joint.sum,
        "error": lambda: 1 - best.sum(),
        "percent": lambda: 100 * best.sum(),
    }
    return given[min(wrong)]() if wrong else best.sum()


def _check(attempt: Attempt, generator: torch.Generator) -> str:
    for V, Y in ((4, 3), (3, 5)):
        joint = torch.rand(V, Y, generator=generator)
        joint[torch.arange(V), (torch.arange(V) + 1) % Y] += 2  # off the diagonal, so that no two mistakes look alike
        joint *= 0.5 + torch.rand(V, 1, generator=generator) / 2
        joint /= joint.sum()
        what = "the accuracy of the best model"
        diagnose(attempt(joint), lambda wrong, j=joint: _accuracy(j, wrong), MISTAKES, what=what, together=1)
    return "Right, for tables of any shape. This is the dotted line in the figures of every lesson."


@exercise(
    "start_here.1",
    "The best that anyone could do",
    task="`joint[v, y]` is the probability that the view shows $v$ and the answer is $y$, so all entries sum to 1. "
    "A model sees $v$ and answers. How often is the best possible model right?",
    minutes=2,
    difficulty=1,
    hints=(
        "You see one view, so you are in one row. Which answer do you give, and with what probability do you see this "
        "view and are right?",
        "`joint.max(dim=1)` gives the largest entry of each row, in `.values`, and its place, in `.indices`.",
        "You see only one view at a time, so the probabilities of being right add up: `.values.sum()`.",
    ),
    checker=_check,
)
def best_accuracy(joint: Tensor) -> Tensor:
    """Accuracy of the best possible model: (V, Y) probabilities of view and answer -> number in [0, 1].

    >>> best_accuracy(torch.tensor([[0.3, 0.1], [0.2, 0.4]]))
    tensor(0.7000)
    """
    # BEGIN SOLUTION
    return joint.max(dim=1).values.sum()
    # END SOLUTION
