"""The alignment games: their values and slopes by hand, and against independent implementations."""

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_revgrad.functional import revgrad
from torch import nn

from mmatl_lab.models.mmatl import AlignmentDiscriminator, alignment, reverse_gradient
from mmatl_lab.seeding import drawn_from, seeded


def setting(N=3, M=30, D=4, C=0, **options):
    with drawn_from(N):
        D_a = AlignmentDiscriminator(D, N, C, 16, **options)
    e = torch.randn(M, D, generator=seeded(N, 1))
    return D_a, e, torch.arange(M) % N


def gradient(loss, D_a, e, i, p=None):
    e = e.clone().requires_grad_()
    loss(D_a, e, i, p).backward()
    return e.grad


@pytest.mark.parametrize("N", [2, 3, 5])
def test_a_discriminator_that_knows_nothing_has_ln_N(N):
    D_a, e, i = setting(N)
    nn.init.zeros_(D_a.layers[-1].weight)
    nn.init.zeros_(D_a.layers[-1].bias)
    assert alignment.cross_entropy_dis(D_a, e, i).item() == pytest.approx(math.log(N))
    assert alignment.confusion_enc(D_a, e, i).item() == pytest.approx(math.log(N))


def test_gradient_reversal_is_the_discriminators_gradient_with_the_other_sign():
    D_a, e, i = setting()
    plain = e.clone().requires_grad_()
    F.cross_entropy(D_a(plain), i).backward()
    assert torch.allclose(gradient(alignment.reversal_enc, D_a, e, i), -plain.grad)
    assert torch.equal(alignment.reversal_enc(D_a, e, i), alignment.cross_entropy_dis(D_a, e, i))


def test_gradient_reversal_agrees_with_pytorch_revgrad():
    D_a, e, i = setting()
    ours, theirs = e.clone().requires_grad_(), e.clone().requires_grad_()
    F.cross_entropy(D_a(reverse_gradient(ours, 0.7)), i).backward()
    F.cross_entropy(D_a(revgrad(theirs, torch.tensor(0.7))), i).backward()
    assert torch.allclose(ours.grad, theirs.grad)


def test_the_uniform_answer_is_the_confusion_losss_minimum():
    D_a, e, i = setting()
    assert alignment.confusion_enc(D_a, e, i) > math.log(3)
    nn.init.zeros_(D_a.layers[-1].weight)
    nn.init.zeros_(D_a.layers[-1].bias)
    assert gradient(alignment.confusion_enc, D_a, e, i).abs().max() < 1e-7


def test_inverted_labels_for_two_modalities_are_the_other_label():
    D_a, e, i = setting(N=2)
    assert torch.allclose(alignment.inverted_enc(D_a, e, i), F.cross_entropy(D_a(e), 1 - i))


def test_inverted_labels_have_a_gradient_where_the_discriminator_is_sure():
    D_a, e, i = setting()
    D_a.layers[-1].bias.data = torch.tensor([60.0, 0.0, 0.0])  # 1 - p_0 rounds to 0 in float32
    loss = alignment.inverted_enc(D_a, e[i == 0], i[i == 0])
    assert loss == pytest.approx(60, abs=3)
    assert gradient(alignment.inverted_enc, D_a, e[i == 0], i[i == 0]).abs().sum() > 0


def test_the_printed_losses_of_two_modalities_are_one_loss():
    D_a, e, i = setting(N=2, printed=True)
    assert torch.allclose(alignment.printed_enc(D_a, e, i), alignment.printed_dis(D_a, e, i))
    swapped = alignment.printed_enc(D_a, e, 1 - i)
    assert torch.allclose(alignment.printed_enc(D_a, e, i), swapped)  # so it cannot say which modality is which


@pytest.mark.parametrize("N", [2, 3, 5])
def test_the_printed_slopes_are_1_minus_N_D_and_N_minus_1_minus_N_D(N):
    class Logit(nn.Module):
        num_modalities = N

        def forward(self, e, p=None):
            return e

    logit = torch.linspace(-3, 3, 7)[:, None]
    i, d = torch.zeros(7, dtype=torch.int64), logit.squeeze(1).sigmoid()
    slope = gradient(alignment.printed_enc, Logit(), logit, i).squeeze(1) * 7 / N
    assert torch.allclose(slope, 1 - N * d, atol=1e-6)
    moved = logit.clone().requires_grad_()
    N_logit = Logit()
    N_logit.forward = lambda e, p=None: moved
    alignment.printed_dis(N_logit, logit, i).backward()
    assert torch.allclose(moved.grad.squeeze(1) * 7 / N, (N - 1) - N * d, atol=1e-6)


