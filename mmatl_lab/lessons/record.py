"""What a learner has done, kept in a file beside the notebooks, so that it outlives the kernel.

The file has one line for each thing done, such as `{"kind": "check", "id": "clip.1", "what": "passed"}`. Lines are only
ever added, each in a single write, so several kernels can keep their progress in one file, and a damaged line costs
nothing but itself. A headless kernel neither reads nor writes the file: a committed notebook shows nobody's progress.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from mmatl_lab.viz.style import headless, in_notebook

FILE = ".mmatl_lab_progress.jsonl"
VARIABLE = "MMATL_LAB_PROGRESS"  # the file to use in place of the one beside the notebooks


@dataclass(frozen=True)
class Event:
    """One thing that a learner did.

    Attributes:
        kind: `"check"`, `"hint"`, `"solution"`, `"predict"` or `"quiz"`.
        id: of the exercise or the question, such as `"clip.1"`.
        what: the check's status, the hint's number, or the option that was chosen.
    """

    kind: str
    id: str
    what: str = ""

    @property
    def lesson(self) -> str:
        return self.id.partition(".")[0]


_unkept: list[Event] = []  # what this process did and no file holds
_told: set[str] = set()


def place() -> Path | None:
    """The file of progress: `$MMATL_LAB_PROGRESS`, or one in the folder of the running notebook; None for no file."""
    if headless():
        return None
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    return Path(FILE).absolute() if in_notebook() else None


def add(kind: str, id: str, what: object = "") -> None:
    """Keep what was done. Never raises: where the file cannot be written, it is kept until the kernel ends."""
    event, path = Event(kind, id, str(what)), place()
    if path is None:
        _unkept.append(event)
        return
    try:
        with open(path, "ab", buffering=0) as file:  # the line break comes first: it ends a line that was cut off
            file.write(b"\n" + json.dumps(asdict(event), ensure_ascii=False).encode())
    except OSError as error:
        _unkept.append(event)
        _tell(f"Progress is kept only until this kernel ends: {path} cannot be written ({error.strerror}).")


def events(kind: str = "", id: str = "") -> list[Event]:
    """What was done, first things first: all of it, or that of one kind, or that with one id. Never raises."""
    return [e for e in [*_read(), *_unkept] if kind in ("", e.kind) and id in ("", e.id)]


def reset_progress(lesson: str = "") -> None:
    """Begin anew: forget all progress, or that of one lesson. Run a question's cell again to answer it again.

    Raises:
        OSError: the file of progress cannot be changed.
    """
    kept = [e for e in _read() if lesson and e.lesson != lesson]
    _unkept[:] = [e for e in _unkept if lesson and e.lesson != lesson]
    path = place()
    if path is None or not path.exists():
        return
    if not kept:
        path.unlink()
        return
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    half.write_text("".join("\n" + json.dumps(asdict(e), ensure_ascii=False) for e in kept), encoding="utf-8")
    os.replace(half, path)


def _read() -> tuple[Event, ...]:
    path = place()
    if path is None:
        return ()
    try:
        state = path.stat()
        read = _parse(path, state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        return ()
    except OSError as error:
        _tell(f"Earlier progress is not shown: {path} cannot be read ({error.strerror}).")
        return ()
    if None in read:
        _tell(f"{path} is damaged: {read.count(None)} of its {len(read)} lines are left out. Nothing else is lost.")
    return tuple(event for event in read if event is not None)


@lru_cache(maxsize=1)
def _parse(path: Path, size: int, changed: int) -> "tuple[Event | None, ...]":
    """The lines of the file as it is; read again only when its size or its time of change is another."""
    return tuple(_event(line) for line in path.read_bytes().split(b"\n") if line.strip())


def _event(line: bytes) -> Event | None:
    """What a line says; None when it is damaged."""
    try:
        event = Event(**json.loads(line))
    except (ValueError, TypeError, RecursionError):  # ValueError: neither UTF-8 nor JSON
        return None
    return event if all(isinstance(value, str) for value in asdict(event).values()) else None


def _tell(sentence: str) -> None:
    """Say it below the cell, once."""
    if sentence not in _told:
        _told.add(sentence)
        print(sentence, file=sys.stderr)
