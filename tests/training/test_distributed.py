"""Two processes under torchrun train as one does on the same whole batch, and agree on when to stop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mmatl_lab.training import load_checkpoint

from .distributed import gradients, in_pieces

SCRIPT = Path(__file__).with_name("distributed.py")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes wrote and said."""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", SCRIPT, folder]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


@pytest.mark.parametrize("masked", [False, True], ids=["all negatives", "false negatives masked"])
def test_the_gradients_are_those_of_one_process(two, tmp_path, masked):
    folder, _ = two
    one = gradients(tmp_path, masked)
    for rank in (0, 1):
        found = load_file(folder / f"{masked}_{rank}.safetensors")
        for name in one.keys() - {"rank"}:
            torch.testing.assert_close(found[name], one[name], atol=1e-5, rtol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
        assert found["logit_scale"].abs() > 1e-3  # the temperature takes part
        assert found["rank"].tolist() == [0.5] * 3  # a metric is the mean over the processes


def test_pieces_of_a_batch_methods_and_optimizers_in_turns_are_those_of_one_process(two, tmp_path):
    """Also where the processes begin with other weights, and where a part of the model has no gradient."""
    folder, _ = two
    one = in_pieces(tmp_path)
    for rank in (0, 1):
        found = load_file(folder / f"pieces_{rank}.safetensors")
        for name in one:
            torch.testing.assert_close(found[name], one[name], atol=1e-6, rtol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_only_the_first_process_writes_and_speaks(two):
    folder, said = two
    assert said.count("masked_True: step 3 of 3") == 1
    card = load_checkpoint(folder / "masked_True.safetensors").card
    assert card["processes"] == 2 and card["step"] == 3
    assert [log.name for log in (folder / "logs" / "masked_True").iterdir()] == ["version_0"]


def test_an_uneven_batch_is_refused_by_all(two):
    for rank in (0, 1):
        assert f"rank {rank}: the processes have [4, 3] rows: make the batch a multiple of 2" in two[1]


def test_a_signal_to_one_process_stops_all_at_the_same_step(two):
    assert "trouble stopped at step 3 of 6" in two[1]
    for rank in (0, 1):
        assert f"rank {rank}: stopped=True done=3" in two[1]


def test_a_loss_not_finite_on_one_process_stops_all(two):
    for rank in (0, 1):
        assert f"rank {rank}: the loss is inf at step 4 of 6: what was learned since step 3 is lost" in two[1]
