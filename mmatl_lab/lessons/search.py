"""What a recipe says about tuning: the settings that are searched, and the score that decides.

RECIPE = Recipe(..., search=Search("clip_scenes", {"lr": Range(1e-4, 1e-1), "swapped": (0.0, 0.3)}, score))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, on a logarithmic scale; on a linear one with ``log=False``."""

    low: float
    high: float
    log: bool = True


@dataclass(frozen=True)
class Search:
    """What ``mmatl-lab tune`` varies, and what it asks of a trained model.

    Attributes:
        system: name of the system that is trained.
        space: a field of the system's settings -> a `Range` or a tuple of choices. ``"model.dropout"`` is the field
            ``dropout`` of the field ``model``.
        score: ``score(model)`` -> a number, the more the better, on validation data. It is called on the way, too.
        about: what the score is, for people.
    """

    system: str
    space: Mapping[str, Range | tuple]
    score: Callable[["nn.Module"], float]
    about: str = "score on validation data"


def changed(settings: Any, values: Mapping[str, Any]) -> Any:
    """A copy of ``settings`` with other values; ``"model.dropout"`` is the field ``dropout`` of ``model``."""
    for name, value in values.items():
        first, _, rest = name.partition(".")
        value = changed(field_of(settings, first), {rest: value}) if rest else value
        settings = {**settings, first: value} if isinstance(settings, Mapping) else replace(settings, **{first: value})
    return settings


def field_of(settings: Any, name: str) -> Any:
    """The value of a field, by its name with dots."""
    for part in name.split("."):
        known = vars(settings) if is_dataclass(settings) else settings
        if not isinstance(known, Mapping) or part not in known:
            has = ", ".join(known) if isinstance(known, Mapping) else "none"
            raise ValueError(f"the search space names {name!r}, but {part!r} is no field there: its fields are {has}")
        settings = known[part]
    return settings
