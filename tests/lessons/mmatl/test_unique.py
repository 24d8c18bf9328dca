"""The coins: exact ceilings against codes by hand, and what a training of MMATL makes of them."""

import pytest
import torch

from mmatl_lab.lessons.mmatl import unique
from mmatl_lab.seeding import seeded


@pytest.mark.parametrize(
    ("label", "best"), [("shared", 1.0), ("synergy", 1.0), ("unique", 1.0), ("unique, nothing shared", 0.75)]
)
def test_the_ceilings_of_aligned_codes(label, best):
    assert unique.aligned_ceiling(label) == best


def test_a_shared_coin_hides_from_each_code_what_the_pair_reveals():
    """The code that reaches the ceiling of u1: r xor u1 and r, both fair, and u1 is their exclusive or."""
    for (r, a, _), label in unique.worlds("unique"):
        assert (r ^ a) ^ r == label
    first = [r ^ a for (r, a, _), _ in unique.worlds("unique")]
    second = [r for (r, _, _), _ in unique.worlds("unique")]
    assert sum(first) == sum(second) == len(first) / 2


def test_without_a_shared_coin_a_set_of_two_coins_leaves_a_guess():
    """By hand: equal coins tell u1, different ones leave a toss: 1/2 + 1/2 · 1/2."""
    seen = {}
    for (_, a, b), y in unique.worlds("unique, nothing shared"):
        seen.setdefault(tuple(sorted((a, b))), []).append(y)
    best = sum(max(found.count(0), found.count(1)) for found in seen.values()) / 4
    assert best == unique.aligned_ceiling("unique, nothing shared")


def test_what_a_label_asks_for_in_bits():
    assert unique.information("shared").redundancy == pytest.approx(1)
    assert unique.information("synergy").synergy == pytest.approx(1)
    assert unique.information("unique").unique_first == pytest.approx(1)
    with pytest.raises(ValueError, match="no label 'xor': choose one of shared"):
        unique.worlds("xor")


def test_views_show_the_coins_and_their_modality():
    views, y = unique.draw("synergy", 4_000, generator=seeded(0))
    assert y.float().mean().item() == pytest.approx(0.5, abs=0.03)
    for x in views.values():  # linear in two coins: five numbers explain all but the noise
        basis = torch.linalg.svd(x - x.mean(0), full_matrices=False).S
        assert basis[2] < basis[1] / 2
    both = torch.stack([x.mean(0) for x in views.values()])
    assert (both[0] - both[1]).abs().mean() > 0.4


def test_counting_tells_the_modality_of_binary_codes_exactly():
    e = torch.tensor([[[1.0, 1], [1, 1]], [[1, -1], [1, 1]], [[1, -1], [-1, 1]], [[1, 1], [1, 1]]])
    assert unique.readable(e) == pytest.approx((3 + 2 + 1) / 8)


@pytest.mark.slow
def test_a_training_keeps_the_shared_coin():
    model = unique.trained("shared", "none", 0, num_steps=40)
    views, y = unique.draw("shared", 500, generator=seeded(1))
    with torch.no_grad():
        assert (model(views).logits.argmax(1) == y).float().mean() > 0.9
