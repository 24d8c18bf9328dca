"""The warm-up of the tour: the line that later lessons draw above every result."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..exercise import exercise, mistakes
from ..progress import prediction
from ..quiz import question

prediction(
    "start_here.motion",
    "The best possible model sees the still picture, and has to name the motion that follows, one of eight. "
    "How often is it right?",
    ("always", "half of the time", "one time in eight"),
    answer="one time in eight",
    why="At the first instant nothing has moved yet, so all eight motions look the same.",
)

prediction(
    "start_here.sound",
    "The best possible model now gets only the sound. Which of these can it not name?",
    ("the shape", "the colour", "the size", "the motion"),
    answer="the colour",
    why="Shape is heard as timbre, size as pitch and motion as loudness over time; colour and place are silent.",
)


def _tables(generator: torch.Generator) -> Iterator[tuple[Tensor]]:
    for V, Y in ((4, 3), (3, 5)):
        joint = torch.rand(V, Y, generator=generator)
        joint[torch.arange(V), (torch.arange(V) + 1) % Y] += 2  # off the diagonal, so that no two mistakes look alike
        joint *= 0.5 + torch.rand(V, 1, generator=generator) / 2
        yield (joint / joint.sum(),)


@exercise(
    "start_here.1",
    "The best that anyone could do",
    task="`joint` has a row for each of $V$ views and a column for each of $Y$ answers. `joint[v, y]` is the "
    "probability that the view shows $v$ and the answer is $y$, so all entries sum to 1. A model sees $v$ and answers. "
    "How often is the best possible model right?",
    minutes=2,
    difficulty=1,
    hints=(
        "You see one view, so you are in one row. Which answer do you give? What is the probability that you see this "
        "view and your answer is right?",
        "`joint.max(dim=1)` gives the largest entry of each row, in `.values`, and its place, in `.indices`.",
        "You see only one view at a time, so the probabilities of being right add up: `.values.sum()`.",
    ),
    cases=_tables,
    answer="the accuracy of the best model",
    passed="Right, for tables of any shape. This is the dotted line in the figures of every lesson.",
)
def best_accuracy(joint: Tensor) -> Tensor:
    """Accuracy of the best possible model: (V, Y) probabilities -> number in [0, 1].

    >>> best_accuracy(torch.tensor([[0.3, 0.1], [0.2, 0.4]]))
    tensor(0.7000)
    """
    # BEGIN SOLUTION
    return joint.max(dim=1).values.sum()
    # END SOLUTION


mistakes(
    best_accuracy,
    "You took the largest entry of each column (dim=0): a model sees one view, which is a row, and gives the likeliest "
    "answer in it.",
    lambda joint: joint.max(0).values.sum(),
    "You divided by the number of views: each row already counts as often as its view occurs.",
    lambda joint: joint.max(1).values.mean(),
    "You gave every view the same weight: a view that occurs often counts more, as its row in the table does.",
    lambda joint: (joint.max(1).values / joint.sum(1)).mean(),
    "You divided each row by its sum and then added up: a share counts as often as its view occurs.",
    lambda joint: (joint.max(1).values / joint.sum(1)).sum(),
    "This is the accuracy without looking, with one answer for all views: a model may answer differently for each row.",
    lambda joint: joint.sum(0).max(),
    "This is how often the commonest view occurs: it says nothing about the answers.",
    lambda joint: joint.sum(1).max(),
    "This is the largest entry alone: a model is also right in the other rows.",
    lambda joint: joint.max(),
    "You returned a number for each view: the sum of these numbers is the accuracy.",
    lambda joint: joint.max(1).values,
    "You added up the diagonal: row i need not belong to answer i.",
    lambda joint: joint.diagonal().sum(),
    "You added up places (argmax): take the probabilities that stand there.",
    lambda joint: joint.argmax(1).sum(),
    "This is blind guessing, 1 / Y: the table says more.",
    lambda joint: 1 / joint.shape[1],
    "You added up all entries: that is 1 for every table.",
    lambda joint: joint.sum(),
    "This is how often the best model is wrong: return how often it is right.",
    lambda solve, joint: 1 - solve(joint),
    "You returned per cent: return a share between 0 and 1.",
    lambda solve, joint: 100 * solve(joint),
)

question(
    "start_here.q-view",
    "What does a model of these lessons get to see?",
    ("The list of causes of a scene", "One or more views of a scene", "The scene and its ceiling"),
    answer="One or more views of a scene",
    why="A view is computed from the causes: a picture, a caption, a sound, a video or a sensor trace. The causes stay "
    "hidden from the model.",
)
question(
    "start_here.q-ceiling",
    "A figure shows a dotted line at 0.80. What does it tell you?",
    (
        "The accuracy of a good model from the literature",
        "What guessing would get",
        "The target that the lesson sets itself",
        "No model can do better with these views",
    ),
    answer="No model can do better with these views",
    why="The ceiling is the accuracy of the best possible model. It is computed from the known causes, not estimated "
    "from a trained model.",
)
question(
    "start_here.q-control",
    "A classifier with eight answers is right in 13 % of the cases. Which number do you compare with first?",
    ("The control: 12.5 % for guessing", "The accuracy in training", "100 %"),
    answer="The control: 12.5 % for guessing",
    why="One answer in eight is right by chance, so 13 % may be no result at all. A result means something only if it "
    "beats its control.",
)
question(
    "start_here.q-pair",
    "The image tells the colour but not the motion. The sound tells the motion but not the colour. What is the ceiling "
    "for naming both from both views?",
    ("One in eight", "One half, the mean of the two", "1, always right", "0"),
    answer="1, always right",
    why="Each view supplies what the other one lacks. Each of them alone leaves one of the two to chance.",
)
question(
    "start_here.q-noise",
    "You add noise to the sensor trace. What happens to its ceiling for naming the motion?",
    ("It stays, since a ceiling is exact", "It falls or stays, and never rises", "It rises, since noise adds variety"),
    answer="It falls or stays, and never rises",
    why="Noise hides differences between motions, so even the best possible model confuses some of them. A lower "
    "ceiling is still a ceiling: no model can beat it from the noisy view.",
)
