"""The fusions to begin with: side by side, sums, products, and where in the model the modalities meet."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Fusion, masked_softmax


class Concat(Fusion):
    r"""Concatenation, $e_g = [e_1; \dots; e_M]$, $D = \sum_m n_m$.

    A linear layer behind it is an addition of projections, $W[e_1; e_2] = W_1 e_1 + W_2 e_2$. Interactions between
    modalities are left to the layers after that. Zeros stand in place of a missing modality.

    Args:
        dims: $n_m$ of each modality.
    """

    def __init__(self, dims: Sequence[int]):
        super().__init__(dims, sum(dims))

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        return torch.cat(features, 1)


class Add(Fusion):
    r"""Addition, $e_g = \sum_m e_m$, which needs $n_1 = \dots = n_M$; or of projections, $e_g = \sum_m W_m e_m$.

    A missing modality adds nothing.

    Args:
        dims: $n_m$ of each modality.
        out_dim: $D$ of the projections; None adds the vectors as they are.

    Raises:
        ValueError: different $n_m$ without projections.
    """

    def __init__(self, dims: Sequence[int], out_dim: int | None = None):
        if out_dim is None and len(set(dims)) > 1:
            sizes = ", ".join(str(n) for n in dims)
            raise ValueError(f"vectors of {sizes} numbers cannot be added: give out_dim=, to which each is projected.")
        super().__init__(dims, dims[0] if out_dim is None else out_dim)
        project = [nn.Identity() if out_dim is None else nn.Linear(n, out_dim, bias=False) for n in dims]
        self.project = nn.ModuleList(project)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        return sum(project(e) for project, e in zip(self.project, features, strict=True))


class Product(Fusion):
    r"""The elementwise product of projections, $e_g = \bigodot_m (W_m e_m + b_m)$.

    Each number of $e_g$ is a polynomial with a term for every set of modalities, that of all of them included: what
    one modality says can reverse what another one means, before any layer of a head. It is tensor fusion (all products
    of $[e_1; 1], \dots, [e_M; 1]$: Zadeh et al. 2017, arXiv:1707.07250) with a tensor of low rank (Kim et al. 2017,
    arXiv:1610.04325; Liu et al. 2018, arXiv:1806.00064). The factor of a missing modality is 1.

    Args:
        dims: $n_m$ of each modality. out_dim: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__(dims, out_dim)
        self.project = nn.ModuleList(nn.Linear(n, out_dim) for n in dims)
        for project in self.project:
            nn.init.ones_(project.bias)  # near 1 each factor lets the others through, so that all of them learn

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        out = 1.0
        for m, (project, e) in enumerate(zip(self.project, features, strict=True)):
            out = out * project(e).masked_fill(~mask[:, m, None], 1.0)
        return out


class EarlyFusion(Fusion):
    r"""One encoder of all raw inputs, $x = [x_1; \dots; x_M]$, $e_g = \mathrm{Encoder}(x)$.

    The first layer already sees everything, so it can compare the modalities number by number; but nothing about one
    modality (that a picture has neighbouring pixels) can be built in. Here the encoder is an MLP of one hidden layer.
    Zeros stand in place of a missing modality. (Baltrušaitis et al. 2019, arXiv:1705.09406, section 6.1.)

    Args:
        dims: numbers of each raw input, flattened. out_dim: $D$. hidden_dim: width of the hidden layer; None: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, hidden_dim: int | None = None):
        super().__init__(dims, out_dim)
        hidden_dim = hidden_dim or out_dim
        self.encoder = nn.Sequential(nn.Linear(sum(dims), hidden_dim), nn.GELU(), nn.Linear(hidden_dim, out_dim))

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        return self.encoder(torch.cat(features, 1))


class IntermediateFusion(Fusion):
    r"""A layer for each modality, then one of all: $h_m = \phi(W_m e_m + b_m)$, $e_g = \phi(W [h_1; \dots; h_M] + b)$.

    Some code calls this early fusion, because it comes before the classifier. φ is a GELU. $h_m$ of a missing modality
    is zero. (Ngiam et al. 2011 and many since; Baltrušaitis et al. 2019, arXiv:1705.09406, section 6.2.)

    Args:
        dims: $n_m$ of each modality. out_dim: $D$, of each $h_m$ as well.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__(dims, out_dim)
        self.project = nn.ModuleList(nn.Linear(n, out_dim) for n in dims)
        self.join = nn.Linear(len(dims) * out_dim, out_dim)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        h = [F.gelu(project(e)) for project, e in zip(self.project, features, strict=True)]
        return F.gelu(self.join(torch.cat([x * mask[:, m, None] for m, x in enumerate(h)], 1)))


class WeightedFusion(Fusion):
    r"""A sum with one learned weight for each modality: $e_g = \sum_m w_m\, \phi(W_m e_m + b_m)$ with
    $w = \mathrm{softmax}(a)$.

    The weights are the same for every example. They are no measure of importance: $W_m$ and $b_m$ can be c times as
    large and $w_m$ c times as small without any change, since a ReLU φ lets a positive factor through. The weights of
    those that are there are scaled to a sum of 1.

    Args:
        dims: $n_m$ of each modality. out_dim: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__(dims, out_dim)
        self.project = nn.ModuleList(nn.Linear(n, out_dim) for n in dims)
        self.scores = nn.Parameter(torch.zeros(len(dims)))

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        _, mask = self.present(features, mask)
        return masked_softmax(self.scores.expand(mask.shape), mask)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        w = masked_softmax(self.scores.expand(mask.shape), mask)  # (B, M)
        h = torch.stack([project(e).relu() for project, e in zip(self.project, features, strict=True)], 1)  # (B, M, D)
        return (w[..., None] * h).sum(1)
