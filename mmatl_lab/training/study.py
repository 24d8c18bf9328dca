"""Studies: many small trainings as one table of method x task x seed, and how its methods are compared.

    def cell(fusion, task, seed):
        ...
        return {"accuracy": accuracy}

    study = Study("fusion", cell, grid={"fusion": ["late", "gated"], "task": TASKS, "seed": range(5)})
    frame = study.run()  # a pandas frame, one row a cell
    paired(frame, "accuracy", {"fusion": "gated", "task": "xor"}, {"fusion": "late", "task": "xor"})

Each cell is kept on disk as it finishes, under a hash of its configuration, so a study that was killed goes on.
"""

import contextlib
import hashlib
import io
import itertools
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmatl_lab import paths
from mmatl_lab.metrics.intervals import student
from mmatl_lab.threads import calm_threads

from .checkpoint import write_atomically
from .interrupt import StopSignals
from .progress import duration, make_bar

if TYPE_CHECKING:
    from pandas import DataFrame

Config = dict[str, str | int | float | bool | None]
Grid = Mapping[str, Sequence]


class Study:
    """Calls ``cell(**config)`` for each configuration of a grid and keeps what it returns as one table.

    Args:
        name: of the study; its cells are in ``folder/NAME``.
        cell: trains and measures once. It takes the grid's columns as keyword arguments and returns its metrics, a
            dict of numbers.
        grid: the values of each column; the cells are all combinations, the last column fastest. Values are strings,
            numbers, booleans or None. A list of grids gives the cells of each, for a study that is no full grid.
        folder: ``$MMATL_LAB_RUNS/studies`` or ``./runs/studies`` by default.
        version: change it when ``cell`` changes: cells of another version are computed again.
        seeds_together: ``cell`` takes ``seeds``, a list, in place of ``seed`` and returns one dict for each, such as
            with :func:`~mmatl_lab.training.ensemble.train_seeds`.

    Raises:
        TypeError: for a value that JSON has no word for.
        ValueError: for an empty grid, the same cell twice, or ``seeds_together`` without a column ``seed``.
    """

    def __init__(
        self,
        name: str,
        cell: Callable[..., Any],
        grid: Grid | Sequence[Grid],
        *,
        folder: Path | str | None = None,
        version: str | int = 1,
        seeds_together: bool = False,
    ):
        self.name, self.cell, self.version, self.seeds_together = name, cell, version, seeds_together
        self.folder = Path(folder or paths.runs("studies")) / name
        self.configs = [_checked(config) for part in _grids(grid) for config in _product(part)]
        hashes = [self._hash(config) for config in self.configs]
        if not hashes:
            raise ValueError(f"the grid of the study {name!r} has no cells: give each column at least one value")
        if len(set(hashes)) < len(hashes):
            twice = next(c for c, key in zip(self.configs, hashes) if hashes.count(key) > 1)
            raise ValueError(f"the cell {_words(twice)} is in the grid of the study {name!r} twice: leave one out")
        if seeds_together and not all("seed" in config for config in self.configs):
            raise ValueError(f"the study {name!r} has no column 'seed': add one, or leave seeds_together out")

    def run(self) -> "DataFrame":
        """Compute the cells that are not on disk yet; Ctrl-C stops after the current one.

        Returns:
            :meth:`frame`, of all cells or, after Ctrl-C, of those that are done.

        Raises:
            RuntimeError: when a cell raises; the sentence names its configuration. The cells before it are kept.
        """
        rows = [self._read(config) for config in self.configs]
        missing = [config for config, row in zip(self.configs, rows) if row is None]
        total, on_disk, start = len(self.configs), len(self.configs) - len(missing), time.monotonic()
        done = on_disk
        with make_bar(self.name, total, on_disk) as bar, StopSignals(outermost=True) as signals:
            for configs in self._calls(missing):
                if signals.received:
                    break
                bar.set_postfix_str(_words(configs[0]))
                for config, metrics in zip(configs, self._call(configs)):
                    write_atomically(self._path(config), _dumps(self._header() | {"config": config} | metrics))
                done += len(configs)
                bar.update(len(configs))
        sentence = f"{self.name}: {done} of {total} cells in {duration(time.monotonic() - start)}"
        if on_disk:
            sentence += f", {on_disk} of them from {self.folder}"
        if done < total:
            sentence += "; stopped, and calling run() again goes on from here"
        print(sentence, flush=True)
        return self.frame()

    def frame(self) -> "DataFrame":
        """What is on disk, as a pandas frame: one row a cell, the grid's columns first, then the metrics."""
        return _frame([config | row for config in self.configs if (row := self._read(config)) is not None])

    def save(self, path: Path | str) -> Path:
        """Write what is on disk as one JSON file, which :meth:`load` reads, and return its path."""
        cells = [config | _plain(row) for config in self.configs if (row := self._read(config)) is not None]
        write_atomically(Path(path), _dumps(self._header() | {"cells": cells}))
        return Path(path)

    def ship(self) -> None:
        """Run it and, once all cells are there, write it where :meth:`shipped` reads it: in the repository's assets."""
        if len(self.run()) == len(self.configs):
            self.save(paths.bundle() / "assets" / "results" / f"{self.name}.json")

    @classmethod
    def shipped(cls, name: str) -> "DataFrame":
        """The frame of a study that the package carries; errors as of :meth:`load`."""
        return cls.load(paths.asset(f"results/{name}.json"))

    @staticmethod
    def load(path: Path | str) -> "DataFrame":
        """The frame of a file of :meth:`save`.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when it is no file of a study.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no study at {path}: run it, then write it there with Study.save")
        try:
            return _frame(json.loads(path.read_text(encoding="utf-8"))["cells"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} is no file of a study: write it again with Study.save") from None

    def _header(self) -> dict[str, Any]:
        return {"study": self.name, "version": self.version}

    def _hash(self, config: Config) -> str:
        return hashlib.sha256(json.dumps(self._header() | {"config": config}, sort_keys=True).encode()).hexdigest()

    def _path(self, config: Config) -> Path:
        return self.folder / f"{self._hash(config)[:20]}.json"

    def _read(self, config: Config) -> dict[str, Any] | None:
        """Metrics of a cell on disk; None where there is none, or, with a warning, where it is damaged."""
        path = self._path(config)
        if not path.is_file():
            return None
        try:
            found = json.loads(path.read_bytes())
            if found.pop("config") != config or (found.pop("study"), found.pop("version")) != (self.name, self.version):
                raise ValueError
            return {str(name): math.nan if value is None else value for name, value in found["metrics"].items()}
        except (ValueError, KeyError, AttributeError, TypeError):
            warnings.warn(f"the cell {_words(config)} at {path} is damaged and is computed again", stacklevel=3)
            path.unlink()
            return None

    def _calls(self, missing: list[Config]) -> list[list[Config]]:
        """The cells of each call of ``cell``: one, or all seeds of a configuration."""
        if not self.seeds_together:
            return [[config] for config in missing]
        calls: dict[str, list[Config]] = {}
        for config in missing:
            calls.setdefault(json.dumps({k: v for k, v in config.items() if k != "seed"}), []).append(config)
        return list(calls.values())

    def _call(self, configs: list[Config]) -> list[dict[str, Any]]:
        try:
            with _quiet(), calm_threads():
                if not self.seeds_together:
                    found = [self.cell(**configs[0])]
                else:
                    shared = {name: value for name, value in configs[0].items() if name != "seed"}
                    found = self.cell(**shared, seeds=[config["seed"] for config in configs])
            if len(found) != len(configs):
                raise ValueError(f"expected metrics of {len(configs)} seeds, got {len(found)}")
            return [{"metrics": _metrics(metrics, config)} for metrics, config in zip(found, configs)]
        except Exception as error:
            raise RuntimeError(
                f"the cell {_words(configs[0])} of the study {self.name!r} failed ({type(error).__name__}: {error}): "
                "mend it and call run() again, the cells before it are kept"
            ) from error


class Difference(NamedTuple):
    """Mean of paired differences with its 95 % interval, and the number of pairs."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def paired(
    frame: "DataFrame",
    metric: str,
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    over: str | Sequence[str] = "seed",
) -> Difference:
    r"""How much better a is than b, pair by pair: :math:`\bar d \pm t\,s_d/\sqrt n` of :math:`d_i = a_i - b_i`.

    Pairs share a seed (or person, or fold), so what the seed does to both drops out (Student 1908).

    Args:
        frame: of a study.
        metric: a column of numbers.
        a, b: values of columns that choose the rows of either side, such as ``{"fusion": "gated", "task": "xor"}``.
        over: the column, or columns, that pair the rows; at least two pairs are needed.

    Raises:
        ValueError: for a column that is not there, or rows that do not pair one to one.
    """
    over = [over] if isinstance(over, str) else list(over)
    for column in (metric, *a, *b, *over):
        if column not in frame.columns:
            raise ValueError(f"the frame has no column {column!r}: choose one of {', '.join(frame.columns)}")
    sides = []
    for chosen in (a, b):
        rows = frame
        for column, value in chosen.items():
            rows = rows[rows[column] == value]
        sides.append(rows.set_index(over)[metric].sort_index())
    one, other = sides
    if not (one.index.is_unique and other.index.is_unique and one.index.equals(other.index) and len(one) > 1):
        raise ValueError(
            f"{_words(a)} and {_words(b)} have {len(one)} and {len(other)} rows that do not pair one to one over "
            f"{', '.join(over)}: choose single rows of two or more pairs"
        )
    differences = (one - other).tolist()
    return Difference(math.fsum(differences) / len(differences), *student(differences), len(differences))


