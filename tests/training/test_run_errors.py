"""What a run says and saves when something is wrong."""

import math
import os
import signal

import pytest
import torch
from torch import nn

from mmatl_lab.seeding import seeded
from mmatl_lab.training import load_checkpoint, progress

from .line import loss_of, make, net, train


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_a_loss_or_gradient_not_finite_stops_and_gives_the_last_good_weights_back(tmp_path, kind):
    run = make(tmp_path, num_steps=9, save_every=1e9)
    with pytest.raises(FloatingPointError) as caught:
        for step, generator in run:
            loss = loss_of(run, generator)
            bad = math.nan if kind == "loss" else (run.model(torch.zeros(1, 3)) * 0).sqrt().sum()  # slope of √ at 0
            run.step(loss + bad if step == 7 else loss)
            if step == 3:
                run._next_save = 0.0  # as if the time had come at the start of the next step
                good = [parameter.detach().clone() for parameter in run.model.parameters()]
    what = "loss is nan" if kind == "loss" else "norm of the gradient is nan"
    assert str(caught.value) == (
        f"the {what} at step 7 of 9: what was learned since step 4 is lost, and the model has its weights of then "
        f"(kept in {run.state_path}); use a smaller lr than 0.05, or look at the data of seeded(0, 7)"
    )
    for parameter, expected in zip(run.model.parameters(), good, strict=True):
        assert torch.equal(parameter, expected)
    assert len(run.history["loss"]) == run.done == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(run)  # and it can go on, without a trace of the bad gradient
    assert run.done == 9 and torch.isfinite(run.model.weight).all()


def test_too_large_a_learning_rate_ends_in_weights_that_work(tmp_path):
    """A run that really diverges: each checkpoint on the way had weights whose loss was finite."""
    model = net()
    run = make(tmp_path, model, num_steps=500, lr=1e18, save_every=0, schedule="constant")
    with pytest.raises(FloatingPointError, match=r"what was learned since step \d+ is lost, and .* \(kept in"):
        train(run)
    assert torch.isfinite(model(torch.randn(8, 3))).all()
    load_checkpoint(run.state_path)


def test_the_first_loss_not_finite_leaves_the_first_weights(tmp_path):
    (tmp_path / "line.state.safetensors").write_bytes(b"of another run")
    run = make(tmp_path)
    with pytest.raises(
        FloatingPointError, match=r"at step 0 of 6: what was learned since step 0 is lost.* of then; use"
    ):
        for _, generator in run:
            run.step(loss_of(run, generator) * math.inf)
    assert torch.equal(run.model.weight, net().weight)


def test_a_disk_that_fills_up_costs_a_checkpoint_not_the_training(tmp_path, monkeypatch):
    run = make(tmp_path, save_every=0)
    real, full = os.fsync, [False]

    def fsync(file):
        if full[0]:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.warns(UserWarning, match=r"was not saved \(No space left on device\).*; the training goes on"):
        for step, generator in run:
            full[0] = 2 <= step <= 4
            run.step(loss_of(run, generator))
    assert load_checkpoint(run.path).card["step"] == 6


def test_a_log_that_cannot_be_written_costs_the_log_not_the_training(tmp_path, monkeypatch):
    class FullLogger:
        def log_metrics(self, row, step):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress, "open_loggers", lambda folder: [FullLogger()])
    with pytest.warns(
        UserWarning, match=r"the log ends before step 1 \(No space left on device\); the training goes on"
    ):
        assert train(make(tmp_path)).done == 6


def test_a_disk_that_is_full_shows_in_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    run = make(tmp_path / "file", save_every=0)
    with pytest.raises(OSError, match=r"file/line.state.safetensors was not saved \(.*\): it needs"):
        train(run)
    assert run.done == 0


def test_step_belongs_once_into_each_turn(tmp_path):
    run = make(tmp_path, save=False)
    with pytest.raises(RuntimeError, match="belongs into `for step, generator in run:`"):
        run.step(loss_of(run, seeded(0)))
    with pytest.raises(RuntimeError, match=r"was not called in step 0"):
        for _ in run:
            pass
    with pytest.raises(RuntimeError, match="once in each turn"):
        for _, generator in run:
            run.step(loss_of(run, generator))
            run.step(loss_of(run, generator))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda loss: loss.item(), "got float"),
        (lambda loss: loss.expand(3), r"got a tensor of shape \(3,\)"),
        (lambda loss: loss.detach(), "got one without a gradient"),
    ],
)
def test_something_else_than_a_loss_is_named(tmp_path, spoil, said):
    run = make(tmp_path, save=False)
    with pytest.raises(TypeError, match=said):
        for _, generator in run:
            run.step(spoil(loss_of(run, generator)))


@pytest.mark.parametrize(
    ("metrics", "error", "said"),
    [
        ({"accuracy": torch.ones(3)}, TypeError, "'accuracy' should be one number, got tensor"),
        ({"accuracy": "high"}, TypeError, "'accuracy' should be one number, got 'high'"),
        ({"accuracy": None}, TypeError, "'accuracy' should be one number, got None"),
        ({"lr": 0.1}, ValueError, "cannot be called 'lr'"),
    ],
)
def test_a_metric_that_is_no_number_is_named(tmp_path, metrics, error, said):
    with pytest.raises(error, match=said):
        train(make(tmp_path, save=False), **metrics)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_steps": 0}, "num_steps is 0"),
        ({"precision": "fp16"}, "unknown precision 'fp16': choose one of auto, 32-true, bf16-mixed"),
        ({"lr": 0.0}, "lr is 0.0: give a number above 0"),
        ({"schedule": "linear"}, "unknown schedule 'linear'"),
        ({"device": "tpu"}, "device 'tpu' is not available"),
        ({"model": nn.ReLU()}, "ReLU has no parameter"),
    ],
)
def test_an_unknown_setting_is_named(tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        make(tmp_path, **settings)
