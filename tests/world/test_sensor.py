import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import cumulative_trapezoid
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmatl_lab.seeding import seeded
from mmatl_lab.world import MOTIONS, sample_scenes, scene_of, sensor
from mmatl_lab.world.motion import CAMERA, GRAVITY, HITS, paths


def in_the_picture(trace, angle):
    """Force (B, T, 3) in the picture's axes, gravity taken away: the acceleration."""
    cos, sin = angle.cos(), angle.sin()
    x, y, z = trace[..., :3].unbind(-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y - GRAVITY, z], -1)


def true_path(scenes, times):
    """(B, T, 3) metres from the start: the path that is seen, with the depth that its scale means."""
    path = paths(scenes, times)
    position = torch.stack([path.x, path.y, CAMERA * (1 - 1 / path.scale)], -1)[:, 0]
    return position - position[:, :1]


@pytest.mark.parametrize("num_steps", [50, 17, 128])
def test_adding_up_twice_gives_the_path_back(num_steps):
    scenes = sample_scenes(300, 1, generator=seeded(0))
    trace, step = sensor(scenes, num_steps), 1 / num_steps
    turned = scenes.angle + torch.cat([torch.zeros(300, 1), trace[..., 5].cumsum(1) * step], 1)  # (B, T + 1)
    velocity = (in_the_picture(trace, turned[:, :-1]) * step).cumsum(1)
    position = (velocity * step).cumsum(1)
    times = torch.arange(num_steps + 1) * step
    assert (position - true_path(scenes, times)[:, 1:]).abs().max() < 1e-3
    assert (turned - paths(scenes, times).angle[:, 0]).abs().max() < 1e-4


def test_a_general_integrator_finds_the_path_too():
    """The trapezoid rule knows nothing of how the readings were made; the more there are, the nearer it comes."""
    scenes = sample_scenes(200, 1, generator=seeded(1))
    worst = []
    for num_steps in (50, 400):
        trace, times = sensor(scenes, num_steps), torch.arange(num_steps) / num_steps
        turned = scenes.angle + torch.from_numpy(
            cumulative_trapezoid(trace[..., 5].numpy(), dx=1 / num_steps, initial=0)
        )
        acceleration = in_the_picture(trace, turned).numpy()
        velocity = cumulative_trapezoid(acceleration, dx=1 / num_steps, axis=1, initial=0)
        position = cumulative_trapezoid(velocity, dx=1 / num_steps, axis=1, initial=0)
        worst.append(np.abs(position - true_path(scenes, times).numpy()).max())
    assert worst[0] < 0.2 and worst[1] < 0.03  # metres


def test_readings_are_those_of_physics():
    steps = torch.arange(200) / 200
    trace = {motion: sensor(scene_of({"motion": motion, "angle": 0.3}), 200)[0] for motion in MOTIONS}
    up = torch.tensor([math.sin(0.3), math.cos(0.3), 0.0]) * GRAVITY  # what holds the object up, in its own axes
    right = torch.tensor([math.cos(0.3), -math.sin(0.3), 0.0])
    assert torch.allclose(trace["still"][:, :3], up.expand(200, 3)) and (trace["still"][:, 3:] == 0).all()
    push = 4 * math.pi * (2 * math.pi * steps)[1:, None].sin()  # second derivative of 2 s(t)
    assert torch.allclose(trace["right"][1:, :3], up + push * right, atol=0.05)
    assert torch.allclose(trace["left"][1:, :3], up - push * right, atol=0.05)
    assert torch.allclose(trace["up"][1:, :3], up + push * up / GRAVITY, atol=0.05)
    assert torch.allclose(trace["grow"][1:, 2:3], push / 2, atol=0.05)
    flying = torch.stack([(steps - hit).abs() > 0.006 for hit in HITS]).all(0) & (steps > 0)
    assert trace["bounce"][flying, :3].abs().max() < 0.01  # free fall
    assert (trace["bounce"][~flying].norm(dim=1).topk(2).values > 500).all()  # and the floor, twice
    rate = 2 * math.pi * (1 - (2 * math.pi * (steps + 1 / 400)).cos())  # derivative of 2π s(t), amid the steps
    assert torch.allclose(trace["circle"][:, 5], rate, atol=0.01)
    assert (trace["circle"][:, 3:5] == 0).all()


