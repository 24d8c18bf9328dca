r"""Adversarial alignment: L_align_dis and L_align_enc, as printed and well-posed, and plain statistics beside them.

Every loss takes ``(D_a, e, i, p)``: the codes $e$ of all modalities in one list (M, D), the modality $i$ of each (M,),
and, for a conditional $D_a$, the probabilities $p$ of the classes (M, C). sg is "no gradient". In all well-posed games

$$ L_\text{align\_dis} = -\frac1M \sum_m \log D_a(\mathrm{sg}[e_m])_{i_m} , $$

whose best value is $\ln N$ when all modalities have one distribution of codes, since then no discriminator can do
better than $1/N$. (With a weak discriminator it is $\ln N$ as well: look with a fresh probe.) The encoders' side:

| name | $L_\text{align\_enc}$ | source |
|---|---|---|
| gradient_reversal | $-L_\text{align\_dis}$, by a reversed gradient | Ganin & Lempitsky 2015, arXiv:1409.7495 |
| confusion | $-\tfrac1{MN}\sum_m\sum_k \log D_a(e_m)_k$ | Tzeng et al. 2015, arXiv:1510.02192 |
| inverted | $-\tfrac1M\sum_m \log(1 - D_a(e_m)_{i_m})$ | of N = 2 labels: Tzeng et al. 2017, arXiv:1702.05464 |

``wasserstein_gp`` has a critic for each modality against all (Arjovsky et al. 2017, Gulrajani et al. 2017,
arXiv:1704.00028), ``printed`` is what the note prints, see below. ``coral``, ``mmd`` and ``sliced_wasserstein`` are
distances between samples, without a discriminator; ``gradient_reversal+mmd`` is both at once.
"""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import frozen, reverse_gradient

Loss = Callable[[nn.Module, Tensor, Tensor, Tensor | None], Tensor]
PENALTY = 10.0  # of the gradient's length, in Gulrajani et al. 2017