def test_the_wasserstein_gap_is_0_for_the_same_codes_and_the_shift_for_a_linear_critic():
    e, i = torch.randn(20, 1, generator=seeded(0)), torch.arange(20) % 2
    same = torch.cat([e, e]), torch.arange(2).repeat_interleave(20)
    assert alignment.wasserstein_gap(same[0].expand(-1, 2), same[1]).abs() < 1e-6
    shifted = e + 3.0 * (i == 1)[:, None]
    critic = torch.cat([-shifted, shifted], 1)  # c_0 = -e, c_1 = e
    expected = (shifted[i == 1].mean() - shifted[i == 0].mean()) / 2
    assert torch.allclose(alignment.wasserstein_gap(critic, i), expected)


def test_the_gradient_penalty_is_0_for_a_critic_of_slope_1():
    class Critic(nn.Module):
        def forward(self, e, p=None):
            return self.slope * e[:, :1].expand(-1, 2)

    critic, (_, e, i) = Critic(), setting(N=2)
    gap = alignment.wasserstein_gap(e[:, :1].expand(-1, 2), i)
    critic.slope = 1.0
    assert torch.allclose(alignment.wasserstein_dis(critic, e, i), -gap, atol=1e-5)
    critic.slope = 3.0
    assert torch.allclose(alignment.wasserstein_dis(critic, e, i), alignment.PENALTY * 4 - 3 * gap, atol=1e-4)


def test_the_conditional_discriminator_is_that_of_CDAN():
    """Loss and gradient against the multilinear map of the paper's released code, written with bmm."""
    D_a, e, i = setting(N=2, C=5)
    p = torch.randn(len(e), 5, generator=seeded(9)).softmax(1)
    theirs = e.clone().requires_grad_()
    product = torch.bmm(p.unsqueeze(2), theirs.unsqueeze(1)).view(len(e), -1)
    loss = F.cross_entropy(D_a.layers(product), i)
    loss.backward()
    assert torch.allclose(alignment.cross_entropy_dis(D_a, e, i, p), loss)
    assert torch.allclose(gradient(alignment.reversal_enc, D_a, e, i, p), -theirs.grad)


def test_a_conditional_discriminator_sees_classes_swapped_between_modalities_and_a_plain_one_does_not():
    """Class k of one modality lies where class 1 - k of the other does: their clouds are the same."""
    y = torch.arange(400) % 2
    i = torch.arange(400) // 200
    e = (2.0 * (y ^ i) - 1)[:, None] + 0.1 * torch.randn(400, 1, generator=seeded(3))
    losses = {}
    for C in (0, 2):
        with drawn_from(0):
            D_a = AlignmentDiscriminator(1, 2, C, 16)
        optimizer = torch.optim.Adam(D_a.parameters(), 0.01)
        p = F.one_hot(y, 2).float() if C else None
        for _ in range(100):
            optimizer.zero_grad()
            loss = alignment.cross_entropy_dis(D_a, e, i, p)
            loss.backward()
            optimizer.step()
        losses[C] = loss.item()
    assert losses[0] > 0.9 * math.log(2)
    assert losses[2] < 0.1


@pytest.mark.parametrize("distance", [alignment.coral, alignment.mmd, alignment.sliced_wasserstein])
def test_a_distance_is_0_for_one_sample_twice_and_grows_with_a_shift(distance):
    x = torch.randn(40, 3, generator=seeded(0))
    with drawn_from(0):
        assert distance(x, x[torch.randperm(40)]).abs() < 1e-5
        assert distance(x, x + 0.2) < distance(x, x + 1.0)


def test_the_distances_are_those_of_their_formulas():
    x, y = torch.randn(15, 2, generator=seeded(1)), 2 * torch.randn(15, 2, generator=seeded(2))
    z = torch.cat([x, y])
    squared = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist").pow(2)
    kernel = torch.stack([torch.exp(-squared / (s * squared.median())) for s in (0.25, 0.5, 1, 2, 4)]).sum(0)
    sign = torch.cat([torch.ones(15), -torch.ones(15)]) / 15
    assert alignment.mmd(x, y).item() == pytest.approx((sign @ kernel @ sign).item(), abs=1e-5)
    one, other = x[:, :1], y[:, :1]
    exact = (one.sort(0).values - other.sort(0).values).pow(2).mean()
    assert torch.allclose(alignment.sliced_wasserstein(one, other), exact)  # in one dimension every direction is ±1
    covariances = torch.cov(x.T) - torch.cov(y.T)
    expected = (x.mean(0) - y.mean(0)).pow(2).sum() + covariances.pow(2).sum() / 16
    assert torch.allclose(alignment.coral(x, y), expected)


def test_games_joined_by_a_plus_add_their_losses():
    D_a, e, i = setting()
    both = alignment.game("gradient_reversal+coral")
    single = [alignment.game(name).enc(D_a, e, i, None) for name in ("gradient_reversal", "coral")]
    assert torch.allclose(both.enc(D_a, e, i, None), sum(single))
    assert both.dis is alignment.cross_entropy_dis
    assert alignment.game("none").enc is None


def test_an_unknown_game_is_said_with_those_that_there_are():
    with pytest.raises(ValueError, match="no alignment 'dann': choose one of none, gradient_reversal"):
        alignment.game("gradient_reversal+dann")
