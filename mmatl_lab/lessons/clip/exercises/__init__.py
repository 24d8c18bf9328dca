"""The exercises of the CLIP lesson: from filling in a formula to designing an experiment."""

from ...progress import prediction
from . import evaluation, loss, training  # noqa: F401  # importing them registers the exercises

prediction(
    "clip.one-sided",
    "You keep the texts' vectors fixed and train the images with the first half of the loss alone, until every image "
    "finds its text. How many of the texts find their image?",
    ("all of them", "nearly all of them", "about half of them"),
    answer="about half of them",
    why="Each image's softmax forgives it a similarity that it has to all texts, so a few images win most of them. "
    "Texts that learn too make up for a part of it.",
)

prediction(
    "clip.ablation",
    "Every training picture is changed at random. Which change does OpenMoji, a style of thin outlines, need most?",
    ("line drawings", "other colours", "coloured backgrounds", "fewer words"),
    answer="line drawings",
    why="Drawings make the seen styles look like the new one; colours and backgrounds are not what sets it apart.",
)
