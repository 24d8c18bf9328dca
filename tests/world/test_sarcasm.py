from dataclasses import fields, replace
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, norm
from sklearn.linear_model import LinearRegression, LogisticRegression

from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer, UnknownWordError
from mmatl_lab.world import sample_utterances, utterance_of
from mmatl_lab.world.sarcasm import (
    MAX_WORDS,
    MODALITIES,
    NOISE,
    WORDS,
    Utterances,
    belief,
    ceiling,
    draw_faces,
    speak,
    squash,
)
from mmatl_lab.world.sarcasm.remarks import BLAME, NEUTRAL, NUMBERS, PRAISE, compose, valence_of

SUBSETS = [subset for size in range(4) for subset in combinations(MODALITIES, size)]
FIELDS = tuple(f.name for f in fields(Utterances))


def equal(a, b, names=FIELDS):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)


# The causes


@pytest.mark.parametrize("parts", [(60, 40), (1, 99), (7, 13, 80), (100,)])
def test_same_seed_same_data_whatever_the_batch_split(parts):
    whole = sample_utterances(100, ambiguity=0.2, generator=seeded(3))
    generator, start = seeded(3), 0
    for n in parts:
        part, rows = sample_utterances(n, ambiguity=0.2, generator=generator), slice(start, start + n)
        assert equal(part, whole[rows])
        assert torch.allclose(speak(part), speak(whole)[rows], atol=1e-5)
        assert torch.allclose(draw_faces(part), draw_faces(whole)[rows], atol=1e-5)
        start += n


def test_sarcasm_is_a_coin_whatever_the_words_and_meant_is_what_it_says():
    u = sample_utterances(40_000, generator=seeded(0))
    assert torch.equal(u.sarcastic, u.valence != u.meant)
    assert torch.equal(valence_of(u.text), u.valence)
    table = [[((u.valence == t) & (u.sarcastic == s)).float().mean().item() for t in (-1, 1)] for s in (False, True)]
    assert np.abs(np.array(table) - 0.25).max() < 0.01
    for shown in (u.voice, u.face):
        residual = (shown - u.meant).numpy() / 0.8
        assert abs(residual.mean()) < 0.02 and abs(residual.std() - 1) < 0.015
        assert np.abs(np.quantile(residual, [0.001, 0.1, 0.9]) - norm.ppf([0.001, 0.1, 0.9])).max() < 0.2
    assert np.abs(np.corrcoef([u.voice - u.meant, u.face - u.meant, u.meant]) - np.eye(3)).max() < 0.02


def test_a_dial_changes_nothing_else():
    plain = sample_utterances(2_000, generator=seeded(1))
    noisy = sample_utterances(2_000, voice_noise=1.6, face_noise=0.0, generator=seeded(1))
    assert equal(plain, noisy, [name for name in FIELDS if name.removesuffix("_noise") not in ("voice", "face")])
    assert torch.allclose(noisy.voice - noisy.meant, 2 * (plain.voice - plain.meant), atol=1e-5)
    assert torch.equal(noisy.face, noisy.meant.float())
    vague = sample_utterances(2_000, ambiguity=0.3, generator=seeded(1))
    neutral = vague.valence == 0
    assert 0.26 < neutral.float().mean() < 0.34
    assert equal(plain, vague, ["meant", "sarcastic", "voice", "face", "pitch", "hair"])
    assert equal(plain[~neutral], vague[~neutral])


# The words


def test_there_are_thousands_of_remarks_and_all_of_the_vocabulary_occurs():
    u = sample_utterances(20_000, ambiguity=0.3, generator=seeded(2))
    assert u.text.shape == (20_000, MAX_WORDS)
    texts = Tokenizer(WORDS).decode(u.text)
    assert len(set(texts)) > 5_000
    assert {word for text in texts for word in text.split()} == set(WORDS) - {""}
    assert "wow great food" in texts
    for text in texts:
        for article, following in zip(text.split(), text.split()[1:]):
            if article in ("a", "an"):
                assert (following[0] in "aeiou") == (article == "an")


