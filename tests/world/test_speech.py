from dataclasses import fields
from functools import cache

import pytest
import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import freqz

from mmatl_lab.metrics.intervals import wilson
from mmatl_lab.seeding import seeded
from mmatl_lab.world import log_mel
from mmatl_lab.world.speech import (
    PHONEMES,
    PRONUNCIATIONS,
    VISEMES,
    WORDS,
    homophenes,
    lips,
    lips_ceiling,
    mix,
    noisy,
    sample_speech,
    speak,
    speech_of,
    talking_face,
    visemes,
    voice,
)
from mmatl_lab.world.speech.spoken import glide

VOWELS = ("IY", "IH", "EH", "AE", "AA", "AO", "UW")
VOWEL_OF = {word: next(phoneme for phoneme in PRONUNCIATIONS[word] if phoneme in VOWELS) for word in WORDS}


# What is said, and what can be seen of it.


def test_every_word_has_sounds_of_its_own_and_every_phoneme_is_used():
    assert len(set(PRONUNCIATIONS.values())) == len(WORDS) == 40
    assert {phoneme for said in PRONUNCIATIONS.values() for phoneme in said} == set(PHONEMES)
    assert len({phoneme[1:] for phoneme in PHONEMES.values()}) == len(PHONEMES)


def test_lips_ceiling_by_hand():
    assert lips_ceiling(["bat", "pat", "man", "fish"]) == pytest.approx(2 / 4)
    assert lips_ceiling(["bat", "fan"]) == lips_ceiling("fish") == 1
    # Of each group that can be told apart, one word is guessed and right, over all words equally likely.
    guess = {visemes(word): word for word in WORDS}
    right = [guess[visemes(word)] == word for word in WORDS]
    assert lips_ceiling() == pytest.approx(sum(right) / len(right)) == pytest.approx(0.4)
    assert sorted(word for group in homophenes() for word in group) == sorted(WORDS)


def test_homophenes_are_the_same_video_and_other_words_are_not():
    speech = speech_of(*WORDS, tempo=1.1, skin=0.3)
    video = talking_face(speech)
    difference = torch.stack([(video - one).abs().amax((1, 2, 3, 4)) for one in video])
    alike = speech.lips[:, None] == speech.lips
    assert torch.equal(difference == 0, alike)
    assert difference[~alike].min() > 0.2
    for index, group in enumerate(homophenes()):
        assert tuple(word for word, lip in zip(WORDS, speech.lips) if lip == index) == group


def test_phonemes_are_targets_of_ctc():
    names = ["", *PHONEMES]
    for word, row in zip(WORDS, speech_of(*WORDS).phonemes.tolist()):
        assert tuple(names[token] for token in row if token) == PRONUNCIATIONS[word]
        assert sorted(row, key=lambda token: token == 0) == row  # 0 only after the last


def test_words_are_uniform_and_within_their_second():
    speech = sample_speech(40_000, generator=seeded(0))
    share = torch.bincount(speech.word, minlength=40) / len(speech)
    assert (share - 1 / 40).abs().max() < 0.004
    assert speech.bounds.min() >= 0.1 and speech.bounds.max() <= 0.9 + 1e-6
    assert (speech.bounds.diff(dim=1) >= 0).all()
    few = sample_speech(300, words=["two", "ship"], generator=seeded(0))
    assert {WORDS[word] for word in few.word} == {"two", "ship"}
    assert torch.equal(few.pitch, speech.pitch[:300])  # a word uses up the same count of numbers


@pytest.mark.parametrize("parts", [(50, 30), (1, 79), (33, 40, 7)])
def test_same_seed_same_data_whatever_the_batch_split(parts):
    def draw(*sizes):
        generator = [seeded(3, i) for i in range(4)]
        for n in sizes:
            speech = sample_speech(n, generator=generator[0])
            clean = speak(speech, generator=generator[1])
            babble = noisy(clean, 0.0, kind="babble", generator=generator[2])
            white = noisy(clean[:, 2_000:5_001], 0.0, generator=generator[3])
            yield *(getattr(speech, f.name) for f in fields(speech)), clean, babble, white, talking_face(speech, 16, 3)

    for whole, split in zip(next(draw(80)), zip(*draw(*parts))):
        assert torch.allclose(whole, torch.cat(split), atol=1e-5)


