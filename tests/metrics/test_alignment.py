import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmatl_lab.metrics import alignment as module
from mmatl_lab.metrics.alignment import alignment, modality_gap, uniformity


def vectors(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def rotation(d, seed=0):
    return torch.linalg.qr(vectors(d, d, seed)).Q


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_rotating_scaling_and_reordering_change_nothing(seed):
    x, y, q = vectors(20, 6, seed), vectors(20, 6, seed + 1), rotation(6, seed)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    for measure in (modality_gap, alignment):
        assert measure(3 * x[order] @ q, 0.1 * y[order] @ q) == pytest.approx(measure(x, y), abs=1e-5)
    assert uniformity(3 * x[order] @ q) == pytest.approx(uniformity(x), abs=1e-5)


@given(st.integers(0, 10**6), st.sampled_from([0.5, 2.0, 5.0]))
@settings(max_examples=20, deadline=None)
def test_uniformity_is_the_mean_over_pairs(seed, t):
    x = F.normalize(vectors(15, 4, seed), dim=1)
    assert uniformity(x, t) == pytest.approx(torch.pdist(x).pow(2).mul(-t).exp().mean().log().item(), abs=1e-4)


def test_uniformity_is_finite_where_the_plain_form_underflows():
    x = torch.eye(3)
    assert torch.pdist(x).pow(2).mul(-100).exp().mean().log() == -math.inf
    assert uniformity(x, t=100) == pytest.approx(-200)


def test_uniformity_goes_in_blocks(monkeypatch):
    x = vectors(500, 8)
    whole = uniformity(x)
    monkeypatch.setattr(module, "BLOCK", 3000)
    assert uniformity(x) == pytest.approx(whole, abs=1e-6)


def test_the_ends_of_the_scales():
    x = vectors(50, 8)
    assert modality_gap(x, x) == 0 and alignment(x, x) == 0
    assert alignment(x, -x) == pytest.approx(4) and alignment(x, -x, alpha=1) == pytest.approx(2)
    one = vectors(1, 8).expand(50, 8)
    assert modality_gap(one, -one) == pytest.approx(2, abs=1e-5)
    assert uniformity(one) == pytest.approx(0, abs=1e-5)
    assert uniformity(vectors(50, 64)) < uniformity(vectors(50, 64) + 2) < 0


def test_gap_and_alignment_are_different_things():
    x = vectors(400, 8)
    assert modality_gap(x, x.flip(0)) < 1e-6  # the same cloud, pairs torn apart
    assert alignment(x, x.flip(0)) > 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: modality_gap(vectors(3, 4), vectors(3, 5)), "one width"),
        (lambda: alignment(vectors(3, 4), vectors(2, 4)), "pairs of one shape"),
        (lambda: uniformity(vectors(1, 4)), "two or more"),
        (lambda: uniformity(torch.zeros(3, 4)), "no direction"),
        (lambda: modality_gap(vectors(3, 4) * torch.inf, vectors(3, 4)), "finite"),
        (lambda: uniformity(torch.ones(4)), r"got \(4,\)"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