def test_praise_blame_and_neutral_remarks_have_the_same_lengths():
    numbers = torch.rand(3_000, NUMBERS, generator=seeded(3))
    praise, blame, neutral = (compose(torch.full((3_000,), t), numbers) for t in (PRAISE, BLAME, NEUTRAL))
    assert torch.equal(praise != 0, blame != 0) and torch.equal(praise != 0, neutral != 0)
    articles = torch.tensor([WORDS.index(word) for word in ("a", "an")])
    differ = ((praise != blame) & ~torch.isin(praise, articles)).sum(1)
    assert (differ == 1).all()  # one word carries the valence


# The voice and the face


def heard_slopes(waveform):
    """(p(end) - p(start)) / p(middle) of (B, N) sounds: a line through the pitches that autocorrelation finds."""
    loud = np.abs(waveform) > 1e-3
    first, last = loud.argmax(1), waveform.shape[1] - loud[:, ::-1].argmax(1)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 512, axis=1)[:, ::256] * np.hanning(512)
    r = np.fft.irfft(np.abs(np.fft.rfft(frames, 1024)) ** 2)
    lag = r[..., 20:130].argmax(-1) + 20  # 62 to 400 Hz
    before, peak, after = (np.take_along_axis(r, lag[..., None] + i, -1)[..., 0] for i in (-1, 0, 1))
    pitch = 1 / (lag + 0.5 * (before - after) / (before - 2 * peak + after - 1e-9))
    weight = np.where(peak > 0.3 * r[..., 0], r[..., 0], 0)
    tau = (np.arange(frames.shape[1]) * 256 + 256 - (first + last)[:, None] / 2) / (last - first)[:, None]

    def mean(x):
        return (weight * x).sum(1) / weight.sum(1)

    slope = (mean(tau * pitch) - mean(tau) * mean(pitch)) / (mean(tau**2) - mean(tau) ** 2)
    return slope / (mean(pitch) - slope * mean(tau))


def test_the_voice_is_heard_in_the_pitch_whoever_speaks():
    u = sample_utterances(200, generator=seeded(4))
    b = heard_slopes(speak(u).numpy())
    v = 2 * b / np.sqrt(1 - b**2)
    error = v - u.voice.numpy()
    assert 1 - error.var() / u.voice.numpy().var() > 0.995  # nothing is fitted
    assert np.abs(b - squash(u.voice).numpy()).max() < 0.2


def mouth_moments(images):
    """(B, 20) of pictures: moments of what is as red as lips, upright, free of place and size, and their products."""
    red, green = images[:, 0], images[:, 1]
    size = images.shape[-1]
    centre = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = centre[None, None, :], -centre[None, :, None]
    lips = np.clip(0.45 - green / red, 0, 0.3) * np.clip(3 - 5 * red, 0, 1) * (red > 0.25) * (y < 0.2)

    def mean(values):
        return (lips * values).sum((1, 2)) / lips.sum((1, 2))

    x, y = x - mean(x)[:, None, None], y - mean(y)[:, None, None]
    tilt = 0.5 * np.arctan2(2 * mean(x * y), mean(x**2) - mean(y**2))
    tilt -= np.where(np.abs(tilt) > np.pi / 4, np.sign(tilt) * np.pi / 2, 0)  # a mouth bent far is higher than wide
    cos, sin = np.cos(tilt)[:, None, None], np.sin(tilt)[:, None, None]
    x, y = cos * x + sin * y, cos * y - sin * x
    r = np.sqrt(mean(x**2 + y**2))[:, None, None]
    x, y = x / r, y / r
    odd = np.stack([mean(x**i * y**j) for i, j in ((2, 1), (0, 3), (4, 1), (2, 3), (0, 5))], 1)
    even = np.stack([mean(x**i * y**j) for i, j in ((2, 0), (4, 0), (2, 2))], 1)
    return np.concatenate([odd, *(odd * even[:, i : i + 1] for i in range(3))], 1)


