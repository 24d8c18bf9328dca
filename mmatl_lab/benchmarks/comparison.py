"""What one benchmark finds, and how two ways of doing the same work are timed."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple


class Comparison(NamedTuple):
    """One line of ``mmatl-lab bench``.

    Attributes:
        what: is compared with what.
        ratio: the number that matters, such as the seconds of the slow way over those of the fast way.
        numbers: what it was computed from, each under a name with its unit.
        at_least, at_most: bounds of the ratio on an idle machine, where there are any.
    """

    what: str
    ratio: float
    numbers: Mapping[str, float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the ratio is within its bounds."""
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )

    def to_dict(self) -> dict[str, object]:
        bounds = {name: value for name in ("at_least", "at_most") if (value := getattr(self, name)) is not None}
        found = {"what": self.what, "ratio": self.ratio, "numbers": dict(self.numbers)}
        return found | bounds | ({"met": self.met} if bounds else {})

    def __str__(self) -> str:
        bound = f" (at least {self.at_least:g})" if self.at_least is not None else ""
        bound += f" (at most {self.at_most:g})" if self.at_most is not None else ""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.numbers.items())
        return f"{self.ratio:.2f}{bound}  {self.what}: {numbers}"


class Unavailable(Exception):
    """This machine lacks what a benchmark needs; the sentence says what."""


def seconds(*ways: Callable[[], object], rounds: int = 3) -> list[float]:
    """Median seconds of each way, all in turn in every round, so that a machine that slows down slows all.

    Each way is called once before, for what is made only once.
    """
    for way in ways:
        way()
    found: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, times in zip(ways, found):
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
    return [median(times) for times in found]
