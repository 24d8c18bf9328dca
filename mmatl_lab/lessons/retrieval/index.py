"""Search at scale: exact search with torch in blocks, and approximate indexes of faiss (Douze et al. 2024,
arXiv:2401.08281), which is the extra ``search`` of this package.

faiss and not usearch, which is smaller: it has exact search, cells, graphs and compressed vectors under one interface,
so the three trades (recall, speed, memory) can be compared, and wheels for all systems that torch runs on.

| kind | what it does | numbers kept for a vector |
|---|---|---|
| exact | compares with all | D |
| cells | k-means cells (IVF); looks into the ``effort`` nearest ones | D |
| graph | a graph (HNSW: Malkov and Yashunin 2018, arXiv:1603.09320); keeps ``effort`` candidates | D + 64 links |
| codes | cells, and vectors as D / 4 bytes (product quantisation: Jégou et al. 2011) | D / 16 |
"""

import math
from typing import Literal

import torch
from torch import Tensor

from mmatl_lab.metrics.nearest import Nearest, nearest

Kind = Literal["exact", "cells", "graph", "codes"]
KINDS: tuple[Kind, ...] = ("exact", "cells", "graph", "codes")
MOST_CELLS = 2_048  # so that a million vectors are divided within a minute
LINKS = 32  # of each vector in the graph; its lowest layer has twice as many
MISSING = "approximate search needs faiss: install it with `pip install 'mmatl-lab[search]'`, or use Exact()"


class Exact:
    """Compares each query with all keys, in blocks; nothing is built."""

    def __init__(self, keys: Tensor):
        self.keys = keys

    def search(self, queries: Tensor, k: int = 10) -> Nearest:
        """The K most similar keys of each query, (N, D) -> (N, K); errors as of `nearest`."""
        return nearest(queries, self.keys, k)

    @property
    def bytes(self) -> int:
        """Memory of the keys."""
        return self.keys.numel() * self.keys.element_size()


class Faiss:
    """An index of faiss over unit vectors, by inner product.

    Args:
        keys: (M, D) float32 on the CPU; for codes, D must be divisible by 4.
        kind: one of KINDS.
        effort: cells that are looked into, or candidates that are kept: more is slower and finds more.

    Raises:
        ImportError: faiss is not installed.
        ValueError: another kind, an effort below 1, keys that are no matrix, or too few for cells and codes.
    """

    def __init__(self, keys: Tensor, kind: Kind = "cells", *, effort: int = 8):
        faiss = load_faiss()
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")
        if keys.dim() != 2 or len(keys) < (256 if kind == "codes" else 1):
            raise ValueError(f"expected keys (M, D), for codes at least 256 of them, got {tuple(keys.shape)}")
        M, D = keys.shape
        x = keys.detach().cpu().float().contiguous().numpy()
        cells = max(min(round(4 * math.sqrt(M)), M // 40, MOST_CELLS), 1)  # k-means wants some 40 vectors a cell
        if kind == "exact":
            self.index = faiss.IndexFlatIP(D)
        elif kind == "graph":
            self.index = faiss.IndexHNSWFlat(D, LINKS, faiss.METRIC_INNER_PRODUCT)
        elif kind == "cells":
            self.index = faiss.IndexIVFFlat(faiss.IndexFlatIP(D), D, cells, faiss.METRIC_INNER_PRODUCT)
        else:
            self.index = faiss.IndexIVFPQ(faiss.IndexFlatIP(D), D, cells, D // 4, 8, faiss.METRIC_INNER_PRODUCT)
        if not self.index.is_trained:
            self.index.train(x[:: max(M // (40 * cells), 1)])
        self.index.add(x)
        self.kind = kind
        self.effort = effort

    @property
    def effort(self) -> int:
        return self._effort

    @effort.setter
    def effort(self, value: int) -> None:
        if value < 1:
            raise ValueError(f"effort counts cells or candidates, got {value}: give 1 or more")
        self._effort = value
        if self.kind in ("cells", "codes"):
            self.index.nprobe = value
        elif self.kind == "graph":
            self.index.hnsw.efSearch = value

    def search(self, queries: Tensor, k: int = 10) -> Nearest:
        """As `Exact.search`, but some of the K may be missed; places that stay empty have the index -1."""
        values, indices = self.index.search(queries.detach().cpu().float().contiguous().numpy(), k)
        return Nearest(torch.from_numpy(values), torch.from_numpy(indices))

    @property
    def bytes(self) -> int:
        """Size of the index as faiss would write it to a file."""
        faiss = load_faiss()
        writer = faiss.VectorIOWriter()
        faiss.write_index(self.index, writer)
        return writer.data.size()


def load_faiss():
    """The library; ImportError with what to do where it is missing."""
    try:
        import faiss
    except ImportError:
        raise ImportError(MISSING) from None
    faiss.omp_set_num_threads(torch.get_num_threads())
    return faiss


def overlap(found: Tensor, exact: Tensor) -> float:
    """Recall of an index: the share of the exact K nearest keys, (N, K), that it found, (N, K)."""
    return (found[:, :, None] == exact[:, None]).any(1).double().mean().item()


def clustered_vectors(n: int, *, dims: int = 64, inner: int = 16, generator: torch.Generator) -> Tensor:
    """(N, D) unit vectors that lie near a curved surface of ``inner`` dimensions, as learned embeddings do."""
    weights = torch.Generator().manual_seed(0)  # of the surface, the same for keys and queries
    first, second = torch.randn(inner, 64, generator=weights), torch.randn(64, dims, generator=weights) / 8
    parts = [
        torch.tanh(torch.randn(len(rows), inner, generator=generator) @ first / inner**0.5) @ second
        for rows in torch.arange(n).split(100_000)
    ]
    return torch.nn.functional.normalize(torch.cat(parts), dim=1)
