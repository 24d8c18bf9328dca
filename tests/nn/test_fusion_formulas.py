"""Each fusion against its formula, written another way or computed by torch."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmatl_lab.nn.fusion import (
    Add,
    BilinearFusion,
    Concat,
    CrossAttentionFusion,
    CrossModalAttention,
    HierarchicalFusion,
    LateFusion,
    Product,
    SelfAttentionFusion,
    cross_modal_attention,
    masked_softmax,
)

from .fusions import DIMS, FUSIONS, features, made, masks


def test_addition_as_it_is_needs_equal_dims_and_no_parameters():
    e = features(dims=(4, 4))
    assert torch.equal(Add((4, 4))(e), e[0] + e[1]) and not list(Add((4, 4)).parameters())
    assert torch.equal(Add((4, 4))(e), Add((4, 4))(e[::-1]))
    with pytest.raises(ValueError, match="5, 3 numbers cannot be added: give out_dim="):
        Add((5, 3))


def test_a_linear_layer_on_a_concatenation_is_an_addition_of_projections():
    e, linear, add = features(), nn.Linear(12, 7, bias=False), Add(DIMS, 7)
    for project, weight in zip(add.project, linear.weight.split(DIMS, 1)):
        project.weight.data = weight
    assert torch.allclose(linear(Concat(DIMS)(e)), add(e), atol=1e-6)


@pytest.mark.parametrize("rank", [1, 3])
def test_products_are_tensor_fusion_of_low_rank(rank):
    """Oracle: the outer product of [e; 1] of all modalities, contracted with a tensor of this rank for each output."""
    e = features()
    fusion = made(lambda dims: Product(dims, 7) if rank == 1 else BilinearFusion(dims, 7, rank))
    outer = torch.ones(6, 1, 1, 1)
    tensor = torch.ones(7 * rank, 1, 1, 1)
    for axis, (x, project) in enumerate(zip(e, fusion.project)):
        shape = [-1 if i == axis else 1 for i in range(3)]
        outer = outer * torch.cat([x, torch.ones(6, 1)], 1).view(6, *shape)
        rows = torch.cat([project.weight, project.bias[:, None]], 1)
        tensor = tensor * rows.view(7 * rank, *shape)
    tensor = tensor.unflatten(0, (rank, 7)).sum(0)
    assert torch.allclose(fusion(e), torch.einsum("bijk,dijk->bd", outer, tensor), atol=1e-4)


def test_early_fusion_sees_differences_of_raw_inputs():
    fusion = made(FUSIONS["early"])
    e = features()
    assert torch.allclose(fusion(e), fusion.encoder(torch.cat(e, 1)))


def test_a_weight_and_the_scale_of_its_vector_are_one_thing():
    """As much of a weight as one likes can be put into the layer before the ReLU: it says nothing about importance."""
    e, fusion = features(), made(FUSIONS["weighted"])
    before, other = fusion(e), made(FUSIONS["weighted"])
    other.scores.data = torch.tensor([4.0, 0.0, -4.0])
    factor = fusion.weights(e)[0] / other.weights(e)[0]
    for project, c in zip(other.project, factor):
        project.weight.data *= c
        project.bias.data *= c
    assert torch.allclose(other(e), before, atol=1e-5) and other.weights(e)[0, 0] > 0.95


@pytest.mark.parametrize("rule", ["product", "mixture"])
def test_late_fusion_gives_probabilities_of_any_present_experts(rule):
    e, mask = features(), masks()
    fusion = made(lambda dims: LateFusion(dims, 6, 8, rule))
    fusion.scores.data = torch.tensor([0.3, -0.5, 1.0])
    p, each = fusion(e, mask).exp(), fusion.each(e).exp()
    assert torch.allclose(p.sum(1), torch.ones(6))
    for row in range(6):
        here = mask[row]
        if rule == "product":
            expected = (each[row, here] ** fusion.scores[here].exp()[:, None]).prod(0)
        else:
            expected = (each[row, here] * fusion.scores[here].exp()[:, None]).sum(0)
        assert torch.allclose(p[row], expected / expected.sum(), atol=1e-5)


def test_late_fusion_of_one_expert_is_that_expert():
    e, only = features(), torch.tensor([[0, 1, 0]]).bool().expand(6, -1)
    for rule in ("product", "mixture"):
        fusion = made(lambda dims, rule=rule: LateFusion(dims, 6, rule=rule))
        assert torch.allclose(fusion(e, only), fusion.each(e)[:, 1], atol=1e-5)
    with pytest.raises(ValueError, match="there is no rule 'vote': choose one of product, mixture"):
        LateFusion(DIMS, 6, rule="vote")


def test_the_gate_of_two_is_the_published_one():
    e = features(dims=(5, 3))
    fusion = made(FUSIONS["gated"], (5, 3))
    together, (one, other) = torch.cat(e, 1), fusion.gate
    z = torch.sigmoid(together @ (one.weight - other.weight).T + one.bias - other.bias)
    h = [project(x).tanh() for project, x in zip(fusion.project, e)]
    assert torch.allclose(fusion(e), z * h[0] + (1 - z) * h[1], atol=1e-6)
    assert torch.allclose(fusion.gates(e)[..., 0], z, atol=1e-6)


def test_self_attention_is_that_of_torch():
    e, fusion = features(), made(FUSIONS["self-attention"])
    oracle = nn.MultiheadAttention(16, 4, batch_first=True)
    oracle.in_proj_weight.data = fusion.attention.qkv.weight.data
    oracle.in_proj_bias.data = fusion.attention.qkv.bias.data
    oracle.out_proj.load_state_dict(fusion.attention.project.state_dict())
    t, mask = fusion.tokens(e), masks()
    attended, weights = oracle(*[fusion.norm(t)] * 3, key_padding_mask=~mask)
    expected = torch.stack([row[here].mean(0) for row, here in zip(t + attended, mask)])
    assert torch.allclose(fusion(e, mask), expected, atol=1e-5)
    received = torch.stack([row[here].mean(0) for row, here in zip(weights, mask)])
    assert torch.allclose(fusion.weights(e, mask), received, atol=1e-5)


def test_cross_modal_attention_is_the_formula_token_by_token():
    torch.manual_seed(0)
    fusion = CrossModalAttention((4, 4), 8, num_tokens=3)
    h, other = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    out = cross_modal_attention(h, other, fusion.scores, fusion.value)
    norm = partial(F.layer_norm, normalized_shape=(8,))
    W, bias = torch.cat([fusion.score_query.weight, fusion.score_key.weight], 1), fusion.score_query.bias
    for b in range(2):
        for i in range(3):
            pairs = torch.cat([norm(h[b, i]).expand(5, -1), norm(other[b])], 1)  # [h_i; h'_j], normed
            alpha = (pairs @ W.T + bias).tanh() @ fusion.score.weight[0]
            expected = h[b, i] + alpha.softmax(0) @ fusion.value(other[b])
            assert torch.allclose(out[b, i], expected, atol=1e-5)


def test_between_two_vectors_attention_has_nothing_to_choose():
    """One token each: the weight is 1, and the attention an addition."""
    torch.manual_seed(0)
    e = features(dims=(5, 3))
    for fusion in (CrossModalAttention((5, 3), 8, num_tokens=1), CrossAttentionFusion((5, 3), 8, num_tokens=1)):
        assert torch.allclose(fusion.weights(e), torch.full((6, 2), 0.5))
    fusion = CrossModalAttention((5, 3), 8, num_tokens=1)
    t = fusion.tokens(e)
    assert torch.allclose(fusion(e), (t + fusion.value(t.flip(1))).mean(1), atol=1e-6)


@pytest.mark.parametrize("make", [SelfAttentionFusion, CrossAttentionFusion])
@pytest.mark.parametrize("out_dim", [7, 30, 64])
def test_any_width_will_do_whatever_the_number_of_heads(make, out_dim):
    assert make(DIMS, out_dim, num_heads=8)(features()).shape == (6, out_dim)


def test_a_hierarchy_needs_two_local_fusions():
    with pytest.raises(ValueError, match="at least two local fusions, got 1 group of 2 modalities"):
        HierarchicalFusion((5, 3), 8)
    with pytest.raises(ValueError, match=r"must hold all places 0 to 2 and no others, got \(\(0, 1\), \(1, 0\)\)"):
        HierarchicalFusion(DIMS, 8, [(0, 1), (1, 0)])
    e, fusion = features(), made(lambda dims: HierarchicalFusion(dims, 8, [(0, 1), (2,)]))
    h = [F.gelu(fusion.local[0](torch.cat(e[:2], 1))), F.gelu(fusion.local[1](e[2]))]
    assert torch.allclose(fusion(e), F.gelu(fusion.join(torch.cat(h, 1))))
    assert len(HierarchicalFusion((2, 2, 2, 2), 8).local) == 6


def test_a_softmax_over_nothing_is_nothing():
    scores = torch.randn(3, 4, requires_grad=True)
    mask = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]).bool()
    w = masked_softmax(scores, mask)
    assert w[1].tolist() == [0.0] * 4 and torch.allclose(w[2], F.softmax(scores[2], 0))
    w.square().sum().backward()
    assert scores.grad.isfinite().all() and (scores.grad[~mask] == 0).all()


INTERACTING = ("product", "bilinear", "early", "intermediate", "hierarchical", "gated")
ADDITIVE = ("concat", "add", "weighted", "late")


@pytest.mark.parametrize("name", INTERACTING + ADDITIVE)
def test_interaction_within_a_fusion_is_what_the_table_says(name):
    """f(a, b) + f(a', b') = f(a, b') + f(a', b) for all examples means: a sum of one function for each modality."""
    fusion = made(FUSIONS[name])
    a, b, c = features(1)
    a2, b2, _ = features(1, seed=1)
    if name == "late":  # additive in the log-odds
        mixed = [fusion([x, y, c]) for x, y in ((a, b), (a2, b2), (a, b2), (a2, b))]
        mixed = [z - z[:, :1] for z in mixed]
    else:
        mixed = [fusion([x, y, c]) for x, y in ((a, b), (a2, b2), (a, b2), (a2, b))]
    gap = (mixed[0] + mixed[1] - mixed[2] - mixed[3]).abs().max()
    assert (gap < 1e-5) == (name in ADDITIVE)


@pytest.mark.parametrize("name", ["concat", "add", "product"])
def test_only_the_product_gives_a_linear_head_the_sign_of_two_modalities_together(name):
    """XOR, y = t m: the share of y's variance that the best linear head on the fused vectors explains."""
    torch.manual_seed(1)
    t, m = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).T[..., None]
    fused = torch.cat([FUSIONS[name]((1, 1))([t, m]).detach(), torch.ones(4, 1)], 1).double()
    y = (t * m).double()
    explained = (fused @ torch.linalg.pinv(fused) @ y).square().mean()
    assert explained == pytest.approx(1.0 if name == "product" else 0.0, abs=1e-6)
