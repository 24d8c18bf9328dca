"""The errata of the MLA read-me: each effect, and where it is absent."""

import pytest
import torch

from mmatl_lab.errata import readme
from mmatl_lab.models.balanced.fusion import dynamic_fusion
from mmatl_lab.models.balanced.projection import GradientModification

from .test_errata import measured


def test_a_bare_parenthesis_and_an_unknown_option_do_not_run():
    assert [readme.runs(printed) for printed, _ in readme.COMMANDS] == [True, False, True, True, False, False, False]
    assert all(readme.runs(right) for _, right in readme.COMMANDS)
    assert readme.runs(readme.COMMANDS[0][0].replace("ckpt ", "'my (ckpt)' "))  # in quotes it is a word
    assert not readme.runs("python main.py --modulation 'OGM (-GE)'")


def test_with_the_guard_the_gradient_stays_as_it_is():
    found = measured("mla-guard")
    assert found.printed["gain_along_seen"] == pytest.approx(1)
    assert found.right["gain_along_seen"] == pytest.approx(readme.ALPHA / (1 + readme.ALPHA), rel=1e-4)
    assert found.depends[0].absent == [1]  # inside a wrapper the guard matches


def test_a_matrix_below_keeps_more_of_seen_directions_and_makes_P_asymmetric():
    printed, right = measured("mla-denominator").printed, measured("mla-denominator").right
    assert printed["gain_along_seen_low"] > 10 * right["gain_along_seen_high"]
    assert printed["asymmetry_low"] > 0.1 and right["asymmetry"] == 0
    assert measured("mla-denominator").depends[0].absent == [1]


def test_the_norm_takes_a_root_of_the_number_of_features():
    (widths,) = measured("mla-norm").depends
    for D, gain in zip(widths.values, widths.printed):
        assert gain == pytest.approx((D - D // 10) ** -0.5, rel=0.02)
    assert widths.right == pytest.approx((1.0,) * len(widths.values)) and widths.absent == [1]


def test_a_batch_that_is_taken_in_first_loses_its_own_direction():
    (lengths,) = measured("mla-order").depends
    for length, gain in zip(lengths.values, lengths.printed):
        assert gain == pytest.approx(readme.ALPHA / (readme.ALPHA + length**2), rel=1e-3)
    assert lengths.absent == [0.0]


def test_the_weights_of_all_batches_at_once_are_those_of_each_batch():
    z = torch.randn(2, 128, 5, generator=torch.Generator().manual_seed(0))
    each = torch.cat([dynamic_fusion(part, per="batch") for part in z.split(64, 1)])
    assert torch.allclose(readme.fused_by_batch(z, 64), each, atol=1e-5)


def test_one_weight_a_batch_costs_accuracy_and_a_batch_of_one_costs_none():
    printed, right = measured("mla-entropy").printed, measured("mla-entropy").right
    assert right["accuracy_low"] > printed["accuracy_high"] + 0.05
    assert measured("mla-entropy").depends[0].absent == [1]


def test_what_is_left_over_is_measured_along_each_direction():
    modification = GradientModification(4)
    modification.P.copy_(torch.diag(torch.tensor([0.2, 1.0, 1.0, 1.0])))
    axes = torch.eye(4)
    assert readme.left_over(modification, axes[:1]) == pytest.approx(0.2)
    assert readme.left_over(modification, axes[1:]) == pytest.approx(1.0)
