from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmatl_lab.seeding import seeded
from mmatl_lab.world import MOTIONS, SHAPES, SIZES, audio, render, sample_scenes, scene_of, video
from mmatl_lab.world.audio import GAIN, RATE
from mmatl_lab.world.image import BACKGROUND


def ink(clip):
    """(B, T, H, W): how far each pixel is from the background."""
    return (clip - torch.tensor(BACKGROUND)[:, None, None]).abs().sum(2)


def seen_paths(clip):
    """(B, T) each: x, y from the first frame on, the border being none, and area as a factor; read off the pixels."""
    shown = ink(clip)
    turn = torch.exp(1j * torch.pi * (torch.arange(shown.shape[-1]) + 0.5) * 2 / shown.shape[-1])
    x, y = (shown.sum(2) * turn).sum(-1), (shown.sum(3) * turn.conj()).sum(-1)
    x, y = (torch.angle(c * c[:, :1].conj()) / torch.pi for c in (x, y))
    return x, y, shown.sum((2, 3)) / shown.sum((2, 3))[:, :1]


@pytest.mark.parametrize(("size", "num_frames"), [(32, 16), (24, 1), (48, 7)])
def test_the_first_frame_is_the_scene_itself(size, num_frames):
    scenes = sample_scenes(40, generator=seeded(0))
    clip = video(scenes, size, num_frames)
    assert clip.shape == (40, num_frames, 3, size, size) and clip.min() >= 0 and clip.max() <= 1
    # A corner may stick out of the picture by a pixel or two, and come in on the other side.
    first, picture = clip[:, 0], render(scenes, size)
    assert torch.allclose(first[..., 2:-2, 2:-2], picture[..., 2:-2, 2:-2], atol=1e-5)
    assert ((first - picture).abs() > 0.01).any(1).sum((1, 2)).max() <= 6


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_same_seed_same_video_whatever_the_batch_split(noise):
    scenes = sample_scenes(10, generator=seeded(1))
    whole, generator = video(scenes, 25, 5, noise=noise, generator=seeded(2)), seeded(2)
    parts = [video(part, 25, 5, noise=noise, generator=generator) for part in (scenes[:3], scenes[3:4], scenes[4:])]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-6)
    assert len(video(scenes[:0])) == 0


def test_half_way_around_is_the_picture_shifted_by_half():
    """An oracle without a distance function: nothing is lost at the border, left or right, above or below."""
    for motion, axis in (("left", 2), ("right", 2), ("up", 1), ("down", 1)):
        for x, y in ((-0.5, 0.5), (0.52, -0.47)):
            scene = scene_of({"motion": motion, "shape": "crescent", "size": "large", "x": x, "y": y, "angle": 0.2})
            clip = video(scene, 32, 2)[0]
            assert torch.allclose(clip[1], clip[0].roll(16, axis), atol=1e-4)


def test_directions():
    index = {motion: MOTIONS.index(motion) for motion in MOTIONS}
    x, y, area = seen_paths(torch.cat([video(scene_of({"motion": motion}), 64) for motion in MOTIONS]))
    early = 5  # of 16: about a quarter of a metre on
    assert x[index["left"], early] < -0.2 and x[index["right"], early] > 0.2
    assert y[index["up"], early] > 0.2 and y[index["down"], early] < -0.2
    assert abs(y[index["bounce"], 4] + 0.3066) < 0.01 and abs(y[index["circle"], 8] - 0.6) < 0.01
    assert area[index["grow"], -1] > 2
    assert x[index["still"]].abs().max() < 1e-4 and y[index["still"]].abs().max() < 1e-4


