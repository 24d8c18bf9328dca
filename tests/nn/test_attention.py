"""Attention: agreement with torch's own, what a mask hides, what causality means, and decoding with a cache."""

import pytest
import torch
from torch import nn

from mmatl_lab.nn.attention import Cache, CrossAttention, SelfAttention, attend, attention_weights
from mmatl_lab.nn.transformer import TransformerBlock

PRECISION = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)  # the two ways on a CPU


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def self_attention(**arguments):
    torch.manual_seed(0)
    return SelfAttention(16, 4, **arguments)


def by_hand(q, k, v, mask):
    """The formula in float64, query by query, over the keys that it may see."""
    out = torch.zeros_like(q, dtype=torch.float64)
    for b, h, i in torch.cartesian_prod(*(torch.arange(n) for n in q.shape[:3])).tolist():
        seen = mask[b, i]
        scores = k[b, h][seen].double() @ q[b, h, i].double() / q.shape[-1] ** 0.5
        out[b, h, i] = scores.softmax(0) @ v[b, h][seen].double()
    return out


@PRECISION
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masks", [None, "keys", "full"])
@pytest.mark.parametrize(("L", "K"), [(5, 5), (3, 6), (1, 4)])
def test_it_is_the_formula(dtype, causal, masks, L, K):
    q, k, v = (random(2, 3, n, 4, seed=seed).to(dtype) for seed, n in enumerate((L, K, K)))
    mask = None if masks is None else random(*((2, K) if masks == "keys" else (2, L, K)), seed=4) > -0.5
    if mask is not None:
        mask[0] = masks == "full" and K == 6  # queries that may look at nothing
    seen = torch.ones(2, L, K, dtype=torch.bool) if mask is None else mask.view(2, -1, K).expand(2, L, K)
    seen = seen & torch.ones(L, K, dtype=torch.bool).tril(K - L) if causal else seen
    out = attend(q, k, v, mask, causal=causal)
    assert out.dtype == dtype
    torch.testing.assert_close(
        out.double(), by_hand(q, k, v, seen), atol=1e-5 if dtype == torch.float32 else 0.03, rtol=0
    )


@pytest.mark.parametrize("causal", [False, True])
def test_self_and_cross_attention_agree_with_torchs(causal):
    x, context = random(3, 6, 16), random(3, 5, 8, seed=1)
    there = torch.arange(6) < torch.tensor([[6], [3], [1]])
    attention, cross = self_attention(causal=causal), CrossAttention(16, 4, 8)
    oracle = nn.MultiheadAttention(16, 4, batch_first=True)
    oracle.in_proj_weight.data, oracle.in_proj_bias.data = attention.qkv.weight.data, attention.qkv.bias.data
    oracle.out_proj.load_state_dict(attention.project.state_dict())
    future = torch.ones(6, 6, dtype=torch.bool).triu(1) if causal else None
    expected = oracle(x, x, x, key_padding_mask=~there, attn_mask=future)[0]
    torch.testing.assert_close(attention(x, there)[there], expected[there], atol=1e-5, rtol=0)

    oracle = nn.MultiheadAttention(16, 4, kdim=8, vdim=8, batch_first=True)
    oracle.q_proj_weight.data = cross.q.weight.data
    oracle.k_proj_weight.data, oracle.v_proj_weight.data = cross.kv.weight.data.chunk(2)
    oracle.in_proj_bias.data = torch.cat([cross.q.bias.data, cross.kv.bias.data])
    oracle.out_proj.load_state_dict(cross.project.state_dict())
    expected = oracle(x, context, context, key_padding_mask=~there[:, :5])[0]
    torch.testing.assert_close(cross(x, context, there[:, :5]), expected, atol=1e-5, rtol=0)


@PRECISION
def test_a_causal_token_has_no_gradient_from_later_ones(dtype):
    block = TransformerBlock(16, 4, causal=True).to(dtype)
    x = random(2, 6, 16).to(dtype).requires_grad_()
    for t in range(6):
        (gradient,) = torch.autograd.grad(block(x)[0, t].square().sum(), x)
        assert (gradient[0, t + 1 :] == 0).all() and (gradient[1] == 0).all()
        assert (gradient[0, : t + 1].abs().sum(1) > 0).all()


@PRECISION
@pytest.mark.parametrize("masked", [False, True])
def test_decoding_with_a_cache_is_the_pass_over_everything(dtype, masked):
    torch.manual_seed(0)
    blocks = nn.ModuleList(TransformerBlock(16, 4, causal=True) for _ in range(2)).to(dtype).eval()
    x, mask = random(3, 7, 16).to(dtype), torch.ones(3, 7, dtype=torch.bool)
    mask[1, :2] = False  # a shorter prompt, padded at its front
    full, caches = x, [Cache() for _ in blocks]
    for block in blocks:
        full = block(full, mask if masked else None)
    steps = []
    for start, end in ((0, 3), (3, 4), (4, 6), (6, 7)):
        now = x[:, start:end]
        for block, cache in zip(blocks, caches):
            now = block(now, mask[:, :end] if masked else None, cache)
        steps.append(now)
    assert len(caches[0]) == 7
    torch.testing.assert_close(torch.cat(steps, 1), full, atol=1e-5 if dtype == torch.float32 else 0.1, rtol=0)


