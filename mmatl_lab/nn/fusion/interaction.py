"""Fusions built for interaction: of pairs first, with gates that depend on the example, with all products."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Fusion, masked_softmax


class HierarchicalFusion(Fusion):
    r"""Fusions of groups of modalities, then a fusion of these:
    $h_k = \phi(W_k [e_m]_{m \in G_k} + b_k)$, $e_g = \phi(W [h_1; \dots; h_K] + b)$, $K \ge 2$.

    With a single group it would only be one more layer. φ is a GELU. A missing modality is zero in its groups, and a
    group none of whose modalities is there is zero in the last layer. (Majumder et al. 2018, arXiv:1806.06228.)

    Args:
        dims: $n_m$ of each modality, at least three. out_dim: $D$, of all fusions.
        groups: of places in ``dims``, which may overlap; None: all pairs.

    Raises:
        ValueError: fewer than two groups, places that there are not, or a modality in no group.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, groups: Sequence[Sequence[int]] | None = None):
        super().__init__(dims, out_dim)
        groups = list(combinations(range(len(dims)), 2)) if groups is None else groups
        self.groups = tuple(tuple(group) for group in groups)
        if len(self.groups) < 2:
            raise ValueError(
                f"a hierarchy needs at least two local fusions, got {len(self.groups)} group of {len(dims)} "
                "modalities: give more modalities or groups, or take IntermediateFusion."
            )
        if {place for group in self.groups for place in group} != set(range(len(dims))):
            raise ValueError(f"the groups must hold all places 0 to {len(dims) - 1} and no others, got {self.groups}.")
        self.local = nn.ModuleList(nn.Linear(sum(dims[m] for m in group), out_dim) for group in self.groups)
        self.join = nn.Linear(len(self.groups) * out_dim, out_dim)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        h = []
        for local, group in zip(self.local, self.groups, strict=True):
            fused = F.gelu(local(torch.cat([features[m] for m in group], 1)))  # (B, D)
            h.append(fused * mask[:, list(group)].any(1, keepdim=True))
        return F.gelu(self.join(torch.cat(h, 1)))


class GatedFusion(Fusion):
    r"""The gated multimodal unit, a sum whose weights depend on the example and differ from number to number:

    $$ h_m = \tanh(W_m e_m + b_m), \quad g = \mathrm{softmax}_m(U_m [e_1; \dots; e_M] + c_m), \quad
       e_g = \sum_m g_m \odot h_m $$

    For two modalities $g_1 = \sigma((U_1 - U_2)[e_1; e_2] + c_1 - c_2)$ and $g_2 = 1 - g_1$, as published. For more,
    the paper takes independent sigmoids; the softmax keeps the sum at 1, and gives the share of a missing modality to
    the others. The tanh bounds each h, so that no modality wins by its length. (Arevalo et al. 2017, arXiv:1702.01992.)

    Args:
        dims: $n_m$ of each modality. out_dim: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__(dims, out_dim)
        self.project = nn.ModuleList(nn.Linear(n, out_dim) for n in dims)
        self.gate = nn.ModuleList(nn.Linear(sum(dims), out_dim) for _ in dims)

    def gates(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, D, M): g, of sum 1 over the modalities."""
        return self._gates(*self.present(features, mask))

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, M): the mean of the gates over the D numbers."""
        return self.gates(features, mask).mean(1)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        h = torch.stack([project(e).tanh() for project, e in zip(self.project, features, strict=True)], -1)  # (B, D, M)
        return (self._gates(features, mask) * h).sum(-1)

    def _gates(self, features: list[Tensor], mask: Tensor) -> Tensor:
        everything = torch.cat(features, 1)
        scores = torch.stack([gate(everything) for gate in self.gate], -1)  # (B, D, M)
        return masked_softmax(scores, mask[:, None])


class BilinearFusion(Fusion):
    r"""Tensor fusion at rank R: $e_g = \sum_{r=1}^R \bigodot_m W^{(r)}_m [e_m; 1]$.

    Tensor fusion takes all products of the numbers of $[e_1; 1], \dots, [e_M; 1]$, one linear layer on
    $\prod_m (n_m + 1)$ numbers. Writing each of its D tensors as a sum of R products never builds them: parameters grow
    as $R D \sum_m n_m$. Rank 1 is `Product`. The factors of a missing modality are 1. (Zadeh et al. 2017,
    arXiv:1707.07250; at low rank: Liu et al. 2018, arXiv:1806.00064; of two modalities: Kim et al. 2017,
    arXiv:1610.04325.)

    Args:
        dims: $n_m$ of each modality. out_dim: $D$. rank: R.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, rank: int = 4):
        super().__init__(dims, out_dim)
        self.rank = rank
        self.project = nn.ModuleList(nn.Linear(n, rank * out_dim) for n in dims)
        for project in self.project:
            nn.init.ones_(project.bias)  # as in Product

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        out = 1.0
        for m, (project, e) in enumerate(zip(self.project, features, strict=True)):
            out = out * project(e).masked_fill(~mask[:, m, None], 1.0)
        return out.unflatten(1, (self.rank, -1)).sum(1)  # (B, R D) -> (B, D)
