"""The whole command under torchrun: two processes train, one of them writes and speaks."""

import json
import os
import subprocess
import sys

import pytest

from mmatl_lab.lessons.why_multimodal.recipe import WATCH
from mmatl_lab.training import load_checkpoint


@pytest.mark.slow
def test_two_processes_train_one_system_and_print_one_object(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mmatl_lab"]
    command += ["train", "why_multimodal", "--preset", "quick", "--only", WATCH.name, "--folder", tmp_path, "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    path = tmp_path / f"{WATCH.name}.safetensors"
    assert done.stderr.count(f"{WATCH.name} is at {path}.") == 1
    card = load_checkpoint(path).card
    assert (card["processes"], card["step"]) == (2, WATCH.settings("quick").num_steps)
    shown = json.loads(done.stdout)
    assert shown["preset"] == "quick"
    assert shown["metrics"] == {
        f"{WATCH.name}_{name}": value for name, value in (card["training"] | card["metrics"]).items()
    }
