"""The loop's helper on one process: what it does in a step, shows, keeps, and says when something is wrong."""

import csv
import math
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run, learning_rate, load_checkpoint, load_into, progress

WEIGHTS = torch.tensor([[1.0], [-2.0], [0.5]])


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def make(tmp_path, model=None, num_steps=6, **settings) -> Run:
    settings = {"device": "cpu", "precision": "32-true", "lr": 0.05, "folder": tmp_path} | settings
    return Run(model or net(), "line", num_steps, **settings)


def loss_of(run: Run, generator: torch.Generator) -> torch.Tensor:
    x = torch.randn(8, 3, generator=generator)
    return (run.model(x) - x @ WEIGHTS).square().mean()


def train(run: Run, **metrics) -> Run:
    for _, generator in run:
        run.step(loss_of(run, generator), **metrics)
    return run


# A step ---------------------------------------------------------------------------------------------------------------


def test_a_run_is_the_loop_one_would_write(tmp_path):
    """Bit for bit: AdamW with decay on matrices, clipped gradients, the schedule."""
    run = train(make(tmp_path, num_steps=20, weight_decay=0.1, clip=0.5, schedule="one-cycle"))
    model = net()
    groups = [{"params": [model.weight], "weight_decay": 0.1}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    for step in range(20):
        x = torch.randn(8, 3, generator=seeded(0, step))
        optimizer.zero_grad()
        (model(x) - x @ WEIGHTS).square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 20, 0.05, "one-cycle")
        optimizer.step()
    assert torch.equal(run.model.weight, model.weight) and torch.equal(run.model.bias, model.bias)


