import base64
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mmatl_lab.viz import latent_map
from mmatl_lab.viz.alignment import Frames
from mmatl_lab.viz.latent_map import LatentMap, as_frames, latent_map_html, payload, plot_cards, query
from mmatl_lab.viz.style import _MARKERS, MODALITIES


def small(pairs=4, moments=2):
    points = np.random.default_rng(0).uniform(-1, 1, (moments, 2 * pairs, 2)).astype(np.float32)
    return Frames(
        points,
        ("image",) * pairs + ("text",) * pairs,
        np.tile(np.arange(pairs), 2),
        ("before training", "after 9 steps"),
    )


def colours(n):
    """n pictures of one colour each: (n, 3, 8, 12) uint8."""
    return np.random.default_rng(0).integers(0, 256, (n, 3, 1, 1), dtype=np.uint8).repeat(8, 2).repeat(12, 3)


def test_the_payload_is_json_and_holds_every_point():
    frames = small()
    data = json.loads(json.dumps(payload(frames, ["a", "b", "c", "d"])))
    assert np.allclose(np.reshape(data["frames"], (2, 8, 2)), frames.points, atol=1e-4)
    assert data["titles"] == ["Before training", "After 9 steps"]
    assert [look["name"] for look in data["looks"]] == ["image", "text"]
    assert data["kind"] == [0] * 4 + [1] * 4 and data["pair"] == [0, 1, 2, 3] * 2
    assert data["captions"] == ["a", "b", "c", "d"] and data["sprite"] is None


@pytest.mark.parametrize("pairs", [1, 2, 5, 17])
def test_each_picture_lies_on_the_sheet_where_the_page_looks_for_it(pairs):
    pictures = colours(pairs)
    data = payload(small(pairs), pictures=pictures)
    kind, source = data["sprite"].split(";base64,")
    assert kind == "data:image/webp"
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB"), dtype=int)
    width, height = data["tile"]
    assert (width, height) == (12, 8)
    for n in range(pairs):
        row, column = divmod(n, data["columns"])
        seen = sheet[row * height + height // 2, column * width + width // 2]
        assert np.abs(seen - pictures[n, :, 0, 0]).max() < 40  # WebP mixes colours at the edges


def test_300_pictures_and_six_frames_stay_small():
    pictures = torch.rand(300, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    frames = Frames(small(300).points.repeat(3, 0), small(300).modality, small(300).pair, tuple("abcdef"))
    assert len(json.dumps(payload(frames, pictures=pictures))) < 600_000  # noise: the hardest to compress


@pytest.mark.parametrize(
    ("captions", "pictures", "message"),
    [
        (["a"], None, "one caption for each of 4 pairs, got 1"),
        (None, colours(3), "one picture for each of 4 pairs, got 3"),
        (None, torch.rand(4, 8, 8), r"expected images of shape \(N, 3, H, W\), got \(4, 8, 8\)"),
    ],
)
def test_captions_and_pictures_are_one_for_each_pair(captions, pictures, message):
    with pytest.raises(ValueError, match=message):
        LatentMap(small(), captions=captions, pictures=pictures)


def test_points_of_any_origin_become_frames_that_fill_the_map():
    frames = as_frames(np.arange(12).reshape(6, 2) * 100.0, modality=["audio"] * 3 + ["text"] * 3, pair=[0, 1, 2] * 2)
    assert frames.points.shape == (1, 6, 2) and np.abs(frames.points).max() == 1
    assert frames.titles == ("frame 1",)
    assert LatentMap(np.zeros((2, 5, 2))).data["captions"] == [f"pair {n}" for n in range(5)]  # all at one place


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.zeros((5, 3)), {}, r"shape \(N, 2\) or frames of shape \(F, N, 2\), got \(1, 5, 3\)"),
        (np.zeros((0, 2)), {}, r"got \(1, 0, 2\)"),
        (np.array([[0, np.nan]]), {}, "NaN or infinite"),
        (
            np.zeros((5, 2)),
            {"pair": [0, 1]},
            r"for each of 5 points and 1 titles, got 5 modalities, pair numbers \(2,\)",
        ),
        (np.zeros((5, 2)), {"modality": ["text"] * 4}, "got 4 modalities"),
        (np.zeros((2, 5, 2)), {"titles": ["one"]}, "and 2 titles, .* 1 titles"),
        (np.zeros((2, 2)), {"pair": [-1, 0]}, "pair number ≥ 0"),
    ],
)
def test_points_that_do_not_fit_get_a_sentence(points, options, message):
    with pytest.raises(ValueError, match=message):
        LatentMap(points, **options)


