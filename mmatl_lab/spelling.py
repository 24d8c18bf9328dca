"""Unknown names: one sentence with the known one that is spelt nearly alike, if there is one."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str], n: int = 1) -> list[str]:
    """The known names that ``name`` may be a misspelling of, best first; none where none is near.

    Near is a ``difflib`` ratio of .6 or more: 'tyo' is near 'toy', 'elephant' is not near 'clip'.
    """
    return get_close_matches(str(name).lower(), list(known), n=n)


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """``no lesson is called 'clpi': did you mean 'clip'? There are clip, fusion``, or without the question."""
    known = list(known)
    meant = near(str(name), known)
    there = f"there are {', '.join(known)}" if known else "there is none"
    return f"no {kind} is called {name!r}: " + (f"did you mean {meant[0]!r}? T{there[1:]}" if meant else there)
