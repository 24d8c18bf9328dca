import gc
import io
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from mmatl_lab.viz import live
from mmatl_lab.viz.live import LivePlot


class Screen:
    """Stands in for a notebook's output: counts what is displayed and what is updated."""

    def __init__(self):
        self.shown, self.updates = [], []

    def display(self, *args, **kwargs):
        self.shown.append(args[0])
        return self

    def update(self, content, **kwargs):
        self.updates.append(content)


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.delenv("MMATL_LAB_HEADLESS", raising=False)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", screen.display)
    return screen


def history(n, **more):
    loss = [5 / (1 + k) for k in range(n)]
    return {"step": [float(k + 1) for k in range(n)], "loss": loss, "accuracy": [1 - x / 5 for x in loss], **more}


def test_one_output_is_updated_in_place_and_ends_as_a_picture_with_alt_text(screen):
    plot = LivePlot(ceiling={"accuracy": 1.0}, control={"accuracy": 0.25})
    for n in (1, 5, 10):
        plot._next = 0  # as if enough time had passed
        plot.update(history(n), n, 10)
    plot.close(history(10))
    assert len(screen.shown) == 1 and len(screen.updates) == 3
    final = screen.updates[-1]
    assert "loss goes from 5 to" in final.alt and "(ceiling 1, control 0.25)" in final.alt
    assert Image.open(io.BytesIO(final.data)).format == "PNG"
    plot.update(history(3), 3, 10)  # the cell is run again: its old output is gone
    plot.close(history(10))
    assert len(screen.shown) == 2 and len(screen.updates) == 4


def test_it_takes_a_small_share_of_the_time(screen):
    plot = LivePlot()
    for n in range(1, 30):
        plot.update(history(n), n, 30)
    assert len(screen.shown) == 1 and not screen.updates  # half a second has not passed
    plot._next = math.inf  # as long as it is not time,
    for n in range(1000):
        plot.update({"loss": []}, n, 1000)
    assert len(screen.shown) == 1 and not screen.updates  # nothing is drawn


