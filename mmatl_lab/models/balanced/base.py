r"""A classifier with one encoder and one head for each modality; joint training, and independent training of it.

With $h_m = e_m(x_m)$ and heads $z_m = W_m h_m + b_m$, the sum of the heads is one linear head on the concatenation:

$$ z = \sum_m z_m = [W_1, \dots, W_N]\,[h_1; \dots; h_N] + b, \qquad b = \sum_m b_m . $$

So joint training ("Normal": concatenation, one head) and independent heads are the same model with other losses:

$$ L_\text{joint} = \mathrm{CE}\Big(\sum_m z_m, y\Big), \qquad L_\text{independent} = \sum_m \mathrm{CE}(z_m, y). $$

In joint training every head has the same gradient, the residual $\partial L / \partial z_m = p - y$. Once one modality
has made $p$ nearly right, the residual is nearly zero for all of them: the slower encoder stops learning (Wang et al.
2020, arXiv:1905.12681; Peng et al. 2022, arXiv:2203.15332).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fusion import sum_fusion

Views = Mapping[str, Tensor | Sequence[Tensor]]


class Answer(NamedTuple):
    """What each modality says, in the order of the model's encoders."""

    features: Tensor  # (N, B, D)
    logits: Tensor  # (N, B, C)


class Balanced(nn.Module):
    """Encoders and heads; the methods are its subclasses, each with its own ``step`` and ``fuse``.

    Args:
        encoders: by the name of the modality, each (B, ...) -> (B, D); two or more.
        dim: D, the same for all.
        num_classes: C.
        shared_head: one head for all modalities instead of one for each. Its bias starts at 0 in both cases, so that
            in joint training $b_m = b / N$, as OGM assumes.

    Raises:
        ValueError: fewer than two encoders.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], dim: int, num_classes: int, *, shared_head: bool = False):
        super().__init__()
        if len(encoders) < 2:
            raise ValueError(f"balancing needs two modalities or more, got {', '.join(encoders) or 'none'}")
        self.encoders = nn.ModuleDict(encoders)
        names = ["shared"] if shared_head else list(encoders)
        self.heads = nn.ModuleDict({name: nn.Linear(dim, num_classes) for name in names})
        for head in self.heads.values():
            nn.init.zeros_(head.bias)
        self.shared_head = shared_head

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.encoders)

    def head(self, name: str) -> nn.Linear:
        """The head that reads this modality."""
        return self.heads["shared" if self.shared_head else name]

    def encode(self, name: str, views: Views) -> Tensor:
        """The features of one modality, (B, D).

        Raises:
            ValueError: the modality is missing.
        """
        if name not in views:
            got = ", ".join(views) or "nothing"
            raise ValueError(f"this model needs {', '.join(self.encoders)}, got {got}: add {name}")
        x = views[name]
        return self.encoders[name](*((x,) if isinstance(x, Tensor) else x))

    def forward(self, views: Views) -> Answer:
        """Inputs by the name of the modality -> each modality's features and logits."""
        features = [self.encode(name, views) for name in self.encoders]
        logits = [self.head(name)(h) for name, h in zip(self.encoders, features)]
        return Answer(torch.stack(features), torch.stack(logits))

    def step(
        self, run: Any, views: Views, label: Tensor, *, index: Tensor | None = None, generator: Any = None, **metrics
    ) -> Answer:
        """Train on one batch by ``run.backward`` and ``run.update``.

        Args:
            run: a ``Run`` over this model, inside its loop.
            views: the batch, (B, ...) by modality, on the run's device. label: (B,) int64.
            index: (B,) places of the samples in the training set, for a method that remembers each sample.
            generator: on the CPU, for a method that draws noise.
            metrics: to show and log with the update.

        Returns:
            What the model answered before the update.
        """
        raise NotImplementedError

    def fuse(self, logits: Tensor, present: Tensor | None = None) -> Tensor:
        """(N, B, C) logits of the modalities, and (N, B) which are present -> (B, C) logits of the model."""
        return sum_fusion(logits, present)


class Joint(Balanced):
    """Joint training of all encoders on the loss of the sum ("Normal"): the baseline that starves a modality."""

    def step(self, run, views, label, *, index=None, generator=None, **metrics) -> Answer:
        answer = run.model(views)
        run.backward(F.cross_entropy(sum_fusion(answer.logits), label))
        run.update(**metrics)
        return answer


class Independent(Balanced):
    """Every modality learns alone, on its own loss; at test time the logits are added. The control of all methods."""

    def step(self, run, views, label, *, index=None, generator=None, **metrics) -> Answer:
        answer = run.model(views)
        run.backward(torch.stack([F.cross_entropy(z, label) for z in answer.logits]).sum())
        run.update(**metrics)
        return answer
