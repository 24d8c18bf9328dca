"""Leave one group out: persons, speakers or recordings, of which none may be in training and in test."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Fold(NamedTuple):
    """Rows (int64) of one fold; ``held_out`` is the group of ``test``, and no group is in two of the three."""

    held_out: Any
    train: Tensor
    validation: Tensor
    test: Tensor


def folds(groups: Tensor | Sequence, *, validation: bool = False, within: Tensor | None = None) -> Iterator[Fold]:
    """Leave one group out in turn: one fold for each person, speaker or recording, in sorted order.

    Choices (architecture, number of steps) are made on validation rows only. Take them from one group more that is left
    out of training (``validation=True``: the next group, cyclically), or from folds of the training rows alone
    (``folds(groups, within=fold.train)``).

    Args:
        groups: (N,) the group of each row.
        validation: also leave out a group for choices; else ``validation`` is empty.
        within: rows to use; all by default. The folds' indices still count all N rows.

    Raises:
        ValueError: for fewer groups than are left out at a time, and one to train on.
    """
    groups = groups.tolist() if isinstance(groups, Tensor) else list(groups)
    rows = range(len(groups)) if within is None else within.tolist()
    names = sorted({groups[row] for row in rows})
    if len(names) < 2 + validation:
        raise ValueError(f"leaving groups out needs {2 + validation} groups or more, got {len(names)}")
    of = {name: [row for row in rows if groups[row] == name] for name in names}
    for index, held_out in enumerate(names):
        chosen = names[(index + 1) % len(names)] if validation else None
        train = [row for row in rows if groups[row] != held_out and (not validation or groups[row] != chosen)]
        parts = train, of[chosen] if validation else [], of[held_out]
        yield Fold(held_out, *(torch.tensor(part, dtype=torch.int64) for part in parts))
