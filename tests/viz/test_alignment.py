import io

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from PIL import Image
from torch import nn

from mmatl_lab.viz import style
from mmatl_lab.viz.alignment import Frames, Snapshots, aligned_umap, animate, filling, plot_frames


class Meeting(nn.Module):
    """Latents whose modalities lie apart at `progress` 0 and coincide at 1."""

    def __init__(self, n=60, d=12):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        centres = 4 * torch.randn(6, d, generator=generator)
        self.shared = centres[torch.arange(n) % 6] + torch.randn(n, d, generator=generator)
        self.own = torch.randn(n, d, generator=generator)
        self.dropout = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.ones(1))
        self.progress = 0.0

    def encode(self, index, side):
        apart = (1 - self.progress) * (side * 8 + self.own[index] * (side > 0))
        return self.dropout(self.scale * (self.shared[index] + apart))

    def encode_image(self, index):
        return self.encode(index, 1)

    def encode_text(self, index):
        return self.encode(index, -1)


def record(steps=(0, 10, 100), n=60, progress=(0.0, 0.9, 1.0)):
    model = Meeting(n)
    snapshots = Snapshots(model, {"image": torch.arange(n), "text": torch.arange(n)}, steps)
    for step, model.progress in zip(steps, progress):
        snapshots.record(step)
    return snapshots


@pytest.fixture(scope="module")
def frames():
    return aligned_umap(record())


def test_recording_disturbs_neither_mode_nor_gradients_nor_random_numbers():
    model = Meeting().train()
    snapshots = Snapshots(model, {"image": torch.arange(60), "text": torch.arange(60)}, steps=(2,))
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    for step in range(4):
        snapshots.record(step)
        snapshots.record(step)
    assert (torch.rand(3) == expected).all()
    assert model.training and model.scale.grad is None
    assert snapshots.steps == [2]
    [latents] = snapshots.latents
    assert not latents["image"].requires_grad
    assert torch.equal(latents["image"], model.eval().encode_image(torch.arange(60)))


def test_an_evaluating_model_stays_evaluating():
    model = Meeting().eval()
    Snapshots(model, {"image": torch.arange(60)}, steps=(0,)).record(0)
    assert not model.training


@pytest.mark.parametrize(
    ("probes", "encode", "error", "message"),
    [
        ({"image": torch.arange(4), "text": torch.arange(5)}, {}, ValueError, "as many probes of every modality"),
        ({"image": torch.arange(4), "audio": torch.arange(4)}, {}, TypeError, "Meeting has no method encode_audio"),
        ({"image": torch.arange(4)}, {"audio": torch.sin}, ValueError, r"encode names \['audio'\]"),
    ],
)
def test_probes_that_do_not_fit_get_a_sentence(probes, encode, error, message):
    with pytest.raises(error, match=message):
        Snapshots(Meeting(), probes, steps=(0,), encode=encode)


def test_any_function_gives_latents_of_any_name_from_one_input_or_several():
    model, every = Meeting(60), torch.arange(60)
    probes = {"voice": every, "both": {"a": every, "b": every}, "text": every}
    encode = {"voice": model.encode_image, "both": lambda x: model.encode_image(x["a"]) + model.encode_text(x["b"])}
    snapshots = Snapshots(model, probes, (0, 1), encode)
    snapshots.record(0)
    [latents] = snapshots.latents
    model.eval()
    assert torch.equal(latents["voice"], model.encode_image(every))
    assert torch.equal(latents["both"], latents["voice"] + latents["text"])
    assert aligned_umap(snapshots).modality == ("voice",) * 60 + ("both",) * 60 + ("text",) * 60


def test_nothing_recorded_or_not_finite_gets_a_sentence():
    with pytest.raises(ValueError, match=r"call record\(step\) with one of the steps \[0, 10\]"):
        aligned_umap(Snapshots(Meeting(), {"image": torch.arange(4)}, steps=(10, 0)))
    snapshots = record()
    snapshots.latents[1]["text"][7] = float("nan")
    with pytest.raises(ValueError, match="1 of 120 latents hold NaN"):
        aligned_umap(snapshots)


def test_too_many_points_for_umap_get_a_sentence():
    with pytest.raises(ValueError, match="at most 2000 points, got 2002"):
        aligned_umap(record(n=1001))


