"""From a wrong tensor to its mistake: known mistakes are acted out; the one that gives the same numbers is named."""

from collections.abc import Callable, Mapping
from itertools import combinations

import torch
from torch import Tensor

from .attempt import Wrong

Reference = Callable[[frozenset[str]], Tensor]
"""Gives the right answer for an empty set, and what each named mistake would give for a set of names."""


def diagnose(value, reference: Reference, mistakes: Mapping[str, str], *, what: str, together: int = 2) -> None:
    """Return when `value` is right; otherwise raise `Wrong` with the mistake's sentence.

    Args:
        value: the learner's answer: a tensor, or what makes one.
        reference: the right answer for `frozenset()`, the wrong one for names of `mistakes`.
        mistakes: name of each known mistake and the sentence that names it to the learner.
        what: the answer in the learner's words, such as `"the similarity matrix"`.
        together: how many mistakes made at once are looked for.

    Raises:
        Wrong: with the sentence of the smallest set of mistakes that gives `value`, or with the shape, the entries that
            are not finite, or the first entry that differs.
    """
    value, right = as_tensor(value, what), reference(frozenset()).detach()
    if same(value, right):
        return
    if made := find_mistakes(value, reference, mistakes, together):
        raise Wrong(" Also: ".join(mistakes[name] for name in made))
    if value.shape != right.shape:
        raise Wrong(f"The shape of {what} is {tuple(value.shape)}, expected {tuple(right.shape)}.")
    if not torch.isfinite(value).all() and torch.isfinite(right).all():
        bad = int((~torch.isfinite(value)).sum())
        raise Wrong(
            f"{bad} of {value.numel()} numbers in {what} are not finite (inf or nan): "
            "look for a division by zero or an exponential that overflows."
        )
    raise Wrong(f"{_capital(what)} is not right yet: {_first_difference(value, right)}.")


def find_mistakes(
    value: Tensor, reference: Reference, mistakes: Mapping[str, str], together: int = 2
) -> tuple[str, ...]:
    """Names of the smallest set of mistakes that gives `value`; none of them when no set of up to `together` does."""
    for number in range(1, together + 1):
        for names in combinations(mistakes, number):
            try:
                if same(value, reference(frozenset(names)).detach()):
                    return names
            except RuntimeError:  # a mistake that these shapes do not let anyone make
                continue
    return ()


def as_tensor(value, what: str) -> Tensor:
    """`value` as a float tensor on the CPU, without its gradient.

    Raises:
        Wrong: when it is something else.
    """
    try:
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"Return {what} as a tensor: your function returns a {type(value).__name__}.") from error


def same(value: Tensor, other: Tensor) -> bool:
    """Equal up to the rounding of float32, entries that are not finite included."""
    return value.shape == other.shape and bool(_close(value, other).all())


def _close(value: Tensor, other: Tensor) -> Tensor:
    return torch.isclose(value.double(), other.double(), rtol=2e-4, atol=2e-5, equal_nan=True)


def _first_difference(value: Tensor, right: Tensor) -> str:
    if right.ndim == 0:
        return f"yours is {float(value):.4g}, expected {float(right):.4g}"
    place = tuple((~_close(value, right)).nonzero()[0].tolist())
    where = ", ".join(map(str, place))
    return f"at [{where}] yours is {float(value[place]):.4g}, expected {float(right[place]):.4g}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
