r"""What is said in the world of speech: phonemes, how they sound, how they look on the lips, and forty words of them.

A phoneme is what the ear tells apart, a viseme what the eye tells apart (Fisher 1968). Several phonemes share a viseme,
so several words look exactly alike on the lips: homophenes, such as *bat*, *pat* and *man*. Reading lips therefore has
a ceiling, and it is known exactly, because all words and their visemes are (``lips_ceiling``).

Sources. Formants of vowels: averages of 33 men, Peterson and Barney 1952 (J. Acoust. Soc. Am. 24, table II); of
consonants: Klatt 1980 (J. Acoust. Soc. Am. 67, table III), with the nasal pole of 270 Hz as a nasal's first. Visemes of
consonants: the composite grouping of Owens and Blazek 1985 (J. Speech Hear. Res. 28), p b m / f v / w r / sh / t d s n
l k g. The vowels are grouped by opening and rounding; levels, bands of noise, releases and mouths are set by hand.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import torch

from mmatl_lab.spelling import near

from ..ceilings import bayes_accuracy


class Viseme(NamedTuple):
    """A shape of the mouth, each number in [0, 1]: ``width`` of the corners, ``teeth`` how far the upper ones show."""

    opening: float
    width: float
    rounding: float
    teeth: float
    seconds: float  # how long it lasts at tempo 1: a property of the viseme, or timing would tell homophenes apart


REST = Viseme(0.06, 0.5, 0.0, 0.0, 0.0)  # before and after the word
VISEMES = {
    "lips": Viseme(0.0, 0.5, 0.0, 0.0, 0.13),
    "teeth": Viseme(0.1, 0.5, 0.0, 1.0, 0.13),  # the upper teeth on the lower lip
    "tongue": Viseme(0.3, 0.6, 0.0, 0.7, 0.13),
    "pout": Viseme(0.35, 0.2, 0.6, 0.9, 0.13),
    "kiss": Viseme(0.12, 0.0, 1.0, 0.0, 0.13),
    "spread": Viseme(0.4, 1.0, 0.0, 0.6, 0.22),
    "half": Viseme(0.7, 0.75, 0.0, 0.4, 0.22),
    "wide": Viseme(1.0, 0.45, 0.0, 0.2, 0.22),
    "round": Viseme(0.75, 0.2, 0.6, 0.0, 0.22),
    "tight": Viseme(0.3, 0.0, 0.9, 0.0, 0.22),
}


class Phoneme(NamedTuple):
    """How a phoneme looks (the name of its viseme) and sounds; frequencies in Hz for an adult man.

    ``voice``: level of the glottal source. ``noise``: level, centre and width of the band of its frication.
    ``release``: seconds after its end in which a stop lets go; its noise sounds there instead of throughout.
    ``damping``: factor on the formants' bandwidths.
    """

    viseme: str
    formants: tuple[float, float, float]
    voice: float
    noise: tuple[float, float, float] = (0.0, 1000.0, 1000.0)
    release: float = 0.0
    damping: float = 1.0


PHONEMES = {  # named as in ARPAbet
    "IY": Phoneme("spread", (270, 2290, 3010), 1.0),
    "IH": Phoneme("spread", (390, 1990, 2550), 1.0),
    "EH": Phoneme("half", (530, 1840, 2480), 1.0),
    "AE": Phoneme("half", (660, 1720, 2410), 1.0),
    "AA": Phoneme("wide", (730, 1090, 2440), 1.0),
    "AO": Phoneme("round", (570, 840, 2410), 1.0),
    "UW": Phoneme("tight", (300, 870, 2240), 1.0),
    "P": Phoneme("lips", (400, 1100, 2150), 0.0, (0.5, 900, 900), release=0.05),
    "B": Phoneme("lips", (200, 1100, 2150), 0.12, (0.3, 900, 900), release=0.015),
    "M": Phoneme("lips", (270, 1270, 2130), 0.4, damping=2.0),
    "F": Phoneme("teeth", (340, 1100, 2080), 0.0, (0.12, 2500, 2500)),
    "V": Phoneme("teeth", (220, 1100, 2080), 0.25, (0.06, 2500, 2500)),
    "T": Phoneme("tongue", (400, 1600, 2600), 0.0, (1.0, 3500, 600), release=0.05),
    "D": Phoneme("tongue", (200, 1600, 2600), 0.12, (0.6, 3500, 600), release=0.015),
    "K": Phoneme("tongue", (300, 1990, 2850), 0.0, (1.0, 1900, 400), release=0.06),
    "G": Phoneme("tongue", (200, 1990, 2850), 0.12, (0.6, 1900, 400), release=0.02),
    "S": Phoneme("tongue", (320, 1390, 2530), 0.0, (0.6, 3900, 500)),
    "N": Phoneme("tongue", (270, 1340, 2470), 0.4, damping=2.0),
    "L": Phoneme("tongue", (310, 1050, 2880), 0.6),
    "SH": Phoneme("pout", (300, 1840, 2750), 0.0, (0.6, 2700, 500)),
    "W": Phoneme("kiss", (290, 610, 2150), 0.6),
    "R": Phoneme("kiss", (310, 1060, 1380), 0.6),
}

_DICTIONARY = """
bat B AE T, pat P AE T, mat M AE T, bad B AE D, man M AE N, pen P EH N
beat B IY T, meet M IY T, pin P IH N, big B IH G
boot B UW T, moon M UW N, pool P UW L
ball B AO L, mall M AO L
fan F AE N, van V AE N, vet V EH T
feet F IY T, veal V IY L
cat K AE T, get G EH T, net N EH T, sad S AE D
cap K AE P, gap G AE P, nap N AE P
lock L AA K, sock S AA K, dot D AA T
saw S AO, law L AO
two T UW, new N UW
read R IY D, win W IH N
rock R AA K
shoe SH UW
ship SH IH P
fish F IH SH
"""  # a line for each group of words that look alike
PRONUNCIATIONS = {word: tuple(said) for word, *said in map(str.split, re.split(r"[,\n]", _DICTIONARY.strip()))}
WORDS = tuple(PRONUNCIATIONS)
MAX_PHONEMES = 3


def spoken(words: Iterable[str] | None = None) -> list[int]:
    """The places in WORDS of the given words, in order; all of them by default.

    Raises:
        ValueError: no words, a word given twice, or an unknown one; known ones that are spelt nearly alike are named.
    """
    words = WORDS if words is None else (words,) if isinstance(words, str) else tuple(words)
    if not words or len(set(words)) < len(words):
        raise ValueError(f"words must be one or more different words, got {words}; choose among WORDS.")
    for word in words:
        if word not in PRONUNCIATIONS:
            alike = ", ".join(near(str(word), WORDS, 3))
            meant = f"did you mean {alike}?" if alike else "choose among WORDS."
            raise ValueError(f"{word!r} is not among the {len(WORDS)} words spoken here; {meant}")
    return [WORDS.index(word) for word in words]


def visemes(word: str) -> tuple[str, ...]:
    """The names of the visemes of a word, which is all that can be seen of it.

    Raises:
        ValueError: an unknown word; known ones that are spelt nearly alike are named.
    """
    (index,) = spoken([word])
    return tuple(PHONEMES[phoneme].viseme for phoneme in PRONUNCIATIONS[WORDS[index]])


def homophenes(words: Iterable[str] | None = None) -> list[tuple[str, ...]]:
    """The given words (all by default) grouped by how they look: words of a group have the same visemes."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for index in spoken(words):
        groups.setdefault(visemes(WORDS[index]), []).append(WORDS[index])
    return [tuple(group) for group in groups.values()]


def lips_ceiling(words: Iterable[str] | None = None) -> float:
    r"""The best accuracy at naming one of ``words``, all equally likely, from the lips alone.

    $$ A^* = \sum_v \max_w P(v, w) = \frac{\text{number of groups of homophenes}}{\text{number of words}} $$

    From clean sound it is 1, since no two words have the same phonemes.

    >>> lips_ceiling(["bat", "pat", "fish"])  # bat and pat look alike
    0.6666666666666666
    """
    groups = homophenes(words)
    n = sum(len(group) for group in groups)
    rows = (torch.full((1, len(group)), 1 / n, dtype=torch.float64) for group in groups)
    return bayes_accuracy(torch.block_diag(*rows))
