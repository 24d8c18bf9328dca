"""A run that is killed or stopped, at any moment and any number of times, ends with the weights of one that is not."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmatl_lab.training import load_checkpoint, unfinished

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
STEPS = 12


class Worker:
    """Orders to worker.py and what became of them."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout.readline() == "ready\n"

    def train(self, folder: Path, **order) -> tuple[int, str]:
        """Exit code (minus the signal's number, if one ended it) and what was printed."""
        folder.mkdir(exist_ok=True)
        print(json.dumps({"folder": str(folder), "num_steps": STEPS} | order), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return code, (folder / "said.txt").read_text()


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.process.stdin.close()
    worker.process.wait(120)


@pytest.fixture(scope="module", params=["32-true", "bf16-mixed"])
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def whole(worker, precision, tmp_path_factory):
    """The uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    code, said = worker.train(folder, precision=precision)
    assert code == 0, said
    return folder


def assert_same(folder: Path, whole: Path) -> None:
    """The same weights, moments and history, to the last bit."""
    for name in ("clip.safetensors", "clip.state.safetensors"):
        (state, card), (expected, its_card) = load_checkpoint(folder / name), load_checkpoint(whole / name)
        assert state.keys() == expected.keys()
        for key, tensor in expected.items():
            assert torch.equal(state[key], tensor), key
        assert card["step"] == its_card["step"] == STEPS
        assert card.get("history") == its_card.get("history")
    assert not list(folder.glob(".*.tmp"))


def test_kill_at_random_steps(worker, whole, tmp_path, precision):
    rng = random.Random(0)
    for kill in sorted(rng.sample(range(STEPS), 4)):
        code, said = worker.train(tmp_path, precision=precision, resume=True, signals={kill: ["SIGKILL"]})
        assert code == -signal.SIGKILL, said
    code, said = worker.train(tmp_path, precision=precision, resume=True)
    assert code == 0, said
    assert f"goes on from step {kill - 1} of {STEPS}" in said  # the last step proven good before the kill
    assert_same(tmp_path, whole)


def test_kill_two_models_with_two_optimizers_pieces_and_an_average(worker, tmp_path, precision):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    code, said = worker.train(whole, two=True, precision=precision)
    assert code == 0, said
    for kill in (2, 7, 11):
        code, said = worker.train(killed, two=True, precision=precision, resume=True, signals={kill: ["SIGKILL"]})
        assert code == -signal.SIGKILL, said
    code, said = worker.train(killed, two=True, precision=precision, resume=True)
    assert code == 0 and f"goes on from step {kill - 1} of {STEPS}" in said, said
    assert_same(killed, whole)
    names = load_checkpoint(whole / "clip.state.safetensors").state
    assert {"ema/head.0.weight", "optimizer/head/momentum_buffer/head.0.weight"} <= names.keys()


def test_a_rerun_that_is_stopped_leaves_the_finished_file(worker, tmp_path):
    worker.train(tmp_path)
    before = (tmp_path / "clip.safetensors").read_bytes()
    code, said = worker.train(tmp_path, signals={4: ["SIGINT"]})
    assert code == 0 and "saved as" in said and "clip.unfinished.safetensors" in said, said
    assert (tmp_path / "clip.safetensors").read_bytes() == before
    assert unfinished(tmp_path / "clip.safetensors") is None
    assert unfinished(tmp_path / "clip.unfinished.safetensors") == (5, STEPS)
    code, said = worker.train(tmp_path, resume=True)
    assert code == 0 and not list(tmp_path.glob("*unfinished*")), said


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_kill_while_a_checkpoint_is_written(worker, whole, tmp_path, precision, moment):
    """Half of the file written, or all of it but not yet in its place; also where the last weights are written."""
    for call in (3, 5, 8, 4, 2):
        code, said = worker.train(tmp_path, precision=precision, resume=True, die_in=[moment, call])
        assert code == -signal.SIGKILL, said
        load_checkpoint(tmp_path / "clip.state.safetensors")
        assert list(tmp_path.glob(".*.tmp"))
    code, said = worker.train(tmp_path, precision=precision, resume=True)
    assert code == 0, said
    assert_same(tmp_path, whole)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_run_after_its_step_and_resume_goes_on(worker, whole, tmp_path, precision, name):
    code, said = worker.train(tmp_path, precision=precision, signals={4: [name]})
    assert code == 0, said
    assert f"clip stopped at step 5 of {STEPS}; the model is usable; resume=True goes on; loss" in said
    assert "<built-in function default_int_handler> True" in said  # the old handler is back
    assert load_checkpoint(tmp_path / "clip.unfinished.safetensors").card["step"] == 5
    code, said = worker.train(tmp_path, precision=precision, resume=True)
    assert code == 0 and "False" in said, said
    assert_same(tmp_path, whole)


def test_a_second_ctrl_c_does_not_wait_for_the_step(worker, tmp_path):
    code, said = worker.train(tmp_path, signals={4: ["SIGINT", "SIGINT"]})
    assert code == 1 and said.rstrip().endswith("KeyboardInterrupt")
    assert load_checkpoint(tmp_path / "clip.state.safetensors").card["step"] == 3


def test_a_second_sigterm_ends_the_process(worker, tmp_path):
    assert worker.train(tmp_path, signals={4: ["SIGTERM", "SIGTERM"]})[0] == -signal.SIGTERM


def test_a_signal_in_the_last_step_changes_nothing(worker, tmp_path):
    code, said = worker.train(tmp_path, signals={STEPS - 1: ["SIGINT"]})
    assert code == 0 and f"clip: step {STEPS} of {STEPS}" in said and "False" in said


def test_resume_under_other_settings_is_refused(worker, tmp_path):
    worker.train(tmp_path, signals={4: ["SIGTERM"]})
    code, said = worker.train(tmp_path, resume=True, lr=0.5, num_steps=99)
    assert code == 1
    assert "belongs to a run with num_steps=12, lr=0.001, this one has num_steps=99, lr=0.5: use the same" in said


def test_resume_of_a_finished_run_trains_no_more(worker, tmp_path):
    worker.train(tmp_path)
    before = load_checkpoint(tmp_path / "clip.safetensors")
    code, said = worker.train(tmp_path, resume=True)
    assert code == 0 and f"goes on from step {STEPS} of {STEPS}" in said
    assert load_checkpoint(tmp_path / "clip.safetensors").card["sha256"] == before.card["sha256"]


def test_resume_from_a_damaged_state_is_refused(worker, tmp_path):
    worker.train(tmp_path, signals={4: ["SIGTERM"]})
    (tmp_path / "clip.state.safetensors").write_bytes(b"\x99" * 400)
    code, said = worker.train(tmp_path, resume=True)
    assert code == 1 and "clip.state.safetensors is damaged" in said
