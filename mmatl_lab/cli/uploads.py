"""Where the visitors of a demo upload to: a temporary folder that goes when the demo ends, however it is stopped."""

import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "mmatl_lab_uploads"


@contextlib.contextmanager
def upload_folder() -> Iterator[Path]:
    """A folder for this process, removed at the end: also after SIGTERM, a closed terminal, and Ctrl-C twice.

    What a killed demo left behind is removed first.
    """
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}_{os.getpid()}_"))
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {end: signal.signal(end, _leave) for end in ends}
    try:
        yield folder
    finally:
        # A second Ctrl-C must not come between: from here on there is nothing left to interrupt.
        before = {signal.SIGINT: signal.getsignal(signal.SIGINT)} | before
        for end in before:
            signal.signal(end, signal.SIG_IGN)
        shutil.rmtree(folder, ignore_errors=True)
        for end, handler in before.items():
            signal.signal(end, handler)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _sweep() -> None:
    """Remove the folders of processes that are no more; one with our own number is of an earlier process."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}_*"):
        owner = re.fullmatch(rf"{PREFIX}_(\d+)_\w+", folder.name)
        if owner and (int(owner[1]) == os.getpid() or not psutil.pid_exists(int(owner[1]))):
            shutil.rmtree(folder, ignore_errors=True)  # another user's cannot be removed, and stays
