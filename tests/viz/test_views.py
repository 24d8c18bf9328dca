import matplotlib.pyplot as plt
import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.viz import views
from mmatl_lab.viz.style import MODALITIES
from mmatl_lab.world import audio, bounding_boxes, describe, render, sample_scenes, scene_of, sensor, video

STAR = {"shape": "star", "colour": "orange", "size": "small", "motion": "circle", "x": -0.4, "y": 0.4}


@pytest.fixture(scope="module")
def scene():
    return scene_of(STAR)


def test_without_noise_the_views_are_the_worlds(scene):
    seen = views.views_of(scene, size=24)
    assert torch.equal(seen.image, render(scene, 24)[0]) and torch.equal(seen.audio, audio(scene)[0])
    assert torch.equal(seen.video, video(scene, 24, views.FRAMES)[0]) and torch.equal(seen.sensor, sensor(scene)[0])
    assert seen.text == describe(scene)[0]


def test_noise_is_as_strong_as_it_says_in_all_but_the_text(scene):
    clear, noisy = views.views_of(scene), views.views_of(scene, noise=0.01, generator=seeded(0))
    assert noisy.text == clear.text
    for name, scale in views.NOISE.items():
        difference = getattr(noisy, name) - getattr(clear, name)
        assert difference.std() == pytest.approx(0.01 * scale, rel=0.1)


def test_one_scene_at_a_time(scene):
    with pytest.raises(ValueError, match=r"expected one scene, got 2: take one of them, such as scenes\[0\]"):
        views.views_of(scene + scene)


def test_the_figure_has_every_view_in_its_colour_and_large_enough_to_read(scene):
    figure = views.views_figure(views.views_of(scene, size=24))
    figure.canvas.draw()
    words = [text for text in figure.findobj(plt.Text) if text.get_text()]
    for modality, look in MODALITIES.items():
        [title] = [text for text in words if text.get_text().endswith(f": {modality}")]
        assert title.get_color() == look.colour
        assert title.get_fontsize() >= 14 and title.get_fontweight() == "bold"
    assert any(text.get_text() == "a small orange star in\nthe top left" for text in words)
    assert min(text.get_fontsize() for text in words) >= 10
    page = figure.bbox
    ours = [text for text in words if text.get_text().endswith((" s", "top left", *MODALITIES, "x", "y", "z"))]
    boxes = [text.get_window_extent() for text in ours]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    assert figure.subfigs[0].subfigs[0].axes[0].get_images()[0].get_array().shape == (24, 24, 3)
    assert len(figure.subfigs[1].axes) == views.SHOWN


def test_a_trace_is_drawn_in_its_units_over_the_second(scene):
    figure, axes = plt.subplots(2)
    trace = sensor(scene, 50)[0]
    views.draw_trace(axes, trace)
    assert [ax.get_ylabel() for ax in axes] == ["acceleration (m/s²)", "turning (rad/s)"]
    drawn = torch.stack([torch.tensor(line.get_ydata()) for ax in axes for line in ax.get_lines()], 1)
    assert torch.allclose(drawn.float(), trace)
    assert axes[0].get_lines()[0].get_xdata()[-1] == pytest.approx(0.98)
    assert len({line.get_linestyle() for line in axes[0].get_lines()}) == 3


def test_rest_looks_like_rest():
    _, axes = plt.subplots(2)
    views.draw_trace(axes, sensor(scene_of(STAR | {"motion": "still"}))[0])
    for ax, least in zip(axes, (12, 3)):
        low, high = ax.get_ylim()
        assert low <= -least and high >= least


def test_traces_side_by_side_share_a_scale_that_holds_both(scene):
    _, axes = plt.subplots(2, 2, sharey="row")
    traces = [sensor(scene_of(STAR | {"motion": motion}))[0] for motion in ("still", "circle")]
    for column, trace in zip(axes.T, traces):
        views.draw_trace(column, trace)
    for row, channels in zip(axes, torch.cat(traces).split(3, dim=1)):
        low, high = row[0].get_ylim()
        assert row[1].get_ylim() == (low, high) and low <= channels.min() and channels.max() <= high


def test_a_box_lies_where_the_object_is_drawn():
    scenes = sample_scenes(5, 1, generator=seeded(3))
    for i in range(5):
        figure, ax = plt.subplots(figsize=(2, 2), layout="none")
        ax.set_position((0, 0, 1, 1))
        views.draw_picture(ax, render(scenes[i], 100)[0])
        views.draw_box(ax, bounding_boxes(scenes)[i, 0])
        figure.canvas.draw()
        left, top, right, bottom = (200 * bounding_boxes(scenes)[i, 0]).tolist()  # pixels of the canvas from the top
        for patch in ax.patches:
            shown = patch.get_window_extent()
            assert (shown.x0, 200 - shown.y1, shown.x1, 200 - shown.y0) == pytest.approx((left, top, right, bottom))
        plt.close(figure)
