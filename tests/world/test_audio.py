from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmatl_lab.seeding import seeded
from mmatl_lab.world import MOTIONS, SHAPES, SIZES, audio, log_mel, sample_scenes, scene_of
from mmatl_lab.world.audio import GAIN, HARMONICS, PERIODS, RATE, hertz_to_mel, mel_filters, mel_to_hertz, stft
from mmatl_lab.world.motion import HITS


def alone(scenes, k):
    """The scenes with their k-th object only."""
    return replace(scenes, mask=scenes.mask & (torch.arange(scenes.mask.shape[1]) == k))


def test_range_and_the_sum_of_its_objects():
    scenes = sample_scenes(200, (1, 4), generator=seeded(0))
    sound = audio(scenes)
    assert sound.shape == (200, RATE) and sound.dtype == torch.float32 and sound.abs().max() <= 1
    parts = torch.stack([audio(alone(scenes, k)) for k in range(4)])
    assert parts.abs().max() <= GAIN
    assert torch.allclose(parts.sum(0), sound, atol=1e-6)
    assert all((parts[k, ~scenes.mask[:, k]] == 0).all() for k in range(4))


def test_four_of_the_loudest_reach_full_scale_and_do_not_clip():
    for shape in SHAPES:
        one = audio(scene_of({"shape": shape}))
        assert one.abs().max() == GAIN, shape
        assert torch.allclose(audio(scene_of(*[{"shape": shape}] * 4)), 4 * one)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_same_seed_same_sound_whatever_the_batch_split(noise):
    scenes = sample_scenes(12, generator=seeded(1))
    whole, generator = audio(scenes, noise=noise, generator=seeded(2)), seeded(2)
    parts = [audio(part, noise=noise, generator=generator) for part in (scenes[:1], scenes[1:8], scenes[8:])]
    assert torch.equal(torch.cat(parts), whole)
    assert len(audio(scenes[:0])) == 0


def test_noise_has_its_width_and_stays_in_range():
    silence_first = scene_of({"motion": "bounce"})
    noisy = audio(silence_first, noise=0.1, generator=seeded(0))[0]
    assert noisy[: int(HITS[0] * RATE)].std() == pytest.approx(0.1, rel=0.05)
    assert audio(silence_first, noise=5.0, generator=seeded(0)).abs().max() == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_timbre_and_pitch_are_those_written_down(shape, size):
    period = PERIODS[SIZES.index(size)]
    tone = audio(scene_of({"shape": shape, "size": size}))[0, : 100 * period].double()
    spectrum = torch.fft.rfft(tone).abs()
    harmonics = spectrum[100::100][: len(HARMONICS[shape])]
    wanted = torch.tensor(HARMONICS[shape], dtype=torch.float64).abs()
    assert torch.allclose(harmonics / harmonics.max(), wanted, atol=1e-5)
    assert harmonics.square().sum() == pytest.approx(spectrum.square().sum())  # nothing else is heard


def test_colour_and_place_are_silent_and_the_angle_changes_the_waveform_only():
    scenes = sample_scenes(100, 1, generator=seeded(3))
    moved = replace(scenes, colour=7 - scenes.colour, x=-scenes.x, y=-scenes.y)
    assert torch.equal(audio(moved), audio(scenes))
    still = replace(scenes, motion=torch.zeros_like(scenes.motion))
    turned = replace(still, angle=still.angle.flip(0))
    assert (audio(turned) - audio(still)).abs().amax(1).median() > 0.1
    strong = log_mel(audio(still))[..., 1:-1] > 0.6  # below, what leaks from one frequency to the next depends on phase
    difference = (log_mel(audio(turned)) - log_mel(audio(still)))[..., 1:-1][strong]
    assert difference.abs().max() < 0.0125  # 1 dB


def test_a_bounce_is_silent_until_the_sample_on_which_it_hits_its_floor():
    scenes = sample_scenes(200, 1, generator=seeded(4))
    sound = audio(replace(scenes, motion=torch.full_like(scenes.motion, MOTIONS.index("bounce"))))
    for hit in HITS:
        n = int(hit * RATE)
        assert sound[:, n - 400 : n].abs().max() < 0.001 * GAIN
        assert sound[:, n : n + 3].abs().amax(1).min() > 0.01 * GAIN
        assert sound[:, n : n + max(PERIODS)].abs().amax(1).min() > 0.7 * GAIN


def test_left_and_right_sound_like_one_another_backwards():
    def loudness(motion):
        return audio(scene_of({"motion": motion, "shape": "circle"}))[0].view(80, -1).square().mean(1)

    for one, other in (("left", "right"), ("down", "up")):
        assert torch.allclose(loudness(one), loudness(other).flip(0), atol=0.03 * GAIN**2)
        assert (loudness(one) - loudness(other)).abs().max() > 0.1 * GAIN**2


def test_pitch_recovers_size_without_any_training():
    """The period of a sound is the lag at which it resembles itself most."""
    scenes = sample_scenes(500, 1, generator=seeded(5))
    sound = audio(scenes)
    likeness = torch.stack([(sound[:, :-lag] * sound[:, lag:]).sum(1) for lag in PERIODS], 1)
    assert torch.equal(likeness.argmax(1), scenes.size[:, 0])


def heard(scenes):
    """Mean log-mel spectrum and mean loudness over time: (B, 40 + 64)."""
    spectrogram = log_mel(audio(scenes))
    return torch.cat([spectrogram.mean(2), spectrogram.mean(1)], 1).numpy()