def test_indexing_and_one_speaker():
    speech = speech_of("bat", "moon", pitch=200.0)
    assert len(speech[1]) == 1 and WORDS[speech[-1].word[0]] == "moon" and "bat" in repr(speech)
    assert torch.equal(speech.pitch, torch.tensor([200.0, 200.0])) and len(speech[torch.tensor([0, 0, 1])]) == 3
    assert sum(1 for _ in speech) == 2
    assert speak(speech[:0], generator=seeded(0)).shape == (0, 8000)


def test_shares_sum_to_one_within_the_word_and_to_nothing_outside():
    bounds = torch.tensor([[0.2, 0.3, 0.5, 0.5], [0.1, 0.4, 0.6, 0.8]])
    times = torch.linspace(0, 1, 201)
    share = glide(times, bounds, 0.05)
    inside = (times > bounds[:, :1] + 0.025) & (times < bounds[:, -1:] - 0.025)
    outside = (times < bounds[:, :1] - 0.025) | (times > bounds[:, -1:] + 0.025)
    assert torch.allclose(share.sum(-1)[inside], torch.tensor(1.0), atol=1e-6)
    assert (share[outside] == 0).all() and (share[0, :, 2] == 0).all()  # a missing phoneme has no share
    assert share[1, 50, 0] == pytest.approx(1) and share[1, 80, 0] == pytest.approx(0.5, abs=1e-5)


# The sound.


def test_pulses_are_the_sum_of_the_harmonics_of_the_pitch():
    speech = speech_of("bat", pitch=110.0, onset=0.2)
    s = torch.arange(8000, dtype=torch.float64) / 8000 - 0.2
    phase = 2 * torch.pi * 110 * (1.1 * s - 0.15 * s * s)
    K = int(0.95 * 4000 / 121)
    wanted = sum((k * phase).cos() for k in range(1, K + 1)) * (2 / K) ** 0.5
    assert torch.allclose(voice._pulses(speech)[0].double(), wanted, atol=0.02)  # of 31 float32 phases of 100 turns
    assert wanted.square().mean() == pytest.approx(1, abs=0.02)


def test_tract_is_the_response_of_the_three_resonances():
    formants, bandwidths = [530.0, 1840.0, 2480.0], [60.0, 90.0, 150.0]
    response = voice._tract(torch.tensor([[formants]]), torch.tensor([[[1.5]]]))[0, 0]
    wanted = 1.0
    for f, b in zip(formants, bandwidths):
        r, theta = torch.tensor(-torch.pi * 1.5 * b / 8000).exp(), torch.tensor(2 * torch.pi * f / 8000)
        a = [1.0, (-2 * r * theta.cos()).item(), (r * r).item()]
        hz, h = freqz([sum(a)], a, worN=161, fs=8000, include_nyquist=True)
        wanted = wanted * h
    wanted = torch.from_numpy(wanted / (1 + (hz / 300) ** 2) ** 0.5)
    assert torch.allclose(response.to(wanted.dtype), wanted, atol=1e-4 * wanted.abs().max().item())


def linear_prediction(x, order):
    """The resonances (Hz, from the lowest) of the all-pole filter that predicts x (N,) best: Atal and Hanauer 1971."""
    x = x.double() * torch.hann_window(len(x), dtype=torch.float64)
    r = torch.stack([(x[: len(x) - lag] * x[lag:]).sum() for lag in range(order + 1)])
    companion = torch.diag(torch.ones(order - 1, dtype=torch.float64), -1)
    companion[0] = torch.from_numpy(solve_toeplitz(r[:-1].numpy(), r[1:].numpy()))
    poles = torch.linalg.eigvals(companion)
    return (poles.angle()[(poles.imag > 0) & (poles.abs() > 0.9)] * 8000 / (2 * torch.pi)).sort().values


