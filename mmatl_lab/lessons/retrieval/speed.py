"""Recall against queries per second, and memory, from 10,000 to 1,000,000 vectors, by one thread.

    python -m mmatl_lab.lessons.retrieval.speed

measures it and writes ``assets/results/retrieval_speed.json``. Times are the processor's time of this thread, so other
programs on the machine hardly change them.
"""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from torch import Tensor

from mmatl_lab.seeding import seeded
from mmatl_lab.threads import one_thread
from mmatl_lab.training import Study

from .index import Exact, Faiss, clustered_vectors, overlap

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "retrieval_speed"
SIZES = (10_000, 100_000, 1_000_000)
EFFORTS = {"torch": (1,), "exact": (1,), "cells": (1, 4, 16, 64), "graph": (16, 64, 256), "codes": (4, 16, 64)}
LARGEST = {"graph": 100_000}  # building a graph of 1,000,000 takes one thread some ten minutes
NUM_QUERIES, K, SEED = 200, 10, 90_246


@lru_cache(maxsize=1)
def _data(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, queries, and the exact neighbours."""
    keys, queries = (clustered_vectors(m, generator=seeded(SEED, m)) for m in (n, NUM_QUERIES))
    return keys, queries, Exact(keys).search(queries, K).indices


@lru_cache(maxsize=1)
def _built(kind: str, n: int) -> tuple[Exact | Faiss, float]:
    """The index, and the seconds that building it took."""
    keys, start = _data(n)[0], time.process_time()
    index = Exact(keys) if kind == "torch" else Faiss(keys, kind)
    return index, time.process_time() - start


def cell(kind: str, n: int, effort: int, repeats: int = 3) -> dict[str, float]:
    """Recall@10, queries per second (the fastest of some repeats), seconds to build, and MiB."""
    with one_thread():
        _, queries, exact = _data(n)
        index, seconds = _built(kind, n)
        if isinstance(index, Faiss):
            index.effort = effort
        times = []
        for _ in range(repeats):
            start = time.process_time()
            found = index.search(queries, K)
            times.append(time.process_time() - start)
        recall = overlap(found.indices, exact)
    return {"recall": recall, "per_second": NUM_QUERIES / min(times), "build": seconds, "mib": index.bytes / 2**20}


def study() -> Study:
    """All kinds and efforts at each size."""
    return Study(
        NAME,
        cell,
        [
            {"n": [n], "kind": [kind], "effort": efforts}
            for n in SIZES
            for kind, efforts in EFFORTS.items()
            if n <= LARGEST.get(kind, n)
        ],
    )


def results() -> "DataFrame":
    """What the package carries: one row a measurement."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
