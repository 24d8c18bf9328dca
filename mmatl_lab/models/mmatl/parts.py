r"""The parts of MMATL beside the encoders: D_a, T, D_t, and the reversal of a gradient.

$T$ is a function of a *set* of codes (Zaheer et al. 2017, arXiv:1703.06114): the same $\varphi$ for every modality, the
mean over those that are there, then $\rho$,

$$ T(\{e_i\}_{i \in S}) = \rho\Big(\frac{1}{|S|} \sum_{i \in S} \varphi(e_i)\Big), \quad S \subset \{1, \dots, N\} . $$

So $T(e_i)$ of one code, as the note's L_enc has it, and $T(e_1, \dots, e_N)$ are one module with other masks. Since
$\varphi$ is shared, what $T$ learns from one modality holds for another as far as their codes are aligned.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * gradient, None


def reverse_gradient(x: Tensor, scale: float = 1.0) -> Tensor:
    """x itself, whose gradient is multiplied by -scale on its way back (Ganin & Lempitsky 2015, arXiv:1409.7495)."""
    return _Reversal.apply(x, scale)


def binarise(x: Tensor) -> Tensor:
    r"""$\mathrm{sign}(x) \in \{-1, 1\}$ with the gradient of $\tanh x$: straight-through (Bengio et al. 2013,
    arXiv:1308.3432)."""
    soft = x.tanh()
    return soft + (torch.where(x < 0, -1.0, 1.0) - soft).detach()


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """What is computed inside gives these modules' weights no gradient; what goes through them still gets one."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


def mlp(in_dim: int, hidden_dim: int, out_dim: int) -> nn.Sequential:
    """Two hidden layers with leaky rectifiers: the body of both discriminators."""
    return nn.Sequential(
        *(nn.Linear(in_dim, hidden_dim), nn.LeakyReLU(0.2)),
        *(nn.Linear(hidden_dim, hidden_dim), nn.LeakyReLU(0.2)),
        nn.Linear(hidden_dim, out_dim),
    )


class AlignmentDiscriminator(nn.Module):
    r"""$D_a$: from which modality is this code?

    With classes it is conditional, as in CDAN (Long et al. 2018, arXiv:1705.10667): it sees the product of the code and
    the probabilities of the classes, $e \otimes p$, so that codes of each class have to be aligned, not only all of
    them together.

    Args:
        dim: D of the codes. num_modalities: N. num_classes: C, if it is conditional; 0 if not.
        hidden_dim: width of its two hidden layers. printed: one output instead of N, as the note's formulas have it.
    """

    def __init__(
        self, dim: int, num_modalities: int, num_classes: int = 0, hidden_dim: int = 256, *, printed: bool = False
    ):
        super().__init__()
        self.num_modalities, self.num_classes = num_modalities, num_classes
        self.layers = mlp(dim * max(num_classes, 1), hidden_dim, 1 if printed else num_modalities)

    def forward(self, e: Tensor, p: Tensor | None = None) -> Tensor:
        """Codes (M, D) and, if it is conditional, probabilities (M, C) -> logits (M, N), or (M, 1) as printed."""
        if self.num_classes:
            e = (p.unsqueeze(2) * e.unsqueeze(1)).flatten(1)  # (M, C D), the rows of p ⊗ e
        return self.layers(e)


class TransferModule(nn.Module):
    """T: codes of any subset of the modalities -> the task's representation t.

    Args:
        dim: D of the codes. out_dim: H, of t and of the hidden layer.
    """

    def __init__(self, dim: int, out_dim: int = 64):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(dim, out_dim), nn.GELU())
        self.rho = nn.Sequential(nn.Linear(out_dim, out_dim), nn.GELU())

    def forward(self, e: Tensor, present: Tensor | None = None) -> Tensor:
        """Codes (B, N, D) and (B, N) bool, True where there is one (None: all) -> t (B, H).

        Raises:
            ValueError: an example without any modality.
        """
        if present is None:
            present = torch.ones(e.shape[:2], dtype=torch.bool, device=e.device)
        count = present.sum(1, keepdim=True)  # (B, 1)
        if not count.all():
            raise ValueError("an example has no modality at all: give each row of present at least one True")
        e = e.masked_fill(~present[..., None], 0)  # so that NaN in place of what is missing has no influence
        h = self.phi(e) * present[..., None]  # (B, N, H)
        return self.rho(h.sum(1) / count)


class TaskDiscriminator(nn.Module):
    r"""$D_t(y, t)$: is this answer the truth, or the task model's? It sees $t$, too.

    The printed $D_t(y)$ does not: ``t_dim=0``.

    Args:
        num_classes: C of the answers. t_dim: H. hidden_dim: width of its two hidden layers.
    """

    def __init__(self, num_classes: int, t_dim: int, hidden_dim: int = 64):
        super().__init__()
        self.t_dim = t_dim
        self.layers = mlp(num_classes + t_dim, hidden_dim, 1)

    def forward(self, y: Tensor, t: Tensor) -> Tensor:
        """Answers as probabilities (B, C) and t (B, H) -> logit (B,) of "truth"."""
        return self.layers(torch.cat([y, t], 1) if self.t_dim else y).squeeze(1)


def one_hot(y: Tensor, num_classes: int, smoothing: float = 0.0) -> Tensor:
    """(B,) -> (B, C): 1 at the class, or with smoothing s: 1 − s there and s / (C − 1) elsewhere."""
    hot = F.one_hot(y, num_classes).float()
    return hot * (1 - smoothing) + (1 - hot) * smoothing / (num_classes - 1)
