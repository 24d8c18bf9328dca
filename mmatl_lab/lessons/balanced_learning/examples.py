"""Examples of several modalities, the parts of a task, and damage to one modality."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Examples(NamedTuple):
    """Inputs by modality, (B, F_m), and labels (B,)."""

    views: dict[str, Tensor]
    label: Tensor

    def rows(self, index: Tensor | slice) -> "Examples":
        return Examples({name: x[index] for name, x in self.views.items()}, self.label[index])

    def to(self, device: torch.device | str) -> "Examples":
        return Examples({name: x.to(device) for name, x in self.views.items()}, self.label.to(device))


class Task(NamedTuple):
    """Three parts of which none shares a picture, a voice, a person or a scene with another."""

    train: Examples
    validation: Examples
    test: Examples


def corrupt(
    views: Mapping[str, Tensor], modality: str, severity: float, *, kind: str = "noise", generator: torch.Generator
) -> dict[str, Tensor]:
    """The same views, one modality of which is corrupted.

    Args:
        severity: for "noise" the standard deviation of Gaussian noise, in units of the modality's own spread; for
            "gaps" the share of its numbers that are lost, in [0, 1].
        kind: "noise", or "gaps": one stretch of the numbers is set to 0, its place drawn for each sample.

    Raises:
        ValueError: an unknown kind or modality.
    """
    if modality not in views:
        raise ValueError(f"there is no modality {modality!r}: choose one of {', '.join(views)}")
    x = views[modality]
    if kind == "noise":
        x = x + severity * x.std() * torch.randn(x.shape, generator=generator)
    elif kind == "gaps":
        B, width = x.shape
        start = torch.randint(width, (B, 1), generator=generator)
        lost = (torch.arange(width) - start) % width < round(severity * width)
        x = x.masked_fill(lost, 0.0)
    else:
        raise ValueError(f'kind is "noise" or "gaps", got {kind!r}')
    return {**views, modality: x}