def test_a_cache_keeps_the_rows_that_a_beam_keeps():
    attention, x, rows = self_attention(causal=True), random(3, 4, 16), torch.tensor([2, 0, 0])
    cache = Cache()
    attention(x[:, :3], cache=cache)
    cache.select(rows)
    torch.testing.assert_close(attention(x[rows, 3:], cache=cache), attention(x[rows])[:, 3:], atol=1e-6, rtol=0)


def test_cross_attention_computes_its_context_once():
    cross, cache, x, context = CrossAttention(16, 4, 8), Cache(), random(2, 3, 16), random(2, 5, 8, seed=1)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    expected = cross(x, context, mask)
    cross.kv.register_forward_hook(lambda *_: computed.append(1))
    computed = []
    steps = [cross(x[:, i : i + 1], context, mask, cache) for i in range(3)]
    torch.testing.assert_close(torch.cat(steps, 1), expected, atol=1e-6, rtol=0)
    assert len(computed) == 1 and len(cache) == 5


@PRECISION
@pytest.mark.parametrize("cross", [False, True], ids=["self", "cross"])
@pytest.mark.parametrize("full", [False, True], ids=["keys", "full"])
def test_hidden_keys_have_no_influence_and_may_be_nan(dtype, cross, full):
    """The first example sees three of five keys, the second none; results and gradients are those of other padding.
    (With a full mask every token of self-attention asks, so none may be NaN.)"""
    module = (CrossAttention(16, 4) if cross else self_attention()).to(dtype)
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[0, :3] = True
    found = []
    for padding in (7.0 if full and not cross else torch.nan, 3.0):
        x, keys = random(2, 5, 16).to(dtype), random(2, 5, 16, seed=1).to(dtype)
        if not cross:
            keys = x
        keys[~mask] = padding
        keys.requires_grad_()
        seen = mask[:, None].expand(2, 5, 5) if full else mask
        out = module(x, keys, seen) if cross else module(keys, seen)
        out = out if cross else out[:, :3]  # of hidden tokens nothing is asked
        module.zero_grad()
        out.square().sum().backward()
        assert (keys.grad[~mask] == 0).all()
        found.append([out, keys.grad, *(p.grad for p in module.parameters())])
    assert all(torch.equal(one, other) and one.isfinite().all() for one, other in zip(*found))
    assert torch.equal(found[0][0][1], module.project.bias.expand_as(found[0][0][1]))  # zeros from the attention


def test_dropout_is_for_training_and_keeps_the_mean():
    x = random(2, 6, 16)
    for module, arguments in ((self_attention(dropout=0.5), (x,)), (CrossAttention(16, 4, dropout=0.5), (x, x))):
        assert not torch.equal(module(*arguments), module(*arguments))
        mean = torch.stack([module(*arguments) for _ in range(2_000)]).mean(0)
        module.eval()
        assert torch.equal(module(*arguments), module(*arguments))
        torch.testing.assert_close(mean, module(*arguments), atol=0.05, rtol=0)
    block = TransformerBlock(16, 4, dropout=0.5)
    assert not torch.equal(block(x), block(x)) and torch.equal(block.eval()(x), block(x))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SelfAttention(10, 4), "num_heads=4"),
        (lambda: CrossAttention(10, 4), "num_heads=4"),
        (lambda: self_attention()(random(2, 5, 16), cache=Cache()), "needs causal attention"),
        (lambda: self_attention()(random(2, 5, 16), torch.ones(2, 4) > 0), r"\(2, 5\) or \(2, 5, 5\).*\(2, 4\)"),
        (lambda: self_attention()(random(2, 5, 16), torch.ones(2, 5)), "got torch.float32"),
        (
            lambda: CrossAttention(16, 4)(random(2, 5, 16), random(2, 3, 16), torch.ones(2, 5) > 0),
            r"\(2, 3\) or \(2, 5, 3\), True where .* got torch.bool \(2, 5\)",
        ),
    ],
)
def test_bad_arguments_get_a_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("masks", [None, "keys", "full"])
def test_weights_are_the_shares_of_the_values(masks):
    q, k, v = (random(2, 3, n, 4, seed=seed) for seed, n in enumerate((4, 6, 6)))
    mask = None if masks is None else random(*((2, 6) if masks == "keys" else (2, 4, 6)), seed=4) > -0.5
    if mask is not None:
        mask[0, 0] = False
    weights = attention_weights(q, k, mask)
    torch.testing.assert_close(weights @ v, attend(q, k, v, mask))
    x, context = random(2, 4, 16), random(2, 6, 8, seed=1)
    cross, attention = CrossAttention(16, 4, 8), self_attention()
    there = torch.ones(2, 4, dtype=torch.bool)
    there[1, 2:] = False
    oracle = nn.MultiheadAttention(16, 4, batch_first=True)
    oracle.in_proj_weight.data, oracle.in_proj_bias.data = attention.qkv.weight.data, attention.qkv.bias.data
    expected = oracle(x, x, x, key_padding_mask=~there, average_attn_weights=False)[1]
    torch.testing.assert_close(attention.weights(x, there), expected)
    assert cross.weights(x, context).shape == (2, 4, 4, 6)
