r"""Attention (Vaswani et al. 2017, arXiv:1706.03762): self-, cross- and causal attention, and a cache for decoding.

$$ \mathrm{Attention}(q, k, v) = \mathrm{softmax}\big(q k^\top / \sqrt{d}\big)\, v $$

in each of H heads of $d = D / H$ numbers. A mask is True where a query may look. What it hides has no influence on
results and gradients. A query that may look at nothing gets zeros from the attention.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Tokens attend to each other.

    Args:
        dim: D, divisible by ``num_heads``.
        causal: each token sees itself and those before it, as a decoder needs.
        dropout: of the attention weights, in training.

    Raises:
        ValueError: ``dim`` is not divisible by ``num_heads``.
    """

    def __init__(self, dim: int, num_heads: int, *, causal: bool = False, dropout: float = 0.0):
        super().__init__()
        self.num_heads, self.causal, self.dropout = _check_heads(dim, num_heads), causal, dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: "Cache | None" = None) -> Tensor:
        """(B, L, D) -> (B, L, D).

        Args:
            mask: (B, K), True where there is a token, or (B, L, K), True where the query may look at the key. K is L,
                with a cache L plus the number of tokens in it. Only (B, K) says which tokens are padding, whose NaN
                are then harmless.
            cache: of the tokens before ``x``; those of ``x`` are added to it.

        Raises:
            ValueError: a mask of another shape or type; a cache without causal attention.
        """
        if cache is not None and not self.causal:
            raise ValueError("a cache needs causal attention: earlier tokens would have to see later ones.")
        L = x.shape[1]
        _check_mask(mask, len(x), L, L + len(cache or ()))
        if mask is not None and mask.dim() == 2:
            x = x.masked_fill(~mask[:, -L:, None], 0.0)  # before the layer: 0 · NaN is NaN in its gradient
        q, k, v = _heads(self.qkv(x), 3, self.num_heads)
        if cache is not None:
            k, v = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        return self.project(_joined(attend(q, k, v, mask, causal=self.causal, dropout=dropout)))

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, H, L, L): the share of each token in what each token gets, without a cache; rows of sum 1, or 0."""
        q, k, _ = _heads(self.qkv(x), 3, self.num_heads)
        return attention_weights(q, k, mask, causal=self.causal)


class CrossAttention(nn.Module):
    """Tokens attend to those of another sequence: words to patches, latents to frames.

    Args:
        dim: D of the queries and of the result, divisible by ``num_heads``.
        context_dim: C of the other sequence; None: D.
        dropout: of the attention weights, in training.

    Raises:
        ValueError: ``dim`` is not divisible by ``num_heads``.
    """

    def __init__(self, dim: int, num_heads: int, context_dim: int | None = None, *, dropout: float = 0.0):
        super().__init__()
        self.num_heads, self.dropout = _check_heads(dim, num_heads), dropout
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(context_dim or dim, 2 * dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None = None, cache: "Cache | None" = None) -> Tensor:
        """Queries (B, L, D) and context (B, K, C) -> (B, L, D).

        Args:
            mask: (B, K), True where the context has something, or (B, L, K), True where the query may look at the key.
            cache: keeps the keys and values of the context, so that they are computed in the first call only.

        Raises:
            ValueError: a mask of another shape or type.
        """
        _check_mask(mask, len(x), x.shape[1], context.shape[1])
        if cache is None or not len(cache):
            if mask is not None:
                seen = mask if mask.dim() == 2 else mask.any(1)  # (B, K)
                context = context.masked_fill(~seen[..., None], 0.0)
            k, v = _heads(self.kv(context), 2, self.num_heads)
            if cache is not None:
                cache.append(k, v)
        else:
            k, v = cache.keys, cache.values
        (q,) = _heads(self.q(x), 1, self.num_heads)
        return self.project(_joined(attend(q, k, v, mask, dropout=self.dropout if self.training else 0.0)))

    def weights(self, x: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, H, L, K): the share of each key in what each query gets; rows of sum 1, or 0 where there is no key."""
        (q,), (k, _) = _heads(self.q(x), 1, self.num_heads), _heads(self.kv(context), 2, self.num_heads)
        return attention_weights(q, k, mask)


