"""How many CPU threads compute: as many as are faster here and now, on a machine that others use, too.

With more threads than free cores each parallel loop waits for a thread that another process has pushed off its core;
measured here, one busy process made the training of a small CLIP on two cores 44 times slower, and one thread did not
notice it. So the number is chosen by measuring, and looked at again when the work becomes slow.

Another number of threads rounds differently: sums are split otherwise. Where bits matter, set ``OMP_NUM_THREADS``:
then nothing here changes it.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

FRESH = 10.0  # seconds for which a measurement holds
SLOWER = 3.0  # a step that takes this many times the usual asks for a new measurement
SHARE = 0.02  # of the time may go into measuring

_measured: tuple[float, int] = (-float("inf"), 0)  # when, and the number found


def candidates(cores: int) -> list[int]:
    """All, half, a quarter, ..., one."""
    return [cores >> i for i in range(cores.bit_length())]


def fastest(counts: list[int]) -> int:
    """The number of threads with which torch computes fastest now; some 10 ms each.

    Leaves torch at that number.
    """
    import torch

    x, w = torch.ones(256, 512), torch.ones(512, 512)
    times = {}
    for count in counts:
        torch.set_num_threads(count)
        torch.relu(x @ w)  # starts the threads
        turns = []
        begin = time.perf_counter()
        while len(turns) < 12 and time.perf_counter() - begin < 0.1:
            start = time.perf_counter()
            y = x @ w
            y.add_(1).relu_()
            turns.append(time.perf_counter() - start)
        times[count] = (time.perf_counter() - begin) / len(turns)
    best = min(times, key=times.get)
    torch.set_num_threads(best)
    return best


class Threads:
    """Keeps the number of torch's threads right while something is repeated; see :func:`calm_threads`."""

    def __init__(self, most: int, adapt: bool):
        import torch

        self.most, self.adapt = most, adapt and most > 1
        self.now = most
        self._usual: deque[float] = deque(maxlen=31)
        self._last = self._looked = time.monotonic()
        self._cost = 0.0
        when, found = _measured
        if self.adapt and time.monotonic() - when < FRESH and found <= most:
            self.now, self._looked = found, when
            torch.set_num_threads(found)
        elif self.adapt:
            self._look()

    def tick(self) -> None:
        """Say that one more step is done; cheap."""
        if not self.adapt:
            return
        now = time.monotonic()
        took, self._last = now - self._last, now
        slow = len(self._usual) >= 3 and took > SLOWER * median(self._usual)
        self._usual.append(took)
        since = now - self._looked
        if since * SHARE > self._cost and (slow or (self.now < self.most and since > FRESH)):
            self._look()

    def _look(self) -> None:
        global _measured
        start = time.monotonic()
        before, self.now = self.now, fastest(candidates(self.most))
        if self.now != before:
            self._usual.clear()
        self._looked = self._last = time.monotonic()
        self._cost = self._looked - start
        _measured = self._looked, self.now


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which torch computes on one thread: for small tensors, where several mostly wait for each other.

    With one thread the results are also the same bits, whatever else the machine does. Where steps are large and
    repeated, :func:`calm_threads` is faster.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def calm_threads(adapt: bool = True) -> Iterator[Threads]:
    """A context in which torch uses the number of threads that is fastest now.

        with calm_threads() as threads:
            for batch in batches:
                ...
                threads.tick()  # looks again when a step took three times the usual, and every 10 s for free cores

    Without ``tick`` a measurement of the last 10 s is used again, so that a demo may enter it for each answer.

    Args:
        adapt: False changes nothing. So does ``OMP_NUM_THREADS`` in the environment, or a torch that has one thread.
    """
    import torch

    before = torch.get_num_threads()
    threads = Threads(before, adapt and "OMP_NUM_THREADS" not in os.environ)
    try:
        yield threads
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
