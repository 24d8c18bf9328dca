"""Phrases: how questions and referring expressions speak of objects, written and read a whole batch at a time.

A description tells some of an object's size, colour and shape: "large red star", "small object". A template is a
sentence with gaps for descriptions: "is the {1} left of the {2}". A grammar is a list of templates; it fills the gaps
with words, choosing among synonyms, and reads the words back.
"""

from functools import cache, cached_property
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from ..tokenizer import Tokenizer
from .scene import COLOURS, SHAPES, SIZES, Scenes
from .text import CAPTION_WORDS, SYNONYMS


def _plural(noun: str) -> str:
    return noun + ("es" if noun[-1] in "sx" else "s")


QUESTION_WORDS = (  # those of captions first, so that a caption's tokens mean the same here
    *CAPTION_WORDS,
    *(_plural(noun) for shape in SHAPES for noun in SYNONYMS[shape]),
    *("things", "bigger", "largest", "biggest", "smallest", "have", "on", "at", "next"),
)
ATTRIBUTES = ("size", "colour", "shape")  # in the order in which English tells them
KINDS = torch.cartesian_prod(*(torch.arange(len(values)) for values in (SIZES, COLOURS, SHAPES)))  # (192, 3)
SUBSETS = torch.tensor(list(product([False, True], repeat=3)))  # (8, 3) of the attributes; the first tells nothing
WORDING = 7  # uniform numbers that choose the words of one sentence


def attributes(scenes: Scenes) -> Tensor:
    """(B, K, 3) size, colour and shape of every object, as indices."""
    return torch.stack([getattr(scenes, name) for name in ATTRIBUTES], -1)


def matches(kinds: Tensor, description: Tensor) -> Tensor:
    """(B, N) bool: which of the kinds (N, 3) or (B, N, 3) the description (B, 3), -1 where nothing is told, fits."""
    described = description[:, None]
    return ((kinds == described) | (described < 0)).all(-1)


def draw(weights: Tensor, u: Tensor) -> Tensor:
    """(B,) index drawn from each row of (B, N) whole weights, which are not all 0, by a uniform number (B,)."""
    cumulative = weights.cumsum(1, dtype=torch.int32)
    return (cumulative <= (u * cumulative[:, -1]).int()[:, None]).sum(1)


class Phrase(NamedTuple):
    """What a sentence says."""

    template: Tensor  # (B,) index; -1 where the words are no sentence of the grammar
    first: Tensor  # (B, 3) description: indices of ATTRIBUTES, -1 where not told
    second: Tensor  # (B, 3) the same of the second object, all -1 in a sentence about one


@cache
def _words(device: str) -> dict[str, Tensor]:
    """Tokens of each attribute's wordings, (values + 1, 2); the last row, at index -1, is for an untold attribute."""
    token = Tokenizer(QUESTION_WORDS)

    def table(rows):
        return torch.tensor([[token[word] for word in row] for row in rows], device=device)

    nouns = [*(SYNONYMS[shape] for shape in SHAPES), ("object", "thing")]
    words = {
        "size": table([*(SYNONYMS.get(size, (size, size)) for size in SIZES), ("", "")]),
        "colour": table([*(SYNONYMS[colour] for colour in COLOURS), ("", "")]),
        "shape": table(nouns),
        "plural": table([[_plural(noun) for noun in row] for row in nouns]),
        "vowel": torch.tensor([word[:1] in (*"aeiou",) for word in QUESTION_WORDS], device=device),
    }
    value = torch.full((len(QUESTION_WORDS), 3), -1, device=device)  # what each word tells
    for i, name in enumerate(ATTRIBUTES):
        for told in (name, "plural") if name == "shape" else (name,):
            known = words[told][:-1]
            value[known, i] = torch.arange(len(known), device=device)[:, None]
    noun = torch.zeros(len(QUESTION_WORDS), dtype=torch.bool, device=device)
    noun[words["shape"]] = noun[words["plural"]] = True
    return words | {"value": value, "noun": noun, "article": torch.tensor([token["a"], token["an"]], device=device)}


