"""Summaries of sensor windows, and their encoder."""

import pytest
import torch

from mmatl_lab.nn.encoders import SummaryEncoder, summarise
from mmatl_lab.nn.encoders.sensor import FREQUENCIES, QUANTILES
from mmatl_lab.seeding import seeded


@pytest.fixture
def trace():
    return torch.randn(5, 101, 3, generator=seeded(1))


def parts(summary):
    """mean (B, C), log spread (B, C), quantiles (B, 5, C), spectrum (B, 10, C), correlations (B, 3)."""
    x = summary[:, :-3].unflatten(1, (-1, 3))
    return x[:, 0], x[:, 1], x[:, 2:7], x[:, 7:], summary[:, -3:]


def test_the_numbers_are_what_they_say(trace):
    mean, spread, quantiles, spectrum, correlation = parts(summarise(trace))
    torch.testing.assert_close(mean, trace.mean(1))
    torch.testing.assert_close(spread.exp(), trace.std(1))
    # 101 steps: the quantiles fall on steps of the sorted trace, so that no rule of interpolation matters
    torch.testing.assert_close(quantiles, trace.quantile(torch.tensor(QUANTILES), dim=1).transpose(0, 1))
    assert spectrum.shape == (5, FREQUENCIES, 3)
    expected = torch.stack([torch.corrcoef(x.T)[[0, 0, 1], [1, 2, 2]] for x in trace])
    torch.testing.assert_close(correlation, expected)


def test_a_wave_stands_in_its_frequency():
    time = torch.arange(200) / 200
    wave = (2 * torch.pi * 4 * time).sin()[None, :, None].expand(1, 200, 3)
    spectrum = parts(summarise(wave))[3].expm1()
    torch.testing.assert_close(spectrum[0, 3], torch.full((3,), 100.0), rtol=1e-3, atol=0)  # T / 2 times amplitude 1
    assert spectrum[0, [0, 1, 2, 4, 5, 6, 7, 8, 9]].max() < 0.01


def test_a_shift_moves_only_mean_and_quantiles_and_order_only_the_spectrum(trace):
    mean, spread, quantiles, spectrum, correlation = parts(summarise(trace))
    shifted = parts(summarise(trace + 2))
    torch.testing.assert_close(shifted[0], mean + 2)
    torch.testing.assert_close(shifted[2], quantiles + 2)
    torch.testing.assert_close(shifted[1], spread)
    torch.testing.assert_close(shifted[3], spectrum, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(shifted[4], correlation, atol=1e-4, rtol=1e-4)
    mixed = parts(summarise(trace[:, torch.randperm(101, generator=seeded(2))]))
    torch.testing.assert_close(mixed[2], quantiles)
    torch.testing.assert_close(mixed[4], correlation)
    assert not torch.allclose(mixed[3], spectrum, atol=0.1)


def test_a_sensor_that_does_not_move_is_finite():
    assert summarise(torch.ones(2, 50, 3)).isfinite().all()
    assert summarise(torch.ones(2, 50, 1)).shape == (2, 17)  # one axis has no other to move with


def test_only_all_axes_together_tell_how_two_sensors_move_against_each_other(trace):
    """Turned around, a trace is as it was by itself; beside another it is not."""
    one, other = trace, trace.flip(2) + torch.randn(5, 101, 3, generator=seeded(4))
    torch.testing.assert_close(summarise(other.flip(1)), summarise(other), atol=1e-3, rtol=1e-3)
    together, reversed_ = summarise(torch.cat([one, other], 2)), summarise(torch.cat([one, other.flip(1)], 2))
    assert together.shape == (5, 17 * 6 + 15) and not torch.allclose(together, reversed_, atol=0.1)


def test_windows_too_short_are_refused():
    with pytest.raises(ValueError, match="more than 20 steps, got 20"):
        summarise(torch.zeros(1, 20, 3))


def test_noise_is_for_training_alone(trace):
    encoder = SummaryEncoder(8, in_channels=3)
    summary = summarise(trace)
    assert not torch.equal(encoder(summary), encoder(summary))
    encoder.eval()
    assert torch.equal(encoder(summary), encoder(summary))
    torch.testing.assert_close(encoder(summary)[:2], encoder(summary[:2]))  # examples do not see each other


def test_units_do_not_matter_once_scaled(trace):
    """The scale is learnt from what training shows: metres or millimetres per second², the same vectors."""
    summary = summarise(trace.repeat(20, 1, 1))
    other = summary * torch.rand(summary.shape[1], generator=seeded(3)).add(0.5)
    one, two = SummaryEncoder(8, in_channels=3, noise=0), SummaryEncoder(8, in_channels=3, noise=0)
    two.load_state_dict(one.state_dict())
    torch.testing.assert_close(one(summary), two(other), atol=1e-2, rtol=1e-2)
