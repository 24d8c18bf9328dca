r"""Sarcasm: a small world in which no single view tells what is asked, and two do.

A speaker means well or ill, $m \in \{-1, +1\}$, and says words that praise or blame, $t \in \{-1, +1\}$. The remark is
sarcastic where the words contradict what is meant: $s = [t \ne m]$, with $P(s) = 1/2$ whatever the words. What is meant
is heard in the voice, whose pitch rises or falls by $v$, and seen in the face, whose mouth is bent by $f$:

$$ v = m + \sigma_v \varepsilon, \qquad f = m + \sigma_f \varepsilon', \qquad
   \varepsilon, \varepsilon' \sim \mathcal{N}(0, 1). $$

Three views show a remark: text (the words), voice (the sound) and face (the picture). A dial makes some of the words
neutral, so that they tell no t. The label is the exclusive or of what is said and what is meant: this is why every view
alone, and voice with face, are worth no more than a coin, and why adding up what the views say is not enough.
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
