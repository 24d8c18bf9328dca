"""Random generators: every random function of the package takes one, so that a seed decides everything."""

import hashlib

import torch


def seeded(*numbers: int) -> torch.Generator:
    """A CPU generator that depends on all of ``numbers``: ``seeded(seed, step)`` gives each step its own data.

    The integers are hashed, so that (1, 2), (2, 1) and (12,) have nothing in common.
    """
    digest = hashlib.sha256(",".join(str(int(n)) for n in numbers).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
