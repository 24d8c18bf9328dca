"""The text view: a small grammar with synonyms and word orders.

One object:   a small red circle in the top left          (or: a circle that is small and red in the upper left)
Two objects:  a small red circle above a large blue star  (or: a big azure star below a tiny crimson disc)
More objects: a small red circle and a large blue star and a green ring that is little

Captions are made as token tensors, a whole batch at once; strings are their decoding.
"""

from functools import cache

import torch
from torch import Tensor

from ..tokenizer import Tokenizer
from .scene import COLOURS, SHAPES, SIZES, Scenes

SYNONYMS = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle", "wedge"),
    "star": ("star", "pentagram"),
    "heart": ("heart", "valentine"),
    "cross": ("cross", "plus"),
    "ring": ("ring", "hoop"),
    "crescent": ("crescent", "moon"),
    "red": ("red", "crimson"),
    "orange": ("orange", "amber"),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rose"),
    "white": ("white", "ivory"),
    "small": ("small", "tiny"),
    "medium": ("medium", "midsize"),
    "large": ("large", "big"),
    "top": ("top", "upper"),
    "bottom": ("bottom", "lower"),
}
_ROWS, _COLUMNS = ("top", "bottom"), ("left", "right")
_RELATIONS = (("left", "of"), ("right", "of"), ("above",), ("below",))  # opposite = index with its last bit flipped
_OTHER_WORDS = (
    # the frame of the grammar
    *(
        "a",
        "an",
        "the",
        "and",
        "that",
        "is",
        "in",
        "to",
        "of",
        "left",
        "right",
        "centre",
        "above",
        "below",
        "over",
        "under",
    ),
    # prompts that people write
    *("picture", "image", "photo", "drawing", "with", "one", "this", "there", "it", "some", "thing", "object", "shape"),
    # what moves and sounds, and what is asked: used by the other views of the world
    *(
        "still",
        "moving",
        "moves",
        "up",
        "down",
        "circling",
        "bouncing",
        "growing",
        "are",
        "how",
        "many",
        "what",
        "which",
    ),
    *("colour", "size", "same", "as", "than", "smaller", "larger", "more", "fewer", "equal", "no", "yes", "not", "or"),
    *("two", "three", "four", "zero", "any", "of", "does", "both", "then", "while", "objects", "shapes", "where"),
)
CAPTION_WORDS = ("", *dict.fromkeys([*(word for variants in SYNONYMS.values() for word in variants), *_OTHER_WORDS]))
MAX_WORDS = {1: 11, 2: 16, 3: 23, 4: 31}  # of the longest caption of so many objects


@cache
def _tables(device: str) -> dict[str, Tensor]:
    """Tokens of each factor's two wordings, e.g. ``shape`` (8, 2); the first column is the plain word."""
    tokenizer = _tokenizer()

    def table(names):
        return torch.tensor([[tokenizer[w] for w in SYNONYMS.get(name, (name, name))] for name in names], device=device)

    tables = {"shape": table(SHAPES), "colour": table(COLOURS), "size": table(SIZES)}
    tables |= {"row": table(_ROWS), "column": table(_COLUMNS)}
    wordings = {2: ("over", ""), 3: ("under", "")}
    relations = [[(*r, "")[:2], wordings.get(i, (*r, "")[:2])] for i, r in enumerate(_RELATIONS)]
    tables["relation"] = torch.tensor([[[tokenizer[w] for w in v] for v in pair] for pair in relations], device=device)
    tables["vowel"] = torch.tensor([word[:1] in "aeiou" and word != "" for word in tokenizer.words], device=device)
    return tables


def _relation(scenes: Scenes, first: Tensor, second: Tensor, prefer_vertical: Tensor) -> Tensor:
    """(B,) index into _RELATIONS, of object ``first`` to ``second``; true by the quarters they stand in."""
    row, column = scenes.row, scenes.column
    dr = row.gather(1, second) - row.gather(1, first)  # > 0: first is above
    dc = column.gather(1, second) - column.gather(1, first)  # > 0: first is left
    vertical = (dc == 0) | ((dr != 0) & prefer_vertical[:, None])
    index = torch.where(vertical, torch.where(dr > 0, 2, 3), torch.where(dc > 0, 0, 1))
    return index.squeeze(1)


