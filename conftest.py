"""Settings for every test and for the notebooks that pytest runs; kernels and subprocesses inherit them."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

os.environ["MMATL_LAB_HEADLESS"] = "1"
os.environ["MMATL_LAB_PRESET"] = "quick"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: a thread each, or OpenMP makes all of them slow
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_runs = tempfile.mkdtemp(prefix="mmatl_lab_")
os.environ["MMATL_LAB_RUNS"] = _runs
os.environ["MMATL_LAB_PROGRESS"] = os.path.join(_runs, "progress.jsonl")
atexit.register(shutil.rmtree, _runs, ignore_errors=True)

# A shell that puts its jobs into the background lets them ignore Ctrl-C, and their children too; the tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def starting():
    """A lock, held from the look for a free port until the server listens there.

    Two workers that look at the same moment find the same port, and the page of the one then shows the other's server.
    """
    return FileLock(Path(tempfile.gettempdir()) / "mmatl_lab_ports.lock")