@pytest.mark.parametrize("tract", [0.9, 1.0, 1.15])
def test_vowels_have_their_formants(tract):
    speech = speech_of(*WORDS, tract=tract, pitch=95.0, tempo=0.8)
    for word, bounds, clip in zip(WORDS, speech.bounds, speak(speech, generator=seeded(0))):
        middle = int((0.4 * bounds[1] + 0.6 * bounds[2]) * 8000)
        x = clip[middle - 400 : middle + 400]
        found = linear_prediction(x[1:] - 0.9 * x[:-1], 8)
        for formant in PHONEMES[VOWEL_OF[word]].formants:
            assert (found - tract * formant).abs().min() < 60 + 0.03 * formant, (word, found)


def test_pitch_is_heard():
    for pitch in (90.0, 140.0, 220.0):
        speech = speech_of("bat", "moon", "fish", pitch=pitch, tempo=0.8)
        for bounds, clip in zip(speech.bounds, speak(speech, generator=seeded(0))):
            middle = (bounds[1] + bounds[2]) / 2
            x = clip[int(middle * 8000) - 400 : int(middle * 8000) + 400]
            correlation = torch.stack([(x[: 800 - lag] * x[lag:]).sum() / (800 - lag) for lag in range(30, 120)])
            period = 30 + correlation.argmax()
            wanted = pitch * (1.1 - 0.3 * (middle - speech.onset[0]))
            assert abs(8000 / period - wanted) / wanted < 0.04


def test_level_range_and_silence():
    speech = sample_speech(200, generator=seeded(1))
    clip = speak(speech, generator=seeded(2))
    assert clip.shape == (200, 8000) and clip.dtype == torch.float32
    assert torch.allclose(clip.abs().amax(1), torch.tensor(0.5))
    times = torch.arange(8000) / 8000
    # Frames of 20 ms and a stop's release reach a little beyond the word.
    assert clip[times < speech.bounds[:, :1] - 0.03].abs().max() == 0
    assert clip[times > speech.bounds[:, -1:] + 0.15].abs().max() < 1e-3


# Noise and mixtures.


def decibels(signal, noise):
    return 10 * (signal.double().square().sum(1) / noise.double().square().sum(1)).log10()


@pytest.mark.parametrize("kind", ["white", "babble"])
def test_the_signal_to_noise_ratio_is_exact(kind):
    clean = speak(sample_speech(30, generator=seeded(0)), generator=seeded(1))
    snr = torch.linspace(-20, 20, 30)
    noise = noisy(clean, snr, kind=kind, generator=seeded(2)) - clean
    assert torch.allclose(decibels(clean, noise), snr.double(), atol=1e-3)
    assert torch.corrcoef(noise).fill_diagonal_(0).abs().max() < (0.06 if kind == "white" else 0.9)  # each its own
    low = log_mel(noise)[:, :20].mean() - log_mel(noise)[:, 20:].mean()  # below and above 1.2 kHz
    assert low < 0 if kind == "white" else low > 0.05


def test_two_voices_mix_and_part():
    one = speak(speech_of("bat", "moon"), generator=seeded(0))
    two = speak(speech_of("fish", "law", pitch=200.0), generator=seeded(1))
    mixture = mix(one, two)
    second = mixture - one
    assert decibels(one, second).abs().max() < 1e-3
    assert torch.allclose(torch.cosine_similarity(second, two), torch.tensor(1.0), atol=1e-6)


# The face.


def test_video_is_in_range_and_one_by_one_the_same():
    speech = sample_speech(40, generator=seeded(0))
    video = talking_face(speech)
    assert video.shape == (40, 16, 3, 32, 32) and video.min() >= 0 and video.max() <= 1
    assert torch.allclose(video[-3:], torch.cat([talking_face(speech[i]) for i in (37, 38, 39)]), atol=1e-6)


def test_the_picture_does_not_depend_on_its_size():
    speech = sample_speech(10, generator=seeded(0))
    small, large = talking_face(speech, 32, 4), talking_face(speech, 128, 4)
    pooled = torch.nn.functional.avg_pool2d(large.flatten(0, 1), 4).view_as(small)
    assert (small - pooled).abs().mean() < 0.01


def open_mouth(speech, size, num_frames):
    """(B, T): how many pixels are as dark as the inside of a mouth, less those that always are."""
    dark = (talking_face(speech, size, num_frames)[:, :, 0] < 0.33).sum((-1, -2)).float()
    return dark - dark.amin(1, keepdim=True)


