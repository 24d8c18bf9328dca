r"""QMF: quality-aware multimodal fusion (Zhang et al. 2023, arXiv:2306.02050), for N modalities.

The confidence of a modality is the (negative) energy of its logits, $c_m = \tfrac{1}{10} \log \sum_k e^{z_{mk}}$. The
fused logits are $z = \sum_m c_m z_m$. The loss

$$ L = \mathrm{CE}(z, y) + \sum_m \mathrm{CE}(z_m, y) + \lambda \sum_m R_m $$

ties each confidence to how hard its samples have been. With the running mean $\kappa_i$ of the loss of sample $i$,
min-max normalised, and pairs $(i, j)$ by rolling the batch by one,

$$ R = \frac1B \sum_{(i,j)} \max\big(0,\; \mathrm{sgn}(\kappa_i - \kappa_j)(c_i - c_j) + |\kappa_i - \kappa_j|\big): $$

a sample with a larger loss must have less confidence, by the margin $|\kappa_i - \kappa_j|$. The released code has the
other sign before the margin, which turns it into slack.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Answer, Balanced
from .fusion import ENERGY_SCALE, confidence_fusion


def rank_loss(c: Tensor, kappa: Tensor, *, margin: str = "published") -> Tensor:
    """R of a batch; zero when every pair is ordered with its margin.

    Args:
        c: (..., B) confidences. kappa: (..., B) normalised past losses in [0, 1].
        margin: "published", or "released": the margin with the other sign, so that a pair may be in the wrong order
            by that much.

    Returns:
        One number for each batch, (...).

    Raises:
        ValueError: another ``margin``, or shapes that differ.
    """
    if margin not in ("published", "released"):
        raise ValueError(f'margin is "published" or "released", got {margin!r}')
    if c.shape != kappa.shape or c.dim() < 1:
        raise ValueError(f"expected confidences and losses (..., B), got {tuple(c.shape)} and {tuple(kappa.shape)}")
    kappa = kappa.detach()
    gap = kappa - kappa.roll(-1, -1)
    wanted = gap.abs() if margin == "published" else -gap.abs()
    return (gap.sign() * (c - c.roll(-1, -1)) + wanted).relu().mean(-1)


class LossHistory(nn.Module):
    """The running mean of each sample's loss in each modality; buffers, so that a resumed run goes on with it.

    Args:
        num_modalities: N. num_samples: S, of the training set.
    """

    def __init__(self, num_modalities: int, num_samples: int):
        super().__init__()
        self.register_buffer("total", torch.zeros(num_modalities, num_samples))
        self.register_buffer("seen", torch.zeros(num_samples))

    @torch.no_grad()
    def add(self, index: Tensor, losses: Tensor) -> None:
        """Take in the losses (N, B) of samples ``index`` (B,); one that stands there twice counts twice."""
        self.total.index_add_(1, index, losses.to(self.total))
        self.seen.index_add_(0, index, torch.ones_like(index, dtype=self.seen.dtype))

    def kappa(self, index: Tensor) -> Tensor:
        """(N, B) past losses of samples that were all seen, min-max normalised over all seen samples: in [0, 1]."""
        mean = self.total / self.seen.clamp(min=1)  # (N, S)
        known = self.seen > 0
        low = mean.masked_fill(~known, torch.inf).amin(1, keepdim=True)
        high = mean.masked_fill(~known, -torch.inf).amax(1, keepdim=True)
        return (mean[:, index] - low) / (high - low).clamp(min=1e-12)


class QMF(Balanced):
    """Heads with confidences that are ranked by past losses.

    Args:
        encoders, dim, num_classes: as of :class:`Balanced`.
        num_samples: S, of the training set.
        rank_weight: lambda. margin: of :func:`rank_loss`.
        detach: no gradient through the weights of the fused logits.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        dim: int,
        num_classes: int,
        *,
        num_samples: int,
        rank_weight: float = 0.1,
        margin: str = "published",
        detach: bool = True,
    ):
        super().__init__(encoders, dim, num_classes)
        self.rank_weight, self.margin, self.detach = rank_weight, margin, detach
        self.history = LossHistory(len(self.encoders), num_samples)

    def step(self, run, views, label, *, index=None, generator=None, **metrics) -> Answer:
        if index is None:
            raise ValueError("QMF remembers the loss of each sample: give index=, (B,) places in the training set")
        answer = run.model(views)
        z = answer.logits
        energy = z.logsumexp(-1)  # (N, B), of both the losses and the confidences
        losses = energy - z.gather(2, label.expand(len(z), -1)[..., None]).squeeze(2)  # cross-entropies
        self.history.add(run.gather(index), run.gather(losses.detach().T.contiguous()).T)
        c = energy / ENERGY_SCALE
        ranks = rank_loss(c, self.history.kappa(index), margin=self.margin)  # (N,)
        weights = c.detach() if self.detach else c
        fused = F.cross_entropy((weights[..., None] * z).sum(0), label)
        run.backward(fused + losses.mean(1).sum() + self.rank_weight * ranks.sum())
        run.update(**metrics)
        return answer

    def fuse(self, logits: Tensor, present: Tensor | None = None) -> Tensor:
        return confidence_fusion(logits, present)
