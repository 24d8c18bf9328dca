r"""MLA: alternating unimodal adaptation (Zhang, Yoon, Bansal, Yao 2024, arXiv:2311.10707).

Its five parts: (1) the modalities take turns, so that none learns from the residual that another has left; (2) one
head $W$ is shared by all; (3) the head's gradient is modified so that a modality's turn leaves alone the directions of
those before (:mod:`.projection`); at test time (4) fixed or (5) dynamic weights by entropy join the logits.

For each batch, for each modality $m$ in turn: $h = e_m(x_m)$; $\mathrm{CE}(W h, y)$; backward; modify
$\nabla W$; update.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Answer, Balanced
from .fusion import dynamic_fusion, fixed_fusion
from .projection import GradientModification, alpha_at


class MLA(Balanced):
    """Encoders that take turns at one shared head.

    Args:
        encoders, dim, num_classes: as of :class:`Balanced`.
        fusion: "fixed" or "dynamic", at test time.
        weights: of fixed fusion, one for each modality; all the same by default.
        modify: whether the head's gradient is modified; False is MLA without its third part.
        order: "previous" projects a gradient by what was seen before, then takes in this batch, as published.
            "current" takes in this batch first, as the released code does, so that a batch's own direction is lost.
        steps_per_epoch: n of the schedule of alpha. 1 keeps alpha at 0.1.
        denominator, normalise, guard: of :class:`GradientModification`, published by default.
        per: of dynamic fusion, "sample" as published or "batch" as released.

    Raises:
        ValueError: an argument that is none of those above.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        dim: int,
        num_classes: int,
        *,
        fusion: str = "dynamic",
        weights: Sequence[float] | None = None,
        modify: bool = True,
        order: str = "previous",
        steps_per_epoch: int = 1,
        denominator: str = "scalar",
        normalise: bool = False,
        guard: str = "weight",
        per: str = "sample",
    ):
        super().__init__(encoders, dim, num_classes, shared_head=True)
        if fusion not in ("fixed", "dynamic"):
            raise ValueError(f'fusion is "fixed" or "dynamic", got {fusion!r}')
        if order not in ("previous", "current"):
            raise ValueError(f'order is "previous" (published) or "current" (released), got {order!r}')
        if weights is not None and len(weights) != len(encoders):
            raise ValueError(f"fixed fusion needs a weight for each of {', '.join(encoders)}, got {len(weights)}")
        self.fusion, self.modify, self.order, self.per = fusion, modify, order, per
        self.weights = tuple(weights or [1.0] * len(encoders))
        self.steps_per_epoch = steps_per_epoch
        self.modification = GradientModification(dim, denominator=denominator, normalise=normalise, guard=guard)

    def step(self, run, views, label, *, index=None, generator=None, **metrics) -> Answer:
        alpha = alpha_at(run.done % self.steps_per_epoch / self.steps_per_epoch)
        answers = []
        for name in self.encoders:
            h = run.model.encode(name, views)  # (B, D)
            z = run.model.head(name)(h)  # (B, C)
            answers.append(Answer(h.detach(), z.detach()))
            run.backward(F.cross_entropy(z, label))  # no other encoder has a gradient now, so none moves
            if self.modify:
                self._modify(run.gather(h.detach()).mean(0), alpha)
            run.update(**metrics)
        return Answer(*(torch.stack(parts) for parts in zip(*answers)))

    def _modify(self, r: Tensor, alpha: float) -> None:
        """Project the gradient of the head and take in the batch's mean feature, in the order that was chosen."""
        if self.order == "current":
            self.modification.see(r, alpha)
        self.modification.project(self.heads["shared"])
        if self.order == "previous":
            self.modification.see(r, alpha)

    def fuse(self, logits: Tensor, present: Tensor | None = None) -> Tensor:
        if self.fusion == "fixed":
            return fixed_fusion(logits, self.weights, present)
        return dynamic_fusion(logits, present, per=self.per)
