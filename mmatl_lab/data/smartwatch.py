"""Smartwatch: 10 people, 7 shoulder exercises, an accelerometer and a gyroscope on the wrist, 50 readings a second.

140 recordings of about 20 repetitions, one of every person, exercise and arm (Burns et al. 2018, arXiv:1802.01489, who
shared a part of theirs in the package seglearn). The two sensors feel different things, the pull of gravity and shaking
against turning, and each helps the other: the sensor pair of everyone's wrist is a multimodal problem.

People move differently. Windows of one person are alike, so a test on people who were trained on measures memory; every
split here is by person.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .packed import read_files

RATE = 50  # readings per second
STANDARD_GRAVITY = 9.80665  # m/s² of one g
ACCELEROMETER, GYROSCOPE = slice(0, 3), slice(3, 6)  # places of their channels, x, y and z
EXERCISES = (
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius extension",
    "upright row",
)
ARMS = ("left", "right")
# What a watch on the one arm would have measured on the other, had that moved as its mirror image: the watch's x axis,
# along the arm, turns around. Acceleration is a vector; turning, an axial vector, keeps its part along that axis.
MIRROR = (-1.0, 1.0, 1.0, 1.0, -1.0, -1.0)
NUM_PERSONS, NUM_SPLITS = 10, 5


class PersonsSplit(NamedTuple):
    """Persons, each sorted and on the CPU; together they are all ten, and none is in both."""

    train: Tensor  # (8,) int64
    test: Tensor  # (2,) int64


class Windows(NamedTuple):
    """Pieces of recordings, all of one length, and what each shows."""

    sensor: Tensor  # (N, T, 6) float32: m/s², then rad/s
    exercise: Tensor  # (N,) int64, places in ``EXERCISES``
    person: Tensor  # (N,) int64, 0 to 9
    recording: Tensor  # (N,) int64, 0 to 139; windows of one recording are no independent examples

    def of(self, persons: Tensor) -> "Windows":
        """The windows of these persons: ``windows.of(split.test)``."""
        chosen = torch.isin(self.person, persons)
        return Windows(*(column[chosen] for column in self))


@dataclass(frozen=True, eq=False)
class Smartwatch:
    """The data set; everything is in the order of the recordings.

    Attributes:
        recordings: 140 tensors (T, 6) float32, T from 947 to 2,618: accelerometer x, y, z in m/s², gyroscope x, y, z in
            rad/s. The accelerometer feels gravity too: about 9.8 m/s² when the arm rests. How the axes of the two lie
            to one another, and how the watch was worn, the source does not say.
        exercise: (140,) int64, places in ``EXERCISES``.
        person: (140,) int64, 0 to 9.
        arm: (140,) int64, places in ``ARMS``.
        data_hash: of the files this was read from, for the cards of what is trained on it.
    """

    recordings: tuple[Tensor, ...]
    exercise: Tensor
    person: Tensor
    arm: Tensor
    data_hash: str

    def __len__(self) -> int:
        return len(self.recordings)

    def __repr__(self) -> str:
        return f"Smartwatch({len(self)} recordings of {NUM_PERSONS} people and {len(EXERCISES)} exercises)"

    def windows(self, length: int = 100, hop: int | None = None, *, mirror: bool = False) -> Windows:
        """Every recording cut into windows, its unfilled end left out.

        Args:
            length: T, readings in a window; 100 are two seconds, about one repetition.
            hop: readings from the start of a window to the start of the next; None takes ``length``, so that no
                reading is in two windows.
            mirror: whether recordings of the left arm are shown as the right arm's, by MIRROR. A watch is told which
                arm it is on, and both arms do the same exercises.

        Raises:
            ValueError: a length that the shortest recording does not have, or a hop below 1.
        """
        hop = length if hop is None else hop
        shortest = min(map(len, self.recordings))
        if not 1 <= length <= shortest or hop < 1:
            raise ValueError(f"length must be 1 to {shortest} readings and hop at least 1, got {length} and {hop}.")
        pieces = [recording.unfold(0, length, hop).transpose(1, 2) for recording in self.recordings]
        recording = torch.arange(len(self)).repeat_interleave(torch.tensor([len(piece) for piece in pieces]))
        sensor = torch.cat(pieces)
        if mirror:
            left = self.arm[recording] == ARMS.index("left")
            sensor = torch.where(left[:, None, None], sensor * torch.tensor(MIRROR), sensor)
        return Windows(sensor, self.exercise[recording], self.person[recording], recording)

    def split(self, index: int = 0, seed: int = 0) -> PersonsSplit:
        """Two persons to hold out, the same on every machine; the splits 0 to 4 of a seed hold out everyone once.

        Args:
            index: which of the five.
            seed: of the pairing. Two seeds give other pairs of the same ten people, so their results are no more
                independent than that.

        Raises:
            ValueError: an index that there is not.
        """
        if not 0 <= index < NUM_SPLITS:
            raise ValueError(f"index must be 0 to {NUM_SPLITS - 1}, got {index}: five splits hold out everyone once.")
        # A hash orders the persons, not a generator: no library version can change it.
        order = sorted(range(NUM_PERSONS), key=lambda person: hashlib.sha256(f"{seed} {person}".encode()).digest())
        test = sorted(order[2 * index : 2 * index + 2])
        return PersonsSplit(torch.tensor([p for p in range(NUM_PERSONS) if p not in test]), torch.tensor(test))


def load_smartwatch(folder: str | Path | None = None) -> Smartwatch:
    """The recordings that the package carries.

    Args:
        folder: where they are; None takes the package's own.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not the one that MANIFEST.json lists (damaged or half-copied).
    """
    import soundfile

    files, data_hash = read_files("smartwatch", ("recordings.json", "recordings.flac"), folder)
    listed = json.loads(files["recordings.json"])
    entries = listed["recordings"]
    values, _ = soundfile.read(io.BytesIO(files["recordings.flac"]), dtype="int16")  # six channels of a sound file
    unit = torch.tensor([STANDARD_GRAVITY / listed["steps_per_g"]] * 3 + [1 / listed["steps_per_radian"]] * 3)
    sensor = torch.from_numpy(values) * unit  # (140 recordings one after the other, 6)
    return Smartwatch(
        recordings=sensor.split([entry["samples"] for entry in entries]),
        exercise=torch.tensor([EXERCISES.index(entry["exercise"]) for entry in entries]),
        person=torch.tensor([entry["person"] - 1 for entry in entries]),
        arm=torch.tensor([ARMS.index(entry["arm"]) for entry in entries]),
        data_hash=data_hash,
    )