def test_headless_shows_the_final_frame_only(screen, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    plot = LivePlot()
    for n in range(1, 5):
        plot._next = 0
        plot.update(history(n), n, 5)
    assert not screen.shown
    plot.close(history(5))
    assert len(screen.shown) == 1 and not screen.updates


def test_without_a_notebook_the_alt_text_is_printed(capsys):
    plot = LivePlot(("loss",))
    plot.update(history(3), 3, 3)
    plot.close(history(3))
    assert capsys.readouterr().out == "While training, loss goes from 5 to 3.06 by step 3.\n"


@pytest.mark.parametrize(
    "array", [np.eye(8), torch.eye(8, dtype=torch.bfloat16, requires_grad=True), np.zeros((4, 4, 3))]
)
def test_what_extra_returns_is_shown(array):
    plot = LivePlot(extra=lambda ax: array, extra_title="similarity", limits=(-1, 1))
    plot._draw(history(3), 3, dpi=50)
    ax = plot._figure.axes[-1]
    [image] = ax.get_images()
    expected = np.asarray(array.detach().float() if isinstance(array, torch.Tensor) else array)
    assert (np.asarray(image.get_array()) == expected).all()
    assert image.get_clim() == (-1, 1) and ax.get_title(loc="left") == "similarity"


def test_extra_may_draw_by_itself_and_starts_from_an_empty_axis():
    plot = LivePlot(extra=lambda ax: ax.plot([0, 1], [0, 1]))
    for _ in range(3):
        plot._draw(history(3), 3, dpi=50)
    assert len(plot._figure.axes[-1].get_lines()) == 1


def test_recorded_panels_become_an_animation():
    state = {"step": 0}
    plot = LivePlot(extra=lambda ax: np.eye(8) * state["step"], extra_title="similarity", record=(0, 5, 9))
    for state["step"] in range(10):
        plot.record(state["step"])
        plot.record(state["step"])
    assert [step for step, _ in plot.recorded] == [0, 5, 9]
    moving = plot.animation()
    assert Image.open(io.BytesIO(moving.data)).n_frames == 3
    assert moving.alt == "similarity at steps 0, 5, 9."


def test_numbers_that_were_not_measured_leave_no_gap_and_no_alarm():
    sparse = [math.nan, 0.2, math.nan, 0.6, math.nan]
    plot = LivePlot(("loss", "accuracy"), ceiling={"accuracy": 1.0})
    gc.collect()  # what other tests left behind may warn when it is collected, and that is no alarm of this plot
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            plot._draw(history(5) | {"accuracy": sparse}, 5, dpi=50)
    finally:
        gc.enable()
    raw, *_ = plot._figure.axes[1].get_lines()
    assert list(raw.get_xdata()) == [2, 4] and list(raw.get_ydata()) == [0.2, 0.6]
    alarms = [w for w in caught if issubclass(w.category, RuntimeWarning | UserWarning)]  # numpy's, matplotlib's
    assert not [str(w.message) for w in alarms]


def test_ceiling_and_control_are_in_sight_from_the_first_step():
    plot = LivePlot(("accuracy",), ceiling={"accuracy": 1.0}, control={"accuracy": 0.01})
    plot._draw({"accuracy": [0.02]}, 100, dpi=50)
    low, high = plot._figure.axes[0].get_ylim()
    assert low < 0.01 and high > 1
    assert plot._figure.axes[0].get_xlim() == (0, 100)


def test_without_a_step_there_is_a_sentence_in_place_of_empty_curves(screen, capsys):
    LivePlot().close({"step": [], "loss": []})
    assert not screen.shown and capsys.readouterr().out == "No step was trained here, so there are no curves.\n"
    plot = LivePlot(extra=lambda ax: np.eye(8), extra_title="similarity", record=(9,))
    plot.close({"step": [], "loss": []})
    (shown,) = screen.shown
    assert "similarity, with the model as it is. No step was trained" in shown.alt
    plot.record(9)  # as after the loop
    assert plot.animation().alt == "similarity at steps 9."


def test_an_empty_history_is_drawn_and_told():
    plot = LivePlot(ceiling={"accuracy": 1.0})
    assert plot._draw({}, 10, dpi=50).startswith(b"\x89PNG")
    assert plot.alt({}) == "Training has not begun: the plot is empty."


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="ceiling or control of 'acuracy', which is not among the metrics"):
        LivePlot(ceiling={"acuracy": 1.0})
    with pytest.raises(ValueError, match="but extra is None"):
        LivePlot(record=(0,))
    with pytest.raises(ValueError, match=r"one of the steps \[3\]"):
        LivePlot(extra=lambda ax: None, record=(3,)).animation()


NOTEBOOK = """
from mmatl_lab.viz.live import LivePlot
import time
plot, history = LivePlot(), {"loss": [], "accuracy": []}
for step in range(4):
    history["loss"].append(1.0); history["accuracy"].append(0.5)
    plot.update(history, step, 4); time.sleep(0.4)
plot.close(history)
"""


@pytest.mark.slow
def test_a_notebook_is_saved_with_one_picture_and_its_alt_text(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("MMATL_LAB_HEADLESS", raising=False)
    code = nbformat.v4.new_code_cell
    plotting = 'import matplotlib.pyplot as plt\nfrom mmatl_lab.viz.style import show\nshow(plt.figure(), alt="empty")'
    notebook = nbformat.v4.new_notebook(cells=[code(NOTEBOOK), code(plotting)])
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell, alt in zip(notebook.cells, ("While training, loss goes from 1 to 1", "empty")):
        [output] = cell.outputs
        assert set(output["data"]) == {"image/png", "text/html", "text/plain"}
        assert output["metadata"]["image/png"]["alt"].startswith(alt)
        assert f'alt="{alt}' in output["data"]["text/html"]
