"""The fresh probe finds what there is, and nothing where there is nothing."""

import math

import pytest
import torch

from mmatl_lab.metrics.probe import fresh_probe
from mmatl_lab.seeding import seeded


def clouds(N, n, shift, *seeds):
    return [torch.randn(n, 2, generator=seeded(*seeds, k)) + shift * k for k in range(N)]


@pytest.mark.parametrize("N", [2, 3])
def test_it_is_at_chance_for_groups_of_one_distribution(N):
    hits = fresh_probe(clouds(N, 1000, 0.0, 1), clouds(N, 1000, 0.0, 2), steps=200)
    assert hits.shape == (N * 1000,)
    assert hits.float().mean() == pytest.approx(1 / N, abs=4 * math.sqrt(0.25 / (N * 1000)))


def test_it_comes_near_the_best_that_can_be_told_from_two_normal_clouds():
    """Means that lie 2 √2 apart: Φ(√2) = .921."""
    hits = fresh_probe(clouds(2, 2000, 2.0, 1), clouds(2, 2000, 2.0, 2), steps=300)
    assert hits.float().mean() == pytest.approx(0.921, abs=0.015)


def test_it_finds_what_no_line_separates():
    def crossed(*seeds):
        x = torch.randn(1000, 2, generator=seeded(*seeds))
        same = x.prod(1) > 0
        return [x[same], x[~same]]

    assert fresh_probe(crossed(1), crossed(2), steps=300).float().mean() > 0.95


def test_it_depends_on_its_seed_alone_and_leaves_the_codes_alone():
    fit, test = clouds(2, 50, 1.0, 1), clouds(2, 50, 1.0, 2)
    before = [x.clone() for x in fit]
    state = torch.random.get_rng_state()
    assert torch.equal(fresh_probe(fit, test, steps=20, seed=3), fresh_probe(fit, test, steps=20, seed=3))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(x, y) for x, y in zip(fit, before))


@pytest.mark.parametrize(("fit", "test"), [(1, 1), (2, 3)])
def test_groups_that_do_not_fit_are_said(fit, test):
    with pytest.raises(ValueError, match="two groups or more"):
        fresh_probe(clouds(fit, 5, 0.0, 1), clouds(test, 5, 0.0, 2))
