"""Figures, tables and dials of the MMATL lesson, on games of seconds and on tables by hand."""

import math

import pandas as pd
import pytest
import torch

from mmatl_lab.errata.clouds import play
from mmatl_lab.lessons.mmatl import dials, figures, tables, unique
from mmatl_lab.lessons.mmatl.traces import Recorded
from mmatl_lab.viz import alignment
from mmatl_lab.viz.style import use_style


@pytest.fixture(autouse=True)
def closed():
    import matplotlib.pyplot as plt

    use_style()
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def games():
    return {title: play(form, 2, torch.tensor([3.0]), 0) for title, form in (("printed", "printed"), ("fair", "right"))}


def test_the_games_are_drawn_with_their_clouds_and_ln_n(games):
    *clouds, losses = figures.plot_games(games).axes
    assert [ax.get_title(loc="left") for ax in clouds] == ["printed", "fair"]
    assert losses.lines[-1].get_ydata()[0] == pytest.approx(math.log(2))
    for ax, played in zip(clouds, games.values()):
        ends = [line.get_xydata()[-1] for line in ax.lines if len(line.get_xydata()) > 1]
        assert torch.allclose(torch.tensor(ends).float(), played.centres[-1, 0])


def test_the_alt_text_of_the_games_says_where_they_end(games):
    said = figures.describe_games(games)
    assert "printed: the first two clouds are 3.0 apart" in said and said.count("a fresh probe is right for") == 2
    assert figures.animate_games(games, every=100).data[:4] == b"RIFF"


def test_a_training_is_drawn_with_probe_and_task_on_one_axis():
    curves = {"task": [0.2, 0.9], "probe": [0.9, 0.55], "L_dis": [0.3, 0.69]}
    trace = Recorded([1, 10], curves, [])
    above, below = figures.plot_training({"well-posed": trace}).axes
    assert {line.get_label(): list(line.get_ydata()) for line in above.lines[:2]} == {
        "task accuracy": curves["task"],
        "fresh probe": curves["probe"],
    }
    assert math.log(2) == pytest.approx(below.lines[-1].get_ydata()[0])
    assert figures.describe_training({"well-posed": trace}).endswith("L_dis 0.69, fresh probe 0.55, task 0.90.")


def test_the_map_marks_the_front():
    task, probe = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0.9, 0.5, 0.6])
    ax = figures.plot_map(task, probe, torch.tensor([0.0, 1.0, 10.0]), chance=0.5).axes[0]
    assert sorted(map(tuple, ax.collections[1].get_offsets().tolist())) == sorted(
        zip(probe[:2].tolist(), task[:2].tolist())
    )


def test_curves_are_means_over_the_rows_and_shares_stay_in_range():
    frame = pd.DataFrame({"x": [1, 1, 4, 4], "y": [0.9, 1.0, 0.5, 0.5], "by": "a"})
    curves, x = figures.curves_of(frame, "x", "y", "by", {"a": "method a"})
    assert x == [1, 4] and curves["method a"][0] == pytest.approx([0.95, 0.5])
    assert curves["method a"][2][0] == 1.0 and curves["method a"][1][1] == 0.5
    figure = figures.plot_lines(curves, x, xlabel="labels", log=True, chance=0.1)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["1", "4"]
    assert figures.describe_lines(curves, x) == "From 1 to 4: method a goes from 0.95 to 0.50."


def test_an_exchange_of_classes_is_told():
    swapped = torch.tensor([[1, 9, 0], [8, 2, 0], [0, 0, 10]])
    assert "43% right, 2 of 3 classes" in figures.describe_confusions({"a": swapped})
    image = figures.plot_confusions({"a": swapped}, "abc").axes[0].images[0].get_array()
    assert image[0, 1] == pytest.approx(0.9)


def test_codes_are_mapped_at_evenly_chosen_looks(monkeypatch):
    monkeypatch.setattr(alignment, "aligned_umap", lambda snapshots: snapshots)  # which takes seconds
    g = torch.Generator().manual_seed(0)
    latents = [torch.randint(2, (20, 2, 8), generator=g) * 2.0 - 1 for _ in range(5)]
    kept = figures.code_frames(Recorded([1, 5, 20, 60, 90], {}, latents), ("audio", "sensor"), moments=3)
    assert kept.steps == [1, 20, 90] and kept.sizes == {"audio": 20, "sensor": 20}
    noise = kept.latents[1]["sensor"] - latents[2][:, 1]
    assert 0 < noise.abs().mean() < 0.4


def test_the_coins_are_told_in_bits_and_ceilings():
    assert "0.75" in str(dials.coin_dial()) and "without a shared coin" in str(dials.coin_dial())
    frame = pd.DataFrame(
        [{"label": label, "alignment": a, "seed": s, "fused": 0.9 + s / 100, "alone": 0.5, "modality": 0.6}
         for label in unique.LABELS for a in unique.ALIGNMENTS for s in range(3)]
    )  # fmt: skip
    said = str(tables.coins(frame))
    assert said.count("aligned") == 4 and "0.910 [0.885, 0.935] (3 seeds)" in said
