"""Progress on disk: it outlives the kernel, several kernels share it, and no state of the file breaks a cell."""

import os
import subprocess
import sys

import pytest

from mmatl_lab.lessons import record, reset_progress
from mmatl_lab.lessons.record import Event


def test_what_is_done_is_read_again_by_another_process(kept):
    record.add("check", "clip.1", "wrong")
    record.add("predict", "clip.gap", "größer, “τ”\n")
    code = "from mmatl_lab.lessons import record; print(ascii(record.events()))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == ascii(record.events())
    assert record.events() == [Event("check", "clip.1", "wrong"), Event("predict", "clip.gap", "größer, “τ”\n")]
    assert record.events("check") == record.events(id="clip.1") == record.events()[:1]


def test_kernels_that_write_at_once_lose_nothing(kept):
    code = "from mmatl_lab.lessons import record\nfor i in range(300): record.add('check', f'{0}.{{i}}', 'passed')"
    writers = [subprocess.Popen([sys.executable, "-c", code.format(name)]) for name in ("ants", "bees")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    found = [event.id for event in record.events()]
    for name in ("ants", "bees"):
        assert [id for id in found if id.startswith(name)] == [f"{name}.{i}" for i in range(300)]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"kind": "check", "id": "clip',
        b'{"kind": "check", "id": 3}',
        b'{"id": "x", "y": "z"}',
        b"[]",
        b"3",
        b"\xff\x00",
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_costs_itself_and_one_sentence(kept, capsys, damage):
    record.add("check", "clip.1", "passed")
    with kept.open("ab") as file:
        file.write(b"\n" + damage)  # without its end, as when a machine stops
    record.add("check", "clip.2", "passed")
    assert [event.id for event in record.events()] == ["clip.1", "clip.2"] == [e.id for e in record.events()]
    said = capsys.readouterr().err
    assert f"{kept} is damaged: 1 of its 3 lines are left out" in said and len(said.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_one_sentence_and_the_kernel_still_knows(kept, capsys):
    kept.mkdir()
    for number in (1, 2):
        record.add("check", f"clip.{number}", "passed")
    assert [event.id for event in record.events()] == ["clip.1", "clip.2"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "cannot be written" in said[0] and "cannot be read" in said[1]


def test_headless_neither_reads_nor_writes(kept, monkeypatch):
    record.add("check", "clip.1", "passed")
    before = kept.read_bytes()
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    record.add("check", "clip.2", "passed")
    assert [event.id for event in record.events()] == ["clip.2"] and kept.read_bytes() == before
    reset_progress()
    assert record.events() == [] and kept.read_bytes() == before


def test_the_file_is_beside_the_notebook_that_runs_and_nowhere_outside_one(live, monkeypatch, tmp_path):
    monkeypatch.delenv(record.VARIABLE)
    monkeypatch.chdir(tmp_path)
    assert record.place() == tmp_path / record.FILE
    monkeypatch.setattr(record, "in_notebook", lambda: False)
    assert record.place() is None
    record.add("check", "clip.1", "passed")
    assert len(record.events()) == 1 and os.listdir(tmp_path) == []


def test_reset_forgets_one_lesson_or_all(kept):
    for id in ("clip.1", "why_multimodal.1", "clip_b.1", "clip.2"):
        record.add("check", id, "passed")
    reset_progress("clip")
    assert [event.id for event in record.events()] == ["why_multimodal.1", "clip_b.1"]
    record.add("check", "clip.3", "passed")
    assert len(record.events()) == 3 and os.listdir(kept.parent) == [kept.name]
    reset_progress()
    assert record.events() == [] and not kept.exists()
    reset_progress()  # and again, with nothing there