def _grids(grid: Grid | Sequence[Grid]) -> Sequence[Grid]:
    return [grid] if isinstance(grid, Mapping) else grid


def _product(grid: Grid) -> Iterator[dict[str, Any]]:
    return (dict(zip(grid, values)) for values in itertools.product(*grid.values()))


def _checked(config: dict[str, Any]) -> Config:
    config = {column: value.item() if hasattr(value, "item") else value for column, value in config.items()}
    for column, value in config.items():
        if not (value is None or isinstance(value, str | int | float | bool)):
            raise TypeError(
                f"the grid's column {column!r} holds a {type(value).__name__}: use names or numbers, and make what "
                "they stand for inside the cell"
            )
    return config


def _metrics(metrics: Any, config: Config) -> dict[str, Any]:
    """What a cell returned, checked, with tensors of one number as numbers."""
    if not isinstance(metrics, Mapping):
        raise TypeError(f"a cell returns a dict of metrics, got {type(metrics).__name__}")
    if both := set(metrics) & set(config):
        raise ValueError(f"{both.pop()!r} is the name of a column and of a metric: rename one")
    numbers = {name: value.item() if hasattr(value, "item") else value for name, value in metrics.items()}
    for name, value in numbers.items():
        if not (value is None or isinstance(value, str | int | float | bool)):
            raise TypeError(f"the metric {name!r} is a {type(value).__name__}: return one number for each name")
    return _plain(numbers)


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinities: both are null."""
    return {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in metrics.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Inside, the trainings of a cell show no bars and print nothing: the study has a bar of its own."""
    before = os.environ.get("MMATL_LAB_HEADLESS")
    os.environ["MMATL_LAB_HEADLESS"] = "1"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        if before is None:
            del os.environ["MMATL_LAB_HEADLESS"]
        else:
            os.environ["MMATL_LAB_HEADLESS"] = before


def _frame(cells: list[dict[str, Any]]) -> "DataFrame":
    from pandas import DataFrame

    return DataFrame(cells)


def _dumps(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def _words(config: Mapping[str, Any]) -> str:
    """``fusion='late', seed=3``."""
    return ", ".join(f"{name}={value!r}" for name, value in config.items())
