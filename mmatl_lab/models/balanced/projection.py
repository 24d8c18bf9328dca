r"""Gradient modification: the shared head learns a modality without unlearning the directions it has seen.

A matrix $P$ (D x D, $P = I$ at the start) takes in $r$, the mean of a batch's features:

$$ k = P r, \qquad P \leftarrow P - \frac{k\,k^\top}{\alpha + r^\top P r}, \qquad
   \nabla W \leftarrow \nabla W\,P^\top . $$

By the Sherman-Morrison formula $P = \big(I + \sum_i r_i r_i^\top / \alpha_i\big)^{-1}$: it is symmetric and positive
semi-definite, and along a direction that it has seen the gradient is multiplied by at most $\alpha / (\alpha + |r|^2)$.
A direction that no batch mean had is left alone. (Zeng et al. 2019, arXiv:1810.01256; in MLA: Zhang et al. 2024,
arXiv:2311.10707, section 3.2.)

What ``P`` does to directions says nothing of momentum and weight decay: both change ``W`` after it.
"""

import torch
from torch import Tensor, nn

RELEASED_GUARD = "module.weight"  # a plain linear layer's weight is called "weight", so this never matches


class GradientModification(nn.Module):
    r"""The matrix $P$, a buffer, so that a resumed run goes on with it.

    Args:
        dim: D.
        denominator: "scalar" is $\alpha + r^\top P r$, as published. "outer" is the released code's
            $\alpha + k\,r^\top$, a D x D matrix by whose entries it divides: $P$ loses its symmetry and keeps more of
            seen directions. An entry near $-\alpha$, which features of both signs can give, makes it explode.
        normalise: divide $P$ by its Frobenius norm after each update, as the released code does. From $P = I$ that
            divides the head's learning rate by about $\sqrt{D}$.
        guard: the name of the parameter whose gradient is changed. The released code asks for "module.weight"
            (:data:`RELEASED_GUARD`), which a plain linear layer does not have: then nothing is ever changed.

    Raises:
        ValueError: another ``denominator``.
    """

    def __init__(self, dim: int, *, denominator: str = "scalar", normalise: bool = False, guard: str = "weight"):
        super().__init__()
        if denominator not in ("scalar", "outer"):
            raise ValueError(f'denominator is "scalar" (published) or "outer" (released), got {denominator!r}')
        self.denominator, self.normalise, self.guard = denominator, normalise, guard
        self.register_buffer("P", torch.eye(dim))

    @torch.no_grad()
    def see(self, r: Tensor, alpha: float) -> None:
        """Take in the mean of a batch's features, (D,).

        Args:
            alpha: above 0; the smaller, the less remains of this direction.

        Raises:
            ValueError: another shape, or an ``alpha`` that is not above 0.
        """
        if r.shape != self.P.shape[:1]:
            raise ValueError(f"expected the mean of a batch's features ({len(self.P)},), got {tuple(r.shape)}")
        if not alpha > 0:
            raise ValueError(f"alpha is {alpha}: give a number above 0")
        k = self.P @ r
        if self.denominator == "scalar":
            self.P -= torch.outer(k, k) / (alpha + r @ k)
            self.P.copy_((self.P + self.P.T) / 2)  # rounding would add up to an asymmetry
        else:
            self.P -= torch.outer(k, k) / (alpha + torch.outer(k, r))
        if self.normalise:
            self.P /= self.P.norm()

    @torch.no_grad()
    def project(self, head: nn.Linear) -> None:
        r"""Change the gradient of ``head``, $\nabla W \leftarrow \nabla W P^\top$; a bias keeps its own."""
        for name, parameter in head.named_parameters():
            if name == self.guard and parameter.grad is not None:
                parameter.grad.copy_(parameter.grad @ self.P.T)


def alpha_at(progress: float) -> float:
    r"""$\alpha = 0.1^{\lambda}$ with $\lambda = 1 + i/n$ at step $i$ of the $n$ of an epoch; ``progress`` is $i/n$."""
    return 0.1 ** (1 + progress)
