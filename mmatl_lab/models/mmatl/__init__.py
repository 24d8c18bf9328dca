"""MMATL, the algorithm of the note: adversarial alignment, transfer and adversarial task training, for N modalities.

    model = MMATL(MMATLConfig(encoders, num_classes=8))
    for step, generator in run:
        training_step(model, run, draw, lambda_align=1.0, lambda_task=0.1)

``parts`` has D_a, T and D_t, ``alignment`` and ``task`` the two games as printed and well-posed, ``model`` puts the
parts together, ``joint`` trains them.
"""

from .alignment import GAMES
from .heads import GenerationHead, RetrievalHead, represent
from .joint import DISCRIMINATORS, PLAYERS, UNLABELLED, training_step
from .model import MMATL, Answer, Codes, MMATLConfig
from .parts import AlignmentDiscriminator, TaskDiscriminator, TransferModule, binarise, reverse_gradient
from .task import ADVERSARIES

__all__ = [
    "ADVERSARIES",
    "DISCRIMINATORS",
    "GAMES",
    "MMATL",
    "PLAYERS",
    "UNLABELLED",
    "AlignmentDiscriminator",
    "Answer",
    "Codes",
    "GenerationHead",
    "MMATLConfig",
    "RetrievalHead",
    "TaskDiscriminator",
    "TransferModule",
    "binarise",
    "represent",
    "reverse_gradient",
    "training_step",
]