def test_frames_hold_every_latent_with_its_pair_and_moment(frames):
    assert frames.points.shape == (3, 120, 2) and len(frames) == 3
    assert frames.modality == ("image",) * 60 + ("text",) * 60
    assert (frames.pair == np.tile(np.arange(60), 2)).all()
    assert frames.titles == ("before training", "after 10 steps", "after 100 steps")
    assert np.abs(frames.points).max(axis=(1, 2)) == pytest.approx([1, 1, 1])


def test_aligned_umap_is_the_same_for_the_same_seed(frames):
    assert (aligned_umap(record()).points == frames.points).all()
    assert (aligned_umap(record(), seed=1).points != frames.points).any()


def test_aligned_umap_shows_a_gap_where_there_is_one_and_none_where_there_is_none(frames):
    image, text = frames.points[:, :60], frames.points[:, 60:]
    gap = np.linalg.norm(image.mean(1) - text.mean(1), axis=-1)
    between = np.linalg.norm(image - text, axis=-1).mean(1)
    assert gap[0] > 0.7 and gap[-1] < 0.1
    assert between[0] > 5 * between[-1]
    assert frames.nearest()[0] < 0.1 < 0.7 < frames.nearest()[-1]


def test_a_model_that_stands_still_hardly_moves_on_the_map_and_less_than_with_maps_of_their_own():
    still = record(steps=(0, 10, 20), progress=(1.0, 1.0, 1.0))
    aligned = aligned_umap(still).points
    # maps of the same latents that know nothing of each other
    own = np.stack([filling(aligned_umap(record((0,), progress=(1.0,)), seed=seed).points[0]) for seed in (0, 1)])
    moved = np.linalg.norm(np.diff(aligned, axis=0), axis=-1).mean()
    assert moved < 0.75 * np.linalg.norm(own[1] - own[0], axis=-1).mean()


def test_alt_text_gives_the_measured_shares():
    points = np.array([[[0, 0], [5, 5], [5.1, 5], [0.1, 0]], [[0, 0], [5, 5], [0.1, 0], [5.1, 5]]])
    frames = Frames(points, ("image", "image", "text", "text"), np.array([0, 1, 0, 1]), ("before training", "after 9"))
    assert frames.nearest() == [0, 1]
    assert frames.alt() == (
        "Map of 2 image and text latents: before training 0% of the points lie nearest to their partner, "
        "after 9 100% do."
    )
    one = Frames(points[1:], frames.modality, frames.pair, ("after 9",))
    assert one.alt() == "Map of 2 image and text latents: after 9 100% of the points lie nearest to their partner."


def test_the_still_draws_every_point_in_its_modality_and_joins_pairs(frames):
    figure = plot_frames(frames, max_pairs=10, title="Meeting")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Before training", "After 10 steps", "After 100 steps"]
    for ax, points in zip(figure.axes, frames.points):
        image, text = ax.findobj(PathCollection)
        assert np.allclose(image.get_offsets(), points[:60]) and np.allclose(text.get_offsets(), points[60:])
        assert to_hex(image.get_facecolor()[0]).upper() == style.BLUE
        [lines] = ax.findobj(LineCollection)
        ends = np.array(lines.get_segments())
        assert ends.shape == (10, 2, 2)
        assert np.allclose(ends[0], [points[0], points[60]])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(words) == ["image", "pair", "text"]
    assert len(plot_frames(frames, moments=(0, 2)).axes) == 2


def test_the_animation_is_small_moves_and_tells_what_it_shows(frames):
    moving = animate(frames)
    assert len(moving.data) < 250_000
    assert moving.alt == frames.alt()
    film = Image.open(io.BytesIO(moving.data))
    assert film.n_frames >= 3
    first = np.asarray(film.convert("RGB"), dtype=int)
    film.seek(film.n_frames - 1)
    assert np.abs(np.asarray(film.convert("RGB"), dtype=int) - first).mean() > 1
    assert animate(frames, alt="mine").alt == "mine"


def test_filling_keeps_shapes_and_survives_a_single_place():
    points = np.random.default_rng(0).normal(size=(20, 2)) * [3, 1] + 40
    filled = filling(points)
    assert np.abs(filled).max() == pytest.approx(1)
    ratio = np.linalg.norm(filled[1:] - filled[0], axis=1) / np.linalg.norm(points[1:] - points[0], axis=1)
    assert ratio == pytest.approx(ratio[0])
    assert (filling(np.ones((5, 2))) == 0).all()
