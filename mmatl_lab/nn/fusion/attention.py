r"""Fusion by attention: each modality looks at itself and the others, and takes what fits.

Attention needs something to choose from. Between two vectors there is one key for each query, its softmax is 1, and
attention is an addition. So the cross-modal ones here first turn the vector of each modality into K tokens.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..attention import CrossAttention, SelfAttention
from .base import Fusion, joined_mean, masked_softmax


class SelfAttentionFusion(Fusion):
    r"""The modalities are tokens that attend to each other: $t_m = W_m e_m + b_m$,
    $t \leftarrow t + \mathrm{Attention}(\mathrm{LN}(t))$, $e_g$ = the mean of those that are there.

    $b_m$ is the embedding that tells modality m from the others. Missing modalities are not looked at. (Vaswani et al.
    2017, arXiv:1706.03762; with modalities as tokens: Tsai et al. 2019, arXiv:1906.00295, Nagrani et al. 2021,
    arXiv:2107.00135.)

    Args:
        dims: $n_m$ of each modality. out_dim: $D$, any number. num_heads: heads; each has ⌈D / heads⌉ numbers.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, num_heads: int = 4):
        super().__init__(dims, out_dim)
        width = _width(out_dim, num_heads)
        self.tokens = Tokens(dims, width)
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, num_heads)
        self.project = _project(width, out_dim)

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, M): the attention that each modality gets, over the heads and those that are there."""
        features, mask = self.present(features, mask)
        each = self.attention.weights(self.norm(self.tokens(features)), mask)  # (B, H, M, M)
        return joined_mean(each.mean(1), mask)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        t = self.tokens(features)  # (B, M, D)
        t = t + self.attention(self.norm(t), mask)
        return self.project(joined_mean(t, mask))


class CrossModalAttention(Fusion):
    r"""Tokens take from those of the other modalities what an MLP scores as fitting.

    $$ e_{ij} = v^\top \tanh(W [\mathrm{LN}(h_i); \mathrm{LN}(h'_j)]), \quad
       \alpha_{ij} = \mathrm{softmax}_j\, e_{ij}, \quad h_i \leftarrow h_i + \sum_j \alpha_{ij} V h'_j $$

    $h'_j$ are the tokens of all other modalities that are there; $e_g$ is the mean of the h. (The score is Bahdanau's:
    Bahdanau et al. 2015, arXiv:1409.0473, equation 6.)

    The norm keeps the tanh away from its straight part. There a score is a part of i plus a part of j, the softmax over
    j cancels the part of i, and what a token takes no longer depends on the token: some trainings never leave that.

    Args:
        dims: $n_m$ of each modality. out_dim: $D$. num_tokens: K, into which each vector is turned.
        hidden_dim: rows of W; None: $D$.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, num_tokens: int = 4, hidden_dim: int | None = None):
        super().__init__(dims, out_dim)
        self.num_tokens, hidden_dim = num_tokens, hidden_dim or out_dim
        self.tokens = Tokens(dims, out_dim, num_tokens)
        self.norm = nn.LayerNorm(out_dim)
        self.score_query = nn.Linear(out_dim, hidden_dim)  # W [h; h'] in two parts
        self.score_key = nn.Linear(out_dim, hidden_dim, bias=False)
        self.score = nn.Linear(hidden_dim, 1, bias=False)
        self.value = nn.Linear(out_dim, out_dim)

    def scores(self, h: Tensor, other: Tensor) -> Tensor:
        """(B, L, D), (B, K, D) -> (B, L, K): e."""
        pairs = self.score_query(self.norm(h))[:, :, None] + self.score_key(self.norm(other))[:, None]
        return self.score(pairs.tanh()).squeeze(-1)

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, M): the attention that each modality gets from those that are there."""
        features, mask = self.present(features, mask)
        h = self.tokens(features)
        alpha = masked_softmax(self.scores(h, h), _others(mask, self.num_tokens))
        return _received(alpha, mask, self.num_tokens)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        h = self.tokens(features)  # (B, M K, D)
        h = cross_modal_attention(h, h, self.scores, self.value, _others(mask, self.num_tokens))
        return joined_mean(h, mask.repeat_interleave(self.num_tokens, 1))


class CrossAttentionFusion(Fusion):
    r"""Tokens attend to those of the other modalities in several heads:

    $$ \mathrm{Concat}(\mathrm{head}_1, \dots, \mathrm{head}_H)\, W^O, \quad
       \mathrm{head}_i = \mathrm{Attention}(Q W^Q_i, K W^K_i, V W^V_i) $$

    The residual and the norm are those of `SelfAttentionFusion`; $e_g$ is the mean of the tokens that are there.
    (Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; between modalities: Lu et al. 2019, arXiv:1908.02265.)

    Args:
        dims: $n_m$ of each modality. out_dim: $D$, any number. num_tokens: K, into which each vector is turned.
        num_heads: H; each head has ⌈D / H⌉ numbers.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, num_tokens: int = 4, num_heads: int = 4):
        super().__init__(dims, out_dim)
        width = _width(out_dim, num_heads)
        self.num_tokens = num_tokens
        self.tokens = Tokens(dims, width, num_tokens)
        self.norm = nn.LayerNorm(width)
        self.attention = CrossAttention(width, num_heads)
        self.project = _project(width, out_dim)

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, M): the attention that each modality gets, over the heads and those that are there."""
        features, mask = self.present(features, mask)
        h = self.norm(self.tokens(features))
        alpha = self.attention.weights(h, h, _others(mask, self.num_tokens)).mean(1)
        return _received(alpha, mask, self.num_tokens)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        h = self.tokens(features)  # (B, M K, D)
        normed = self.norm(h)
        h = h + self.attention(normed, normed, _others(mask, self.num_tokens))
        return self.project(joined_mean(h, mask.repeat_interleave(self.num_tokens, 1)))


class Tokens(nn.Module):
    r"""The vector of each modality as K tokens, $W_m e_m + b_m$ cut into K pieces: [(B, n_m)] -> (B, M K, D)."""

    def __init__(self, dims: Sequence[int], dim: int, num_tokens: int = 1):
        super().__init__()
        self.dim = dim
        self.project = nn.ModuleList(nn.Linear(n, num_tokens * dim) for n in dims)

    def forward(self, features: list[Tensor]) -> Tensor:
        each = [project(e).unflatten(1, (-1, self.dim)) for project, e in zip(self.project, features, strict=True)]
        return torch.cat(each, 1)


def cross_modal_attention(
    h: Tensor,
    other: Tensor,
    scores: Callable[[Tensor, Tensor], Tensor],
    value: Callable[[Tensor], Tensor],
    mask: Tensor | None = None,
) -> Tensor:
    """h + Σ_j α_ij V h'_j: tokens h (B, L, D) and those of another modality (B, K, D) -> (B, L, D).

    Args:
        scores: (h, other) -> (B, L, K). value: (B, K, D) -> (B, K, D).
        mask: bool, broadcast to (B, L, K), True where h_i may look at h'_j; a token that may look at none stays.
    """
    e = scores(h, other)
    alpha = e.softmax(-1) if mask is None else masked_softmax(e, mask)
    return h + alpha @ value(other)


def _others(mask: Tensor, num_tokens: int) -> Tensor:
    """(B, M K, M K) from the mask (B, M): True where the key is of another modality that is there."""
    M = mask.shape[1]
    other = ~torch.eye(M, dtype=torch.bool, device=mask.device) & mask[:, None]  # (B, M, M)
    return other.repeat_interleave(num_tokens, 1).repeat_interleave(num_tokens, 2)


def _received(alpha: Tensor, mask: Tensor, num_tokens: int) -> Tensor:
    """(B, M): the attention (B, M K, M K) that each modality gets, of sum 1.

    A modality that is alone is looked at by none: its share is 1.
    """
    received = joined_mean(alpha, mask.repeat_interleave(num_tokens, 1)).unflatten(1, (-1, num_tokens)).sum(2)
    alone = mask.sum(1, keepdim=True) == 1
    return torch.where(alone, mask.to(received.dtype), received)


def _width(out_dim: int, num_heads: int) -> int:
    """The smallest width of at least D that the heads divide, so that D may be any number."""
    return num_heads * -(-out_dim // num_heads)


def _project(width: int, out_dim: int) -> nn.Module:
    return nn.Identity() if width == out_dim else nn.Linear(width, out_dim)
