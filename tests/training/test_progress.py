"""What is seen of a run: the bar, the plots and the last line."""

import math
import time
from types import SimpleNamespace

import pytest

from mmatl_lab.training import progress

from .line import loss_of, make, train


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
