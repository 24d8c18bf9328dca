r"""Digits seen and heard: 5,000 handwritten ones (MNIST) and 1,040 spoken ones (synthetic speech). Offline.

The two were never recorded together. As in AV-MNIST (Vielzeuf et al. 2018, arXiv:1808.07275) a pair is a picture and an
utterance of the same digit: given the digit, the two modalities are independent, so they share the digit and nothing
else. Either alone is nearly perfect, which leaves a fusion nothing to gain. AV-MNIST therefore takes 75 % of the
pictures' energy away and adds noise to the sound.

**The speech is synthetic**: 104 voices of eSpeak NG in 8 accents of English, each utterance at a speed and pitch of its
own, kept in the telephone codec GSM 06.10. Synthetic voices are far more alike than people are; results on them say
nothing about real speech.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..world.audio import log_mel
from .packed import read_files, unpack_sheet

NUM_DIGITS = 10
SAMPLES = 5_000  # of a clip: 0.625 s at 8 kHz, 40 frames of its log-mel spectrogram
TEST_IMAGES = 100  # of each digit
TEST_VOICES = 21
_BLOCK = 320  # samples that the codec packs at once; every utterance fills whole blocks


class DigitsPart(NamedTuple):
    """What one side of a split holds: places, sorted and on the CPU."""

    images: Tensor  # in ``Digits.images``
    utterances: Tensor  # in ``Digits.audio``


class DigitsSplit(NamedTuple):
    """No picture, and no voice, is in both parts; together they are everything."""

    train: DigitsPart  # 4,000 images, the utterances of 83 voices
    test: DigitsPart  # 1,000 images, 100 of each digit; the utterances of 21 voices


class Pairs(NamedTuple):
    """Pictures and utterances of the same digits, as places in ``Digits.images`` and ``Digits.audio``."""

    image: Tensor  # (N,) int64
    audio: Tensor  # (N,) int64
    digit: Tensor  # (N,) int64


@dataclass(frozen=True, eq=False)
class Digits:
    """The data set: two lists that are paired by digit only.

    Attributes:
        images: (5000, 28, 28) uint8, white ink on black, 500 of each digit.
        image_digits: (5000,) int64, 0 to 9.
        audio: (1040, 5000) float32 in [-1, 1] at 8 kHz, silent after the word; every voice says 0 to 9.
        audio_digits: (1040,) int64, 0 to 9.
        voices: (1040,) int64, places in ``voice_names``.
        voice_names, accents: of each voice the name of its variant and of its accent in eSpeak NG.
        data_hash: of the files this was read from, for the cards of what is trained on it.
    """

    images: Tensor
    image_digits: Tensor
    audio: Tensor
    audio_digits: Tensor
    voices: Tensor
    voice_names: tuple[str, ...]
    accents: tuple[str, ...]
    data_hash: str

    def __repr__(self) -> str:
        return f"Digits({len(self.images):,} images, {len(self.audio):,} utterances of {len(self.voice_names)} voices)"

    @cached_property
    def spectrograms(self) -> Tensor:
        """(1040, 40, 40) float32 in [0, 1]: ``mmatl_lab.world.audio.log_mel`` of every utterance."""
        return log_mel(self.audio)

    def split(self, seed: int = 0) -> DigitsSplit:
        """Images and voices to hold out, the same on every machine.

        Voices whose names differ by a number or an ending (klatt, klatt2) are variants of one, and stay together.
        """
        held = _first(seed, range(len(self.images)), self.image_digits.tolist(), TEST_IMAGES)
        families = _families(self.voice_names)
        voices: list[int] = []
        for family in _shuffled(seed, sorted(set(families))):
            members = [i for i, name in enumerate(families) if name == family]
            if len(voices) + len(members) <= TEST_VOICES:
                voices += members
        test_image = torch.zeros(len(self.images), dtype=torch.bool)
        test_image[held] = True
        test_voice = torch.isin(self.voices, torch.tensor(voices))
        return DigitsSplit(
            *(DigitsPart(_places(test_image == side), _places(test_voice == side)) for side in (False, True))
        )

    def pairs(self, part: DigitsPart, generator: torch.Generator) -> Pairs:
        """Every image of a part once, in order, each with an utterance of its digit drawn from the part's.

        Args:
            part: ``split.train`` or ``split.test``.
            generator: on the CPU; draw anew for every epoch, and once, from a fixed seed, for a test.
        """
        digit = self.image_digits[part.images]
        audio = torch.empty_like(part.images)
        for d in range(NUM_DIGITS):
            spoken = part.utterances[self.audio_digits[part.utterances] == d]
            chosen = digit == d
            drawn = torch.randint(len(spoken), (int(chosen.sum()),), generator=generator)
            audio[chosen] = spoken[drawn]
        return Pairs(part.images, audio, digit)


def load_digits(folder: str | Path | None = None) -> Digits:
    """The digits that the package carries.

    Args:
        folder: where they are; None takes the package's own.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not the one that MANIFEST.json lists (damaged or half-copied).
    """
    import soundfile

    files, data_hash = read_files("digits", ("digits.json", "mnist.webp", "speech.wav"), folder)
    listed = json.loads(files["digits.json"])
    labels, voices = torch.tensor([int(label) for label in listed["labels"]]), listed["voices"]
    wave, _ = soundfile.read(io.BytesIO(files["speech.wav"]), dtype="float32")
    lengths = [samples for voice in voices for samples in voice["samples"]]
    audio = torch.zeros(len(lengths), SAMPLES)
    start = 0
    for i, samples in enumerate(lengths):
        audio[i, :samples] = torch.from_numpy(wave[start : start + samples])
        start += -(-samples // _BLOCK) * _BLOCK
    return Digits(
        images=unpack_sheet(files["mnist.webp"], len(labels), size=28, columns=50, mode="L").squeeze(1),
        image_digits=labels,
        audio=audio,
        audio_digits=torch.arange(len(lengths)) % NUM_DIGITS,
        voices=torch.arange(len(lengths)) // NUM_DIGITS,
        voice_names=tuple(voice["voice"] for voice in voices),
        accents=tuple(voice["accent"] for voice in voices),
        data_hash=data_hash,
    )


def _families(voices: Sequence[str]) -> list[str]:
    """For each voice the shortest voice name that its own begins with: klatt for klatt2."""
    lower = [voice.lower() for voice in voices]
    return [min((other for other in lower if name.startswith(other)), key=len) for name in lower]


def _shuffled(seed: int, items: Sequence) -> list:
    """In an order that depends on the seed alone: a hash's, not a generator's, so no library version can change it."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{seed} {item}".encode()).digest())


def _first(seed: int, items: Sequence[int], classes: Sequence[int], number: int) -> list[int]:
    """The first ``number`` items of each class in a shuffled order."""
    order = _shuffled(seed, items)
    return [i for c in set(classes) for i in [j for j in order if classes[j] == c][:number]]


def _places(mask: Tensor) -> Tensor:
    return mask.nonzero().squeeze(1)
