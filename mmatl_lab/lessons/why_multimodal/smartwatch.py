"""The real half of lesson 01: which exercise is it, by the watch's accelerometer, its gyroscope, or both?

Ten people, and for each of them models that have never met this one person. People, not windows, are the independent
examples, so intervals are over people, and builds are compared person by person. Each is trained three times, from
other weights, and their accuracies are averaged, so that luck in training weighs less.

How the sensors are put together decides what the second one is worth. A summary of each, side by side, leaves out how
the two move against each other, which neither can know: does the arm turn inwards while it sinks, or while it rises?
``both`` summarises all six axes at once, so that their correlations across the sensors are among its numbers. It is not
the larger encoder that helps: with the accelerometer fed twice, or the gyroscope of another window, it came to .84.

All of this was chosen on inner splits: of each two people, models were trained without both and tested on one, so that
what is chosen for a person never rests on that person. For each of the ten these splits chose the same: left arms
mirrored (three points where both sensors are summarised together, one for the accelerometer alone), correlations across
the sensors (two points). Convolutions over the raw trace were tried first (``SensorCNN``, with noise, turns and
stretches of the traces): on inner splits of five people they named .73 to .79 of the windows, a summary .87.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.data.smartwatch import ACCELEROMETER, EXERCISES, GYROSCOPE, NUM_PERSONS, Windows, load_smartwatch
from mmatl_lab.metrics.intervals import student
from mmatl_lab.models.joint import Joint
from mmatl_lab.nn.encoders import SummaryEncoder, summarise
from mmatl_lab.nn.fusion import Concat
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run

NAME = "why_smartwatch"
SENSORS = ("accelerometer", "gyroscope")
BUILDS = {  # by name: the views that a recogniser has an encoder for
    **{sensor: (sensor,) for sensor in SENSORS},
    "side_by_side": SENSORS,
    "both": ("both",),
}
TRIES = 3  # trainings of each build for each person
NUM_SHUFFLES = 50  # of the recordings' exercises, whose mean is the control
EVALUATION_SEED = 90_213


@dataclass(frozen=True)
class SmartwatchPreset:
    num_steps: int = 200
    batch_size: int = 256
    lr: float = 3e-3
    width: int = 64  # of each sensor's vector; that of both together has twice as many numbers
    dropout: float = 0.5


LENGTH, HOP = 200, 100  # readings in a window, and from one to the next: four seconds every two


def windows() -> Windows:
    """All windows of all people, those of left arms mirrored."""
    return load_smartwatch().windows(LENGTH, HOP, mirror=True)


def show(sensor: Tensor) -> dict[str, Tensor]:
    """What there is of windows (B, T, 6): summaries (B, 54) of accelerometer and gyroscope, and (B, 117) of both."""
    return {
        "accelerometer": summarise(sensor[..., ACCELEROMETER]),
        "gyroscope": summarise(sensor[..., GYROSCOPE]),
        "both": summarise(sensor),
    }


def make_recogniser(build: str, preset: SmartwatchPreset) -> Joint:
    """A model of one of BUILDS: an encoder for each of its views, concatenation, a head with seven logits."""
    axes = {"accelerometer": 3, "gyroscope": 3, "both": 6}
    widths = {view: preset.width * axes[view] // 3 for view in BUILDS[build]}
    encoders = {view: SummaryEncoder(width, axes[view]) for view, width in widths.items()}
    fusion = Concat(list(widths.values()))
    head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(fusion.out_dim, len(EXERCISES)))
    return Joint(encoders, fusion, head)


class Recognisers(nn.Module):
    """For each person who may be left out, TRIES recognisers for each of BUILDS.

    ``recogniser["3_both"]`` holds those that feel both sensors and have not met person 3.
    """

    def __init__(self, preset: SmartwatchPreset):
        super().__init__()
        self.recogniser = nn.ModuleDict(
            {
                f"{person}_{build}": nn.ModuleList(make_recogniser(build, preset) for _ in range(TRIES))
                for person in range(NUM_PERSONS)
                for build in BUILDS
            }
        )

    def forward(self, views: Mapping[str, Tensor], left_out: int) -> dict[str, Tensor]:
        """Summaries by view -> the logits (TRIES, B, 7) of those who have not met ``left_out``, by build."""
        return {build: torch.stack([r(views) for r in self.recogniser[f"{left_out}_{build}"]]) for build in BUILDS}


def make_model(preset: SmartwatchPreset, *, seed: int = 0) -> Recognisers:
    """The recognisers of a preset, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Recognisers(preset)


def draw(data: Windows, left_out: int, n: int, *, generator: torch.Generator) -> Tensor:
    """(n,) places of windows of everyone but one person, drawn with replacement."""
    others = (data.person != left_out).nonzero().squeeze(1)
    return others[torch.randint(len(others), (n,), generator=generator)]


