"""Errata of the MMATL note: the printed losses against what is claimed of them."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.errata import clouds, note

from .measuring import measured


def test_for_two_modalities_both_players_have_one_loss_which_swapping_leaves_as_it_is():
    logits = torch.randn(3, 2, 7, generator=torch.Generator().manual_seed(0))
    D = logits.sigmoid()
    by_hand = (D[:, 0].log() + (1 - D[:, 1]).log() + D[:, 1].log() + (1 - D[:, 0]).log()).mean(1)
    assert torch.allclose(clouds.printed_align_enc(logits), by_hand, atol=1e-5)
    assert torch.allclose(clouds.printed_align_dis(logits), by_hand, atol=1e-5)
    assert torch.allclose(clouds.printed_align_dis(logits.flip(1)), by_hand, atol=1e-5)


def test_the_printed_losses_are_the_sums_over_all_pairs():
    D = torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(0))
    enc = sum(D[0, i].log() + sum((1 - D[0, j]).log() for j in range(4) if j != i) for i in range(4))
    dis = sum((1 - D[0, i]).log() + sum(D[0, j].log() for j in range(4) if j != i) for i in range(4))
    assert clouds.printed_align_enc(D.logit()).item() == pytest.approx(enc.mean().item(), rel=1e-5)
    assert clouds.printed_align_dis(D.logit()).item() == pytest.approx(dis.mean().item(), rel=1e-5)


@pytest.mark.parametrize("N", [2, 3, 5, 10])
def test_the_printed_players_oppose_each_other_between_one_nth_and_the_rest(N):
    assert note.opposed(N) == pytest.approx((N - 2) / N, abs=2e-4)


def test_the_printed_game_falls_off_the_chart_and_aligns_nothing():
    for id, chance in (("alignment-losses", 1 / 2), ("alignment-beyond-two", 1 / 3)):
        printed, right = measured(id).printed, measured(id).right
        assert max(printed["discriminator_loss"], printed["encoder_loss"]) < -1000 and printed["probe"] > 0.9
        assert right["discriminator_loss"] == pytest.approx(-math.log(chance), abs=0.05)
        assert right["probe"] < chance + 0.05


def test_clouds_too_far_apart_for_200_steps_stay_apart_under_both_forms():
    (distances,) = measured("alignment-losses").depends
    assert 16.0 in distances.absent and min(distances.printed[-1], distances.right[-1]) > 0.99


def test_networks_side_by_side_are_separate_networks():
    together = clouds.Networks((2, 5, 3), 4, torch.Generator().manual_seed(0))
    x = torch.randn(4, 6, 2)
    w, b = list(together.weights), list(together.biases)
    for run in range(4):
        alone = F.relu(x[run] @ w[0][run] + b[0][run]) @ w[1][run] + b[1][run]
        assert torch.allclose(together(x)[run], alone, atol=1e-5)
    gradient = torch.autograd.grad(together(x)[2].sum(), w[0])[0]
    assert not gradient[[0, 1, 3]].any() and gradient[2].any()


def test_the_right_task_discriminator_is_bounded_and_keeps_the_task():
    result = measured("task-discriminator-unbounded")
    assert result.printed["discriminator_loss"] < -1000 and result.right["discriminator_loss_low"] > 0
    assert result.printed["true_label"] == pytest.approx(result.printed["prediction"], abs=0.02)
    assert result.right["true_label_low"] > result.right["prediction_high"]
    assert result.right["accuracy_low"] > max(0.8, result.printed["accuracy"])


def test_the_slopes_of_the_task_discriminator_are_those_of_autograd():
    (aims,) = measured("task-discriminator-unbounded").depends
    for p, printed, right in zip(aims.values, aims.printed, aims.right, strict=True):
        toward_zero = torch.tensor(1 - p).logit().requires_grad_()  # printed: D is to be 0, and is 1 − p
        assert torch.autograd.grad(F.logsigmoid(toward_zero), toward_zero)[0].item() == pytest.approx(printed, abs=1e-4)
        toward_one = torch.tensor(p).logit().requires_grad_()
        assert torch.autograd.grad(F.logsigmoid(toward_one), toward_one)[0].item() == pytest.approx(right, abs=1e-4)


def test_without_t_no_wrong_answer_is_found():
    result = measured("task-discriminator-blind")
    assert result.printed["wrong_found"] == pytest.approx(0.5, abs=0.02) and result.right["wrong_found_low"] > 0.9
    assert 300.0 in result.depends[0].absent


def test_the_printed_encoders_learn_what_one_modality_tells_and_no_more():
    """The best that one modality can do where a share q of the labels needs both: 1 − q / 2."""
    (shares,) = measured("transfer-one-argument").depends
    for q, printed, right in zip(shares.values, shares.printed, shares.right, strict=True):
        assert printed == pytest.approx(1 - q / 2, abs=0.04) and right > 0.98
    assert shares.absent == [0.0]


def test_the_games_repeat_themselves_and_depend_on_their_seed():
    distance = torch.tensor([2.0])
    first, again, other = (clouds.play("right", 2, distance, seed).centres for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