def test_the_face_is_seen_in_the_mouth_whoever_smiles():
    u = sample_utterances(600, generator=seeded(5))
    moments, b = mouth_moments(draw_faces(u, 64).numpy()), squash(u.face).numpy()
    read = LinearRegression().fit(moments[:400], b[:400]).predict(moments[400:])
    assert 1 - ((read - b[400:]) ** 2).mean() / b[400:].var() > 0.99
    f, read = u.face[400:].numpy(), np.clip(read, -0.95, 0.95)
    within = np.abs(f) < 3
    assert 1 - ((2 * read / np.sqrt(1 - read**2) - f)[within] ** 2).mean() / f[within].var() > 0.98


def test_every_step_of_v_and_f_can_be_told_up_to_ten_deviations():
    steps = torch.linspace(-10, 10, 81)
    u = utterance_of("wow great food", 0, 0)[torch.zeros(81, dtype=torch.long)]
    faces = draw_faces(replace(u, face=steps)).flatten(1)
    voices = speak(replace(u, voice=steps))
    for views, least in ((faces, 0.005), (voices, 2.0)):
        distance = torch.cdist(views, views, compute_mode="donot_use_mm_for_euclid_dist")
        assert (distance + 99 * torch.eye(81)).min() > least
    assert torch.equal(faces, draw_faces(replace(u, face=steps, voice=-steps, valence=-u.valence)).flatten(1))


def test_the_voice_tells_no_words_and_the_face_no_voice():
    numbers = torch.rand(50, NUMBERS, generator=seeded(6))
    u = sample_utterances(50, generator=seeded(6))
    praise, blame = (replace(u, text=compose(torch.full((50,), t), numbers)) for t in (1, -1))
    assert torch.equal(speak(praise), speak(blame)) and torch.equal(draw_faces(praise), draw_faces(blame))


def test_sound_and_picture_stay_in_range_and_overtones_below_half_the_rate():
    u = sample_utterances(40, voice_noise=5.0, face_noise=5.0, generator=seeded(7))
    u = replace(u, pitch=torch.full((40,), 240.0))
    waveform = speak(u)
    assert waveform.shape == (40, 8_000) and 0.5 < waveform.abs().max() <= 1
    faces = draw_faces(u)
    assert faces.shape == (40, 3, 32, 32) and faces.min() >= 0 and faces.max() <= 1
    spectrum = torch.fft.rfft(speak(u, 16_000)).abs()  # bins of 1 Hz
    assert spectrum[:, 4_050:].max() < 1e-3 * spectrum.max()  # so at 8,000 samples a second nothing folds back
    pulses = (speak(utterance_of("wow great food", 0, 0)).abs()[0].unfold(0, 160, 40).amax(1) > 0.05).int()
    assert (pulses.diff() == 1).sum() == 3  # one for each word


def test_pictures_agree_at_all_sizes():
    u = sample_utterances(20, generator=seeded(8))
    small = torch.nn.functional.avg_pool2d(draw_faces(u, 256), 8)
    assert (small - draw_faces(u, 32)).abs().mean() < 0.01


# The ceilings


def test_ceilings_by_hand():
    assert ceiling(["text", "voice"], voice_noise=1.0) == pytest.approx(norm.cdf(1))
    assert ceiling(["text", "face"], face_noise=0.5) == pytest.approx(norm.cdf(2))
    assert ceiling(MODALITIES, voice_noise=1.0, face_noise=0.5) == pytest.approx(norm.cdf(5**0.5))
    assert ceiling(["text", "voice"], voice_noise=1.0, ambiguity=0.5) == pytest.approx(norm.cdf(1) / 2 + 1 / 4)
    assert ceiling(MODALITIES, voice_noise=0) == 1 and ceiling(MODALITIES, ambiguity=1) == 0.5
    assert all(ceiling(modalities, 0, 0) == 0.5 for modalities in ((), "text", "voice", "face", ["voice", "face"]))


