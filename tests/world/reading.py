"""A second reading of captions, questions and expressions, to check the first by: strings and loops."""

import re
from itertools import permutations

from mmatl_lab.world import COLOURS, SHAPES, SIZES
from mmatl_lab.world.text import SYNONYMS

ALIKE = {"over": "above", "under": "below", "upper": "top", "lower": "bottom", "bigger": "larger", "biggest": "largest"}
TELLS = {}  # word -> (factor, value)
for factor, values in (("shape", SHAPES), ("colour", COLOURS), ("size", SIZES)):
    for value in values:
        for word in SYNONYMS.get(value, (value,)):
            TELLS[word] = (factor, value)
            if factor == "shape":
                TELLS[word + ("es" if word.endswith(("s", "x")) else "s")] = (factor, value)


def objects_of(scenes, i):
    """The objects of scene ``i`` as dictionaries of words and coordinates."""
    return [
        {
            "shape": SHAPES[scenes.shape[i, k]],
            "colour": COLOURS[scenes.colour[i, k]],
            "size": SIZES[scenes.size[i, k]],
            "x": scenes.x[i, k].item(),
            "y": scenes.y[i, k].item(),
        }
        for k in range(scenes.mask.shape[1])
        if scenes.mask[i, k]
    ]


def told(description):
    """{factor: value} of a description such as 'large red star'; an assertion fails on any other word."""
    words = description.split()
    assert words[-1] in ("object", "thing", "objects", "things") or TELLS[words[-1]][0] == "shape", description
    return dict(TELLS[word] for word in words if word not in ("object", "thing", "objects", "things"))


def fitting(objects, description):
    """Which objects a description fits, as a list of places."""
    return [k for k, o in enumerate(objects) if all(o[name] == value for name, value in told(description).items())]


def half(o):
    return ("left" if o["x"] < 0 else "right"), ("top" if o["y"] >= 0 else "bottom")


def stands(a, relation, b):
    """Does ``a`` stand so to ``b``? By the halves of the picture that both are in."""
    (ax, ay), (bx, by) = half(a), half(b)
    return {
        "left": (ax, bx) == ("left", "right"),
        "right": (ax, bx) == ("right", "left"),
        "above": (ay, by) == ("top", "bottom"),
        "below": (ay, by) == ("bottom", "top"),
        "next": (ax == bx) != (ay == by),
    }[relation]


def reply(objects, question):
    """The answer in words, or None where there is none."""

    def the(description):
        found = fitting(objects, description)
        return objects[found[0]] if len(found) == 1 else None

    if m := re.fullmatch(r"is there (?:an?|any) (.+)", question):
        return "yes" if fitting(objects, m[1]) else "no"
    if m := re.fullmatch(r"how many (.+) are (?:there|in the picture)", question):
        return ("zero", "one", "two", "three", "four")[len(fitting(objects, m[1]))]
    for factor in ("colour", "shape"):
        if m := re.fullmatch(rf"what {factor} is the (.+)|what is the {factor} of the (.+)", question):
            return the(m[1] or m[2]) and the(m[1] or m[2])[factor]
    for pattern in (
        r"is the (?P<a>.+) (?P<how>larger|bigger|smaller) than the (?P<b>.+)",
        r"does the (?P<a>.+) have a (?P<how>larger|smaller) size than the (?P<b>.+)",
        r"is the (?P<a>.+?) (?:to the )?(?P<how>left|right) of the (?P<b>.+)",
        r"is the (?P<a>.+) (?P<how>above|below|over|under) the (?P<b>.+)",
        r"are the (?P<a>.+) and the (?P<b>.+) the same (?P<how>\w+)",
        r"is the (?P<a>.+) the same (?P<how>\w+) as the (?P<b>.+)",
    ):
        if m := re.fullmatch(pattern, question):
            break
    else:
        raise AssertionError(f"not a question: {question}")
    a, b, how = the(m["a"]), the(m["b"]), ALIKE.get(m["how"], m["how"])
    if a is None or b is None or a is b:
        return None
    if how in ("colour", "shape", "size"):
        holds = a[how] == b[how]
    elif how in ("larger", "smaller"):
        bigger, than = (a, b) if how == "larger" else (b, a)
        holds = SIZES.index(bigger["size"]) > SIZES.index(than["size"])
    else:
        opposite = {"left": "right", "right": "left", "above": "below", "below": "above"}[how]
        holds = stands(a, how, b)
        if not holds and not stands(a, opposite, b):
            return None
    return "yes" if holds else "no"


def take_apart(expression):
    """(description, way, word, landmark's description): ways are plain, size, side and relation."""
    words = " ".join(ALIKE.get(word, word) for word in expression.removeprefix("the ").split())
    if m := re.fullmatch(r"(.+?) (?:to the )?(left|right|above|below|next)(?: of| to)? the (.+)", words):
        return m[1], "relation", m[2], m[3]
    if m := re.fullmatch(r"(.+) (?:on|at) the (left|right|top|bottom)", words):
        return m[1], "side", m[2], None
    if m := re.fullmatch(r"(largest|smallest|left|right|top|bottom) (.+)", words):
        return m[2], "size" if m[1].endswith("st") else "side", m[1], None
    return words, "plain", None, None


def meant(objects, description, way="plain", word=None, landmark=None):
    """Which objects an expression that was taken apart fits, as a list of places."""
    found = fitting(objects, description)
    if way == "size":
        ranks = [SIZES.index(objects[k]["size"]) for k in found]
        best = (max if word == "largest" else min)(ranks, default=None)
        return [k for k, rank in zip(found, ranks) if rank == best]
    if way == "side":
        return [k for k in found if word in half(objects[k])]
    if way == "relation":
        marks = fitting(objects, landmark)
        return [k for k in found if len(marks) == 1 and stands(objects[k], word, objects[marks[0]])]
    return found


def shortened(description):
    """The description without one of the attributes that it tells, for each of them."""
    parts = told(description)
    for left_out in parts:
        kept = [parts[name] for name in ("size", "colour", "shape") if name in parts and name != left_out]
        yield " ".join(kept if "shape" in parts and left_out != "shape" else [*kept, "object"])


PLAIN = {variant: word for word, variants in SYNONYMS.items() for variant in variants}


def parse(caption):
    """A caption as (objects, place of a single object or relation of two, in words)."""
    objects, current, places = [], {}, []
    for word in (ALIKE.get(word, word) for word in caption.split()):
        if word in TELLS:
            factor, value = TELLS[word]
            current[factor] = value
        elif word in ("left", "right", "above", "below", "top", "bottom"):
            places.append(word)
        if len(current) == 3:
            objects.append(current)
            current = {}
    return objects, places


def is_true(objects, parsed):
    """Is a parsed caption true of a scene of these objects?"""
    told, places = parsed
    if len(told) != len(objects):
        return False
    for order in permutations(objects):
        if all(o[factor] == value for o, told_of in zip(order, told) for factor, value in told_of.items()):
            if not places:
                return True
            if len(told) == 1:
                return set(places) == set(half(order[0]))
            if len(places) == 1 and stands(order[0], places[0], order[1]):
                return True
    return False
