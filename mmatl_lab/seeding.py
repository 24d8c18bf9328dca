"""Random generators: every random function of the package takes one, so that a seed decides everything."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seeded(*numbers: int) -> torch.Generator:
    """A CPU generator that depends on all of ``numbers``: ``seeded(seed, step)`` gives each step its own data.

    The integers are hashed, so that (1, 2), (2, 1) and (12,) have nothing in common.
    """
    digest = hashlib.sha256(",".join(str(int(n)) for n in numbers).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Inside, torch's own random numbers on the CPU begin from ``seed``, so that new weights depend on it alone.

    Afterwards they go on as if nothing had been drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