@pytest.mark.parametrize("modalities", SUBSETS, ids="+".join)
def test_the_ideal_classifier_is_calibrated_and_reaches_the_ceiling(modalities):
    n, dials = 40_000, {"voice_noise": 1.1, "face_noise": 0.7}
    u = sample_utterances(n, **dials, ambiguity=0.2, generator=seeded(9))
    probability = belief(u, modalities)
    right = ((probability > 0.5) == u.sarcastic).double().mean()
    top = ceiling(modalities, **dials, ambiguity=0.2)
    error = 3.5 * (top * (1 - top) / n) ** 0.5
    assert right == pytest.approx(top, abs=error)
    assert torch.maximum(probability, 1 - probability).mean().item() == pytest.approx(top, abs=error)
    for low in (0.0, 0.1, 0.3, 0.6, 0.8):
        among = (probability >= low) & (probability < low + 0.2)
        if among.sum() > 1_000:
            assert u.sarcastic[among].float().mean() == pytest.approx(probability[among].mean().item(), abs=0.05)


def features(u, modalities, products):
    t, columns = u.valence.float(), []
    for view, values in (("voice", u.voice), ("face", u.face)):
        if view in modalities:
            columns += [values] + ([t * values] if products and "text" in modalities else [])
    return torch.stack([*columns, *([t] if "text" in modalities else [])], 1).numpy()


@pytest.mark.parametrize("modalities", [s for s in SUBSETS if s], ids="+".join)
def test_a_classifier_approaches_the_ceiling_with_products_and_learns_nothing_from_sums(modalities):
    n = 30_000
    u, test = sample_utterances(n, generator=seeded(10)), sample_utterances(n, generator=seeded(11))
    model = LogisticRegression().fit(features(u, modalities, True), u.sarcastic.numpy())
    accuracy = model.score(features(test, modalities, True), test.sarcastic.numpy())
    top = ceiling(modalities)
    error = 3.5 * (top * (1 - top) / n) ** 0.5
    assert top - error - 0.003 < accuracy < top + error
    sums = LogisticRegression().fit(features(u, modalities, False), u.sarcastic.numpy())
    assert np.abs(sums.predict_proba(features(test, modalities, False)) - 0.5).max() < 0.05


@pytest.mark.parametrize("modalities", [s for s in SUBSETS if s], ids="+".join)
def test_only_the_words_with_voice_or_face_carry_information(modalities):
    """The G-test of independence: 2 N times the mutual information of label and views, the numbers cut into sixths."""
    u = sample_utterances(40_000, generator=seeded(12))
    state = torch.zeros(len(u), dtype=torch.long)
    for view in modalities:
        values = u.valence.float() if view == "text" else getattr(u, view)
        cuts = torch.tensor([0.0]) if view == "text" else torch.quantile(values, torch.arange(1, 6) / 6)
        state = state * 6 + torch.bucketize(values, cuts)
    _, state = state.unique(return_inverse=True)
    table = torch.bincount(state * 2 + u.sarcastic.long(), minlength=2 * int(state.max() + 1)).view(-1, 2).numpy()
    g, p, *_ = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    information = g / (2 * len(u)) / np.log(2)  # bits
    if "text" in modalities and len(modalities) > 1:
        assert information > 0.3
    else:
        assert p > 0.001 and information < 0.001


def test_each_remark_can_have_a_noise_of_its_own():
    noises = torch.tensor([0.3, 2.0]).repeat(1_000)
    u = sample_utterances(2_000, voice_noise=noises, generator=seeded(13))
    assert torch.equal(u.voice_noise, noises) and (u.face_noise == NOISE).all()
    for noise in (0.3, 2.0):
        alone = sample_utterances(2_000, voice_noise=noise, generator=seeded(13))
        rows = noises == noise
        torch.testing.assert_close(u.voice[rows], alone.voice[rows])
        assert torch.equal(belief(u)[rows], belief(alone)[rows])


def test_who_is_told_the_wrong_noise_listens_to_the_wrong_sense():
    u = sample_utterances(40_000, voice_noise=2.5, generator=seeded(14))
    right, misled = (((belief(each) > 0.5) == u.sarcastic).float().mean() for each in (u, u.told(NOISE, NOISE)))
    assert right == pytest.approx(ceiling(voice_noise=2.5), abs=0.01) and misled < right - 0.1
    assert torch.equal(u.told(0.1, 0.1).voice, u.voice) and not torch.equal(belief(u), belief(u.told(0.1, 0.1)))


