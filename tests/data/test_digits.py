"""The digits: balanced, heard as what they are said to be, and split so that no voice is on both sides."""

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from mmatl_lab.data.digits import SAMPLES, TEST_VOICES, load_digits
from mmatl_lab.seeding import seeded
from mmatl_lab.world.audio import log_mel


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def split(digits):
    return digits.split()


def test_everything_is_there_in_the_same_number(digits):
    assert digits.images.shape == (5000, 28, 28) and digits.images.dtype == torch.uint8
    assert digits.audio.shape == (1040, SAMPLES) and digits.audio.dtype == torch.float32
    assert digits.image_digits.bincount().tolist() == [500] * 10
    assert digits.audio_digits.bincount().tolist() == [104] * 10
    assert len(set(digits.voice_names)) == 104 == len(digits.accents) and len(set(digits.accents)) == 8
    assert torch.equal(digits.voices.bincount(), torch.full((104,), 10))


def test_clips_start_with_the_word_and_end_in_silence(digits):
    loud = digits.audio.abs() > 0.05
    first, last = loud.int().argmax(1), SAMPLES - loud.flip(1).int().argmax(1)
    assert loud.any(1).all() and (first < 900).all() and (last > first + 400).all()
    assert digits.audio.abs().max() <= 1
    assert torch.equal(digits.spectrograms[3], log_mel(digits.audio[3]))


def test_split_is_disjoint_complete_and_stable(digits, split):
    train, test = split
    assert digits.image_digits[test.images].bincount().tolist() == [100] * 10
    assert torch.equal(torch.cat([train.images, test.images]).sort().values, torch.arange(5000))
    assert torch.equal(torch.cat([train.utterances, test.utterances]).sort().values, torch.arange(1040))
    voices = [set(digits.voices[part.utterances].tolist()) for part in split]
    assert not voices[0] & voices[1] and len(voices[1]) == TEST_VOICES
    again, other = load_digits().split(), digits.split(1)
    assert torch.equal(again.test.images, test.images) and torch.equal(again.test.utterances, test.utterances)
    assert not torch.equal(other.test.images, test.images) and not torch.equal(other.test.utterances, test.utterances)


@pytest.mark.parametrize("seed", range(5))
def test_variants_of_a_voice_stay_together(digits, seed):
    test = {digits.voice_names[i] for i in digits.voices[digits.split(seed).test.utterances].tolist()}
    assert len(test) == TEST_VOICES
    for family in (("klatt", "klatt2", "klatt6"), ("Gene", "Gene2"), ("whisper", "whisperf"), ("Mike", "mike2")):
        assert len(test & set(family)) in (0, len(family))


def test_the_split_of_every_machine_is_this_one(digits, split):
    names = sorted({digits.voice_names[i] for i in digits.voices[split.test.utterances].tolist()})
    assert names[:6] == ["Alicia", "Gene", "Gene2", "Storm", "antonio", "boris"]
    assert split.test.images[:5].tolist() == [4, 6, 14, 25, 34]


def test_pairs_are_of_one_digit_and_one_part(digits, split):
    for part in split:
        pairs = digits.pairs(part, seeded(0))
        assert torch.equal(pairs.image, part.images)
        assert torch.equal(digits.image_digits[pairs.image], pairs.digit)
        assert torch.equal(digits.audio_digits[pairs.audio], pairs.digit)
        assert torch.isin(pairs.audio, part.utterances).all()
        assert torch.equal(digits.pairs(part, seeded(0)).audio, pairs.audio)
        assert not torch.equal(digits.pairs(part, seeded(1)).audio, pairs.audio)
    drawn = digits.pairs(split.train, seeded(2)).audio.unique()
    assert len(drawn) > 0.95 * len(split.train.utterances)  # every voice takes part: about 5 draws each


def test_both_can_be_recognised_on_what_was_held_out(digits, split):
    """The nearest neighbour in pixels and in the spectrogram: the labels belong to what is seen and heard."""
    train, test = split
    flat = digits.images.flatten(1).float().numpy()
    model = KNeighborsClassifier(1).fit(flat[train.images], digits.image_digits[train.images])
    assert model.score(flat[test.images], digits.image_digits[test.images]) > 0.9
    flat = digits.spectrograms.flatten(1).numpy()
    model = KNeighborsClassifier(1).fit(flat[train.utterances], digits.audio_digits[train.utterances])
    assert model.score(flat[test.utterances], digits.audio_digits[test.utterances]) > 0.8