def loudness(waveform, num_frames):
    """(B, T): root mean square of the 20 ms around the instant of each frame."""
    around = torch.nn.functional.pad(waveform, (80, 80)).unfold(-1, 160, 8000 // num_frames)
    return around.square().mean(-1).sqrt()[:, :num_frames]


def test_a_closeup_shows_the_mouth_twice_as_large_in_the_middle():
    speech = sample_speech(30, words=["lock", "dot", "cat"], generator=seeded(0))
    moves = [
        (video - video[:, :1]).abs().amax((1, 2)) > 0.2  # (B, H, W) where anything ever changes
        for video in (talking_face(speech, 64), talking_face(speech, 64, closeup=True))
    ]
    area = moves[1].sum((1, 2)) / moves[0].sum((1, 2))
    assert 3.5 < area.min() and area.max() < 4.5
    for axis in (1, 2):
        place = moves[1].any(axis).double()
        middle = (place * torch.arange(64)).sum(1) / place.sum(1)
        assert (middle - 31.5).abs().max() < 8
    assert not moves[1][:, [0, -1]].any() and not moves[1][..., [0, -1]].any()  # nothing is cut off


def test_the_mouth_is_at_its_viseme_in_the_middle_of_a_phoneme():
    speech = sample_speech(200, generator=seeded(0))
    phonemes = list(PHONEMES.values())
    for i in range(2):
        times = (speech.bounds[:, i] + speech.bounds[:, i + 1]) / 2
        for clip, time, token in zip(speech, times, speech.phonemes[:, i]):
            shown = lips(clip, time[None])[0, 0]
            assert torch.allclose(shown, torch.tensor(VISEMES[phonemes[token - 1].viseme][:4]), atol=1e-5)


def test_closed_lips_are_quiet_and_open_ones_loud():
    """Read from the pixels and from the waveform alone, at the middles of the lips' consonants and of the vowels."""
    speech = sample_speech(60, words=[word for word in WORDS if "lips" in visemes(word)], generator=seeded(0))
    mouth, loud = open_mouth(speech, 64, 50), loudness(speak(speech, generator=seeded(1)), 50)
    frame = ((speech.bounds[:, :-1] + speech.bounds[:, 1:]) * 25).round().long()  # (B, 3) the middles of the phonemes
    mouth, loud = mouth.gather(1, frame), loud.gather(1, frame)
    closed = torch.tensor([[name == "lips" for name in visemes(WORDS[word])] for word in speech.word])
    assert mouth[closed].max() == 0 and mouth[:, 1].min() >= 1
    assert (loud / loud[:, 1:2])[closed].max() < 0.5
    silent = torch.tensor([PRONUNCIATIONS[WORDS[word]][0] == "P" for word in speech.word])
    assert silent.any() and loud[silent, 0].max() == 0


def test_sound_and_sight_are_in_step():
    """The opening of the mouth follows the loudness best when neither is shifted, to a hundredth of a second."""
    speech = sample_speech(80, words=["cat", "get", "net", "sad", "lock", "sock", "dot", "rock"], generator=seeded(0))
    mouth, loud = open_mouth(speech, 32, 100), loudness(speak(speech, generator=seeded(1)), 100)
    fit = [torch.corrcoef(torch.stack([mouth.roll(lag, 1).flatten(), loud.flatten()]))[0, 1] for lag in range(-8, 9)]
    assert abs(torch.stack(fit).argmax() - 8) <= 1 and max(fit) > 0.8


# What can be recognised.


def in_its_own_time(x, speech, num_points):
    """(B, F, T) over one second -> (B, F num_points): from a little before the word to a little after, at tempo 1."""
    T = x.shape[-1]
    times = speech.bounds[:, :1] + torch.linspace(-0.05, 0.53, num_points) / speech.tempo[:, None]
    place = (times * T).clamp(0, T - 1.001)[:, None].expand(-1, x.shape[1], -1)
    before, share = place.long(), place.frac()
    return torch.lerp(x.gather(2, before), x.gather(2, before + 1), share).flatten(1)


class Discriminant:
    """Linear discriminant analysis (Fisher 1936), shrunk a little."""

    def __init__(self, x, y, num_classes):
        means = torch.stack([x[y == c].mean(0) for c in range(num_classes)])
        residual = x - means[y]
        covariance = residual.T @ residual / len(x)
        covariance.diagonal().add_(0.02 * covariance.diagonal().mean())
        self.weight = torch.linalg.solve(covariance, means.T)
        self.bias = -0.5 * (means * self.weight.T).sum(1)

    def __call__(self, x):
        return x @ self.weight + self.bias


@cache
def said(n, seed):
    speech = sample_speech(n, generator=seeded(seed))
    return speech, speak(speech, generator=seeded(seed, 1))


def heard(n, seed, snr=None):
    speech, waveform = said(n, seed)
    if snr is not None:
        waveform = noisy(waveform, snr, generator=seeded(seed, 2))
    return speech, in_its_own_time(log_mel(waveform), speech, 14)


def seen(n, seed):
    speech = sample_speech(n, generator=seeded(seed))
    mouths = talking_face(speech)[:, :, 1, 18:30, 7:25]  # green tells lips and teeth from skin
    return speech, in_its_own_time(mouths.flatten(2).transpose(1, 2), speech, 7)


def test_clean_sound_tells_every_word_of_new_speakers():
    learn, x = heard(1_600, 1)
    test, z = heard(800, 2)
    assert (Discriminant(x, learn.word, 40)(z).argmax(1) == test.word).double().mean() >= 0.99


def test_lips_tell_words_up_to_their_ceiling_and_no_further():
    learn, x = seen(1_600, 1)
    test, z = seen(1_000, 2)
    guess = Discriminant(x, learn.word, 40)(z).argmax(1)
    assert wilson((guess == test.word).sum().item(), len(test)).low <= lips_ceiling()
    # A guess within the right group is right with one over its size: the same accuracy without the luck of the guess.
    group, size = speech_of(*WORDS).lips, torch.tensor([len(group) for group in homophenes()])
    ceiling = 1 / size[test.lips]
    assert (ceiling * (group[guess] == test.lips)).mean() > ceiling.mean() - 0.02


def test_in_noise_sound_and_lips_together_are_worth_more_than_either():
    learn, x = heard(1_600, 1, snr=-10.0)
    test, z = heard(800, 2, snr=-10.0)
    score = Discriminant(x, learn.word, 40)(z)
    both = score.masked_fill(speech_of(*WORDS).lips != test.lips[:, None], -torch.inf)  # lips read as well as can be
    sound, both = ((s.argmax(1) == test.word).double().mean() for s in (score, both))
    assert 2 / 40 < sound < 0.7 and both > max(sound, lips_ceiling()) + 0.15


# What cannot be done.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sample_speech(1, words=["bet"], generator=seeded(0)), "beat"),
        (lambda: sample_speech(1, words=[], generator=seeded(0)), "one or more"),
        (lambda: speech_of("bat", "bat"), "different"),
        (lambda: speech_of("bat", voice=3.0), "pitch, tract"),
        (lambda: speech_of("bat", onset=0.8), "end within"),
        (lambda: lips_ceiling("blob"), "blob.*spoken here"),
        (lambda: visemes("blob"), "blob.*spoken here"),
        (lambda: noisy(torch.ones(1, 8000), 0.0, kind="pink", generator=seeded(0)), "white or babble"),
        (lambda: noisy(torch.ones(1, 9000), 0.0, kind="babble", generator=seeded(0)), "at most 8000"),
        (lambda: noisy(torch.ones(8000), 0.0, generator=seeded(0)), r"\(8000,\)"),
        (lambda: noisy(torch.zeros(1, 8000), 0.0, generator=seeded(0)), "silent"),
        (lambda: mix(torch.ones(2, 8000), torch.ones(1, 8000)), r"\(1, 8000\)"),
        (lambda: talking_face(speech_of("bat"), 8), "16 pixels"),
        (lambda: talking_face(speech_of("bat"), 32, 0), "1 frame"),
    ],
)
def test_bad_arguments_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
