r"""A joint model: an encoder for each modality, a fusion, a head, trained together.

$$ \hat y = h\big(f(e_1(x_1), \dots, e_M(x_M))\big) $$

Each part can be exchanged alone: encoders come from ``nn.encoders``, fusions from ``nn.fusion`` (the composition is
MultiBench's: Liang et al. 2021, arXiv:2107.07502).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Joint(nn.Module):
    """Encoders, fusion and head of a model that sees one modality or several.

    Args:
        encoders: by the name of the modality, each (B, ...) -> (B, n_m), in the order in which the fusion takes them.
        fusion: [(B, n_1), ..., (B, n_M)] -> (B, D).
        head: (B, D) -> (B, C).
    """

    def __init__(self, encoders: Mapping[str, nn.Module], fusion: nn.Module, head: nn.Module):
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = fusion
        self.head = head

    def features(self, views: Mapping[str, Tensor | Sequence[Tensor]], present: Tensor | None = None) -> list[Tensor]:
        """The vector of each modality, (B, n_m); views that the model has no encoder for are left alone.

        Args:
            views: by the name of the modality its tensor, or all arguments of its encoder, such as (tensor, mask).
            present: as of ``forward``; an encoder gets zeros where its modality is missing.

        Raises:
            ValueError: a modality that the model needs is missing.
        """
        if missing := [name for name in self.encoders if name not in views]:
            raise ValueError(
                f"this model needs {', '.join(self.encoders)}, got {', '.join(views) or 'nothing'}: "
                f"add {', '.join(missing)}."
            )
        inputs = {name: (x,) if isinstance(x, Tensor) else x for name, x in views.items()}
        if present is not None:  # NaN in place of what is missing would reach the gradients of the encoder: 0 · NaN
            inputs |= {name: _filled(inputs[name], present[:, m]) for m, name in enumerate(self.encoders)}
        return [encoder(*inputs[name]) for name, encoder in self.encoders.items()]

    def forward(self, views: Mapping[str, Tensor | Sequence[Tensor]], present: Tensor | None = None) -> Tensor:
        """Inputs by the name of the modality -> (B, C).

        Args:
            present: (B, M) bool, in the order of the encoders, True where the modality is there; None: all are. What a
                missing one holds has no influence on results and gradients.
        """
        features = self.features(views, present)
        return self.head(self.fusion(features) if present is None else self.fusion(features, present))


def _filled(inputs: Sequence[Tensor], present: Tensor) -> list[Tensor]:
    """Zeros in the rows of all numbers (not of masks) that are not present."""
    rows = [present.view(-1, *[1] * (x.dim() - 1)) for x in inputs]
    return [x if x.dtype is torch.bool else x.masked_fill(~row, 0) for x, row in zip(inputs, rows, strict=True)]


def mlp_head(in_dim: int, num_classes: int, hidden_dim: int = 128) -> nn.Sequential:
    """A head with one hidden layer: (B, D) -> (B, C) logits."""
    return nn.Sequential(
        nn.LayerNorm(in_dim), nn.Linear(in_dim, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, num_classes)
    )