def test_decay_spares_everything_but_matrices(tmp_path):
    """With no gradient but that of the decay, vectors and scalars stay as they are and matrices shrink."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LayerNorm(4), nn.Embedding(3, 4))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    run = make(tmp_path, model, weight_decay=0.5, num_steps=2, save=False)
    for _ in run:
        run.step(0 * sum(p.sum() for p in model.parameters()))
    for name, parameter in model.named_parameters():
        assert (parameter.norm() < before[name].norm()) == (parameter.ndim > 1), name


def test_data_and_dropout_of_a_step_depend_on_seed_and_step_alone(tmp_path):
    def drawn(seed, save_at):
        run, numbers = make(tmp_path, seed=seed, save=False), []
        for step, generator in run:
            numbers.append((torch.rand(1, generator=generator).item(), torch.rand(1).item()))
            if step == save_at:
                torch.rand(100), torch.rand(100, generator=generator)  # what one step draws does not move the next
            run.step(loss_of(run, generator))
        return numbers

    first = drawn(0, save_at=2)
    assert first == drawn(0, save_at=4) != drawn(1, save_at=4)
    assert len({number for pair in first for number in pair}) == 12


def test_bf16_computes_in_bf16_and_gives_float32(tmp_path):
    seen = []
    model = net()
    model.register_forward_hook(lambda module, x, y: seen.append(y.dtype))
    run = make(tmp_path, model, precision="bf16-mixed", save=False)
    for _, generator in run:
        assert run.model(torch.randn(8, 3)).dtype == torch.float32
        run.step(loss_of(run, generator))
    assert set(seen) == {torch.bfloat16} and model.weight.dtype == torch.float32


def test_the_model_learns_trains_and_evaluates_in_its_modes(tmp_path):
    model, modes = net().eval(), []
    run = make(tmp_path, model, num_steps=150)
    for _, generator in run:
        modes.append(model.training)
        run.step(loss_of(run, generator))
    assert all(modes) and not model.training
    assert run.history["loss"][-1] < 0.01 < run.history["loss"][0]


# What is kept ---------------------------------------------------------------------------------------------------------


def test_history_has_one_row_for_each_step_and_nan_where_nothing_was_measured(tmp_path):
    run = make(tmp_path)
    for step, generator in run:
        late = {"late": torch.tensor([2.0])} if step >= 4 else {}
        run.step(loss_of(run, generator), **({"even": step / 2} if step % 2 == 0 else {}), **late)
    assert run.history["step"] == [0, 1, 2, 3, 4, 5]
    assert [None if math.isnan(x) else x for x in run.history["even"]] == [0.0, None, 1.0, None, 2.0, None]
    assert [None if math.isnan(x) else x for x in run.history["late"]] == [None] * 4 + [2.0, 2.0]
    assert len(run.history["loss"]) == 6


def test_weights_card_and_log_are_written(tmp_path):
    run = train(make(tmp_path, card={"recipe": "clip", "preset": "quick"}), accuracy=0.5)
    assert run.path == tmp_path / "line.safetensors"
    other = nn.Linear(3, 1)
    card = load_into(other, run.path)
    assert torch.equal(other.weight, run.model.weight)
    assert card["recipe"] == "clip" and card["step"] == 6 and card["training"]["accuracy"] == 0.5
    assert card["settings"]["lr"] == 0.05 and card["metrics"] == {}
    load = run.save({"recall": 0.9}, dtype=torch.float16)
    assert load_checkpoint(load).card["metrics"] == {"recall": 0.9}
    (log,) = (tmp_path / "logs" / "line").iterdir()
    rows = list(csv.DictReader((log / "metrics.csv").open()))
    assert [float(row["loss"]) for row in rows] == run.history["loss"]
    assert [float(row["lr"]) for row in rows] == run.learning_rates["lr"]
    assert [row["accuracy"] for row in rows] == ["0.5"] * 6


def test_tensorboard_reads_the_log(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = train(make(tmp_path))
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "line" / "version_0"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == run.history["step"]
    assert [event.value for event in events.Scalars("loss")] == run.history["loss"]


def test_the_newest_log_of_a_resumed_run_is_whole(tmp_path):
    run = make(tmp_path)
    for step, generator in run:
        run.step(loss_of(run, generator))
        if step == 2:
            run.stop()
    resumed = train(make(tmp_path, resume=True))
    rows = list(csv.DictReader((tmp_path / "logs" / "line" / "version_1" / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows] == [0, 1, 2, 3, 4, 5] == resumed.history["step"]


def test_save_false_leaves_no_trace(tmp_path):
    train(make(tmp_path, save=False))
    assert not list(tmp_path.iterdir())


def test_the_folder_is_that_of_the_environment_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path / "mine"))
    assert train(make(None)).path == tmp_path / "mine" / "line.safetensors"
    assert (tmp_path / "mine" / "line.state.safetensors").exists()


# What is seen ---------------------------------------------------------------------------------------------------------


def test_the_last_line_is_made_from_the_numbers(tmp_path, capsys):
    run = make(tmp_path, num_steps=30, ceiling={"accuracy": 1.0}, control={"accuracy": 1 / 256})
    assert repr(run) == "Run(line: step 0 of 30 in 0 s; on cpu, 32-true, 1 process)"
    for step, generator in run:
        run.step(loss_of(run, generator), accuracy=step / 100)
    first, last = run.history["loss"][0], sum(run.history["loss"][-20:]) / 20
    assert capsys.readouterr().out == (  # headless: nothing else
        f"line: step 30 of 30 in {run.seconds:.0f} s; loss {first:.3f} → {last:.3f}; "
        f"accuracy 0.195 (ceiling 1, control 0.00391); saved as {run.path}\n"
    )


def test_in_a_terminal_a_bar_shows_the_time_left_loss_and_the_first_metric(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MMATL_LAB_HEADLESS")
    monkeypatch.setattr(progress.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    run = make(tmp_path, save=False, ceiling={"accuracy": 1.0})
    for _, generator in run:
        time.sleep(0.06)
        run.step(loss_of(run, generator), accuracy=0.5, other=3)
    shown = capsys.readouterr().out
    assert "left" in shown and "/6" in shown and "accuracy 0.500 (ceiling 1)" in shown
    assert "other" not in shown.split("line: step 6")[0]


def test_in_a_notebook_the_bar_is_one_line_that_is_empty_in_the_end(monkeypatch):
    lines = []

    def display(frame, raw, display_id):
        lines.append([frame["text/plain"]])
        return SimpleNamespace(update=lambda frame, raw: lines[-1].append(frame["text/plain"]))

    monkeypatch.delenv("MMATL_LAB_HEADLESS")
    monkeypatch.setattr(progress.builtins, "__IPYTHON__", True, raising=False)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    with progress.Progress("line", {"step": []}, {"lr": [0.1] * 3}) as shown:
        for step in range(3):
            time.sleep(0.3)
            shown.step({"step": list(range(step + 1))}, "loss 1.0")
    (line,) = lines
    assert any("█" in words and "3/3" in words and "loss 1.0" in words for words in line) and line[-1] == ""


class FakePlot:
    """Draws for half a second of a clock that only tests move."""

    def __init__(self, clock):
        self.clock, self.drawn, self.closed = clock, [], []

    def update(self, history, step, num_steps):
        self.drawn.append((self.clock.now, step, num_steps, len(history["loss"])))
        self.clock.now += 0.5

    def close(self, history):
        self.closed.append(len(history["step"]))


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize("headless", [False, True])
def test_plots_take_little_of_the_time(tmp_path, monkeypatch, headless):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock.monotonic)
    monkeypatch.setenv("MMATL_LAB_HEADLESS", str(int(headless)))
    plots = [FakePlot(clock), FakePlot(clock)]
    run = make(tmp_path, num_steps=600, plot=plots, save=False)
    for _, generator in run:
        clock.now += 0.1
        run.step(loss_of(run, generator))
    for plot in plots:
        assert plot.closed == [600]
        times = [now for now, *_ in plot.drawn]
        assert bool(times) != headless
        assert all(later - earlier >= 2 for earlier, later in zip(times, times[1:], strict=False))
        assert all(step == rows and num_steps == 600 for _, step, num_steps, rows in plot.drawn)
    assert sum(len(plot.drawn) for plot in plots) * 0.5 <= 0.06 * clock.now + 1


def test_one_plot_needs_no_list_and_is_closed_after_an_error(tmp_path):
    plot = FakePlot(Clock())
    train(make(tmp_path, plot=plot, save=False))
    assert plot.closed == [6]
    run = make(tmp_path, plot=plot, save=False)
    with pytest.raises(FloatingPointError):
        for _, generator in run:
            run.step(loss_of(run, generator) * math.nan)
    assert plot.closed == [6, 0]


# What goes wrong ------------------------------------------------------------------------------------------------------


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


# Leaving early --------------------------------------------------------------------------------------------------------


def test_stop_ends_after_the_step_and_the_same_run_can_go_on(tmp_path, capsys):
    run = make(tmp_path)
    for step, generator in run:
        run.step(loss_of(run, generator))
        if step == 3:
            run.stop()
    assert run.stopped and run.done == 4
    assert capsys.readouterr().out.startswith(
        "line stopped at step 4 of 6; the model is usable; resume=True goes on; loss"
    )
    train(run)
    assert not run.stopped
    for parameter, expected in zip(run.model.parameters(), train(make(tmp_path)).model.parameters(), strict=True):
        assert torch.equal(parameter, expected)


@pytest.mark.parametrize("leave", ["break", "error"])
def test_break_and_errors_give_the_signals_back(tmp_path, leave):
    run = make(tmp_path)
    try:
        for _ in run:
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            if leave == "break":
                break
            raise KeyError
    except KeyError:
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not run.path.exists()


def test_outside_the_main_thread_it_trains_as_well(tmp_path):
    run = make(tmp_path)
    thread = threading.Thread(target=train, args=(run,))
    thread.start()
    thread.join()
    assert run.done == 6 and run.path.exists()
