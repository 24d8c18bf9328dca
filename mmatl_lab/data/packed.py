"""What the packed data sets share: files beside a MANIFEST.json that says what they are and what they must be.

A data set is a folder of ``assets/data``, and nothing else lists them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..paths import REINSTALL, asset, from_source

if TYPE_CHECKING:
    from torch import Tensor


class Manifest(NamedTuple):
    """What a data set says of itself.

    Attributes:
        title: one line.
        counts: how many of what, such as ``{"recordings": 140, "people": 10}``.
        licences: by file, as SPDX writes them.
        files: sha256 by file.
        packages: what it was made from: by package its version and a digest.
        data_hash: of what the data are and were made from, for the cards of what is trained on them. It does not
            depend on how they are described (title, counts, licences).
    """

    title: str
    counts: dict[str, int]
    licences: dict[str, str]
    files: dict[str, str]
    packages: dict[str, dict[str, str]]
    data_hash: str


def names() -> list[str]:
    """The data sets that the package carries, sorted."""
    return sorted(path.parent.name for path in asset("data").glob("*/MANIFEST.json"))


def read_manifest(name: str, folder: str | Path | None = None) -> Manifest:
    """The manifest of a data set.

    Args:
        folder: where its files are; None takes the package's own.

    Raises:
        FileNotFoundError: there is none. ValueError: it is damaged.
    """
    folder = asset(f"data/{name}") if folder is None else Path(folder)
    raw = _read(name, folder / "MANIFEST.json")
    try:
        content = json.loads(raw)
        about = content.pop("about")
        return Manifest(
            about["title"],
            dict(about["counts"]),
            dict(about["licences"]),
            dict(content["files"]),
            dict(content["packages"]),
            hashlib.sha256((json.dumps(content, indent=1) + "\n").encode()).hexdigest(),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{folder / 'MANIFEST.json'} is damaged: {_remedy(name)}.") from None


def read_files(name: str, wanted: Iterable[str], folder: str | Path | None = None) -> tuple[dict[str, bytes], str]:
    """The bytes of a data set's files by name, and its ``data_hash``.

    Args:
        wanted: names of the files.
        folder: where they are; None takes the package's own.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not the one that MANIFEST.json lists (damaged or half-copied).
    """
    folder = asset(f"data/{name}") if folder is None else Path(folder)
    manifest = read_manifest(name, folder)
    files = {file: _read(name, folder / file) for file in wanted}
    for file, content in files.items():
        if hashlib.sha256(content).hexdigest() != manifest.files.get(file):
            raise ValueError(
                f"{folder / file} is damaged (its sha256 is not the one in MANIFEST.json): {_remedy(name)}."
            )
    return files, manifest.data_hash


def unpack_sheet(webp: bytes, number: int, *, size: int = 32, columns: int = 40, mode: str = "RGBA") -> Tensor:
    """The first pictures of a sheet, row by row: (number, C, size, size) uint8, C = 4 for "RGBA", 1 for "L" (grey)."""
    import numpy as np
    import torch
    from PIL import Image

    pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(webp)).convert(mode)))  # (rows * size, columns * size, C)
    grid = pixels.view(-1, size, columns, size, len(mode)).permute(0, 2, 4, 1, 3)  # (rows, columns, C, size, size)
    return grid.flatten(0, 1)[:number].contiguous()


def _read(name: str, path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"the {name} file {path} is missing: {_remedy(name)}.")
    return path.read_bytes()


def _remedy(name: str) -> str:
    if not from_source():
        return REINSTALL
    return f"get the file again from the repository, or make it with `python scripts/build_assets.py {name}`"