@pytest.mark.parametrize("size", SIZES)
def test_no_object_ever_leaves_the_picture(size):
    """All of it is in every frame: what it covers changes by no more than what pixels make of an edge."""
    for shape in SHAPES:
        scenes = sample_scenes(24, 1, generator=seeded(4))
        scenes = replace(
            scenes,
            shape=torch.full_like(scenes.shape, SHAPES.index(shape)),
            size=torch.full_like(scenes.size, SIZES.index(size)),
            motion=torch.arange(24)[:, None] % len(MOTIONS),
        )
        _, _, area = seen_paths(video(scenes, 64, 9))
        grows = scenes.motion[:, 0] == MOTIONS.index("grow")
        assert (area[~grows] - 1).abs().max() < 0.08, shape
        assert (area[grows, -1] - area[grows, -2] > -0.01).all() and 2.05 < area[grows].max() < 2.35


@pytest.mark.parametrize("num_frames", [9, 10, 12, 16, 24, 25, 30, 48])
@pytest.mark.parametrize("y", [0.4, -0.3])
def test_the_click_is_heard_during_the_frame_in_which_the_object_touches_the_floor(num_frames, y):
    scene = scene_of({"motion": "bounce", "shape": "circle", "y": y})
    height = seen_paths(video(scene, 48, num_frames))[1][0]
    sound = audio(scene)[0].abs()
    loud = (sound > 0.1 * GAIN).nonzero().flatten()
    for click in (loud[0].item(), loud[loud > RATE // 2][0].item()):
        i = click * num_frames // RATE  # frame i is shown from sample i · RATE / T on
        assert height[i] < height[i - 1] and height[i + 1] < height[(i + 2) % num_frames]  # it fell, it will rise
        if num_frames % 4 == 0:  # there is a frame of that very instant
            assert abs(height[i] + 0.3066) < 0.01 and click - i * RATE // num_frames < 3


def test_background_and_noise():
    scene = scene_of({"motion": "left"})
    film = torch.linspace(0, 1, 4)[:, None, None, None].expand(4, 3, 16, 16)
    assert torch.equal(video(scene, 16, 4, background=film)[0, :, :, 0, 0], film[:, :, 0, 0])
    assert video(scene, 16, 4, background=(0.1, 0.2, 0.3))[0, 2, :, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])
    grey = video(scene, background=(0.5, 0.5, 0.5))
    noise = (video(scene, background=(0.5, 0.5, 0.5), noise=0.05, generator=seeded(0)) - grey)[grey == 0.5]
    assert noise.std() == pytest.approx(0.05, rel=0.03)


def test_those_that_pass_hide_one_another_the_later_one_in_front():
    passing = scene_of({"motion": "right", "x": -0.5, "colour": "red"}, {"motion": "left", "x": 0.5, "colour": "blue"})
    clip = video(passing, 32, 64)[0]
    met = ink(clip[None])[0].sum((1, 2)).argmin()
    front = video(scene_of({"motion": "left", "x": 0.5, "colour": "blue"}), 32, 64)[0]
    assert (clip[met] - front[met]).abs().mean() < 0.005


@pytest.fixture(scope="module")
def watching():
    return [(scenes, video(scenes)) for scenes in (sample_scenes(n, 1, generator=seeded(5, n)) for n in (1_200, 600))]


def learned(pairs):
    (x_train, y_train), (x_test, y_test) = pairs
    learner = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    return learner.fit(x_train, y_train).score(x_test, y_test)


def test_a_plain_learner_recovers_motion_from_the_tracked_object(watching):
    features = [(torch.cat(seen_paths(clip), 1).numpy(), scenes.motion[:, 0].numpy()) for scenes, clip in watching]
    assert learned(features) >= 0.99


def test_one_still_frame_leaves_motion_at_chance(watching):
    features = [(clip[:, 0].mean(1).flatten(1).numpy(), scenes.motion[:, 0].numpy()) for scenes, clip in watching]
    assert learned(features) == pytest.approx(1 / 8, abs=4 * (7 / 64 / 600) ** 0.5)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"num_frames": 0}, "at least 1, got 0"),
        ({"size": 4}, "at least 8 pixels"),
        ({"noise": 0.1}, "needs a CPU generator"),
    ],
)
def test_bad_arguments_get_a_sentence(bad, words):
    with pytest.raises(ValueError, match=words):
        video(scene_of({}), **bad)
