"""The numbers of a step wait on the device until somebody looks, so that no step waits for the device."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .checks import as_number

LOOK_EVERY = 0.25  # seconds between two looks at a device that computes while Python goes on


class Reading(NamedTuple):
    """Numbers of one update: the step that it belongs to, names, and values in the order of the names."""

    step: int
    names: tuple[str, ...]
    values: Sequence[float]


class Readings:
    """Collects readings; with several processes their means over the processes.

    Args:
        device: where the numbers are. On a CPU without other processes they are read at once, which costs nothing.
        world_size: number of processes; each must call :meth:`add` alike.
    """

    def __init__(self, device: torch.device, world_size: int):
        self.device, self.world_size = device, world_size
        self._at_once = device.type == "cpu" and world_size == 1
        self._waiting: list[tuple[int, tuple[str, ...], Sequence[float] | Tensor]] = []

    def add(self, step: int, names: tuple[str, ...], values: Sequence[Tensor | float]) -> Sequence[float] | Tensor:
        """Take the numbers of an update, and give them back as the mean over the processes."""
        if self._at_once:
            row = [v.item() if isinstance(v, Tensor) else float(v) for v in values]
        else:
            row = torch.stack([as_number(value, self.device) for value in values])
            if self.world_size > 1:
                torch.distributed.all_reduce(row)
                row /= self.world_size
        self._waiting.append((step, names, row))
        return row

    def read(self) -> Iterator[Reading]:
        """All readings since the last time, in their order; one wait for the device."""
        waiting, self._waiting = self._waiting, []
        rows = [row for *_, row in waiting if isinstance(row, Tensor)]
        numbers = iter(torch.cat(rows).tolist() if rows else ())
        for step, names, row in waiting:
            yield Reading(step, names, [next(numbers) for _ in range(len(row))] if isinstance(row, Tensor) else row)