class Cache:
    """Keys and values of one layer, kept while a sequence is decoded: each step computes those of the new token only.

    ``keys`` and ``values`` are (B, H, K, d), or None before the first step; ``len(cache)`` is K.
    """

    def __init__(self):
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.keys is None else self.keys.shape[2]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values, those of the new tokens at the end."""
        if self.keys is not None:
            keys, values = torch.cat([self.keys, keys], 2), torch.cat([self.values, values], 2)
        self.keys, self.values = keys, values
        return keys, values

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch (B',) int64, in this order, as beam search does."""
        if self.keys is not None:
            self.keys, self.values = self.keys[rows], self.values[rows]


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False, dropout: float = 0.0
) -> Tensor:
    """softmax(q kᵀ / √d) v: queries (B, H, L, d), keys and values (B, H, K, d) -> (B, H, L, d).

    Args:
        mask: bool, (B, K) for all queries alike or (B, L, K), True where a query may look.
        causal: query i looks at the keys up to K - L + i, so that the last query sees all.
        dropout: of the attention weights; it is applied whenever it is above 0.
    """
    L, K = q.shape[2], k.shape[2]
    if mask is not None:
        mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]  # (B, 1, 1 or L, K)
    causal = causal and L > 1
    if causal and (mask is not None or L != K or _matmuls(q)):
        past = torch.ones(L, K, dtype=torch.bool, device=q.device).tril(K - L)
        mask, causal = past if mask is None else past & mask, False
    if mask is None:
        return _attend(q, k, v, None, causal, dropout)
    empty = ~mask.any(
        -1, keepdim=True
    )  # a softmax over nothing is NaN: these look at all, and what they see is dropped
    return _attend(q, k, v, mask | empty, causal, dropout).masked_fill(empty, 0.0)


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
    """softmax(q kᵀ / √d), (B, H, L, K), to be looked at; arguments as of :func:`attend`.

    It is what :func:`attend` makes of values that are the unit vectors.
    """
    unit = torch.eye(k.shape[2], dtype=k.dtype, device=k.device).expand(*k.shape[:2], -1, -1)
    return attend(q, k, unit, mask, causal=causal)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, dropout: float) -> Tensor:
    if not _matmuls(q):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, H, L, K)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return F.dropout(scores.softmax(-1), dropout) @ v


def _matmuls(q: Tensor) -> bool:
    """Whether plain matmuls are used in place of ``scaled_dot_product_attention``: on a CPU in half precision.

    Forward and backward in ms of one thread's time (AMD EPYC, torch 2.13, B = 128, H = 4, d = 32; L x K, SDPA ->
    matmuls): bfloat16 16 x 16 31.9 -> 4.6, 16 x 64 34 -> 6.1, 64 x 64 79 -> 22 (forward alone: equal);
    float32 16 x 16 3.8 -> 3.5, 64 x 64 31 -> 32, and 256 x 256 at B = 16 31 -> 45.
    """
    return q.device.type == "cpu" and q.dtype in (torch.bfloat16, torch.float16)


def _heads(x: Tensor, parts: int, num_heads: int) -> tuple[Tensor, ...]:
    """(B, L, parts · D) -> ``parts`` tensors (B, H, L, d)."""
    # taken apart before the axes are exchanged, so that the gradients are put together in the layout of ``x``
    return tuple(part.transpose(1, 2) for part in x.unflatten(-1, (parts, num_heads, -1)).unbind(2))


def _joined(x: Tensor) -> Tensor:
    """(B, H, L, d) -> (B, L, D)."""
    return x.transpose(1, 2).flatten(2)


def _check_heads(dim: int, num_heads: int) -> int:
    if dim % num_heads:
        raise ValueError(f"dim must be divisible by num_heads, got dim={dim}, num_heads={num_heads}.")
    return num_heads


def _check_mask(mask: Tensor | None, B: int, L: int, K: int) -> None:
    if mask is not None and (mask.dtype != torch.bool or tuple(mask.shape) not in ((B, K), (B, L, K))):
        raise ValueError(
            f"expected a bool mask ({B}, {K}) or ({B}, {L}, {K}), True where a query may look, "
            f"got {mask.dtype} {tuple(mask.shape)}."
        )
