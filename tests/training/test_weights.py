"""A run with the weights of an earlier training: the loop has no turn, and what follows it works."""

import pytest
import torch
from torch import nn

from mmatl_lab.training import CheckpointError, load_checkpoint

from .line import loss_of, make, train


@pytest.fixture
def trained(tmp_path):
    run = train(make(tmp_path / "earlier"), accuracy=0.5)
    return load_checkpoint(run.path)


def test_the_loop_has_no_turn_and_the_model_has_the_weights(tmp_path, trained, capsys):
    model = nn.Linear(3, 1)
    run = make(tmp_path / "now", model, weights=trained)
    assert torch.equal(model.weight, trained.state["weight"]) and not model.training
    capsys.readouterr()
    for _, generator in run:
        raise AssertionError("a step was taken", loss_of(run, generator))
    assert (run.done, run.stopped, run.seconds, run.history) == (6, False, 0.0, {"step": [], "loss": []})
    said = capsys.readouterr().out
    assert said.startswith("line: the weights of an earlier training are loaded (6 steps in 0 s); loss 7.")
    assert "accuracy 0.500" in said and len(said.splitlines()) == 1
    run.save()
    assert not (tmp_path / "now").exists(), "nothing is written"


def test_an_average_of_the_weights_begins_with_them(tmp_path, trained):
    run = make(tmp_path, nn.Linear(3, 1), weights=trained, ema=0.9)
    assert torch.equal(run.ema.weight, trained.state["weight"])


def test_weights_of_another_model_are_a_sentence(tmp_path, trained):
    with pytest.raises(CheckpointError, match="checkpoint of line does not fit this Linear: .weight. and 1 more"):
        make(tmp_path, nn.Linear(3, 2), weights=trained)


def test_plots_are_told_that_there_is_no_curve(tmp_path, trained):
    closed = []

    class Plot:
        def update(self, history, step, num_steps):
            raise AssertionError("there is nothing to update")

        def close(self, history):
            closed.append(history)

    train(make(tmp_path, nn.Linear(3, 1), weights=trained, plot=Plot()))
    assert closed == [{"step": [], "loss": []}]
    train(make(tmp_path, nn.Linear(3, 1), weights=trained, plot=Plot(), quiet=True))
    assert len(closed) == 1


def test_a_rerun_says_that_it_will_replace_a_trained_file(tmp_path, capsys):
    train(make(tmp_path))
    assert "replaces" not in capsys.readouterr().out
    again = train(make(tmp_path))
    (warning,) = [line for line in capsys.readouterr().out.splitlines() if "replaces" in line]
    assert warning.startswith(f"{again.path} holds a trained line: the end of this run replaces it. To keep it, stop")
    train(make(tmp_path, save=False))
    assert "replaces" not in capsys.readouterr().out


def test_the_file_is_there_until_the_end_of_the_rerun(tmp_path):
    path = train(make(tmp_path)).path
    before = path.read_bytes()
    run = make(tmp_path, num_steps=5)
    for step, generator in run:
        run.step(loss_of(run, generator))
        if step == 2:
            run.stop()
    assert path.read_bytes() == before
