"""What all fusions share: the check of what they are given, and modalities that are missing."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Fusion(nn.Module):
    """A module from one vector for each modality to one vector; subclasses write ``fuse``.

    A missing modality has no influence on results and gradients, whatever stands in its place, NaN included. What a
    fusion does without it is said in its ``fuse``.

    Args:
        dims: $n_m$ of each modality, in the order in which they are given.
        out_dim: $D$.

    Raises:
        ValueError: no modalities, or a width below 1.
    """

    def __init__(self, dims: Sequence[int], out_dim: int):
        super().__init__()
        if not dims or min(*dims, out_dim) < 1:
            raise ValueError(f"a fusion needs one width of at least 1 a modality, got dims={list(dims)}, D={out_dim}.")
        self.dims, self.out_dim = tuple(dims), out_dim

    def forward(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """[(B, n_1), ..., (B, n_M)] -> (B, D).

        Args:
            mask: (B, M) bool, True where the modality is there; None: all are.

        Raises:
            ValueError: another number of features or other widths, a mask of another shape or type, or an example
                without any modality.
        """
        return self.fuse(*self.present(features, mask))

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        """The fusion itself: features that are zero where missing, and a mask (B, M), at least one True in a row."""
        raise NotImplementedError

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor | None:
        """(B, M), the share of each modality by the fusion's own account, rows of sum 1; None where it has none.

        They say how vectors are mixed, not how much a modality mattered: a vector twice as long counts twice.
        """
        return None

    def present(self, features: list[Tensor], mask: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """The features, checked and zero where they are missing, and the mask (B, M). Arguments and errors: forward."""
        shapes = [tuple(e.shape) for e in features]
        B = shapes[0][0] if shapes and shapes[0] else 0
        if shapes != [(B, n) for n in self.dims]:
            wanted, got = (", ".join(map(str, s)) for s in ([f"(B, {n})" for n in self.dims], shapes))
            raise ValueError(f"{type(self).__name__} takes {len(self.dims)} features {wanted}, got {got or 'none'}.")
        if mask is None:
            return list(features), features[0].new_ones(B, len(self.dims), dtype=torch.bool)
        if mask.dtype != torch.bool or tuple(mask.shape) != (B, len(self.dims)):
            raise ValueError(
                f"expected a bool mask ({B}, {len(self.dims)}), True where the modality is there, "
                f"got {mask.dtype} {tuple(mask.shape)}."
            )
        if _some_row_is_empty(mask):
            row = (~mask.any(1)).nonzero()[0].item()
            raise ValueError(f"example {row} has no modality at all: leave it out, or set one of its mask to True.")
        # before any layer: 0 · NaN is NaN in a layer's gradient
        return [e.masked_fill(~mask[:, m, None], 0.0) for m, e in enumerate(features)], mask


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis among what the mask, of a shape that broadcasts, lets through; zeros elsewhere.

    Where the mask lets nothing through, all are zero.
    """
    empty = ~mask.any(-1, keepdim=True)
    return scores.masked_fill(~(mask | empty), -torch.inf).softmax(-1).masked_fill(~mask, 0.0)


def joined_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens (B, L, D) where the mask (B, L) is True: (B, D)."""
    share = mask.to(tokens.dtype) / mask.sum(1, keepdim=True)  # (B, L)
    return (share[..., None] * tokens).sum(1)


def _some_row_is_empty(mask: Tensor) -> bool:
    try:
        return not bool(mask.any(1).all())
    except RuntimeError:  # torch.func.vmap lets nobody look at values
        return False
