r"""Sarcasm: a small world in which no single modality shows the label, but two together do.

A speaker has a good or bad opinion, $m \in \{-1, +1\}$, and says words of praise or blame, $t \in \{-1, +1\}$. This is
sarcastic if the words contradict the opinion: $s = [t \ne m]$, with $P(s) = 1/2$ whatever the words. Two modalities
show the opinion with noise: the pitch of the voice rises or falls by $v$, and the mouth of the face is bent by $f$:

$$ v = m + \sigma_v \varepsilon, \qquad f = m + \sigma_f \varepsilon', \qquad
   \varepsilon, \varepsilon' \sim \mathcal{N}(0, 1). $$

There are three modalities: text (the words), voice (the sound) and face (the picture). ``ambiguity`` makes some of the
words neutral; neutral words do not show t. The label is the exclusive or of t and m. So each modality alone, and voice
with face, predict it no better than chance, and a sum of one score for each modality cannot predict it either.
"""

from .ideal import belief, ceiling
from .remarks import MAX_WORDS, WORDS
from .utterances import MODALITIES, NOISE, Utterances, sample_utterances, utterance_of
from .views import RATE, draw_faces, speak, squash

__all__ = [
    "MAX_WORDS",
    "NOISE",
    "RATE",
    "MODALITIES",
    "WORDS",
    "Utterances",
    "belief",
    "ceiling",
    "draw_faces",
    "sample_utterances",
    "speak",
    "squash",
    "utterance_of",
]
