"""Spoken words: what is said, when each phoneme of it is said, and by whom."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from ..batch import Batch
from ..motion import SECONDS
from .phonemes import MAX_PHONEMES, PHONEMES, PRONUNCIATIONS, VISEMES, WORDS, homophenes, spoken

SPEAKERS = {  # the least and the most of each factor of a speaker; all between are equally likely
    "pitch": (90.0, 220.0),  # Hz, from men's to women's voices
    "tract": (0.9, 1.15),  # factor on all formants: a short vocal tract has high ones
    "tempo": (0.8, 1.25),
    "skin": (0.0, 1.0),  # from pale to dark
    "hair": (0.0, 1.0),  # from blond to black
    "x": (-0.12, 0.12),
    "y": (-0.06, 0.06),
    "zoom": (0.85, 1.0),
    "tilt": (-0.12, 0.12),
}
_MARGIN = 0.1  # seconds of silence at least, before and after the word


@dataclass(frozen=True)
class Speech(Batch):
    """A batch of spoken words as tensors of shape (B,), each with a speaker of its own.

    word: index into WORDS (int64). onset: when it begins, in seconds. Of the voice, pitch: mean frequency in Hz; tract:
    factor on the formants; tempo: factor on the speed. Of the face, skin and hair: from light (0) to dark (1); x, y:
    centre in the picture, in [-1, 1], x to the right and y upwards; zoom: factor on the size; tilt: radians,
    counter-clockwise.
    """

    word: Tensor
    onset: Tensor
    pitch: Tensor
    tract: Tensor
    tempo: Tensor
    skin: Tensor
    hair: Tensor
    x: Tensor
    y: Tensor
    zoom: Tensor
    tilt: Tensor

    @property
    def phonemes(self) -> Tensor:
        """(B, 3) int64: 1 + index into PHONEMES, then 0: targets of a CTC loss whose blank is 0."""
        return _tables(str(self.device))["phonemes"][self.word]

    @property
    def lips(self) -> Tensor:
        """(B,) int64: which group of ``homophenes()`` the word is in; equal where words look the same."""
        return _tables(str(self.device))["lips"][self.word]

    @property
    def bounds(self) -> Tensor:
        """(B, 4) seconds: the onset, then when each phoneme ends; a third one that is missing takes no time."""
        seconds = _tables(str(self.device))["seconds"][self.phonemes] / self.tempo[:, None]
        return torch.cat([self.onset[:, None], self.onset[:, None] + seconds.cumsum(1)], 1)

    def __repr__(self) -> str:
        first = f", the first: {WORDS[self.word[0]]!r}" if len(self) else ""
        return f"Speech({len(self)} words{first})"


def sample_speech(
    n: int,
    *,
    words: Iterable[str] | None = None,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Speech:
    """Draw ``n`` words, each by a new speaker (``SPEAKERS``) and at a time of its own within the second.

    Args:
        words: those to draw from, all equally likely; None takes all of WORDS.
        generator: a CPU generator (``seeded``); a word uses up the same count of numbers whatever the arguments.

    Raises:
        ValueError: an unknown word (the nearest known ones are named), or a generator that is not on the CPU.
    """
    if generator.device.type != "cpu":
        raise ValueError("generator must be a CPU generator (see seeded), so that a seed means the same on any device.")
    allowed = torch.tensor(spoken(words))
    u = torch.rand(n, 2 + len(SPEAKERS), generator=generator)
    word = allowed[(u[:, 0] * len(allowed)).long()]
    speaker = {name: low + u[:, 2 + i] * (high - low) for i, (name, (low, high)) in enumerate(SPEAKERS.items())}
    speech = Speech(word=word, onset=torch.zeros(n), **speaker)
    slack = SECONDS - 2 * _MARGIN - speech.bounds[:, -1]
    return replace(speech, onset=_MARGIN + u[:, 1] * slack).to(device)


def speech_of(*words: str, onset: float = 0.25, **speaker: float) -> Speech:
    """One clip for each of the given words, all by the same speaker: ``speech_of("bat", "pat", pitch=200.0)``.

    Factors of the speaker that are left out lie in the middle of their range (``SPEAKERS``).

    Raises:
        ValueError: no words or an unknown one (the nearest known ones are named), an unknown factor, or a word that
            does not fit into the second.
    """
    if unknown := set(speaker) - set(SPEAKERS):
        raise ValueError(f"a speaker has {', '.join(SPEAKERS)}; got {', '.join(sorted(unknown))}.")
    values = {name: (low + high) / 2 for name, (low, high) in SPEAKERS.items()} | speaker | {"onset": onset}
    word = torch.tensor(spoken(words))
    speech = Speech(word=word, **{name: torch.full((len(word),), float(value)) for name, value in values.items()})
    last = speech.bounds[:, -1].max().item()
    if onset < 0 or not last <= SECONDS:
        raise ValueError(f"the words must begin after 0 and end within {SECONDS} s, got {onset:.2f} to {last:.2f} s.")
    return speech


@cache
def _tables(device: str) -> dict[str, Tensor]:
    """phonemes (words, 3) and lips (words,) by word, seconds (1 + phonemes,) by phoneme, silence first."""
    names = ["", *PHONEMES]
    phonemes = torch.zeros(len(WORDS), MAX_PHONEMES, dtype=torch.long)
    for i, word in enumerate(WORDS):
        said = [names.index(name) for name in PRONUNCIATIONS[word]]
        phonemes[i, : len(said)] = torch.tensor(said)
    group = {word: i for i, words in enumerate(homophenes()) for word in words}
    lips = torch.tensor([group[word] for word in WORDS])
    seconds = torch.tensor([0.0, *(VISEMES[phoneme.viseme].seconds for phoneme in PHONEMES.values())])
    return {"phonemes": phonemes.to(device), "lips": lips.to(device), "seconds": seconds.to(device)}


def glide(times: Tensor, bounds: Tensor, seconds: float) -> Tensor:
    """(B, T, S): the share of each of S segments in what is seen or heard at ``times``, (T,) or (B, T).

    Segment s lasts from bounds[:, s] to bounds[:, s + 1], (B, S + 1), and passes smoothly into the next within
    ``seconds``. The shares sum to 1 from the first bound to the last and to 0 elsewhere.
    """
    step = ((times[..., None] - bounds[:, None]) / seconds + 0.5).clamp(0, 1)  # (B, T, S + 1)
    step = step * step * (3 - 2 * step)
    return step[..., :-1] - step[..., 1:]
