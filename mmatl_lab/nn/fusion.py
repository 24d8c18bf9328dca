r"""Fusions: how the vectors of several modalities become one.

A fusion is a module from a list of features, one for each modality, $e_m \in \mathbb{R}^{n_m}$, to one vector
$e_g \in \mathbb{R}^{D}$; its ``out_dim`` is $D$. A multimodal model is an encoder for each modality, a fusion and
a head; each of them can be exchanged alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    r"""Concatenation, $e_g = [e_1; \dots; e_M]$, $D = \sum_m n_m$.

    A linear layer behind it is an addition of projections, $W[e_1; e_2] = W_1 e_1 + W_2 e_2$. Interactions between
    modalities are left to the layers after that.

    Args:
        dims: $n_m$ of each modality.
    """

    def __init__(self, dims: Sequence[int]):
        super().__init__()
        self.out_dim = sum(dims)

    def forward(self, features: list[Tensor]) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D)."""
        return torch.cat(features, 1)


class Add(nn.Module):
    r"""Addition, $e_g = \sum_m e_m$, which needs $n_1 = \dots = n_M$; or of projections, $e_g = \sum_m W_m e_m$.

    Args:
        dims: $n_m$ of each modality.
        out_dim: $D$ of the projections; None adds the vectors as they are.

    Raises:
        ValueError: different $n_m$ without projections.
    """

    def __init__(self, dims: Sequence[int], out_dim: int | None = None):
        super().__init__()
        if out_dim is None and len(set(dims)) > 1:
            sizes = ", ".join(str(n) for n in dims)
            raise ValueError(f"vectors of {sizes} numbers cannot be added: give out_dim=, to which each is projected.")
        self.out_dim = dims[0] if out_dim is None else out_dim
        project = [nn.Identity() if out_dim is None else nn.Linear(n, out_dim, bias=False) for n in dims]
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
        dims: $n_m$ of each modality. out_dim: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__()
        self.out_dim = out_dim
        self.project = nn.ModuleList(nn.Linear(n, out_dim) for n in dims)
        for project in self.project:
            nn.init.ones_(project.bias)  # near 1 each factor lets the others through, so that all of them learn

    def forward(self, features: list[Tensor]) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D)."""
        out = self.project[0](features[0])
        for project, e in zip(self.project[1:], features[1:], strict=True):
            out = out * project(e)
        return out
