"""The transformer block (Vaswani et al. 2017, arXiv:1706.03762), pre-norm (Xiong et al. 2020, arXiv:2002.04745)."""

import torch.nn.functional as F
from torch import Tensor, nn


class TransformerBlock(nn.Module):
    """x ← x + Attention(LN(x));  x ← x + MLP(LN(x)), with Attention(q, k, v) = softmax(q kᵀ / √d) v in each head.

    Args:
        width: D, divisible by ``heads``.
        expansion: hidden width of the MLP, as a multiple of D.

    Raises:
        ValueError: ``width`` is not divisible by ``heads``.
    """

    def __init__(self, width: int, heads: int, expansion: int = 4):
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be divisible by heads, got width={width}, heads={heads}.")
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D). ``mask`` (B, L) is True where there is a token; the others are not attended to."""
        B, L, D = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).view(B, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        attend = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, L): every query sees the same keys
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=attend)  # (B, heads, L, D / heads)
        x = x + self.project(a.transpose(1, 2).reshape(B, L, D))
        return x + self.mlp(self.norm_mlp(x))
