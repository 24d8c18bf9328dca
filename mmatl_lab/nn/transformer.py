"""The transformer block (Vaswani et al. 2017, arXiv:1706.03762), pre-norm (Xiong et al. 2020, arXiv:2002.04745)."""

from torch import Tensor, nn

from .attention import Cache, CrossAttention, SelfAttention


class TransformerBlock(nn.Module):
    """x ← x + Attention(LN(x));  x ← x + MLP(LN(x)).

    Args:
        dim: D, divisible by ``num_heads``.
        expansion: hidden width of the MLP, as a multiple of D.
        causal: each token sees itself and those before it, as in a decoder.
        dropout: of the attention weights and of what the MLP adds, in training.

    Raises:
        ValueError: ``dim`` is not divisible by ``num_heads``.
    """

    def __init__(self, dim: int, num_heads: int, expansion: int = 4, *, causal: bool = False, dropout: float = 0.0):
        super().__init__()
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, num_heads, causal=causal, dropout=dropout)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = make_mlp(dim, expansion, dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D); mask and cache as of :class:`SelfAttention`.

        Unlike the attention alone, a block needs finite numbers in all tokens, the hidden ones included.
        """
        x = x + self.attention(self.norm_attention(x), mask, cache)
        return x + self.mlp(self.norm_mlp(x))


class DecoderBlock(nn.Module):
    """x ← x + SelfAttention(LN(x));  x ← x + CrossAttention(LN(x), context);  x ← x + MLP(LN(x)).

    Each token sees itself, those before it, and all of another sequence, such as the places of a picture.

    Args, errors: as of TransformerBlock; ``context_dim`` is C of the other sequence, None: D.
    """

    def __init__(
        self, dim: int, num_heads: int, expansion: int = 4, *, context_dim: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.norm_attention, self.norm_cross, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))
        self.attention = SelfAttention(dim, num_heads, causal=True, dropout=dropout)
        self.cross = CrossAttention(dim, num_heads, context_dim, dropout=dropout)
        self.mlp = make_mlp(dim, expansion, dropout)

    def forward(
        self,
        x: Tensor,
        context: Tensor,
        cache: Cache | None = None,
        context_cache: Cache | None = None,
        context_mask: Tensor | None = None,
    ) -> Tensor:
        """(B, L, D) and context (B, K, C) -> (B, L, D).

        Args:
            cache: of the tokens before ``x``. context_cache: keeps the keys and values of the context.
            context_mask: (B, K), True where the context has something.
        """
        x = x + self.attention(self.norm_attention(x), cache=cache)
        x = x + self.cross(self.norm_cross(x), context, context_mask, context_cache)
        return x + self.mlp(self.norm_mlp(x))

    def cross_weights(self, x: Tensor, context: Tensor, context_mask: Tensor | None = None) -> Tensor:
        """(B, H, L, K): the share of each part of the context in what each token takes from it, without a cache."""
        x = x + self.attention(self.norm_attention(x))
        return self.cross.weights(self.norm_cross(x), context, context_mask)


class FactorisedBlock(nn.Module):
    """A block over space and time: tokens attend to the tokens of their frame, then to those of their position in all
    frames, then comes the MLP. Each is added to its input. (Model 3 of ViViT: Arnab et al. 2021, arXiv:2103.15691.)

    Args, errors: as of TransformerBlock.
    """

    def __init__(self, dim: int, num_heads: int, expansion: int = 4, *, dropout: float = 0.0):
        super().__init__()
        self.norm_space, self.norm_time, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))
        self.space, self.time = (SelfAttention(dim, num_heads, dropout=dropout) for _ in range(2))
        self.mlp = make_mlp(dim, expansion, dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, P, D), L frames of P positions -> the same. ``mask`` (B, L) is True where there is a frame."""
        B, L, P, _ = x.shape
        x = x + self.space(self.norm_space(x).flatten(0, 1)).unflatten(0, (B, L))
        over_time = self.norm_time(x).transpose(1, 2).flatten(0, 1)  # (B P, L, D)
        time = self.time(over_time, mask if mask is None else mask.repeat_interleave(P, 0))
        x = x + time.unflatten(0, (B, P)).transpose(1, 2)
        return x + self.mlp(self.norm_mlp(x))


def make_mlp(dim: int, expansion: int, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, expansion * dim), nn.GELU(), nn.Linear(expansion * dim, dim), nn.Dropout(dropout)
    )
