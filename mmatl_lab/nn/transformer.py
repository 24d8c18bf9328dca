"""The transformer block (Vaswani et al. 2017, arXiv:1706.03762), pre-norm (Xiong et al. 2020, arXiv:2002.04745)."""

import torch.nn.functional as F
from torch import Tensor, nn


class TransformerBlock(nn.Module):
    """x ← x + Attention(LN(x));  x ← x + MLP(LN(x)), with Attention(q, k, v) = softmax(q kᵀ / √d) v in each head.

    Args:
        dim: D, divisible by ``num_heads``.
        expansion: hidden width of the MLP, as a multiple of D.

    Raises:
        ValueError: ``dim`` is not divisible by ``num_heads``.
    """

    def __init__(self, dim: int, num_heads: int, expansion: int = 4):
        super().__init__()
        self.num_heads = check_heads(dim, num_heads)
        self.norm_attention = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.project = nn.Linear(dim, dim)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = make_mlp(dim, expansion)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D). ``mask`` (B, L) is True where there is a token; the others are not attended to."""
        x = x + self.project(attend(self.qkv(self.norm_attention(x)), self.num_heads, mask))
        return x + self.mlp(self.norm_mlp(x))


class FactorisedBlock(nn.Module):
    """A block over space and time (model 3 of ViViT, Arnab et al. 2021, arXiv:2103.15691): tokens attend to those of
    their moment, then to those of their place, then comes the MLP, each added to what was there.

    Args, errors: as of TransformerBlock.
    """

    def __init__(self, dim: int, num_heads: int, expansion: int = 4):
        super().__init__()
        self.num_heads = check_heads(dim, num_heads)
        self.norm_space, self.norm_time, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))
        self.qkv_space, self.qkv_time = (nn.Linear(dim, 3 * dim) for _ in range(2))
        self.project_space, self.project_time = (nn.Linear(dim, dim) for _ in range(2))
        self.mlp = make_mlp(dim, expansion)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, P, D), L moments of P places -> the same. ``mask`` (B, L) is True where there is a moment."""
        B, L, P, D = x.shape
        space = attend(self.qkv_space(self.norm_space(x)).flatten(0, 1), self.num_heads)  # (B L, P, D)
        x = x + self.project_space(space).view(B, L, P, D)
        qkv = self.qkv_time(self.norm_time(x)).transpose(1, 2).flatten(0, 1)  # (B P, L, 3 D)
        time = attend(qkv, self.num_heads, mask if mask is None else mask.repeat_interleave(P, 0))
        x = x + self.project_time(time).view(B, P, L, D).transpose(1, 2)
        return x + self.mlp(self.norm_mlp(x))


def attend(qkv: Tensor, num_heads: int, mask: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ / √d) v in each head: (B, L, 3 D), which holds q, k and v of all heads -> (B, L, D).

    ``mask`` (B, L) is True where there is a token; the others are not attended to.
    """
    B, L, D = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    q, k, v = qkv.view(B, L, 3, num_heads, D // num_heads).permute(2, 0, 3, 1, 4)  # (B, heads, L, D / heads)
    seen = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, L): every query sees the same keys
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(B, L, D)


def check_heads(dim: int, num_heads: int) -> int:
    """``num_heads``; raises ValueError unless it divides ``dim``."""
    if dim % num_heads:
        raise ValueError(f"dim must be divisible by num_heads, got dim={dim}, num_heads={num_heads}.")
    return num_heads


def make_mlp(dim: int, expansion: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, expansion * dim), nn.GELU(), nn.Linear(expansion * dim, dim))
