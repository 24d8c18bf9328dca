"""Porter's stemmer: 'faces', 'faced' and 'facing' become 'face' (Porter 1980, An algorithm for suffix stripping)."""

import re
from functools import lru_cache

_STEP_2 = (
    "ational ate, tional tion, enci ence, anci ance, izer ize, abli able, alli al, entli ent, eli e, ousli ous, "
    "ization ize, ation ate, ator ate, alism al, iveness ive, fulness ful, ousness ous, aliti al, iviti ive, biliti ble"
)
_STEP_3 = "icate ic, ative -, alize al, iciti ic, ical ic, ful -, ness -"
_STEP_4 = "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize".split()


def _rules(text: str) -> list[tuple[str, str]]:
    pairs = (rule.split() for rule in text.split(", "))
    return [(suffix, "" if new == "-" else new) for suffix, new in pairs]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of an English word in lower case, by the rules of the paper."""
    if word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("ies"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]

    if word.endswith("eed"):
        if _measure(word[:-3]) > 0:
            word = word[:-1]
    elif (suffix := next((s for s in ("ed", "ing") if word.endswith(s)), "")) and "v" in _shape(word[: -len(suffix)]):
        word = word[: -len(suffix)]
        if word.endswith(("at", "bl", "iz")):
            word += "e"
        elif _double(word) and word[-1] not in "lsz":
            word = word[:-1]
        elif _measure(word) == 1 and _short(word):
            word += "e"

    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    for rules in (_rules(_STEP_2), _rules(_STEP_3)):
        found = max((rule for rule in rules if word.endswith(rule[0])), key=lambda rule: len(rule[0]), default=None)
        if found and _measure(word[: -len(found[0])]) > 0:
            word = word[: -len(found[0])] + found[1]

    suffix = max((s for s in _STEP_4 if word.endswith(s)), key=len, default="")
    rest = word[: -len(suffix)] if suffix else word
    if suffix and _measure(rest) > 1 and (suffix != "ion" or rest.endswith(("s", "t"))):
        word = rest
    if word.endswith("e"):
        rest = word[:-1]
        if _measure(rest) > 1 or (_measure(rest) == 1 and not _short(rest)):
            word = rest
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _shape(word: str) -> str:
    """c for each consonant, v for each vowel; y is a vowel after a consonant."""
    kinds = ""
    for letter in word:
        kinds += "v" if letter in "aeiou" or (letter == "y" and kinds.endswith("c")) else "c"
    return kinds


def _measure(word: str) -> int:
    """m of the paper: how often vowels are followed by consonants."""
    return len(re.findall("v+c+", _shape(word)))


def _double(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _short(word: str) -> bool:
    """*o of the paper: it ends consonant, vowel, consonant, and not in w, x or y."""
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"
