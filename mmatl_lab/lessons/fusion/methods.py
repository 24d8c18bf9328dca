"""The fusions of the lesson by name, each as a whole model of about the same number of parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.models.joint import Joint
from mmatl_lab.nn.encoders import MLPEncoder
from mmatl_lab.nn.fusion import (
    Add,
    BilinearFusion,
    Concat,
    CrossAttentionFusion,
    CrossModalAttention,
    EarlyFusion,
    Fusion,
    GatedFusion,
    HierarchicalFusion,
    IntermediateFusion,
    LateFusion,
    Product,
    SelfAttentionFusion,
    WeightedFusion,
)

DIM, HIDDEN = 16, 32  # width of each encoder's vector, and of its hidden layer
BUDGET = 8_000  # parameters of a whole model
NUM_TOKENS = 2  # into which cross-modal attention cuts each vector
RANK = 2


@dataclass(frozen=True)
class Method:
    """A fusion of the comparison.

    Attributes:
        label: what people read. family: of fusions, as the lesson has them.
        build: (dims, D) -> the fusion.
        late: whether it gives answers and needs no head. raw: whether it takes inputs without encoders.
        least: the fewest modalities that it works with.
    """

    label: str
    family: str
    build: Callable[[Sequence[int], int], Fusion]
    late: bool = False
    raw: bool = False
    least: int = 2


METHODS = {
    "concat": Method("concatenation", "side by side", lambda dims, D: Concat(dims), least=1),
    "add": Method("addition", "side by side", Add),
    "product": Method("product", "products", Product),
    "early": Method("early (raw inputs)", "place", EarlyFusion, raw=True),
    "intermediate": Method("intermediate", "place", IntermediateFusion),
    "late_product": Method("late, product", "place", LateFusion, late=True),
    "late_mixture": Method("late, mixture", "place", partial(LateFusion, rule="mixture"), late=True),
    "weighted": Method("weighted", "weights", WeightedFusion),
    "gated": Method("gated", "weights", GatedFusion),
    "self_attention": Method("self-attention", "attention", SelfAttentionFusion),
    "cross_modal": Method("cross-modal attention", "attention", partial(CrossModalAttention, num_tokens=NUM_TOKENS)),
    "cross_attention": Method(
        "multi-head cross-attention", "attention", partial(CrossAttentionFusion, num_tokens=NUM_TOKENS)
    ),
    "hierarchical": Method("hierarchical", "place", HierarchicalFusion, least=3),
    "bilinear": Method("low-rank bilinear", "products", partial(BilinearFusion, rank=RANK)),
}
ADDITIVE = ("concat", "add", "weighted", "late_product", "late_mixture")  # with a linear head, in the log-odds or votes
INTERACTING = tuple(name for name in METHODS if name not in ADDITIVE)
HEADS = ("linear", "mlp")


def make_model(method: str, dims: Mapping[str, int], num_classes: int, width: int, head: str = "linear") -> Joint:
    """An encoder for each modality, the fusion, a head: inputs (B, n_m) by modality -> logits (B, C).

    Args:
        method: one of METHODS. dims: $n_m$ of each modality by name. width: D of the fusion.
        head: one of HEADS. A linear one leaves it to the fusion to combine the modalities.

    Raises:
        ValueError: an unknown method or head, or too few modalities for it.
    """
    chosen = find(method)
    if head not in HEADS:
        raise ValueError(f"there is no head {head!r}: choose one of {', '.join(HEADS)}.")
    if len(dims) < chosen.least:
        raise ValueError(f"{chosen.label} needs {chosen.least} modalities, got {len(dims)}: {', '.join(dims)}.")
    if chosen.raw:
        encoders = {name: nn.Identity() for name in dims}
        fusion = chosen.build(list(dims.values()), width)
    else:
        dim = width if method == "concat" else DIM  # concatenation has no width of its own
        encoders = {name: MLPEncoder(dim, n, HIDDEN) for name, n in dims.items()}
        if chosen.late:
            fusion = chosen.build([dim] * len(dims), num_classes, hidden_dim=width)
            return Joint(encoders, fusion, nn.Identity())
        fusion = chosen.build([dim] * len(dims), width)
    return Joint(encoders, fusion, _head(fusion.out_dim, num_classes, head))


def _head(in_dim: int, num_classes: int, head: str) -> nn.Module:
    if head == "linear":
        return nn.Linear(in_dim, num_classes)
    return nn.Sequential(nn.Linear(in_dim, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, num_classes))


def find(method: str) -> Method:
    """The method called so.

    Raises:
        ValueError: there is none.
    """
    if method not in METHODS:
        raise ValueError(f"there is no fusion {method!r} here: choose one of {', '.join(METHODS)}.")
    return METHODS[method]


def num_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def fitted_width(
    method: str, dims: Mapping[str, int], num_classes: int, head: str = "linear", budget: int = BUDGET
) -> int:
    """The width D at which the whole model has as nearly as possible ``budget`` parameters."""
    return _fitted(method, tuple(dims.items()), num_classes, head, budget)


@cache
def _fitted(method: str, dims: tuple[tuple[str, int], ...], num_classes: int, head: str, budget: int) -> int:
    def size(width: int) -> int:
        with torch.random.fork_rng(devices=[]):
            return num_parameters(make_model(method, dict(dims), num_classes, width, head))

    low, high = 1, 1024
    while low < high:  # the smallest width of at least the budget
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(middle) < budget else (low, middle)
    return min((max(low - 1, 1), low), key=lambda width: abs(size(width) - budget))


def joint_loss(model: Callable, inputs: Mapping[str, Tensor], label: Tensor, present: Tensor) -> Tensor:
    """Cross-entropy of the fused answer, a scalar."""
    return F.cross_entropy(model(inputs, present), label)