def captions(scenes: Scenes, *, generator: torch.Generator | None = None) -> Tensor:
    """(B, L) int64 tokens that name every object's size, colour and shape; one object's place, two objects' relation.

    Args:
        generator: chooses synonyms, word order, the order of the objects and which true relation is told. None takes
            the plainest wording, so that equal scenes have equal captions.

    The tokens are on the scenes' device, 0 after the last word.
    """
    tables = _tables(str(scenes.device))
    B, K = scenes.mask.shape
    device = scenes.device
    # One row of numbers a scene: 3 for the sentence, 5 for each object.
    u = torch.zeros(B, 3 + 5 * 4) if generator is None else torch.rand(B, 3 + 5 * 4, generator=generator)
    u = u.to(device)
    sentence, u = u[:, :3], u[:, 3:].view(B, 4, 5)[:, :K]
    order = torch.where(scenes.mask, u[..., 0], 2.0 + torch.arange(K, device=device)).argsort(
        dim=1, stable=True
    )  # (B, K)
    u = u.gather(1, order[..., None].expand(-1, -1, 5))
    variant = (u[..., 1:4] >= 0.5).long()  # (B, K, 3) wording of size, colour and shape
    mask = scenes.mask.gather(1, order)

    def word(factor: str, wording: Tensor) -> Tensor:
        return tables[factor][getattr(scenes, factor).gather(1, order), wording]  # (B, K)

    size, colour, shape = word("size", variant[..., 0]), word("colour", variant[..., 1]), word("shape", variant[..., 2])
    tokenizer = _tokenizer()
    the = {w: torch.full_like(size, tokenizer[w]) for w in ("that", "is", "and", "a", "an", "in", "the")}
    nothing = torch.zeros_like(size)

    def article(following: Tensor) -> Tensor:
        return torch.where(tables["vowel"][following], the["an"], the["a"])

    before = torch.stack([article(size), size, colour, shape, nothing, nothing, nothing], -1)  # a small red circle
    after = torch.stack([article(shape), shape, the["that"], the["is"], size, the["and"], colour], -1)
    phrase = torch.where((u[..., 4] >= 0.5)[..., None], after, before)  # (B, K, 7)

    # What stands before each object: nothing, the relation (two objects) or 'and'.
    joint = torch.stack([the["and"], nothing], -1)
    joint[:, 0] = 0
    if K > 1:
        relation = _relation(scenes, order[:, :1], order[:, 1:2], sentence[:, 1] >= 0.5)
        told = tables["relation"][relation, (sentence[:, 0] >= 0.5).long()]  # (B, 2)
        joint[:, 1] = torch.where((mask.sum(1) == 2)[:, None], told, joint[:, 1])
    body = (torch.cat([joint, phrase], -1) * mask[..., None]).flatten(1)  # (B, 9 K)

    # The place of a single object; order[:, 0] is that object.
    wording = (sentence[:, 2] >= 0.5).long()
    row = tables["row"][scenes.row[:, 0], wording]
    column = tables["column"][scenes.column[:, 0], 0]
    place = torch.stack([the["in"][:, 0], the["the"][:, 0], row, column], -1) * (mask.sum(1) == 1)[:, None]
    tokens = torch.cat([body, place], 1)  # with gaps
    tokens = tokens.gather(1, (tokens == 0).to(torch.uint8).argsort(dim=1, stable=True))
    return tokens[:, : MAX_WORDS[K]]


def describe(scenes: Scenes) -> list[str]:
    """The plainest caption of each scene as a sentence, the same at every call."""
    return _tokenizer().decode(captions(scenes))


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer(CAPTION_WORDS)
