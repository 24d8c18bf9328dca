import math

import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.world import MOTIONS, sample_scenes, scene_of
from mmatl_lab.world.motion import CAMERA, GRAVITY, HITS, SECONDS, displacements, paths, progress

TIMES = torch.linspace(0, SECONDS, 801, dtype=torch.float64)


def test_at_time_zero_everything_is_where_the_scene_has_it():
    scenes = sample_scenes(200, generator=seeded(0))
    path = paths(scenes, torch.zeros(1))
    assert torch.equal(path.x[..., 0], scenes.x) and torch.equal(path.y[..., 0], scenes.y)
    assert torch.equal(path.angle[..., 0], scenes.angle) and (path.scale == 1).all()
    assert path.x.shape == (200, 4, 1)


def test_every_motion_starts_and_ends_at_rest_and_only_grow_and_circle_end_changed():
    for field, moved in displacements(TIMES)._asdict().items():
        speed = moved.diff() / TIMES.diff()
        for motion, v in zip(MOTIONS, speed):
            assert v[0].abs() < 0.01 and v[-1].abs() < 0.01 or motion == "bounce", (field, motion)
    end = displacements(torch.ones(1))
    whole_turns = {"x": end.x / 2, "y": end.y / 2, "angle": end.angle / (2 * math.pi)}
    for turns in whole_turns.values():  # around the picture or around itself: all is back in its place
        assert (turns - turns.round()).abs().max() < 1e-6
    assert [MOTIONS[i] for i in (end.scale != 1).nonzero()[:, 0]] == ["grow"]


def test_nothing_moves_before_the_beginning_and_after_the_end():
    before, after = displacements(torch.tensor([-3.0, 0.0])), displacements(torch.tensor([SECONDS, 9.0]))
    for moved in (*before, *after):
        assert torch.equal(moved[:, 0], moved[:, 1])


def test_directions():
    middle = displacements(torch.tensor([0.5]))
    x = dict(zip(MOTIONS, middle.x[:, 0].tolist()))
    y = dict(zip(MOTIONS, middle.y[:, 0].tolist()))
    assert x["left"] == -1 and x["right"] == 1 and y["up"] == 1 and y["down"] == -1
    assert y["circle"] == pytest.approx(0.6) and x["circle"] == pytest.approx(0, abs=1e-6)  # the highest point
    assert displacements(torch.tensor([0.3])).x[MOTIONS.index("circle")] > 0  # counter-clockwise, from the lowest point


def test_a_circle_is_a_circle_and_its_object_turns_with_it():
    circle = MOTIONS.index("circle")
    path = displacements(TIMES)
    x, y, angle = path.x[circle], path.y[circle] - 0.3, path.angle[circle]
    assert torch.allclose(torch.hypot(x, y), torch.full_like(x, 0.3))
    assert torch.allclose(torch.remainder(torch.atan2(x, -y), 2 * math.pi)[:-1], angle[:-1], atol=1e-6)


def test_a_bounce_falls_as_things_do_and_hits_its_floor_when_it_should():
    y = displacements(TIMES).y[MOTIONS.index("bounce")]
    assert y.max() == 0
    floor = -GRAVITY * HITS[0] ** 2 / 2
    assert y.min() == pytest.approx(floor)
    assert sorted(TIMES[y < floor + 1e-6].tolist()) == pytest.approx(HITS)
    acceleration = y.diff().diff() / TIMES[1] ** 2
    flying = torch.stack([(TIMES[1:-1] - hit).abs() > 0.002 for hit in HITS]).all(0)
    assert torch.allclose(acceleration[flying], torch.tensor(-GRAVITY, dtype=y.dtype), atol=1e-4)


def test_growing_is_coming_nearer():
    scale = displacements(TIMES).scale[MOTIONS.index("grow")]
    assert scale[-1] == pytest.approx(1.5) and (scale.diff() >= 0).all()
    assert torch.allclose(CAMERA / scale, CAMERA - progress(TIMES))  # a thing looks the larger the nearer it is


@pytest.mark.parametrize("num_frames", [3, 8, 16, 25])
def test_opposite_motions_pass_through_the_same_places_in_opposite_order(num_frames):
    """So without the order of the frames, left is right and up is down: 6/8 is the best that shuffled frames allow."""
    moved = displacements(torch.arange(num_frames, dtype=torch.float64) / num_frames)
    for axis, one, other in (("x", "left", "right"), ("y", "down", "up")):
        there = torch.remainder(getattr(moved, axis)[MOTIONS.index(one)], 2)
        back = torch.remainder(getattr(moved, axis)[MOTIONS.index(other)], 2)
        assert torch.allclose(there[1:], back[1:].flip(0)) and there[0] == back[0]
        assert not torch.allclose(there, back)


def test_paths_depend_on_the_motion_alone():
    a = scene_of({"motion": "bounce", "shape": "star", "colour": "pink", "size": "small", "x": 0.5, "angle": 0.2})
    b = scene_of({"motion": "bounce"})
    for one, other in zip(paths(a, TIMES), paths(b, TIMES)):
        assert torch.allclose(one - one[..., :1], other - other[..., :1], atol=1e-6)
