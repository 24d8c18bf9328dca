"""The words of a remark: a small grammar of everyday praise and blame.

wow great food · oh what an awful trip · the film was really lovely · this place sure is interesting · i hated the hotel

One word carries the valence; the rest of the sentence is drawn in the same way for praise, blame and neutral remarks.
So a remark's length says nothing about its valence, and the voice, which lets the words be counted, does not either.
"""

from functools import cache

import torch
from torch import Tensor

from ...tokenizer import Tokenizer

NEUTRAL, PRAISE, BLAME = 0, 1, -1  # valences; as indices they stand in this order, the last from behind
_SLOTS = {  # what may stand in each place of a sentence; an empty word is left out
    "OPENER": ("", "wow", "oh", "well", "gosh", "yes", "look", "honestly"),
    "NOUN": (
        *("food", "coffee", "music", "weather"),  # the first four have no article
        *("place", "service", "film", "party", "concert", "trip", "day", "song", "gift", "idea", "hotel", "speech"),
    ),
    "ADVERB": ("", "really", "truly", "just"),
}
_LOADED = {  # what carries the valence: neutral, praise and blame, equally many each
    "ADJECTIVE": (
        ("interesting", "different", "unusual", "unexpected", "surprising", "typical", "curious", "new"),
        ("great", "wonderful", "lovely", "brilliant", "fantastic", "delightful", "perfect", "excellent"),
        ("terrible", "awful", "horrible", "dreadful", "lousy", "bad", "miserable", "disappointing"),
    ),
    "VERB": (
        ("noticed", "remembered", "expected", "mentioned"),
        ("loved", "adored", "enjoyed", "liked"),
        ("hated", "detested", "loathed", "disliked"),
    ),
}
_SENTENCES = (
    "OPENER ADJECTIVE NOUN",
    "OPENER what ARTICLE ADJECTIVE NOUN",
    "OPENER the NOUN was ADVERB ADJECTIVE",
    "OPENER this NOUN sure is ADJECTIVE",
    "OPENER i ADVERB VERB the NOUN",
)
_MASS_NOUNS = 4

_plain = [word for sentence in _SENTENCES for word in sentence.split() if word.islower()]
_slot_words = [word for words in _SLOTS.values() for word in words]
_loaded_words = [word for valences in _LOADED.values() for words in valences for word in words]
WORDS = ("", *dict.fromkeys(word for word in (*_plain, "a", "an", *_slot_words, *_loaded_words) if word))
MAX_WORDS = 8  # of a remark; the grammar's own have up to six
NUMBERS = 5  # random numbers that choose a remark


@cache
def tokenizer() -> Tokenizer:
    """The tokenizer of all remarks; ``Tokenizer(WORDS)``."""
    return Tokenizer(WORDS)


@cache
def _tokens(names: tuple[str, ...]) -> Tensor:
    """(N,) int64."""
    return torch.tensor([tokenizer()[name] if name else 0 for name in names])


@cache
def _valences() -> Tensor:
    """(V,) int64: the valence of each word of the vocabulary, 0 for most."""
    table = torch.zeros(len(WORDS), dtype=torch.long)
    for valences in _LOADED.values():
        for valence in (PRAISE, BLAME):
            table[_tokens(valences[valence])] = valence
    return table


def compose(valence: Tensor, u: Tensor) -> Tensor:
    """Remarks of the valences (B,): (B, MAX_WORDS) int64 tokens, 0 after the last word.

    Args:
        u: (B, NUMBERS) uniform in [0, 1); they choose the sentence, opener, noun, adverb and loaded word.
    """

    def choose(number: int, words: tuple[str, ...]) -> Tensor:
        return _tokens(words)[(u[:, number] * len(words)).long()]

    word = {name: choose(1 + i, words) for i, (name, words) in enumerate(_SLOTS.items())}  # each (B,)
    for name, valences in _LOADED.items():
        word[name] = torch.stack([choose(NUMBERS - 1, words) for words in valences])[valence, torch.arange(len(u))]
    vowel = torch.tensor([name[:1] in tuple("aeiou") for name in WORDS])[word["ADJECTIVE"]]
    mass = torch.isin(word["NOUN"], _tokens(_SLOTS["NOUN"][:_MASS_NOUNS]))
    a, an = _tokens(("a", "an"))
    word["ARTICLE"] = torch.where(mass, 0, torch.where(vowel, an, a))

    tokens = torch.zeros(len(_SENTENCES), len(u), MAX_WORDS, dtype=torch.long)
    for i, sentence in enumerate(_SENTENCES):
        for place, name in enumerate(sentence.split()):
            tokens[i, :, place] = _tokens((name,)) if name.islower() else word[name]
    tokens = tokens[(u[:, 0] * len(_SENTENCES)).long(), torch.arange(len(u))]
    return tokens.gather(1, (tokens == 0).to(torch.uint8).argsort(dim=1, stable=True))  # the gaps last


def valence_of(tokens: Tensor) -> Tensor:
    """(B,) int64 in {-1, 0, 1}: whether there are more words of praise than of blame in (B, L) tokens, or fewer."""
    return _valences()[tokens].sum(1).sign()
