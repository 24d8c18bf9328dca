"""What the machine says of itself, and the preset that follows."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from mmatl_lab.training import default_preset, machine


def test_the_machine_has_a_device_with_a_name_cores_and_memory():
    here = machine()
    assert here.device == ("cuda" if torch.cuda.is_available() else here.device)
    assert here.name and 1 <= here.cores <= os.cpu_count() and here.memory > 2**28
    assert here.name in str(here) and here.device in str(here) and f"{here.cores} cores" in str(here)


def test_the_cpu_can_be_asked_for_anywhere():
    assert machine("cpu").device == "cpu" and machine("cpu").memory == psutil.virtual_memory().total


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="reads Linux's list of flags")
def test_bf16_is_claimed_only_where_the_processor_has_its_instructions():
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    assert machine("cpu").bf16 == bool({"avx512_bf16", "amx_bf16"} & set(flags))


def test_a_device_that_is_not_here_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"device 'tpu' is not available here: use 'auto' or one of .*cpu"):
        machine("tpu")


@pytest.mark.parametrize("preset", ["shipped", "quick", "full", "gpu"])
def test_the_preset_comes_from_the_environment(monkeypatch, preset):
    monkeypatch.setenv("MMATL_LAB_PRESET", preset)
    assert default_preset() == preset


@pytest.mark.parametrize(("cuda", "preset"), [(True, "gpu"), (False, "full")])
def test_without_the_environment_the_preset_follows_the_machine(monkeypatch, cuda, preset):
    monkeypatch.delenv("MMATL_LAB_PRESET")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert default_preset() == preset


@pytest.mark.parametrize(("given", "nearest"), [("Quick", "'quick'"), ("ful", "'full'"), ("gpus", "'gpu'")])
def test_a_misspelt_preset_is_answered_with_the_nearest(monkeypatch, given, nearest):
    monkeypatch.setenv("MMATL_LAB_PRESET", given)
    with pytest.raises(ValueError, match=f"MMATL_LAB_PRESET is '{given}'.*{nearest}"):
        default_preset()


def test_a_preset_like_no_other_is_answered_with_all():
    environment = os.environ | {"MMATL_LAB_PRESET": "xyz"}
    ask = """
import sys
from mmatl_lab.training import default_preset
try:
    default_preset()
except ValueError as error:
    print(error)
print('torch' in sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == [
        "MMATL_LAB_PRESET is 'xyz', which is no preset: use one of shipped, quick, full, gpu",
        "False",  # the command line asks this before it loads torch
    ]
