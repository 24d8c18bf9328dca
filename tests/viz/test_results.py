"""Plots of results show every number where it is, in words for readers."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from mmatl_lab.metrics.intervals import student
from mmatl_lab.viz.results import describe, plot_results, plot_study


def row(label="image → text, of 1,000", value=0.9, **known):
    return SimpleNamespace(
        label=label, value=value, **dict.fromkeys(("low", "high", "control", "ceiling", "target")) | known
    )


FULL = row(low=0.85, high=0.94, control=7.22e-4, ceiling=1.0, target={"at_least": 0.88})
STEPS = row("steps per second", 12.0, low=11.0, high=14.0)


def words(figure) -> set[str]:
    figure.canvas.draw()
    return {text.get_text() for text in figure.findobj(plt.Text) if text.get_text()}


def test_the_interval_of_a_share_may_reach_beyond_one():
    figure = plot_results([FULL, row("all right", 1.0, low=0.999, high=1.001)], limits=(0.4, 1))
    assert len(figure.axes) == 1


def test_every_number_stands_where_it_is():
    figure = plot_results([FULL, row("a", -0.2)], title="All", xlabel="share")
    [ax] = figure.axes
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert bars == [(0, pytest.approx(0.9)), (pytest.approx(0), pytest.approx(-0.2))]
    lines = {str(lines.get_linestyle()[0][1] is not None): lines for lines in ax.findobj(LineCollection)}
    places = [
        round(float(segment[0][0]), 6) for lines in ax.findobj(LineCollection) for segment in lines.get_segments()
    ]
    assert {0.000722, 1.0, 0.85} <= set(places) and lines
    assert {"All", "share", "0.900", "-0.200", "95 % interval", "control", "ceiling", "target"} <= words(figure)


def test_words_are_for_readers_and_large_enough():
    figure = plot_results([FULL, STEPS])
    assert "image → text, of 1,000" in words(figure) and not any("e-" in word for word in words(figure))
    assert min(text.get_fontsize() for text in figure.findobj(plt.Text) if text.get_text()) >= 10


def test_what_is_no_share_has_an_axis_of_its_own():
    assert len(plot_results([FULL, STEPS]).axes) == 2
    assert len(plot_results([STEPS]).axes) == 1
    assert plot_results([FULL, STEPS]).axes[0].get_xlim()[1] < 1.1


def test_the_legend_names_what_is_there_and_no_more():
    assert not plot_results([row()]).legends
    assert "ceiling" not in words(plot_results([STEPS])) and "95 % interval" in words(plot_results([STEPS]))


def test_the_alt_text_says_all_of_it():
    assert describe([FULL, row("a", 3)]) == (
        "image → text, of 1,000: 0.900 (0.850 to 0.940), control 0.0007, ceiling 1; a: 3."
    )


def test_nothing_to_plot_gets_a_sentence():
    with pytest.raises(ValueError, match="no results to plot"):
        plot_results([])


def study(methods=("concatenation", "gated"), seeds=4) -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(scale=0.05, size=(len(methods), 2, seeds))
    return pd.DataFrame(
        {"method": method, "task": task, "seed": s, "test_accuracy": 0.6 + 0.1 * i + noise[i, j, s], "noise": float(i)}
        for i, method in enumerate(methods)
        for j, task in enumerate(("xor", "sum"))
        for s in range(seeds)
    )


def test_bars_are_the_means_with_students_interval_and_a_dot_for_each_seed():
    frame = study()
    figure = plot_study(frame, x="method", y="test_accuracy", hue="task", ceiling_at=0.97, control_at=0.5)
    ax = figure.axes[0]
    means = frame.groupby(["task", "method"])["test_accuracy"].mean()
    tops = sorted(bar.get_height() for bar in ax.patches if bar.get_height() > 0)
    assert tops == pytest.approx(sorted(means))
    one = frame[(frame.task == "xor") & (frame.method == "gated")]["test_accuracy"].tolist()
    ends = [sorted(line.get_ydata()) for line in ax.get_lines()]
    assert any(
        end[0] == pytest.approx(student(one).low) and end[-1] == pytest.approx(student(one).high) for end in ends
    )
    dots = np.concatenate([np.asarray(c.get_offsets())[:, 1] for c in ax.collections if len(c.get_offsets())])
    assert sorted(dots) == pytest.approx(sorted(frame["test_accuracy"]))
    assert {"test accuracy", "task", "xor", "ceiling 0.97", "control 0.5"} <= words(figure)


def test_numbers_on_the_x_axis_are_joined_by_a_line():
    figure = plot_study(study(), x="noise", y="test_accuracy", hue="task", labels={"noise": "noise, σ"})
    assert figure.axes[0].get_xlabel() == "noise, σ" and not figure.axes[0].patches


def test_one_seed_has_a_bar_and_no_interval():
    figure = plot_study(study(seeds=1), x="method", y="test_accuracy")
    assert len(figure.axes[0].patches) == 2


def test_columns_that_are_not_there_get_a_sentence():
    with pytest.raises(ValueError, match="expected rows with the columns 'method', 'loss' and None, got 16 rows of"):
        plot_study(study(), x="method", y="loss")
