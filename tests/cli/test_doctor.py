"""The doctor says what is wrong and what to do, and never stops at the first fault."""

import shutil
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest

from mmatl_lab import paths
from mmatl_lab.cli import doctor


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A sound installation of a wheel: one asset, one notebook, a folder to write to."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.bin").write_bytes(b"as shipped")
    digest = doctor.sha256(tmp_path / "assets" / "a.bin")
    (tmp_path / "assets" / "SHA256SUMS").write_text(f"{digest}  a.bin\n")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "07_toy.ipynb").write_text("{}")
    monkeypatch.setattr(paths, "_PACKED", tmp_path)
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path / "runs"))
    return tmp_path


def faults():
    return {check.name: f"{check.found}: {check.remedy}" for check in doctor.examine() if not check.ok}


def test_a_sound_machine_passes(run, toy, home):
    answer = run("doctor")
    assert answer.code == 0
    assert "✘" not in answer.out and "All is well. The notebooks take about, with the preset quick: toy" in answer.out
    assert not (home / "runs").exists(), "the doctor leaves nothing behind"


def test_json_is_one_object(run, toy, home):
    found = run("doctor", "--json").json
    assert found["ok"] and found["minutes"].keys() == {"toy"}
    names = [check["name"] for check in found["checks"]]
    assert names == "python packages torch device preset memory disk assets notebooks folder".split()


def test_a_fault_is_named_with_its_remedy_and_the_exit_code(run, toy, home):
    (home / "assets" / "a.bin").write_bytes(b"as changed")
    answer = run("doctor")
    assert answer.code == 1
    assert "✘ assets     a.bin is damaged: reinstall" in answer.out
    assert "Mend the lines marked" in answer.out
    assert run("doctor", "--json").json["ok"] is False


def test_missing_assets_and_notebooks(home):
    (home / "assets" / "a.bin").unlink()
    (home / "notebooks" / "07_toy.ipynb").unlink()
    assert faults().keys() == {"assets", "notebooks"}
    assert "a.bin is missing: reinstall" in faults()["assets"]
    (home / "assets" / "SHA256SUMS").unlink()
    assert "SHA256SUMS is missing" in faults()["assets"]


def test_packages_out_of_bounds_and_missing(home, monkeypatch):
    monkeypatch.setattr(doctor, "requirements", lambda: ["torch>=99", "rich", "no-such-package-here>=1"])
    found = faults()
    assert found.keys() == {"package torch", "package no-such-package-here"}
    assert ">=99 is needed: run" in found["package torch"] and '-m pip install "torch>=99"' in found["package torch"]
    assert "is not installed" in found["package no-such-package-here"]


def test_a_wheel_states_its_requirements_as_the_repository_does(monkeypatch, home):
    lines = ["torch>=2.6", "rich>=13.9", 'ruff>=0.9; extra == "dev"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: lines)
    assert doctor.requirements() == lines[:2]


def test_a_torch_that_does_not_load_is_a_line(run, toy, home, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # Python then raises ImportError
    answer = run("doctor")
    assert answer.code == 1 and "✘ torch      cannot be imported" in answer.out
    assert "assets" in answer.out, "the checks after it are made"


def test_a_check_whose_package_is_missing_is_a_line(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert "cannot be looked at" in faults()["memory"] and "assets" not in faults()


def test_little_memory_and_little_disk(home, monkeypatch):
    memory = SimpleNamespace(available=2**29, total=2**32)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    usage = namedtuple("usage", "total used free")(2**40, 2**40 - 2**20, 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    found = faults()
    assert found.keys() == {"memory", "disk"}
    assert found["memory"] == "0.5 of 4.0 GB free: close other programs until 2 GB are free"
    assert "MMATL_LAB_RUNS" in found["disk"]


def test_an_old_python(home, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2, "final", 0))
    assert "3.10.2" in faults()["python"] and "install Python 3.11" in faults()["python"]


def test_an_unknown_preset(home, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_PRESET", "quik")
    assert "'quick'" in faults()["preset"]


def test_a_folder_that_cannot_be_written_to(home, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert "cannot be written to: Permission denied: start from a folder of your own" in faults()["folder"]


def test_the_verdict_is_what_is_to_be_mended_or_that_all_is_well():
    good, bad = doctor.Check("memory", True, "8 GB"), doctor.Check("disk", False, "0.1 GB free", "free 1 GB")
    assert doctor.verdict([good]) == "This machine is ready; `mmatl-lab doctor` says more."
    assert doctor.verdict([good, bad]) == "✘ disk       0.1 GB free: free 1 GB"