class Grammar:
    """Templates, each with its variants: {1} and {2} stand for descriptions, {1s} for the plural, {a} for a or an."""

    _GAPS = {"{a}": (-1,), "{1}": (-2, -3, -4), "{1s}": (-2, -3, -5), "{2}": (-6, -7, -8)}

    def __init__(self, *templates: tuple[str, ...]):
        token = Tokenizer(QUESTION_WORDS)
        rows = [
            [
                [code for word in text.split() for code in (self._GAPS.get(word) or (token[word],))]
                for text in (*variants,)
            ]
            for variants in templates
        ]
        self.length = max(len(row) for variants in rows for row in variants)  # L, the same for every batch
        most = max(len(variants) for variants in rows)
        self._num_variants = torch.tensor([len(variants) for variants in rows])
        self._codes = torch.zeros(len(rows), most, self.length, dtype=torch.long)
        for i, variants in enumerate(rows):
            for j, row in enumerate(variants):
                self._codes[i, j, : len(row)] = torch.tensor(row)

    def write(self, phrase: Phrase, u: Tensor) -> Tensor:
        """(B, L) int64 tokens, 0 after the last word; the uniform numbers (B, WORDING) choose variant and synonyms."""
        words = _words(str(u.device))
        variant = (u[:, 0] * self._num_variants.to(u.device)[phrase.template]).long()
        codes = self._codes.to(u.device)[phrase.template, variant]  # (B, L), negative where there is a gap
        synonym = (u[:, 1:] >= 0.5).long()
        one = [words[name][phrase.first[:, i], synonym[:, i]] for i, name in enumerate(ATTRIBUTES)]
        two = [words[name][phrase.second[:, i], synonym[:, 3 + i]] for i, name in enumerate(ATTRIBUTES)]
        plural = words["plural"][phrase.first[:, 2], synonym[:, 2]]
        following = torch.where(one[0] > 0, one[0], torch.where(one[1] > 0, one[1], one[2]))
        article = words["article"][words["vowel"][following].long()]
        gaps = torch.stack([article, *one, plural, *two], 1)
        return _closed(torch.where(codes < 0, gaps.gather(1, (-codes - 1).clamp(min=0)), codes))

    def read(self, tokens: Tensor) -> Phrase:
        """What (B, L) tokens say, whatever the synonyms."""
        words = _words(str(tokens.device))
        skeleton, template, num_nouns = (t.to(tokens.device) for t in self._skeletons)
        noun, value = words["noun"][tokens], words["value"][tokens]  # (B, L), (B, L, 3)
        place = noun.cumsum(1) - noun.long()  # of the noun that a word belongs to: 0, 1 or, wrongly, more
        told = value >= 0
        descriptions, doubled = [], torch.zeros_like(noun[:, 0])
        for k in range(2):
            here = told & (place == k)[..., None]
            descriptions.append(torch.where(here, value, -1).amax(1))
            doubled |= (here.sum(1) > 1).any(1)
        described = told.any(-1) | noun
        stray = (described & (place >= noun.sum(1, keepdim=True))).any(1)  # an attribute after the last noun
        rest = torch.where(described, 0, tokens)
        a, an = words["article"]
        rest = _closed(torch.where(rest == an, a, rest))
        width = max(rest.shape[1], skeleton.shape[1])
        rest, skeleton = (torch.nn.functional.pad(t, (0, width - t.shape[1])) for t in (rest, skeleton))
        same = (rest[:, None] == skeleton).all(-1) & (noun.sum(1)[:, None] == num_nouns)  # (B, all variants)
        good = same.any(1) & ~doubled & ~stray
        return Phrase(torch.where(good, template[same.long().argmax(1)], -1), *descriptions)

    @cached_property
    def _skeletons(self) -> tuple[Tensor, Tensor, Tensor]:
        """Every variant without its gaps, (M, L), the template (M,) it belongs to and how many nouns (M,) it has."""
        codes = self._codes.flatten(0, 1)
        template = torch.arange(len(self._codes)).repeat_interleave(self._codes.shape[1])
        there = (codes != 0).any(1)
        codes, template = codes[there], template[there]
        bare = torch.where(codes == -1, QUESTION_WORDS.index("a"), codes).clamp(min=0)
        num_nouns = ((codes == -4) | (codes == -5) | (codes == -8)).sum(1)
        return _closed(bare), template, num_nouns


def _closed(tokens: Tensor) -> Tensor:
    """The same words without zeros between them."""
    return tokens.gather(1, (tokens == 0).to(torch.uint8).argsort(dim=1, stable=True))
