"""One of each fusion, and vectors of three modalities for them."""

import torch

from mmatl_lab.nn.fusion import (
    Add,
    BilinearFusion,
    Concat,
    CrossAttentionFusion,
    CrossModalAttention,
    EarlyFusion,
    GatedFusion,
    HierarchicalFusion,
    IntermediateFusion,
    LateFusion,
    Product,
    SelfAttentionFusion,
    WeightedFusion,
)

DIMS = (5, 3, 4)
FUSIONS = {
    "concat": lambda dims: Concat(dims),
    "add": lambda dims: Add(dims, 16),
    "product": lambda dims: Product(dims, 16),
    "early": lambda dims: EarlyFusion(dims, 16),
    "intermediate": lambda dims: IntermediateFusion(dims, 16),
    "weighted": lambda dims: WeightedFusion(dims, 16),
    "late": lambda dims: LateFusion(dims, 16),
    "late mixture": lambda dims: LateFusion(dims, 16, 8, rule="mixture"),
    "self-attention": lambda dims: SelfAttentionFusion(dims, 16),
    "cross-modal attention": lambda dims: CrossModalAttention(dims, 16),
    "cross-attention": lambda dims: CrossAttentionFusion(dims, 16),
    "hierarchical": lambda dims: HierarchicalFusion(dims, 16),
    "gated": lambda dims: GatedFusion(dims, 16),
    "bilinear": lambda dims: BilinearFusion(dims, 16, rank=2),
}


def features(n=6, dims=DIMS, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(n, dim) for dim in dims]


def made(make, dims=DIMS, seed=3):
    torch.manual_seed(seed)
    return make(dims)


def masks(n=6):
    """Rows that lack none, one or two of three modalities."""
    return torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0]][:n], dtype=torch.bool)