# One utterance from words


def test_utterance_of_says_what_it_is_told():
    u = utterance_of("Wow, GREAT food!", -1.5, -0.5)
    assert u.describe() == ["wow great food, in a falling voice with a frown"] and "wow great food" in repr(u)
    assert u.voice.item() == -1.5 and u.face.item() == -0.5 and u.valence.item() == 1
    assert u.sarcastic.item() and belief(u).item() > 0.9
    assert belief(utterance_of("wow great food", 1, 1)).item() < 0.1
    assert not utterance_of("what a terrible service", -1, -1).sarcastic.item()
    assert belief(utterance_of("the food was interesting", 3, 3)).item() == 0.5
    essay = utterance_of("This place sure is interesting. Wow, great food", -1, -1)
    assert essay.text.shape == (1, MAX_WORDS) and essay.valence.item() == 1
    assert speak(essay).isfinite().all() and draw_faces(essay).isfinite().all()


def test_belief_does_not_break_without_noise():
    certain = belief(utterance_of("wow great food", -1, -1).told(0, 0))
    torn = belief(utterance_of("wow great food", -1, 1).told(0, 0))
    assert certain.item() == 1 and torn.item() == 0.5


def test_indexing_and_moving():
    u = sample_utterances(10, generator=seeded(0))
    assert len(u[3]) == 1 and len(u[2:5]) == 3 and equal(u[-1], u[9:10]) and equal(u.to("cpu"), u)
    assert len(u[u.sarcastic]) == u.sarcastic.sum() and len(u[:0]) == 0 and "0" in repr(u[:0])
    assert speak(u[:0]).shape == (0, 8_000) and draw_faces(u[:0]).shape == (0, 3, 32, 32)
    with pytest.raises(IndexError):
        u[10]
    elsewhere = u.to("meta")  # a device without numbers: what mixes devices fails on it
    assert all(view.device.type == "meta" for view in (speak(elsewhere), draw_faces(elsewhere), belief(elsewhere)))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: utterance_of("wow grate food", 0, 0), UnknownWordError, "'grate'.*did you mean great"),
        (lambda: utterance_of(" ?! ", 0, 0), ValueError, "no words"),
        (lambda: utterance_of("wow " * 9, 0, 0), ValueError, "8 words here, got 9"),
        (lambda: utterance_of(["wow"], 0, 0), TypeError, "got list"),
        (lambda: utterance_of("wow", 11, 0), ValueError, r"tone must lie in \[-10, 10\], got 11"),
        (lambda: utterance_of("wow", 0, float("nan")), ValueError, "face must lie in .* got nan"),
        (lambda: utterance_of("wow", "up", 0), TypeError, "tone must be a number, got str"),
        (
            lambda: sample_utterances(1, voice_noise=-1, generator=seeded(0)),
            ValueError,
            "voice_noise must be 0 or more",
        ),
        (lambda: sample_utterances(1, ambiguity=1.1, generator=seeded(0)), ValueError, r"in \[0, 1\], got 1.1"),
        (
            lambda: sample_utterances(2, face_noise=torch.tensor([1.0, -1.0]), generator=seeded(0)),
            ValueError,
            "face_noise must be 0 or more, got -1.0",
        ),
        (lambda: utterance_of("wow", 0, 0).told(0.5, -1), ValueError, "face_noise must be 0 or more, got -1"),
        (lambda: ceiling(["text", "smell"]), ValueError, "text, voice, face; got smell"),
        (lambda: ceiling(face_noise=float("inf")), ValueError, "face_noise"),
        (lambda: belief(utterance_of("wow", 0, 0), "image"), ValueError, "got image"),
        (lambda: speak(utterance_of("wow", 0, 0), 4_000), ValueError, "at least 8000"),
        (lambda: draw_faces(utterance_of("wow", 0, 0), 4), ValueError, "at least 8 pixels"),
    ],
)
def test_bad_arguments_get_a_sentence(call, error, words):
    with pytest.raises(error, match=words) as raised:
        call()
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")
