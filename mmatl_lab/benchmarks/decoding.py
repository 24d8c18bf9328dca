"""What remembering the words so far saves when captions are written."""

import torch

from mmatl_lab.models.captioning import (
    ShowTell,
    ShowTellConfig,
    TransformerCaptioner,
    TransformerCaptionerConfig,
)
from mmatl_lab.nn.decoding import Uncached, greedy
from mmatl_lab.seeding import drawn_from, seeded

from .comparison import Comparison, seconds

B, LENGTH, VOCAB_SIZE = 64, 32, 112
CONFIGS = {
    "transformer": (TransformerCaptioner, TransformerCaptionerConfig(VOCAB_SIZE, max_len=LENGTH)),
    "LSTM": (ShowTell, ShowTellConfig(VOCAB_SIZE)),
}


def with_cache(kind: str) -> Comparison:
    """Seconds of greedy decoding that reads all words again at each step, over those with the decoder's state.

    Captions of 32 words, no earlier end; the same words are asserted.

    Raises:
        AssertionError: the two ways write different words.
    """
    make, config = CONFIGS[kind]
    with drawn_from(0):
        model = make.from_config(config).eval()
    model.never_said[model.end] = True
    images = torch.rand(B, 3, 32, 32, generator=seeded(0))
    assert torch.equal(greedy(model, images, LENGTH).tokens, greedy(Uncached(model), images, LENGTH).tokens)
    slow, fast = seconds(lambda: greedy(Uncached(model), images, LENGTH), lambda: greedy(model, images, LENGTH))
    what = f"{B} captions of {LENGTH} words by the {kind}, all words read again at each step, against its state"
    return Comparison(what, slow / fast, {"again s": slow, "state s": fast}, at_least=3.0)
