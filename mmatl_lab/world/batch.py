"""What scenes, remarks and spoken words have in common: batches of causes, tensors whose rows belong together."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """A dataclass of tensors with B rows each: it can be counted, indexed, joined and moved as a whole."""

    def __len__(self) -> int:
        return len(self._columns()[0])

    @property
    def device(self) -> torch.device:
        return self._columns()[0].device

    def __getitem__(self, index: int | slice | Tensor) -> Self:
        """The rows at ``index`` (an int, a slice, a mask or a tensor of indices); always a batch."""
        if isinstance(index, int):
            index = range(len(self))[index]  # raises IndexError, and counts negatives from the end
            index = slice(index, index + 1)
        return self._map(lambda column: column[index])

    def __add__(self, other: Self) -> Self:
        """The rows of both batches, one after the other; but for their number, their shapes must be the same."""
        return type(self)(*(torch.cat(columns) for columns in zip(self._columns(), other._columns(), strict=True)))

    def to(self, device: torch.device | str) -> Self:
        return self._map(lambda column: column.to(device))

    def _columns(self) -> list[Tensor]:
        return [getattr(self, field.name) for field in fields(self)]

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(*map(change, self._columns()))