def test_a_query_is_checked_and_plain():
    chart = LatentMap(small())
    assert chart.query is None
    chart.query = query(torch.tensor([0.5, -0.25]), "a red star", np.array([3, 1]))
    assert chart.query == {"x": 0.5, "y": -0.25, "caption": "a red star", "near": [3, 1]}
    json.dumps(chart.query)
    chart.query = {"x": np.float32(1), "y": 0}
    assert chart.query == {"x": 1.0, "y": 0.0, "caption": "", "near": []}
    with pytest.raises(ValueError, match=r"got the keys \['x'\]"):
        chart.query = {"x": 1}
    with pytest.raises(ValueError, match=r"two finite numbers, got \[nan, 0.0\]"):
        query((float("nan"), 0))
    assert chart.query["x"] == 1.0
    chart.query = None


def test_a_live_notebook_gets_the_widget_and_a_still_with_alt_text(monkeypatch):
    monkeypatch.delenv("MMATL_LAB_HEADLESS", raising=False)
    chart = LatentMap(small())
    data, metadata = chart._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == chart.model_id
    assert metadata["image/png"]["alt"] == chart.frames.alt()
    assert f'alt="{chart.frames.alt()}"' in data["text/html"]


def test_a_page_without_kernel_gets_the_still_alone(monkeypatch):
    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    data, _ = LatentMap(small())._repr_mimebundle_()
    assert set(data) == {"text/html", "image/png", "text/plain"}


def test_the_still_shows_what_hovering_would():
    frames = as_frames(np.random.default_rng(0).normal(size=(40, 2)), ["image"] * 20 + ["text"] * 20, [*range(20)] * 2)
    captions, pictures = [f"thing {n}" for n in range(20)], np.zeros((20, 3, 4, 4), np.uint8)
    pictures += np.arange(20, dtype=np.uint8)[:, None, None, None]
    chart, *cards = plot_cards(frames, captions, pictures).axes
    marks = [(mark.get_text(), tuple(mark.xy)) for mark in chart.texts]
    assert [number for number, _ in marks] == ["1", "2", "3", "4", "5", "6"] and len(cards) == 6
    assert [x for _, (x, _) in marks] == sorted(x for _, (x, _) in marks)
    for (number, place), card in zip(marks, cards):
        pair = int(card.images[0].get_array()[0, 0, 0])
        assert card.texts[0].get_text() == f"{number}: thing {pair}"
        assert place in [tuple(point) for point in frames.points[-1][frames.pair == pair]]
    assert LatentMap(frames, captions=captions, pictures=pictures).still().width == 960


def test_the_widget_begins_with_the_last_frame():
    assert LatentMap(small()).position == 1.0


def test_gradio_gets_the_same_component():
    chart = latent_map_html(small(), ["a", "b", "c", "d"], colours(4), elem_id="map")
    assert chart.value == payload(small(), ["a", "b", "c", "d"], colours(4))
    assert json.dumps("export function mount")[1:-1] in chart.js_on_load
    assert chart.elem_id == "map"


def test_drawing_needs_neither_umap_nor_gradio():
    modules = "umap numba gradio torch sklearn seaborn matplotlib.pyplot".split()
    program = f"import sys, mmatl_lab.viz.latent_map, mmatl_lab.viz.live; print(set({modules}) & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"


def test_every_marker_that_a_modality_may_get_can_be_drawn():
    drawn = set(re.findall(r'^  "(.)": \(c, r\)', (latent_map._HERE / "latent_map.js").read_text(), re.MULTILINE))
    assert {look.marker for look in MODALITIES.values()} | set(_MARKERS) <= drawn
