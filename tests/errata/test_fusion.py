"""Errata of the fusions: the printed form against what is claimed of it."""

import pytest
import torch
from torch import nn

from mmatl_lab.errata import fusion
from mmatl_lab.nn.fusion import LateFusion, WeightedFusion

from .measuring import measured


def test_late_fusion_as_printed_goes_to_a_vertex_and_loses_ten_points():
    printed, right = measured("late-fusion-unnormalised").printed, measured("late-fusion-unnormalised").right
    assert printed["largest_weight"] > 0.95 and printed["sum_of_probabilities"] < 0.999
    assert right["sum_of_probabilities"] == pytest.approx(1, abs=1e-5) and right["largest_weight"] < 0.6
    assert right["accuracy_low"] - printed["accuracy_high"] > 0.1
    (noises,) = measured("late-fusion-unnormalised").depends
    assert min(noises.absent) == fusion.SHARPEST[0]  # where one modality is enough, nothing is lost


def test_the_printed_late_fusion_is_no_distribution_and_its_loss_is_linear_in_the_weights():
    torch.manual_seed(0)
    late, e = LateFusion([4, 4, 4], 5), [3 * torch.randn(6, 4) for _ in range(3)]
    log_p, w, u = late.each(e), torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.7, 0.2, 0.1])
    assert (fusion.printed_late_fusion(log_p, w).exp().sum(1) < 1).all()
    middle = fusion.printed_late_fusion(log_p, (w + u) / 2)
    ends = [fusion.printed_late_fusion(log_p, x) for x in (w, u)]
    assert torch.allclose(middle, sum(ends) / 2, atol=1e-6)
    normalised = fusion.printed_late_fusion(log_p, torch.ones(3)).log_softmax(1)
    assert torch.allclose(normalised, late(e), atol=1e-5)


def test_a_weight_can_be_made_anything_without_changing_an_answer():
    torch.manual_seed(0)
    weighted, head, e = WeightedFusion([4, 4], 8), nn.Linear(8, 3), [torch.randn(6, 4) for _ in range(2)]
    before = head(weighted(e))
    with torch.no_grad():
        fusion.rescale(weighted, head, 0, 50.0)
    assert torch.allclose(head(weighted(e)), before, atol=1e-4) and weighted.weights(e)[0, 0] < 0.05
    printed, right = measured("weights-as-importance").printed, measured("weights-as-importance").right
    assert printed["importance_of_useful"] < 0.9 and right["importance_of_useful"] > 0.98


def test_a_burst_costs_a_gate_without_tanh_more():
    printed, right = measured("gate-without-tanh").printed, measured("gate-without-tanh").right
    assert right["accuracy_low"] > printed["accuracy_high"]
    assert set(measured("gate-without-tanh").depends[0].absent) == {0.0, 0.6}


def test_eight_heads_fit_one_width_in_eight():
    assert measured("eight-heads").printed["widths_that_work"] == 1 / 8
    assert measured("eight-heads").right["widths_that_work"] == 1
