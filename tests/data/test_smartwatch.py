"""The smartwatch data set: balanced, in physical units, and split so that nobody is on both sides."""

import numpy as np
import pytest
import torch

from mmatl_lab.data.smartwatch import (
    ACCELEROMETER,
    ARMS,
    EXERCISES,
    GYROSCOPE,
    NUM_SPLITS,
    load_smartwatch,
)

PAIRS = [[4, 6], [1, 2], [5, 7], [0, 8], [3, 9]]


@pytest.fixture(scope="module")
def watch():
    return load_smartwatch()


def test_everyone_did_every_exercise_with_both_arms_once(watch):
    assert len(watch) == 140 == len(watch.exercise)
    done = set(zip(watch.person.tolist(), watch.exercise.tolist(), watch.arm.tolist()))
    assert done == {(p, e, a) for p in range(10) for e in range(len(EXERCISES)) for a in range(2)}
    assert all(recording.shape[1] == 6 and recording.dtype == torch.float32 for recording in watch.recordings)
    lengths = [len(recording) for recording in watch.recordings]
    assert (min(lengths), max(lengths), sum(lengths)) == (947, 2618, 244_102)


def test_units_are_those_of_physics(watch):
    """The accelerometer feels gravity most, 9.81 m/s²; an arm turns by a few rad/s."""
    sensor = torch.cat(watch.recordings)
    assert sensor[:, ACCELEROMETER].norm(dim=1).median() == pytest.approx(9.81, rel=0.1)
    assert 1 < sensor[:, GYROSCOPE].norm(dim=1).mean() < 5


def test_windows_are_pieces_of_their_recordings(watch):
    windows = watch.windows(100, 50)
    assert windows.sensor.shape == (len(windows.person), 100, 6)
    assert len(windows.person) == sum((len(recording) - 100) // 50 + 1 for recording in watch.recordings)
    second = int((windows.recording == 17).nonzero()[1])
    torch.testing.assert_close(windows.sensor[second], watch.recordings[17][50:150], rtol=0, atol=0)
    assert windows.exercise[second] == watch.exercise[17] and windows.person[second] == watch.person[17]
    apart = watch.windows(100)
    assert sum(len(recording) // 100 for recording in watch.recordings) == len(apart.person)


def test_mirrored_left_arms_lie_where_right_arms_do(watch):
    """By the law that turning changes where gravity is felt, and by where gravity is felt, left and right are alike."""
    plain, mirrored = watch.windows(), watch.windows(mirror=True)
    left = watch.arm[plain.recording] == ARMS.index("left")
    assert torch.equal(plain.sensor[~left], mirrored.sensor[~left])

    def along(windows, arm):
        mean = windows.sensor[arm][..., ACCELEROMETER].mean((0, 1))
        return mean / mean.norm()

    assert along(plain, left) @ along(plain, ~left) < 0.3
    assert along(mirrored, left) @ along(mirrored, ~left) > 0.95
    # Mirrored twice it is as before; and if it is only looked at in a mirror, its turning and its push stay in step:
    # a × ω of a mirror image is the mirror image of a × ω, up to the sign that makes it axial.
    a, w = plain.sensor[left].split(3, -1)
    a_mirrored, w_mirrored = mirrored.sensor[left].split(3, -1)
    torch.testing.assert_close(
        torch.linalg.cross(a_mirrored, w_mirrored), torch.linalg.cross(a, w) * torch.tensor([-1.0, 1.0, 1.0])
    )


def test_bad_windows_are_a_sentence(watch):
    for length, hop in ((0, 10), (948, None), (10, 0)):
        with pytest.raises(ValueError, match="length must be 1 to 947 readings and hop at least 1, got"):
            watch.windows(length, hop)
    assert len(watch.windows(947).person) >= 140


@pytest.mark.parametrize("seed", range(3))
def test_splits_hold_everyone_out_once_and_share_nobody(watch, seed):
    splits = [watch.split(i, seed) for i in range(NUM_SPLITS)]
    assert sorted(torch.cat([split.test for split in splits]).tolist()) == list(range(10))
    windows = watch.windows()
    for split in splits:
        train, test = windows.of(split.train), windows.of(split.test)
        assert not set(train.person.tolist()) & set(test.person.tolist())
        assert not set(train.recording.tolist()) & set(test.recording.tolist())
        assert len(train.person) + len(test.person) == len(windows.person)


def test_the_splits_of_every_machine_are_these(watch):
    assert [watch.split(i).test.tolist() for i in range(NUM_SPLITS)] == PAIRS
    assert [watch.split(i, 1).test.tolist() for i in range(NUM_SPLITS)] != PAIRS
    with pytest.raises(ValueError, match="index must be 0 to 4, got 5"):
        watch.split(5)


def test_the_two_sensors_complement_each_other(watch):
    """What the set is for: a linear classifier, tested on people it has not met, is better with both sensors."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    windows = watch.windows()

    def features(part, channels):
        x = part.sensor[:, :, channels]
        parts = [x.mean(1), x.std(1), x.amin(1), x.amax(1), x.diff(dim=1).abs().mean(1)]
        return torch.cat(parts, 1).numpy()

    def accuracy(channels):
        scores = []
        for i in range(NUM_SPLITS):
            split = watch.split(i)
            train, test = windows.of(split.train), windows.of(split.test)
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
            model.fit(features(train, channels), train.exercise)
            scores.append(model.score(features(test, channels), test.exercise))
        return np.mean(scores)

    accelerometer, gyroscope, both = accuracy(ACCELEROMETER), accuracy(GYROSCOPE), accuracy(slice(0, 6))
    assert both > max(accelerometer, gyroscope) + 0.03
    assert 1 / 7 + 0.4 < gyroscope < accelerometer < 0.85
