r"""Ceilings: the best accuracy that any model can reach, computed, because the causes of the data are known.

A task asks for some factors of a scene; a view shows some of them. With all states $s$ of the factors and their
probabilities enumerated, the Bayes-optimal guess after seeing $v$ is the likeliest answer, and its accuracy is

$$ A^* = \sum_v \max_y P(v, y). $$

A model above this line has seen the answer some other way; a model below it has something left to learn.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from .scene import COLOURS, GRID, MOTIONS, SHAPES, SIZES

FACTORS = {  # of a single object, with the number of their values
    "shape": len(SHAPES),
    "colour": len(COLOURS),
    "size": len(SIZES),
    "motion": len(MOTIONS),
    "row": GRID,
    "column": GRID,
}
SHOWS = {  # what each view shows without noise; a still image cannot show motion, and captions do not tell it
    "image": ("shape", "colour", "size", "row", "column"),
    "text": ("shape", "colour", "size", "row", "column"),
}


def states(combinations: Tensor | None = None) -> tuple[dict[str, Tensor], Tensor]:
    """Every state of one object's discrete factors, (S,) each, and their probabilities (S,), which sum to 1.

    Args:
        combinations: (8, 8) bool, shape by colour, as in ``sample_scenes``.
    """
    grid = torch.cartesian_prod(*(torch.arange(n) for n in FACTORS.values()))  # (S, factors)
    values = dict(zip(FACTORS, grid.T))
    weight = torch.ones(len(grid), dtype=torch.float64)
    if combinations is not None:
        weight = combinations.cpu()[values["shape"], values["colour"]].double()
        if weight.sum() == 0:
            raise ValueError("combinations allows no shape and colour at all; set at least one entry to True.")
    return values, weight / weight.sum()


def _index(values: dict[str, Tensor], names: Iterable[str]) -> Tensor:
    """(S,) int64: one number for each different setting of the named factors."""
    index = torch.zeros_like(values["shape"])
    for name in names:
        index = index * FACTORS[name] + values[name]
    return index


def bayes_accuracy(joint: Tensor) -> float:
    """Σ_v max_y P(v, y) of a (V, Y) table of probabilities."""
    return joint.max(1).values.sum().item()


def accuracy(task: str | tuple[str, ...], given: Iterable[str] = (), *, combinations: Tensor | None = None) -> float:
    """The best accuracy at naming the factors ``task`` of a single object after seeing the views or factors ``given``.

    Args:
        task: one or more of FACTORS, all of which must be right.
        given: names of views (SHOWS) or of factors; empty is the blind ceiling, the best constant answer.

    >>> accuracy("motion", ["image"])
    0.125

    Raises:
        ValueError: an unknown factor or view; the known ones are named.
    """
    task = (task,) if isinstance(task, str) else tuple(task)
    given = (given,) if isinstance(given, str) else tuple(given)
    if unknown := [name for name in task if name not in FACTORS]:
        raise ValueError(f"task must be among {', '.join(FACTORS)}; got {', '.join(unknown)}.")
    if unknown := [name for name in given if name not in FACTORS and name not in SHOWS]:
        raise ValueError(f"given must be among {', '.join([*SHOWS, *FACTORS])}; got {', '.join(unknown)}.")
    seen = dict.fromkeys(factor for name in given for factor in SHOWS.get(name, (name,)))
    values, probability = states(combinations)
    v, y = _index(values, seen), _index(values, task)
    joint = torch.zeros(int(v.max()) + 1, int(y.max()) + 1, dtype=torch.float64)
    joint.index_put_((v, y), probability, accumulate=True)
    return bayes_accuracy(joint)


def retrieval(meaning: Tensor) -> float:
    """The best R@1 when only one of the items that say the same counts as right: the mean of 1 / (how many do).

    Args:
        meaning: (N,) int64; items with equal numbers cannot be told apart (``Scenes.meaning``).
    """
    _, inverse, count = meaning.unique(return_inverse=True, return_counts=True)
    return (1 / count[inverse].double()).mean().item()
