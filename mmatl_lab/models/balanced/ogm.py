r"""OGM and OGM-GE: on-the-fly gradient modulation (Peng et al. 2022, arXiv:2203.15332), for N modalities.

After the backward of the joint loss the gradients of the encoders that are ahead are made smaller. With
$s_m = \sum_i \mathrm{softmax}(W_m h_m^i + b/N)_{y_i}$ over the batch,

$$ \rho_m = \frac{s_m}{\tfrac{1}{N-1} \sum_{k \ne m} s_k}, \qquad
   k_m = \begin{cases} 1 - \tanh(\alpha \rho_m) & \rho_m > 1 \\ 1 & \text{else,} \end{cases} \qquad
   g_m \leftarrow k_m g_m . $$

GE adds Gaussian noise with the standard deviation of the gradient itself, to win back the noise of SGD that a smaller
gradient has lost. Its size is that of the gradient before the modulation here.

Adam divides a gradient by its own running size, so a constant $k$ cancels: use SGD. Clipping the norm of all
gradients together undoes a part of it as well.
"""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Answer, Balanced
from .fusion import sum_fusion

SCALE_FREE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "RMSprop")  # a constant factor cancels in them


class Modulation(NamedTuple):
    ratio: Tensor  # (N,) the discrepancy ratio rho of each modality
    k: Tensor  # (N,) what its encoder's gradient is multiplied by, in (0, 1]


def modulation(logits: Tensor, label: Tensor, alpha: float) -> Modulation:
    """Discrepancy ratios and coefficients of a batch.

    Args:
        logits: (N, B, C) of each modality alone. label: (B,) int64.
        alpha: above 0; .8 on CREMA-D and .1 on VGGSound in the paper.

    Raises:
        ValueError: an ``alpha`` that is not above 0, or fewer than two modalities.
    """
    if not alpha > 0:
        raise ValueError(f"alpha is {alpha}: give a number above 0, such as 0.8")
    if logits.dim() != 3 or len(logits) < 2:
        raise ValueError(f"modulation takes logits (N, B, C) of N >= 2 modalities, got {tuple(logits.shape)}")
    p = logits.detach().softmax(-1)  # (N, B, C)
    s = p.gather(2, label.expand(len(p), -1)[..., None]).sum((1, 2))  # (N,)
    others = (1 - torch.eye(len(s), device=s.device)) @ s / (len(s) - 1)
    ratio = s / others.clamp(min=torch.finfo(s.dtype).tiny)
    # 1 - tanh(x) = 2 sigmoid(-2x), which does not round to 0 where tanh(x) rounds to 1.
    damped = 2 * torch.sigmoid(-2 * (alpha * ratio).clamp(max=40))
    return Modulation(ratio, torch.where(ratio > 1, damped, torch.ones_like(s)))


class OGM(Balanced):
    """Joint training whose encoders' gradients are modulated.

    Args:
        encoders, dim, num_classes: as of :class:`Balanced`.
        alpha: how much a modality that is ahead is slowed down.
        noise: add GE's noise to the encoders' gradients.
        convolutions_only: leave alone whatever is no kernel of a two-dimensional convolution, as the released code
            does. On encoders without such kernels it changes nothing.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        dim: int,
        num_classes: int,
        *,
        alpha: float = 0.8,
        noise: bool = False,
        convolutions_only: bool = False,
    ):
        super().__init__(encoders, dim, num_classes)
        self.alpha, self.noise, self.convolutions_only = alpha, noise, convolutions_only

    def step(self, run, views, label, *, index=None, generator=None, **metrics) -> Answer:
        if run.done == 0:
            warn_of_adam(run.optimizers.values())
        answer = run.model(views)
        run.backward(F.cross_entropy(sum_fusion(answer.logits), label))
        logits = run.gather(answer.logits.detach().transpose(0, 1).contiguous()).transpose(0, 1)  # of all processes
        self.modulate(modulation(logits, run.gather(label), self.alpha).k, generator)
        run.update(**metrics)
        return answer

    @torch.no_grad()
    def modulate(self, k: Tensor, generator: torch.Generator | None = None) -> None:
        """Multiply the gradients of encoder m by ``k[m]``, and add noise where that was asked for.

        Raises:
            ValueError: noise without a generator.
        """
        if self.noise and generator is None:
            raise ValueError("the noise of OGM-GE needs generator=")
        for encoder, factor in zip(self.encoders.values(), k):
            gradients = [p.grad for p in encoder.parameters() if p.grad is not None]
            if self.convolutions_only:
                gradients = [g for g in gradients if g.dim() == 4]
            spreads = spreads_of(gradients) if self.noise else []
            for g in gradients:
                g.mul_(factor)
            if self.noise:
                sizes = [g.numel() for g in gradients]
                drawn = torch.randn(sum(sizes), generator=generator).to(factor).split(sizes)  # faster than one by one
                for g, z, spread in zip(gradients, drawn, spreads):
                    g.addcmul_(z.view_as(g), spread)


def spreads_of(gradients: list[Tensor]) -> Tensor:
    """The standard deviation of the numbers of each gradient, (P,), by the root of mean square and mean."""
    if not gradients:
        return torch.zeros(0)
    n = torch.tensor([g.numel() for g in gradients], device=gradients[0].device)
    square = torch.stack([g.norm() for g in gradients]).square() / n
    return (square - torch.stack([g.mean() for g in gradients]).square()).clamp(min=0).sqrt()


class OGMGE(OGM):
    """OGM with GE, generalisation enhancement."""

    def __init__(self, encoders: Mapping[str, nn.Module], dim: int, num_classes: int, **options):
        super().__init__(encoders, dim, num_classes, **({"noise": True} | options))


def warn_of_adam(optimizers) -> None:
    """Warn when an optimizer cancels a constant factor of the gradient."""
    for optimizer in optimizers:
        if type(optimizer).__name__ in SCALE_FREE:
            warnings.warn(
                f"{type(optimizer).__name__} divides each gradient by its own size, so that OGM's factor k cancels: "
                "train with SGD (Run's optimizer=)",
                stacklevel=3,
            )
