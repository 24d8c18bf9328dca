import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mmatl_lab.models.clip import CLIP, MAX_LOGIT_SCALE, CLIPConfig, clip_loss, zero_shot_logits
from mmatl_lab.nn.encoders import ImageCNN, ImageViT, Part, TextTransformer


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def by_hand(u, v, scale, caption_class=None):
    """The formula, term by term, in float64."""
    B = len(u)
    s = [[(scale.double().exp() * (u[i].double() @ v[j].double())).item() for j in range(B)] for i in range(B)]
    total = 0.0
    for i in range(B):
        others = [j for j in range(B) if j == i or caption_class is None or caption_class[i] != caption_class[j]]
        total += math.log(sum(math.exp(s[i][j] - s[i][i]) for j in others))
        total += math.log(sum(math.exp(s[j][i] - s[i][i]) for j in others))
    return total / (2 * B)


@given(st.integers(2, 9), st.integers(0, 10_000), st.floats(0, 4.6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_loss_is_the_formula(B, seed, log_scale, masked):
    u, v = unit(B, 8, seed=seed), unit(B, 8, seed=seed + 1)
    caption_class = torch.randint(0, 3, (B,), generator=torch.Generator().manual_seed(seed)) if masked else None
    scale = torch.tensor(log_scale)
    assert clip_loss(u, v, scale, caption_class=caption_class).item() == pytest.approx(
        by_hand(u, v, scale, caption_class), abs=2e-4
    )


def test_symmetry_permutation_and_bounds():
    u, v, scale = unit(12, 16), unit(12, 16, seed=1), torch.tensor(2.0)
    loss = clip_loss(u, v, scale)
    assert torch.allclose(loss, clip_loss(v, u, scale))
    order = torch.randperm(12)
    assert torch.allclose(loss, clip_loss(u[order], v[order], scale), atol=1e-6)
    assert loss > 0
    constant = unit(1, 16).expand(12, 16)
    assert clip_loss(constant, constant, scale).item() == pytest.approx(math.log(12))  # the collapse costs ln B
    assert clip_loss(u, u, torch.tensor(MAX_LOGIT_SCALE)) < 1e-3 + clip_loss(u, v, scale)


def test_equal_meanings_are_no_negatives():
    u, v, scale = unit(6, 8), unit(6, 8, seed=1), torch.tensor(3.0)
    caption_class = torch.tensor([0, 0, 1, 2, 3, 4])
    v.requires_grad_()
    logits_01 = torch.autograd.grad(clip_loss(u, v, scale, caption_class=caption_class), v)[0]
    # Row 1's text is pushed away from image 0 without the mask, and not with it.
    direction = u[0]
    without = torch.autograd.grad(clip_loss(u, v, scale), v)[0]
    assert (without[1] @ direction) > (logits_01[1] @ direction)
    everything_equal = clip_loss(u, v, scale, caption_class=torch.zeros(6, dtype=torch.long))
    assert everything_equal.item() == pytest.approx(0, abs=1e-6)
    distinct = clip_loss(u, v, scale, caption_class=torch.arange(6))
    assert torch.allclose(distinct, clip_loss(u, v, scale))


def test_one_sided_half_and_gather():
    u, v, scale = unit(8, 8), unit(8, 8, seed=1), torch.tensor(2.0)
    halves = clip_loss(u, v, scale, symmetric=False) + clip_loss(v, u, scale, symmetric=False)
    assert torch.allclose(halves / 2, clip_loss(u, v, scale))
    other = {8: unit(8, 8, seed=2)}
    gathered = clip_loss(u, v, scale, gather=lambda x: torch.cat([x, other[8]]))
    assert torch.allclose(gathered, clip_loss(torch.cat([u, other[8]]), torch.cat([v, other[8]]), scale))


def test_no_overflow_at_the_smallest_temperature():
    u = unit(4, 8)
    for log_scale in (MAX_LOGIT_SCALE, math.log(1e4)):
        scale = torch.tensor(log_scale, requires_grad=True)
        loss = clip_loss(u, -u, scale)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(scale.grad)


def small(vit=False):
    torch.manual_seed(0)
    image = ImageViT(16, num_layers=1, hidden_dim=16) if vit else ImageCNN(16, (8, 8, 8))
    return CLIP(image, TextTransformer(16, 30, max_len=8, num_layers=1, hidden_dim=16))


@pytest.mark.parametrize("vit", [False, True])
def test_output_is_on_the_sphere_and_every_weight_learns(vit):
    model = small(vit)
    out = model(torch.rand(6, 3, 32, 32), torch.randint(1, 30, (6, 5)))
    assert torch.allclose(out.image.norm(dim=1), torch.ones(6), atol=1e-5)
    assert torch.allclose(out.text.norm(dim=1), torch.ones(6), atol=1e-5)
    clip_loss(*out).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert still == []


def test_logit_scale_starts_at_the_papers_and_comes_back_from_the_clamp():
    model = small()
    assert model.logit_scale.exp().item() == pytest.approx(1 / 0.07, rel=1e-5)
    model.logit_scale.data.fill_(9.0)
    model.after_update()
    assert model.logit_scale.exp().item() == pytest.approx(100, rel=1e-5)
    # at the limit, wrong pairs ask for a softer softmax: a clamp inside the graph had a gradient of exactly 0 here
    u = unit(4, 16)
    clip_loss(u, -u, model.logit_scale).backward()
    assert model.logit_scale.grad > 0


def test_a_fixed_temperature_is_not_trained_nor_clamped():
    model = CLIP(nn.Linear(2, 2), nn.Linear(2, 2), temperature=0.005, learn_temperature=False)
    model.after_update()
    assert model.logit_scale.exp().item() == pytest.approx(200, rel=1e-5) and not model.logit_scale.requires_grad


def test_a_config_makes_the_model_that_it_names():
    config = CLIPConfig(
        Part("ImageCNN", {"channels": (8, 8, 8)}), Part("BagOfWords", {"vocab_size": 30}), 16, temperature=0.5
    )
    out = CLIP.from_config(config)(torch.rand(2, 3, 32, 32), torch.randint(1, 30, (2, 5)))
    assert out.image.shape == out.text.shape == (2, 16) and out.logit_scale.exp().item() == pytest.approx(2, rel=1e-5)
    with pytest.raises(ValueError, match="no encoder 'ImageCN': choose one of .*ImageCNN"):
        Part("ImageCN").build()
    with pytest.raises(ValueError, match="BagOfWords takes out_dim, vocab_size, got words"):
        Part("BagOfWords", {"words": 3}).build(out_dim=2)
    with pytest.raises(ValueError, match="BagOfWords needs out_dim, vocab_size: give vocab_size as well"):
        Part("BagOfWords").build(out_dim=2)


def test_zero_shot_with_several_texts_a_class_adds_their_probabilities():
    image, texts, scale = unit(5, 16), unit(12, 16, seed=1), torch.tensor(2.0)
    each = zero_shot_logits(image, texts, scale).softmax(1)  # (5, 12)
    summed = zero_shot_logits(image, texts.view(4, 3, 16), scale).softmax(1)  # (5, 4)
    assert torch.allclose(summed, each.view(5, 4, 3).sum(-1), atol=1e-6)


def test_shapes_that_do_not_pair_up_get_a_sentence():
    with pytest.raises(ValueError, match=r"\(4, 8\) and \(5, 8\)"):
        clip_loss(unit(4, 8), unit(5, 8), torch.tensor(1.0))
