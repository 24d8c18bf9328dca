r"""Fusions: how the vectors of several modalities become one.

A fusion is a module from a list of features, one for each modality, $e_m \in \mathbb{R}^{n_m}$, to one vector
$e_g \in \mathbb{R}^{D}$; its ``width`` is $D$. With an encoder for each modality before it and a head behind it, it
makes a multimodal model, and any of the three can be exchanged alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    r"""Concatenation, $e_g = [e_1; \dots; e_M]$, $D = \sum_m n_m$.

    It loses nothing and decides nothing. A linear layer behind it is an addition of projections,
    $W[e_1; e_2] = W_1 e_1 + W_2 e_2$, so that whatever depends on modalities together is left to what comes after.

    Args:
        widths: $n_m$ of each modality.
    """

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        self.width = sum(widths)

    def forward(self, features: list[Tensor]) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D)."""
        return torch.cat(features, 1)


class Add(nn.Module):
    r"""Addition, $e_g = \sum_m e_m$, which needs $n_1 = \dots = n_M$; or of projections, $e_g = \sum_m W_m e_m$.

    Args:
        widths: $n_m$ of each modality.
        width: $D$ of the projections; None adds the vectors as they are.

    Raises:
        ValueError: different widths without projections.
    """

    def __init__(self, widths: Sequence[int], width: int | None = None):
        super().__init__()
        if width is None and len(set(widths)) > 1:
            sizes = ", ".join(str(n) for n in widths)
            raise ValueError(f"vectors of {sizes} numbers cannot be added: give width=, to which each is projected.")
        self.width = widths[0] if width is None else width
        project = [nn.Identity() if width is None else nn.Linear(n, width, bias=False) for n in widths]
        self.project = nn.ModuleList(project)

    def forward(self, features: list[Tensor]) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D)."""
        return sum(project(e) for project, e in zip(self.project, features, strict=True))


class Product(nn.Module):
    r"""The elementwise product of projections, $e_g = \bigodot_m (W_m e_m + b_m)$.

    Each number of $e_g$ is a polynomial with a term for every set of modalities, that of all of them included: what
    one modality says can reverse what another one means, before any layer of a head. It is tensor fusion (all products
    of $[e_1; 1], \dots, [e_M; 1]$: Zadeh et al. 2017, arXiv:1707.07250) with a tensor of low rank (Kim et al. 2017,
    arXiv:1610.04325; Liu et al. 2018, arXiv:1806.00064).

    Args:
        widths: $n_m$ of each modality. width: $D$.
    """

    def __init__(self, widths: Sequence[int], width: int):
        super().__init__()
        self.width = width
        self.project = nn.ModuleList(nn.Linear(n, width) for n in widths)
        for project in self.project:
            nn.init.ones_(project.bias)  # near 1 each factor lets the others through, so that all of them learn

    def forward(self, features: list[Tensor]) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D)."""
        out = self.project[0](features[0])
        for project, e in zip(self.project[1:], features[1:], strict=True):
            out = out * project(e)
        return out