def train(preset: SmartwatchPreset, *, folder: Path, resume: bool = False, seed: int = 0, card: dict) -> Path:
    """Train and save ``why_smartwatch``; returns the file."""
    model = make_model(preset, seed=seed)
    card = card | {"data": {"smartwatch": load_smartwatch().data_hash}}
    run = Run(model, NAME, preset.num_steps, lr=preset.lr, clip=1e6, seed=seed, folder=folder, resume=resume, card=card)
    fit(run, windows(), preset)
    return run.save(evaluate(model)[0], dtype=torch.bfloat16)


def fit(run: Run, data: Windows, preset: SmartwatchPreset) -> None:
    """The loop: every recogniser learns from the nine people it has met, on its own term of the loss."""
    views = {name: view.to(run.device) for name, view in show(data.sensor).items()}
    for _, generator in run:
        losses = []
        for person in range(NUM_PERSONS):
            rows = draw(data, person, preset.batch_size, generator=generator)[run.shard]
            logits = run.model({name: view[rows] for name, view in views.items()}, person)
            label = data.exercise[rows].to(run.device)
            losses += [F.cross_entropy(z, label) for tries in logits.values() for z in tries]
        run.step(sum(losses), both=(logits["both"].argmax(-1) == label).float().mean())


def answers(model: Recognisers, data: Windows) -> dict[str, Tensor]:
    """P(exercise), (N, 7), of each build for every window: the mean over its tries, none of whom has met its person."""
    return {name: probability.mean(0) for name, probability in all_answers(model, data).items()}


@torch.no_grad()
def all_answers(model: Recognisers, data: Windows) -> dict[str, Tensor]:
    """P(exercise), (TRIES, N, 7), of each build for every window, by the recognisers that have not met its person."""
    device = next(model.parameters()).device
    model.eval()
    views = show(data.sensor)
    found = {build: torch.zeros(TRIES, len(data.person), len(EXERCISES)) for build in BUILDS}
    for person in range(NUM_PERSONS):
        rows = data.person == person
        for name, logits in model({view: x[rows].to(device) for view, x in views.items()}, person).items():
            found[name][:, rows] = logits.float().softmax(-1).cpu()
    return found


def by_person(hits: Tensor, data: Windows) -> Tensor:
    """(10,) share of each person's windows that are hit, (N,); each of a person's recordings counts the same."""
    share = torch.zeros(NUM_PERSONS)
    for person in range(NUM_PERSONS):
        of = data.person == person
        share[person] = torch.stack([hits[data.recording == r].mean() for r in data.recording[of].unique()]).mean()
    return share


def evaluate(model: Recognisers) -> tuple[dict, dict, dict]:
    """(metrics, controls, ceilings) on people whom the recognisers have not met; there is no ceiling for real people.

    ``watch_both`` is the share of windows of both sensors' recognisers that is right, the mean over people, with a
    95 % interval over the ten of them (Student's t); ``watch_both_recordings`` lets the windows of a recording vote.
    ``watch_gain_over_accelerometer`` is what both sensors add to the accelerometer, person by person, and so on.
    Controls: the same answers against the exercises of other recordings.
    """
    data = windows()
    found = all_answers(model, data)
    metrics, controls, right = {}, {}, {}
    num_recordings = int(data.recording.max()) + 1
    exercise_of = torch.zeros(num_recordings, dtype=torch.long).index_put((data.recording,), data.exercise)
    generator = seeded(EVALUATION_SEED, 1)
    orders = torch.stack([torch.randperm(num_recordings, generator=generator) for _ in range(NUM_SHUFFLES)])
    shuffled = exercise_of[orders][:, data.recording]  # (NUM_SHUFFLES, N)
    for name, probability in found.items():
        guess = probability.argmax(-1)  # (TRIES, N)
        votes = torch.zeros(TRIES, num_recordings, len(EXERCISES)).index_add(
            1, data.recording, (probability + 1e-9).log()
        )
        vote = votes.argmax(-1)[:, data.recording]
        for key, answer in ((f"watch_{name}", guess), (f"watch_{name}_recordings", vote)):
            right[key] = by_person((answer == data.exercise).float().mean(0), data)
            _add(metrics, key, right[key])
            matches = (answer[:, None] == shuffled).float().mean((0, 1))
            controls[key] = by_person(matches, data).mean().item()
    for build in BUILDS:
        if build != "both":
            _add(metrics, f"watch_gain_over_{build}", right["watch_both"] - right[f"watch_{build}"])
    return metrics, controls, {}


def _add(metrics: dict, name: str, values: Tensor) -> None:
    """A mean over people and its 95 % interval."""
    low, high = student(values)
    metrics |= {name: values.mean().item(), f"{name}_low": low, f"{name}_high": high}
