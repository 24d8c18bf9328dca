"""Utterances: what a speaker says, in which tone and with which face, and whether it is sarcastic."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..batch import Batch
from . import remarks

MODALITIES = ("text", "voice", "face")
NOISE = 0.8  # of the voice and of the face: the words and one of them tell 89 %, all three 96 %
_STRONGEST = 10.0  # tone and face that a picture can still tell from stronger ones
_RANGES = {  # of what the speaker happens to be like; drawn uniformly, the pitch on a logarithmic scale
    "pitch": (130.0, 240.0),
    "duration": (0.6, 0.95),
    "vowel": (0.0, 1.0),
    "x": (-0.12, 0.12),
    "y": (-0.08, 0.12),
    "radius": (0.60, 0.74),
    "tilt": (-0.2, 0.2),
}
_CHOICES = {"skin": 5, "hair": 6, "shirt": 5, "backdrop": 4}  # numbers of colours in views.py
_CAUSES = 5  # random numbers for valence, sarcasm, ambiguity, voice and face
_UNIFORMS = _CAUSES + remarks.NUMBERS + len(_RANGES) + len(_CHOICES)


@dataclass(frozen=True)
class Utterances(Batch):
    """A batch of utterances as tensors of B rows.

    text: (B, 8) int64 tokens of the words, 0 after the last. valence: int64, of the words: 1 praise, -1 blame,
    0 neutral. meant: int64, the speaker's opinion: 1 good, -1 bad. sarcastic: bool, whether the words contradict the
    opinion (neutral words hide this). voice: change of pitch, above 0 it rises. face: bend of the mouth, above 0 it
    smiles. voice_noise, face_noise: σ_v and σ_f, the standard deviations of voice and face around what is meant.

    Nuisance factors, independent of sarcasm: pitch (Hz) in the middle of the utterance,
    duration (seconds), vowel (0 oo, 1/3 oh, 2/3 ah, 1 eh); centre x, y of the head and its radius in units of half
    the picture's width, y upwards; tilt of the head (radians, counter-clockwise); numbers of the colours of skin, hair,
    shirt and backdrop (int64).
    """

    text: Tensor
    valence: Tensor
    meant: Tensor
    sarcastic: Tensor
    voice: Tensor
    face: Tensor
    voice_noise: Tensor
    face_noise: Tensor
    pitch: Tensor
    duration: Tensor
    vowel: Tensor
    x: Tensor
    y: Tensor
    radius: Tensor
    tilt: Tensor
    skin: Tensor
    hair: Tensor
    shirt: Tensor
    backdrop: Tensor

    def told(self, voice_noise: float, face_noise: float) -> "Utterances":
        """The same utterances with other values of voice_noise and face_noise: what an observer believes them to be.

        Raises:
            ValueError: a noise below 0.
        """
        check_dials(voice_noise, face_noise)
        return replace(
            self,
            voice_noise=torch.full_like(self.voice, voice_noise),
            face_noise=torch.full_like(self.face, face_noise),
        )

    def describe(self) -> list[str]:
        """What is said and how, one line each, such as 'wow great food, in a falling voice with a frown'."""
        return [
            f"{words}, in a {'rising' if v > 0 else 'falling'} voice with a {'smile' if f > 0 else 'frown'}"
            for words, v, f in zip(remarks.tokenizer().decode(self.text), self.voice.tolist(), self.face.tolist())
        ]

    def __repr__(self) -> str:
        return f"Utterances({len(self)}" + (f", the first: {self[0].describe()[0]!r})" if len(self) else ")")


def sample_utterances(
    n: int,
    *,
    voice_noise: float | Tensor = NOISE,
    face_noise: float | Tensor = NOISE,
    ambiguity: float = 0.0,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Utterances:
    r"""Draw ``n`` utterances: valence t and sarcasm s by fair coins, meant m = -t where sarcastic, else t.

    Args:
        voice_noise, face_noise: $\sigma_v, \sigma_f \ge 0$ of v = m + σ_v ε and f = m + σ_f ε', which are not clipped:
            a number for all, or (n,) one for each.
        ambiguity: probability in [0, 1] that the words are neutral ones; the t behind them stays hidden.
        generator: a CPU generator (``seeded``); an utterance uses up the same count of numbers whatever the arguments.
            So 100 utterances drawn at once equal 60 and then 40, and turning one dial changes nothing else.

    Raises:
        ValueError: a noise below 0, an ambiguity outside [0, 1], or a generator that is not on the CPU.
    """
    check_dials(voice_noise, face_noise, ambiguity)
    if generator.device.type != "cpu":
        raise ValueError("generator must be a CPU generator (see seeded), so that a seed means the same on any device.")
    u = torch.rand(n, _UNIFORMS, generator=generator)
    causes, words, ranges, choices = u.split((_CAUSES, remarks.NUMBERS, len(_RANGES), len(_CHOICES)), 1)
    t = torch.where(causes[:, 0] < 0.5, 1, -1)
    sarcastic = causes[:, 1] < 0.5
    meant = torch.where(sarcastic, -t, t)
    valence = torch.where(causes[:, 2] < ambiguity, remarks.NEUTRAL, t)
    # The inverse of Φ, of numbers in the middle of the generator's 2^-24 steps: never at 0, so never infinite.
    normal = torch.special.ndtri(causes[:, 3:].double() + 2**-25).float()  # (B, 2)
    voice_noise, face_noise = (torch.as_tensor(x, dtype=torch.float32).expand(n) for x in (voice_noise, face_noise))
    speaker = {name: low + (high - low) * ranges[:, i] for i, (name, (low, high)) in enumerate(_RANGES.items())}
    low, high = _RANGES["pitch"]
    speaker["pitch"] = low * (high / low) ** ranges[:, 0]
    speaker |= {name: (choices[:, i] * count).long() for i, (name, count) in enumerate(_CHOICES.items())}
    utterances = Utterances(
        text=remarks.compose(valence, words),
        valence=valence,
        meant=meant,
        sarcastic=sarcastic,
        voice=meant + voice_noise * normal[:, 0],
        face=meant + face_noise * normal[:, 1],
        voice_noise=voice_noise.clone(),
        face_noise=face_noise.clone(),
        **speaker,
    )
    return utterances.to(device)


def utterance_of(words: str, tone: float, face: float) -> Utterances:
    """One utterance from words, by a speaker in the middle of every range: ``utterance_of("wow great food", -1, -1)``.

    Args:
        words: up to 8 words of WORDS; upper case and punctuation are ignored.
        tone: v of the voice, in [-10, 10]. face: f of the mouth, in [-10, 10]. Meant remarks have ±1 on average.

    Nobody knows what was meant; it is taken to be good where tone + face > 0, and sarcastic is what contradicts that.
    The noises are taken to be NOISE.

    Raises:
        TypeError: words that are not text, a tone or face that is not a number. ValueError: no words, too many of them,
        a tone or face out of range. UnknownWordError: a word outside WORDS; the nearest known words are named.
    """
    if not isinstance(words, str):
        raise TypeError(f"words must be a text such as 'wow great food', got {type(words).__name__}.")
    if not any(character.isalnum() for character in words):
        raise ValueError(f"there are no words in {words!r}; write a remark, such as 'wow great food'.")
    for name, value in (("tone", tone), ("face", face)):
        if not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, got {type(value).__name__}.")
        if not abs(value) <= _STRONGEST:
            raise ValueError(f"{name} must lie in [-{_STRONGEST:g}, {_STRONGEST:g}], got {value}.")
    text = remarks.tokenizer().encode(words, remarks.MAX_WORDS)
    valence = remarks.valence_of(text)
    meant = torch.tensor([1 if tone + face > 0 else -1])
    speaker = {name: torch.tensor([(low + high) / 2]) for name, (low, high) in _RANGES.items()}
    return Utterances(
        text=text,
        valence=valence,
        meant=meant,
        sarcastic=valence == -meant,
        voice=torch.tensor([float(tone)]),
        face=torch.tensor([float(face)]),
        voice_noise=torch.tensor([NOISE]),
        face_noise=torch.tensor([NOISE]),
        **speaker,
        **{name: torch.tensor([1]) for name in _CHOICES},
    )


def check_dials(voice_noise: float | Tensor, face_noise: float | Tensor, ambiguity: float = 0.0) -> None:
    """Raises ValueError, one sentence, unless the noises are finite and >= 0 and the ambiguity a probability."""
    for name, noise in (("voice_noise", voice_noise), ("face_noise", face_noise)):
        for value in torch.as_tensor(noise).flatten().tolist():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {value}.")
    if not 0 <= ambiguity <= 1:
        raise ValueError(f"ambiguity must be a probability in [0, 1], got {ambiguity}.")
