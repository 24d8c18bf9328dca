r"""Fusions: how the vectors of several modalities become one, in the order of lesson 02.

A fusion is a module from a list of features, one for each modality, $e_m \in \mathbb{R}^{n_m}$, to one vector
$e_g \in \mathbb{R}^{D}$; its ``out_dim`` is $D$. A multimodal model is an encoder for each modality, a fusion and
a head; each of them can be exchanged alone.

    fusion = GatedFusion([64, 32, 16], out_dim=48)
    fusion([text, audio, sensor])          # (B, 64), (B, 32), (B, 16) -> (B, 48)
    fusion([text, audio, sensor], mask)    # mask (B, 3), True where the modality is there

    fusion               what it computes                                  modalities interact inside it
    Concat               the vectors side by side                          no
    Add                  their sum                                         no
    Product              the elementwise product of projections            yes
    EarlyFusion          one MLP of all raw inputs                         yes
    IntermediateFusion   a layer for each, then one of all                 yes
    WeightedFusion       a sum with one learned weight for each            no
    LateFusion           the answers of one classifier for each            no
    SelfAttentionFusion  modalities attend to each other                   yes
    CrossModalAttention  tokens attend to other modalities', MLP score     yes
    CrossAttentionFusion the same, several heads with dot products         yes
    HierarchicalFusion   fusions of pairs, then a fusion of these          yes
    GatedFusion          a sum whose weights depend on the example         yes
    BilinearFusion       all products of all numbers, at low rank          yes
"""

from .attention import CrossAttentionFusion, CrossModalAttention, SelfAttentionFusion, cross_modal_attention
from .base import Fusion, masked_softmax
from .interaction import BilinearFusion, GatedFusion, HierarchicalFusion
from .late import LateFusion
from .simple import Add, Concat, EarlyFusion, IntermediateFusion, Product, WeightedFusion

__all__ = [
    "Add",
    "BilinearFusion",
    "Concat",
    "CrossAttentionFusion",
    "CrossModalAttention",
    "EarlyFusion",
    "Fusion",
    "GatedFusion",
    "HierarchicalFusion",
    "IntermediateFusion",
    "LateFusion",
    "Product",
    "SelfAttentionFusion",
    "WeightedFusion",
    "cross_modal_attention",
    "masked_softmax",
]