@pytest.fixture(scope="module")
def listening():
    train, test = (sample_scenes(n, 1, generator=seeded(6, n)) for n in (2_000, 1_500))
    known = {wave.tobytes() for wave in audio(train).numpy()}
    test = test[torch.tensor([wave.tobytes() not in known for wave in audio(test).numpy()])][:900]  # never heard before
    assert len(test) == 900
    x_train, x_test = heard(train), heard(test)

    def accuracy(factor):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        classifier.fit(x_train, getattr(train, factor)[:, 0])
        return classifier.score(x_test, getattr(test, factor)[:, 0])

    return accuracy


@pytest.mark.parametrize("factor", ["shape", "size", "motion"])
def test_a_plain_classifier_recovers_what_sounds(listening, factor):
    assert listening(factor) >= 0.99


@pytest.mark.parametrize(("factor", "chance"), [("colour", 1 / 8), ("row", 1 / 2), ("column", 1 / 2)])
def test_a_plain_classifier_is_at_chance_on_what_does_not(listening, factor, chance):
    assert listening(factor) == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 900) ** 0.5)


@pytest.mark.parametrize(
    ("samples", "window", "hop"), [(8000, 250, 125), (4001, 256, 64), (777, 100, 30), (500, 64, 64)]
)
def test_stft_is_scipys(samples, window, hop):
    x = torch.randn(3, samples, generator=seeded(7), dtype=torch.float64)
    ours = stft(x, window, hop)
    frames = -(-samples // hop)
    assert ours.shape == (3, window // 2 + 1, frames)
    padded = np.pad(x.numpy(), ((0, 0), (window // 2, window)))
    _, _, theirs = scipy.signal.stft(padded, nperseg=window, noverlap=window - hop, boundary=None, padded=False)
    assert np.allclose(ours.numpy(), theirs[..., :frames], atol=1e-12)


def test_mel_scale_and_filters():
    hertz = torch.tensor([0.0, 100.0, 1000.0, 4000.0])
    assert hertz_to_mel(hertz)[2] == pytest.approx(1000, abs=0.1)  # how the scale's constants were chosen
    assert torch.allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, rtol=1e-4)
    filters = mel_filters(20, window=2000)  # 4 Hz between frequencies
    assert filters.shape == (20, 1001) and filters.min() == 0 and filters.max() <= 1
    peak = filters.argmax(1)
    between = torch.arange(1001)[peak[0] : peak[-1] + 1]
    assert torch.allclose(filters.sum(0)[between], torch.ones(len(between)), atol=1e-5)
    in_mel = hertz_to_mel(peak * 4.0)
    assert in_mel.diff().std() / in_mel.diff().mean() < 0.03  # evenly spaced
    assert (mel_filters().sum(1) > 0).all()  # none falls between the frequencies


def test_log_mel_range_and_place():
    noise = torch.rand(4, RATE, generator=seeded(8)) * 2 - 1
    loudest = torch.cat([noise, noise.sign(), torch.ones(1, RATE), noise[:1].sign().cumprod(1)])
    spectrogram = log_mel(loudest)
    assert spectrogram.shape == (10, 40, 64) and spectrogram.min() >= 0 and spectrogram.max() <= 1
    assert (log_mel(torch.zeros(2, RATE)) == 0).all()
    # A sine of amplitude 0.2 at the frequency of a row of the STFT that is the peak of no filter: power by hand.
    sine = 0.2 * torch.sin(2 * torch.pi * 1600 * torch.arange(RATE) / RATE)
    leakage = mel_filters()[:, 49:52] @ torch.tensor([0.25, 1.0, 0.25]) * 0.01
    assert torch.allclose(log_mel(sine)[:, 32], 1 + leakage.clamp(min=1e-8).log10() / 8, atol=1e-3)
    assert log_mel(sine.expand(2, 3, -1)).shape == (2, 3, 40, 64)
    # A click is seen in the frames whose window holds it, and strongest in the one centred on it.
    click = torch.zeros(RATE)
    click[2000] = 1
    assert log_mel(click).sum(0).nonzero().flatten().tolist() == [16]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_log_mel_places_a_tone_at_its_frequency_at_any_sample_rate(rate):
    hertz = 1_000.0
    tone = 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(rate) / rate)
    spectrogram = log_mel(tone, sample_rate=rate)
    assert spectrogram.shape == (40, -(-rate // round(rate / 64)))
    place = spectrogram[:, 30].argmax().item()  # band m peaks at (m + 1) / 41 of the highest mel
    mel = hertz_to_mel(torch.tensor([hertz, rate / 2]))
    assert place == pytest.approx(41 * (mel[0] / mel[1]).item() - 1, abs=1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: audio(scene_of({}), noise=0.1), "needs a CPU generator"),
        (lambda: audio(scene_of({}), noise=-0.1, generator=seeded(0)), "at least 0"),
        (lambda: audio(scene_of({}), noise=float("nan"), generator=seeded(0)), "at least 0"),
        (lambda: stft(torch.zeros(2, 0)), r"got torch.float32 \(2, 0\)"),
        (lambda: log_mel(torch.zeros(8000, dtype=torch.int16)), "int16"),
        (lambda: log_mel(torch.zeros(8000), sample_rate=8), "at least 64"),
        (lambda: stft(torch.zeros(8000), hop=0), "at least 1 sample"),
    ],
)
def test_bad_arguments_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
