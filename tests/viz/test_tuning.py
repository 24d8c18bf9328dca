"""Figures of a search: every trial is a point, and a surface is drawn only where there is one."""

import numpy as np
import pandas as pd
import pytest

from mmatl_lab.viz.tuning import plot_contour, plot_importance


def trials(n=12, **columns):
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"lr": 10 ** r.uniform(-4, -1, n), "width": r.uniform(1, 9, n)} | columns)
    return frame.assign(score=np.where(np.arange(n) < n - 2, -((np.log10(frame.lr) + 2) ** 2), np.nan))


def points(ax, label):
    return next(len(c.get_offsets()) for c in ax.collections if c.get_label() == label)


def test_complete_trials_lie_on_a_surface_and_the_others_are_crosses():
    frame = trials()
    ax = plot_contour(frame, "lr", "width", log=(True, False), label="accuracy").axes[0]
    assert points(ax, "stopped early") == 2
    best = next(c for c in ax.collections if c.get_label() == "best").get_offsets()[0]
    assert best[0] == pytest.approx(frame.lr[frame.score.idxmax()])
    assert ax.get_xscale() == "log" and ax.get_yscale() == "linear" and ax.figure.axes[1].get_ylabel() == "accuracy"


def test_trials_on_a_line_have_no_surface():
    on_a_line, spread = (plot_contour(t, "lr", "width").axes[0].collections for t in (trials(width=2.0), trials()))
    assert len(on_a_line) < len(spread)


def test_importances_are_sorted_and_labelled():
    ax = plot_importance({"a": 0.2, "b": 0.8}).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.2, 0.8]
    assert {"0.20", "0.80"} <= {text.get_text() for text in ax.texts}


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="no importances"):
        plot_importance({})
    with pytest.raises(ValueError, match="no column 'depth': choose from lr, width, score"):
        plot_contour(trials(), "lr", "depth")
    with pytest.raises(ValueError, match="no trial is complete"):
        plot_contour(trials().assign(score=np.nan), "lr", "width")
