r"""Speech: a small world in which the ear and the eye tell different things apart.

A speaker says one of forty words within a second; it is heard (``speak``) and seen (``talking_face``). Both follow the
same phonemes at the same times: formants, levels and lips glide from the target of each phoneme to that of the next.

Of the word, the sound depends on nothing but the phonemes, and no two words have the same. The lips depend on nothing
but their visemes, and several phonemes share one. So clean sound tells every word, and lips have an exact ceiling
(``lips_ceiling``), which no noise lowers. Noise (``noisy``) takes from the sound much of what the lips still show, and
lips hide much of what noise leaves, so both together are worth more than either (Sumby and Pollack 1954). Every clip
has a speaker of its own: fresh clips are new speakers.
"""

from .mouth import lips, talking_face
from .phonemes import PHONEMES, PRONUNCIATIONS, VISEMES, WORDS, homophenes, lips_ceiling, visemes
from .spoken import SPEAKERS, Speech, sample_speech, speech_of
from .voice import mix, noisy, speak

__all__ = [
    "PHONEMES",
    "PRONUNCIATIONS",
    "SPEAKERS",
    "VISEMES",
    "WORDS",
    "Speech",
    "homophenes",
    "lips",
    "lips_ceiling",
    "mix",
    "noisy",
    "sample_speech",
    "speak",
    "speech_of",
    "talking_face",
    "visemes",
]
