"""Captions read back: what a text of the captions' grammar says, and what can be understood of one that is broken.

The grammar is that of :mod:`mmatl_lab.world.text`. A captioner may write anything else, so reading never fails: what is
said of objects, relation and place is taken word by word, and whether the whole is a sentence is told beside it.
"""

import re
from functools import cache
from typing import NamedTuple

from .scene import COLOURS, SHAPES, SIZES
from .text import SYNONYMS

RELATIONS = ("left of", "right of", "above", "below")
_UNTOLD = -1
_PHRASE = r"A(?:SCN|NtiS&C)"  # a small red circle, a circle that is small and red
_SENTENCE = re.compile(rf"{_PHRASE}ITRD|{_PHRASE}(?:V|Do){_PHRASE}|{_PHRASE}(?:&{_PHRASE}){{2,3}}")


class Reading(NamedTuple):
    """What a caption says.

    objects: (size, colour, shape) of each object that is mentioned, places in SIZES, COLOURS and SHAPES; -1 where it is
        not told. relation: of the first to the second, a place in RELATIONS, or None. place: (row, column) of a single
        object, 0 top and 1 bottom, 0 left and 1 right, each None where it is not told. grammatical: whether the words
        are a sentence of the grammar.
    """

    objects: tuple[tuple[int, int, int], ...]
    relation: int | None
    place: tuple[int | None, int | None]
    grammatical: bool


def read_caption(text: str) -> Reading:
    """What ``text`` says; words that the grammar does not know make it no sentence, and say nothing."""
    known = _words()
    words = [known.get(word, ("?", 0)) for word in text.lower().split()]
    kinds = "".join(kind for kind, _ in words)
    objects: list[list[int]] = []
    relation = row = column = None
    fresh = True  # whether the next attribute begins an object
    for i, (kind, value) in enumerate(words):
        if kind == "A":
            fresh = True
        elif kind in "SCN":
            if fresh:
                objects.append([_UNTOLD] * 3)
                fresh = False
            which = "SCN".index(kind)
            if objects[-1][which] == _UNTOLD:
                objects[-1][which] = value
        elif kind == "V" or kinds[i : i + 2] == "Do":
            relation = value if relation is None else relation
            fresh = True
        elif kind == "R":
            row = value
        elif kind == "D":
            column = value
    return Reading(tuple(map(tuple, objects)), relation, (row, column), bool(_SENTENCE.fullmatch(kinds)))


@cache
def _words() -> dict[str, tuple[str, int]]:
    """Each word's kind, one letter of `_SENTENCE`, and what it tells."""
    known = {"a": ("A", 0), "an": ("A", 0), "that": ("t", 0), "is": ("i", 0), "and": ("&", 0), "in": ("I", 0)}
    known |= {"the": ("T", 0), "of": ("o", 0), "left": ("D", 0), "right": ("D", 1)}
    known |= {"above": ("V", 2), "over": ("V", 2), "below": ("V", 3), "under": ("V", 3)}
    for kind, values in (("S", SIZES), ("C", COLOURS), ("N", SHAPES), ("R", ("top", "bottom"))):
        for i, value in enumerate(values):
            known |= dict.fromkeys(SYNONYMS.get(value, (value,)), (kind, i))
    return known
