r"""Test-time fusions: the logits of N modalities, (N, B, C), become one, $z = \sum_m w_m z_m$, (B, C).

A modality that is not ``present`` for a sample has the weight 0 there; the weights of the others are as if it did not
exist. With the weights it permutes: a fusion of permuted modalities is the same.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

ENERGY_SCALE = 10  # what QMF divides a modality's energy by


def sum_fusion(logits: Tensor, present: Tensor | None = None) -> Tensor:
    r"""$z = \sum_m z_m$, the product of experts' rule for modalities that are independent given the class."""
    return _weighted(logits, torch.ones_like(logits[..., 0]), _checked(logits, present))


def fixed_fusion(logits: Tensor, weights: Sequence[float], present: Tensor | None = None) -> Tensor:
    r"""$z = \sum_m w_m z_m / \sum_m w_m$ over the modalities that are present, with constants $w_m$ (MLA, fixed).

    Args:
        weights: one for each modality, above 0.

    Raises:
        ValueError: another number of weights, or one that is not above 0.
    """
    if len(weights) != len(logits):
        raise ValueError(f"fixed fusion needs a weight for each of {len(logits)} modalities, got {len(weights)}")
    if min(weights) <= 0:
        raise ValueError(f"the weights of fixed fusion are above 0, got {', '.join(f'{w:g}' for w in weights)}")
    present = _checked(logits, present)
    w = torch.tensor(list(weights), dtype=logits.dtype, device=logits.device)[:, None] * present  # (N, B)
    return _weighted(logits, w / w.sum(0), present)


def entropy(logits: Tensor) -> Tensor:
    r"""$e = -\sum_c p_c \log p_c$ of $p = \mathrm{softmax}(z)$ in nats: (..., C) -> (...)."""
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


def dynamic_weights(logits: Tensor, present: Tensor | None = None, *, per: str = "sample") -> Tensor:
    r"""Weights by certainty, $w_m \propto \exp(\max_k e_k - e_m)$ with the entropy $e_m$ (MLA, section 3.3): (N, B).

    Args:
        per: "sample", as published. "batch" is what the released code computes: a softmax over the batch axis,
            summed over batch and classes, gives one weight for all samples of a batch.

    Raises:
        ValueError: another ``per``; or ``per="batch"`` with modalities missing, which it has no rule for.
    """
    known = _checked(logits, present)
    if per == "sample":
        e = entropy(logits)
    elif per == "batch":
        if not known.all():
            raise ValueError('per="batch" has no rule for missing modalities: use per="sample"')
        log_p = logits.log_softmax(1)
        e = -(log_p.exp() * log_p).sum((1, 2))[:, None].expand(logits.shape[:2])
    else:
        raise ValueError(f'per is "sample" or "batch", got {per!r}')
    return (-e).masked_fill(~known, -torch.inf).softmax(0)


def dynamic_fusion(logits: Tensor, present: Tensor | None = None, *, per: str = "sample") -> Tensor:
    """The sum with :func:`dynamic_weights` (MLA, dynamic)."""
    return _weighted(logits, dynamic_weights(logits, present, per=per), _checked(logits, present))


def confidence(logits: Tensor) -> Tensor:
    r"""The (negative) energy of the logits over 10, $\tfrac{1}{10} \log \sum_k e^{z_k}$: (..., C) -> (...)."""
    return logits.logsumexp(-1) / ENERGY_SCALE


def confidence_fusion(logits: Tensor, present: Tensor | None = None, *, detach: bool = True) -> Tensor:
    r"""$z = \sum_m c_m z_m$ with the :func:`confidence` $c_m$ (QMF, arXiv:2306.02050).

    Args:
        detach: no gradient through the weights, as in the released image-text variant.
    """
    c = confidence(logits)
    return _weighted(logits, c.detach() if detach else c, _checked(logits, present))


def calibrated_fusion(logits: Tensor, temperatures: Tensor, present: Tensor | None = None) -> Tensor:
    r"""$z = \sum_m \log \mathrm{softmax}(z_m / T_m)$: a product of experts whose temperatures make them honest (ours).

    Args:
        temperatures: (N,) one for each modality, or (N, B) one for each sample; fit them on validation data.
    """
    T = temperatures if temperatures.dim() == 2 else temperatures[:, None]
    return sum_fusion((logits / T[..., None]).log_softmax(-1), present)


def _weighted(logits: Tensor, weights: Tensor, present: Tensor) -> Tensor:
    # A missing modality's logits may be anything, NaN included: 0 times NaN is NaN, so they are replaced.
    logits = logits.masked_fill(~present[..., None], 0.0)
    return (logits * weights.masked_fill(~present, 0.0)[..., None]).sum(0)


def _checked(logits: Tensor, present: Tensor | None) -> Tensor:
    """(N, B) bool of which modalities are present, all by default."""
    if logits.dim() != 3:
        raise ValueError(f"a fusion takes logits (N, B, C) of N modalities, got {tuple(logits.shape)}")
    if present is None:
        return torch.ones(logits.shape[:2], dtype=torch.bool, device=logits.device)
    if present.shape != logits.shape[:2] or present.dtype != torch.bool:
        raise ValueError(
            f"present is a bool tensor {tuple(logits.shape[:2])}, (N, B), got {present.dtype} {tuple(present.shape)}"
        )
    if not present.any(0).all():
        raise ValueError("a sample has no modality at all: leave it out, or give it at least one")
    return present
