"""Nothing that visitors uploaded outlives the demo, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from mmatl_lab.cli import uploads

# Gradio closes its server after a Ctrl-C, which takes seconds; a second one interrupts that.
DEMO = """
import time
from mmatl_lab.cli.uploads import upload_folder
with upload_folder() as folder:
    (folder / "picture.png").write_bytes(b"a visitor's")
    try:
        print(folder, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("closing", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def demo(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout.readline().strip() == str(next(tmp_path.iterdir()))
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_they_go_when_the_demo_is_told_to_end(demo, tmp_path, end):
    demo.send_signal(end)
    assert demo.wait(30) == 128 + end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_they_go_after_ctrl_c_twice(demo, tmp_path):
    demo.send_signal(signal.SIGINT)
    assert demo.stdout.readline() == "closing\n"
    demo.send_signal(signal.SIGINT)
    demo.wait(30)
    assert list(tmp_path.iterdir()) == []


def test_the_next_demo_removes_what_a_killed_one_left_and_nothing_else(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads.tempfile, "tempdir", str(tmp_path))
    (alive,) = tmp_path.iterdir()
    (tmp_path / f"{uploads.PREFIX}_{os.getpid()}_ab12").mkdir()  # as in a container, where numbers come again
    (tmp_path / f"{uploads.PREFIX}_of_another_program").mkdir()
    with uploads.upload_folder() as ours:
        assert {path.name for path in tmp_path.iterdir()} == {
            alive.name, ours.name, f"{uploads.PREFIX}_of_another_program"
        }  # fmt: skip
    demo.kill()
    demo.wait()
    with uploads.upload_folder():
        assert not alive.exists()


def test_a_signal_means_after_the_demo_what_it_meant_before():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with uploads.upload_folder() as folder:
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before and not folder.exists()
