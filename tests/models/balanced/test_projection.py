import pytest
import torch
from torch import nn

from mmatl_lab.models.balanced.projection import RELEASED_GUARD, GradientModification, alpha_at

D = 32


def seen(number=12, dim=D, **options):
    """A P in double precision that has seen some directions of length about 6, and these."""
    modification = GradientModification(dim, **options).double()
    directions = torch.randn(number, dim, dtype=torch.float64) * 6 / dim**0.5 * 1.5
    for i, r in enumerate(directions):
        modification.see(r, alpha_at(i / number))
    return modification.P, directions


def gains(P, directions):
    """|P r| / |r| of each direction."""
    return (directions @ P.T).norm(dim=1) / directions.norm(dim=1)


def test_P_is_the_inverse_of_the_identity_and_all_that_it_saw():
    P, directions = seen()
    alphas = torch.tensor([alpha_at(i / 12) for i in range(12)], dtype=torch.float64)
    inverse = torch.eye(D, dtype=torch.float64) + (directions.T / alphas) @ directions
    assert torch.allclose(P, torch.linalg.inv(inverse), atol=1e-10)


def test_P_is_symmetric_and_positive_semi_definite_also_in_float32_after_thousands_of_batches():
    modification = GradientModification(D)
    mixing = torch.randn(D, D)
    for i in range(3_000):
        modification.see(mixing @ torch.randn(D), alpha_at(i % 100 / 100))
    P = modification.P
    assert torch.equal(P, P.T)
    assert torch.linalg.eigvalsh(P.double()).min() > -1e-5
    assert torch.linalg.eigvalsh(P.double()).max() <= 1 + 1e-5


def test_the_gain_along_a_seen_direction_is_at_most_a_hundredth_and_one_across_all():
    P, directions = seen()
    assert gains(P, directions).max() <= 1e-2
    across = torch.linalg.svd(directions, full_matrices=True).Vh[12:]
    assert torch.allclose(gains(P, across), torch.ones(D - 12, dtype=torch.float64))


def test_the_gain_of_the_first_direction_is_alpha_over_alpha_plus_its_square():
    modification, r = GradientModification(D), torch.randn(D)
    modification.see(r, 0.05)
    assert torch.allclose(gains(modification.P, r[None]), 0.05 / (0.05 + r @ r), atol=1e-6)


def test_the_released_denominator_is_asymmetric_and_keeps_more_of_what_was_seen():
    directions = torch.rand(12, D, dtype=torch.float64) * 2  # after a ReLU, as in the released code
    published, released = (GradientModification(D, denominator=d).double() for d in ("scalar", "outer"))
    for r in directions:
        published.see(r, 0.1)
        released.see(r, 0.1)
    assert torch.equal(published.P, published.P.T)
    assert not torch.allclose(released.P, released.P.T, atol=1e-2)
    assert gains(released.P, directions).mean() > 10 * gains(published.P, directions).mean()


def test_the_released_normalisation_divides_by_about_the_root_of_the_width():
    modification = GradientModification(D, normalise=True)
    modification.see(1e-6 * torch.randn(D), 0.1)
    assert torch.allclose(modification.P, torch.eye(D) / D**0.5, atol=1e-5)


def test_the_update_of_a_projected_head_leaves_the_answers_along_seen_directions_alone():
    P, directions = seen()
    modification = GradientModification(D).double()
    modification.P.copy_(P)
    head = nn.Linear(D, 5, bias=False).double()
    new = torch.randn(64, D, dtype=torch.float64)
    before = head(directions).detach()
    nn.functional.cross_entropy(head(new), torch.arange(64) % 5).backward()
    plain = head.weight.grad.clone()
    modification.project(head)
    with torch.no_grad():
        moved = (directions @ plain.T).norm()
        head.weight -= head.weight.grad
    assert torch.allclose(head.weight.grad, plain @ P.T)
    assert (head(directions) - before).norm() < 0.01 * moved


@pytest.mark.parametrize(("guard", "changed"), [("weight", True), (RELEASED_GUARD, False)])
def test_a_guard_that_never_matches_changes_nothing(guard, changed):
    modification = GradientModification(D, guard=guard)
    modification.see(torch.randn(D), 0.1)
    head = nn.Linear(D, 5)
    head(torch.randn(8, D)).square().sum().backward()
    before = head.weight.grad.clone()
    modification.project(head)
    assert torch.equal(before, head.weight.grad) is not changed


def test_alpha_falls_from_a_tenth_to_a_hundredth():
    assert alpha_at(0) == pytest.approx(0.1) and alpha_at(1) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: GradientModification(4, denominator="matrix"), "denominator is"),
        (lambda: GradientModification(4).see(torch.zeros(2, 4), 0.1), "mean of a batch"),
        (lambda: GradientModification(4).see(torch.zeros(4), 0.0), "alpha is 0"),
    ],
)
def test_bad_input_gets_a_sentence(bad, sentence):
    with pytest.raises(ValueError, match=sentence):
        bad()
