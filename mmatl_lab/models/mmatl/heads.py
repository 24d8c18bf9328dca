"""Heads for the uses that the note names beside classification: retrieval across modalities, and generation.

Both read t, so that they take any modality once the codes are aligned: a head that has only seen pictures' codes is
given a sensor's.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from .model import MMATL, Views


class RetrievalHead(nn.Module):
    """t -> unit vectors, which are compared by their cosine.

    Args:
        in_dim: H of t. out_dim: of the vectors; 0 takes t itself.
    """

    def __init__(self, in_dim: int, out_dim: int = 0):
        super().__init__()
        self.project = nn.Linear(in_dim, out_dim) if out_dim else nn.Identity()

    def forward(self, t: Tensor) -> Tensor:
        """(B, H) -> (B, D) of length 1."""
        return F.normalize(self.project(t), dim=1)


class GenerationHead(nn.Module):
    """t -> a small picture; trained by the squared error, so it draws the mean of the pictures that t allows.

    Args:
        in_dim: H of t. size: of the picture, in pixels. hidden_dim: width of the two hidden layers.
    """

    def __init__(self, in_dim: int, size: int = 16, hidden_dim: int = 128):
        super().__init__()
        self.size = size
        self.layers = nn.Sequential(
            *(nn.Linear(in_dim, hidden_dim), nn.GELU()),
            *(nn.Linear(hidden_dim, hidden_dim), nn.GELU()),
            nn.Linear(hidden_dim, 3 * size * size),
        )

    def forward(self, t: Tensor) -> Tensor:
        """(B, H) -> (B, 3, size, size) in (0, 1)."""
        return self.layers(t).sigmoid().view(-1, 3, self.size, self.size)

    def loss(self, t: Tensor, pictures: Tensor) -> Tensor:
        """The mean squared error; pictures (B, 3, size, size) in [0, 1]."""
        return F.mse_loss(self(t), pictures)


def represent(model: MMATL, name: str, views: Views) -> Tensor:
    """t of one modality alone, (B, H): what a head reads."""
    return model({name: views[name]}).t