def cross_entropy_dis(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    r"""$-\tfrac1M\sum_m \log D_a(\mathrm{sg}[e_m])_{i_m}$."""
    return F.cross_entropy(D_a(e.detach(), p), i)


def reversal_enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    """The discriminator's own loss; its gradient reaches the codes with the other sign."""
    with frozen(D_a):
        return F.cross_entropy(D_a(reverse_gradient(e), p), i)


def confusion_enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    """Cross-entropy with the uniform distribution: the discriminator is to say 1/N of every code."""
    with frozen(D_a):
        return -D_a(e, p).log_softmax(1).mean()


def inverted_enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    """Each code is to look as if it came from another modality; for N = 2 the cross-entropy with the other label."""
    with frozen(D_a):
        log_p = D_a(e, p).log_softmax(1)
    others = log_p.masked_fill(F.one_hot(i, log_p.shape[1]).bool(), -torch.inf)
    return -others.logsumexp(1).mean()  # log(1 - p_i), without the rounding of 1 - p_i


def wasserstein_gap(critic: Tensor, i: Tensor) -> Tensor:
    r"""$\sum_k \big(\mathbb E_{e \sim k}\, c_k(e) - \mathbb E_e\, c_k(e)\big) / N$: each modality against all."""
    hot = F.one_hot(i, critic.shape[1]).to(critic)
    return (((critic * hot).sum(0) / hot.sum(0).clamp(min=1)) - critic.mean(0)).mean()


def wasserstein_dis(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    r"""$-\text{gap} + 10\,(\|\nabla_{\hat e}\, c_i(\hat e)\| - 1)^2$, at random points between codes of the batch."""
    e = e.detach()
    other = torch.randperm(len(e), device=e.device)
    u = torch.rand(len(e), 1, device=e.device)
    between = (u * e + (1 - u) * e[other]).requires_grad_()
    score = D_a(between, p).gather(1, i[:, None]).sum()
    slope = torch.autograd.grad(score, between, create_graph=True)[0].norm(dim=1)
    return PENALTY * (slope - 1).pow(2).mean() - wasserstein_gap(D_a(e, p), i)


def wasserstein_enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    """The encoders make the gap small that the critic makes large."""
    with frozen(D_a):
        return wasserstein_gap(D_a(e, p), i)


def printed_enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    r"""$\sum_i \log D_a(e_i) + \sum_i \sum_{j \ne i} \log(1 - D_a(e_j))$, a mean over the batch; $D_a$ has one output.

    Each code is once $e_i$ and $N - 1$ times $e_j$. For N = 2 it is the discriminator's loss, term by term.
    """
    with frozen(D_a):
        logit = D_a(e, p).squeeze(1)
    N = D_a.num_modalities
    return N * (F.logsigmoid(logit) + (N - 1) * F.logsigmoid(-logit)).mean()


def printed_dis(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
    r"""$\sum_i \log(1 - D_a(e_i)) + \sum_i \sum_{j \ne i} \log D_a(e_j)$, minimised: it has no lower bound."""
    logit = D_a(e.detach(), p).squeeze(1)
    N = D_a.num_modalities
    return N * (F.logsigmoid(-logit) + (N - 1) * F.logsigmoid(logit)).mean()


def coral(x: Tensor, y: Tensor) -> Tensor:
    r"""$\|\mu_x - \mu_y\|^2 + \|C_x - C_y\|_F^2 / 4D^2$ (Sun & Saenko 2016, arXiv:1607.01719)."""
    apart = (x.mean(0) - y.mean(0)).pow(2).sum()
    return apart + (x.T.cov() - y.T.cov()).pow(2).sum() / (4 * x.shape[1] ** 2)


def mmd(x: Tensor, y: Tensor) -> Tensor:
    """Maximum mean discrepancy, squared and biased, with five Gaussian kernels around the median distance
    (Gretton et al. 2012; Long et al. 2015, arXiv:1502.02791)."""
    z = torch.cat([x, y])
    squared = (z[:, None] - z).pow(2).sum(-1)
    median = squared.detach().median().clamp(min=1e-6)
    kernel = sum((-squared / (scale * median)).exp() for scale in (0.25, 0.5, 1.0, 2.0, 4.0))
    n = len(x)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def sliced_wasserstein(x: Tensor, y: Tensor, num_directions: int = 64) -> Tensor:
    """Squared Wasserstein distance of the projections onto random directions, which sorting gives (Rabin et al. 2011);
    both samples must have one size."""
    directions = F.normalize(torch.randn(x.shape[1], num_directions, device=x.device), dim=0)
    return ((x @ directions).sort(0).values - (y @ directions).sort(0).values).pow(2).mean()


def between_modalities(distance: Callable[[Tensor, Tensor], Tensor], weight: float = 1.0) -> Loss:
    """The sum of a distance over all pairs of modalities, as an L_align_enc; the weight makes up for its small size."""

    def enc(D_a: nn.Module, e: Tensor, i: Tensor, p: Tensor | None = None) -> Tensor:
        samples = [e[i == k] for k in i.unique()]
        return weight * torch.stack([distance(x, y) for x, y in combinations(samples, 2)]).sum()

    return enc


class Game(NamedTuple):
    """Both sides' losses. Where nothing plays against D_a, it only watches; ``enc`` is None where nothing aligns."""

    dis: Loss
    enc: Loss | None


GAMES = {
    "none": Game(cross_entropy_dis, None),
    "gradient_reversal": Game(cross_entropy_dis, reversal_enc),
    "confusion": Game(cross_entropy_dis, confusion_enc),
    "inverted": Game(cross_entropy_dis, inverted_enc),
    "wasserstein_gp": Game(wasserstein_dis, wasserstein_enc),
    "printed": Game(printed_dis, printed_enc),
    "coral": Game(cross_entropy_dis, between_modalities(coral)),
    "mmd": Game(cross_entropy_dis, between_modalities(mmd, 5.0)),
    "sliced_wasserstein": Game(cross_entropy_dis, between_modalities(sliced_wasserstein, 5.0)),
}


def game(names: str) -> Game:
    """The game of this name, or several joined by "+": the first one's discriminator, the sum of their L_align_enc.

    Raises:
        ValueError: a name that no game has.
    """
    for name in names.split("+"):
        if name not in GAMES:
            raise ValueError(f"there is no alignment {name!r}: choose one of {', '.join(GAMES)}")
    games = [GAMES[name] for name in names.split("+")]
    losses = [each.enc for each in games if each.enc is not None]
    if len(losses) < 2:
        return Game(games[0].dis, losses[0] if losses else None)
    return Game(games[0].dis, lambda *arguments: sum(loss(*arguments) for loss in losses))