def test_readings_stay_in_the_range_of_a_watch():
    trace = sensor(sample_scenes(2_000, 1, generator=seeded(2)))
    assert trace.shape == (2_000, 50, 6) and trace.dtype == torch.float32
    assert trace[..., :3].abs().max() <= 150 and trace[..., 3:].abs().max() <= 13


def test_shape_colour_size_and_place_are_not_felt():
    scenes = sample_scenes(100, 1, generator=seeded(3))
    other = replace(
        scenes, shape=7 - scenes.shape, colour=7 - scenes.colour, size=2 - scenes.size, x=-scenes.x, y=-scenes.y
    )
    assert torch.equal(sensor(other), sensor(scenes))


def test_the_unit_is_carried_by_the_object_asked_for():
    scenes = sample_scenes(50, 4, generator=seeded(4))
    for k in range(4):
        only = type(scenes)(**{name: value[:, k : k + 1] for name, value in vars(scenes).items()})
        assert torch.equal(sensor(scenes, object=k), sensor(only))


@pytest.mark.parametrize("num_steps", [50, 7])
def test_noise_is_seeded_whatever_the_batch_split_and_has_its_width(num_steps):
    scenes = sample_scenes(400, 1, generator=seeded(5))
    whole, generator = sensor(scenes, num_steps, noise=0.5, generator=seeded(6)), seeded(6)
    parts = [
        sensor(part, num_steps, noise=0.5, generator=generator) for part in (scenes[:1], scenes[1:30], scenes[30:])
    ]
    assert torch.equal(torch.cat(parts), whole)
    noise = whole - sensor(scenes, num_steps)
    assert torch.allclose(noise.std((0, 1)), torch.full((6,), 0.5), atol=0.03)
    assert np.abs(np.corrcoef(noise.flatten(0, 1).T) - np.eye(6)).max() < 0.1


@pytest.fixture(scope="module")
def feeling():
    train, test = (sample_scenes(n, 1, generator=seeded(7, n)) for n in (2_000, 1_000))
    x_train, x_test = (sensor(scenes).flatten(1).numpy() for scenes in (train, test))

    def accuracy(factor, channels=slice(0, 6)):
        columns = np.arange(300).reshape(50, 6)[:, channels].ravel()
        learner = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        learner.fit(x_train[:, columns], getattr(train, factor)[:, 0])
        return learner.score(x_test[:, columns], getattr(test, factor)[:, 0])

    return accuracy


def test_a_plain_learner_recovers_motion(feeling):
    assert feeling("motion") >= 0.99
    assert feeling("motion", slice(0, 3)) >= 0.99  # by the accelerometer alone
    assert feeling("motion", slice(3, 6)) <= 0.25 + 0.05  # the gyroscope tells only circle from the rest: 2/8


@pytest.mark.parametrize(("factor", "chance"), [("shape", 1 / 8), ("colour", 1 / 8), ("size", 1 / 3), ("row", 1 / 2)])
def test_a_plain_learner_is_at_chance_on_the_rest(feeling, factor, chance):
    assert feeling(factor) == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 1_000) ** 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sensor(scene_of({}), 1), "at least 2, got 1"),
        (lambda: sensor(scene_of({}, {}), object=2), "0 to 1, got 2"),
        (lambda: sensor(scene_of({}), object=-1), "0 to 0, got -1"),
        (lambda: sensor(sample_scenes(50, (1, 3), generator=seeded(0)), object=1), "0 to 0, got 1"),
        (lambda: sensor(scene_of({}), noise=1.0), "needs a CPU generator"),
    ],
)
def test_bad_arguments_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
