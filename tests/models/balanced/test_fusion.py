import itertools

import pytest
import torch

from mmatl_lab.models.balanced.fusion import (
    calibrated_fusion,
    confidence_fusion,
    dynamic_fusion,
    dynamic_weights,
    entropy,
    fixed_fusion,
    sum_fusion,
)

WEIGHTS = (0.35, 0.25, 0.40)
TEMPERATURES = torch.tensor([1.0, 2.0, 0.5])
FUSIONS = {
    "sum": sum_fusion,
    "dynamic": dynamic_fusion,
    "confidence": confidence_fusion,
}
WEIGHTED = {"fixed": (fixed_fusion, WEIGHTS), "calibrated": (calibrated_fusion, TEMPERATURES)}


def logits(n=3, batch=6, classes=4):
    return 3 * torch.randn(n, batch, classes)


def present_of(z):
    """Every non-empty set of modalities, over the samples."""
    sets = [s for s in itertools.product([False, True], repeat=len(z)) if any(s)]
    return torch.tensor([sets[i % len(sets)] for i in range(z.shape[1])]).T


def call(name, z, present=None, order=None):
    if name in FUSIONS:
        return FUSIONS[name](z, present)
    fusion, weights = WEIGHTED[name]
    chosen = weights if order is None else [weights[i] for i in order]
    return fusion(z, torch.as_tensor(chosen) if name == "calibrated" else chosen, present)


@pytest.mark.parametrize("name", [*FUSIONS, *WEIGHTED])
def test_permuted_modalities_with_their_weights_give_the_same(name):
    z = logits(batch=7)
    present, order = present_of(z), [2, 0, 1]
    assert torch.allclose(call(name, z, present), call(name, z[order], present[order], order), atol=1e-5)


@pytest.mark.parametrize("name", [*FUSIONS, *WEIGHTED])
def test_a_masked_modality_changes_nothing_even_when_it_is_nan(name):
    z = logits(batch=7)
    present = present_of(z)
    other = torch.where(present[..., None], z, torch.nan)
    assert torch.equal(call(name, z, present), call(name, other, present))


@pytest.mark.parametrize("name", [*FUSIONS, "fixed"])
def test_a_masked_modality_is_as_one_that_does_not_exist(name):
    z = logits()
    present = torch.ones(3, 6, dtype=torch.bool)
    present[1] = False
    without = call(name, z[[0, 2]], None, [0, 2])
    assert torch.allclose(call(name, z, present), without, atol=1e-6)


@pytest.mark.parametrize("name", [*FUSIONS, *WEIGHTED])
def test_every_modality_gets_a_gradient_and_a_masked_one_none(name):
    z = logits().requires_grad_()
    present = torch.ones(3, 6, dtype=torch.bool)
    present[1, :3] = False
    call(name, z, present)[:, 0].sum().backward()
    moved = z.grad.abs().sum(-1) > 0
    assert torch.equal(moved, present)


def test_fixed_weights_sum_to_one_over_what_is_present():
    z = torch.ones(3, 5, 2)
    assert torch.allclose(fixed_fusion(z, WEIGHTS, present_of(z)), torch.ones(5, 2))


def test_dynamic_weights_are_the_papers_and_depend_on_the_sample_alone():
    z = logits()
    e = torch.distributions.Categorical(logits=z).entropy()
    assert torch.allclose(entropy(z), e, atol=1e-6)
    raw = (e.amax(0) - e).exp()
    weights = dynamic_weights(z)
    assert torch.allclose(weights, raw / raw.sum(0), atol=1e-6)
    assert torch.allclose(dynamic_weights(z[:, 2:3]), weights[:, 2:3], atol=1e-6)


def test_the_released_weights_are_one_for_the_whole_batch():
    z = logits()
    weights = dynamic_weights(z, per="batch")
    assert torch.equal(weights, weights[:, :1].expand_as(weights))
    assert not torch.allclose(dynamic_weights(z[:, 2:3], per="batch"), weights[:, 2:3])


def test_the_more_certain_modality_weighs_more():
    z = torch.tensor([[[9.0, 0, 0]], [[1.0, 0, 0]]])
    certain, unsure = dynamic_weights(z)[:, 0]
    assert certain > unsure


def test_a_high_temperature_silences_and_temperature_one_is_the_product_of_experts():
    z = logits(2)
    product = (z[0].softmax(-1) * z[1].softmax(-1)).log()
    assert torch.allclose(calibrated_fusion(z, torch.ones(2)), product, atol=1e-4)
    alone = calibrated_fusion(z, torch.tensor([1.0, 1e6])).softmax(-1)
    assert torch.allclose(alone, z[0].softmax(-1), atol=1e-4)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: fixed_fusion(logits(), (0.5, 0.5)), "a weight for each of 3"),
        (lambda: fixed_fusion(logits(), (0.5, 0.5, 0.0)), "above 0"),
        (lambda: sum_fusion(torch.zeros(4, 3)), r"logits \(N, B, C\)"),
        (lambda: sum_fusion(logits(), torch.ones(6, 3, dtype=torch.bool)), "present is a bool tensor"),
        (lambda: sum_fusion(logits(), torch.zeros(3, 6, dtype=torch.bool)), "no modality at all"),
        (lambda: dynamic_weights(logits(), per="epoch"), "per is"),
        (lambda: dynamic_weights(logits(), torch.eye(3, 6) + torch.ones(3, 6) > 1, per="batch"), "no modality|no rule"),
    ],
)
def test_bad_input_gets_a_sentence(bad, sentence):
    with pytest.raises(ValueError, match=sentence):
        bad()
