"""The fusions on recordings: digits that are seen and heard, and exercises felt by two sensors of a watch.

    python -m mmatl_lab.lessons.fusion.real

runs the study and writes it to ``assets/results``. Nobody knows a ceiling here. There are two modalities, so all
fusions but the hierarchical one, which needs three.

Digits (`mmatl_lab.data.digits`): a picture and a spoken digit, both made hard as in AV-MNIST (Vielzeuf et al. 2018,
arXiv:1808.07275), by noise. Pictures and voices of the test are others than those of training. The two noises were
chosen on pictures and voices that were held out of the training part, so that neither modality alone is enough. The
speech is synthetic.

Watch (`mmatl_lab.data.smartwatch`): summaries of accelerometer and of gyroscope, as in lesson 01. For each of ten
people a model is trained on the nine others, and people are what the interval is over.

The best single modality is chosen on held-out parts of the training data: other pictures and voices, or the next
person, by models that saw neither that person nor the tested one.
"""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.data.digits import Digits, DigitsPart, load_digits
from mmatl_lab.data.smartwatch import NUM_PERSONS
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Study

from .methods import METHODS
from .study import CONTROLS, SEEDS, accuracy, train
from .tasks import EVALUATION_SEED, Batch, Task

if TYPE_CHECKING:
    from pandas import DataFrame

DIGIT_NOISE = {"image": 2.0, "audio": 1.0}  # standard deviations, where pictures and sounds have one of 1
NUM_PAIRINGS = 5  # of the test pictures with test utterances
WATCH_SENSORS = ("accelerometer", "gyroscope")
NUM_STEPS, LR = {"digits": 400, "watch": 120}, 3e-3
BUDGET = 20_000  # parameters: the inputs are longer than those of the tasks
NAME = "fusion_real"
FUSIONS = tuple(name for name, method in METHODS.items() if method.least <= 2)


# Digits


@cache
def _rows(data: Digits) -> dict[str, Tensor]:
    """Every picture as 14 x 14 pixels, (5000, 196), every utterance as 10 x 10 (1040, 100), scaled to a spread of 1."""
    rows = {
        "image": F.avg_pool2d(data.images[:, None] / 255, 2).flatten(1),
        "audio": F.avg_pool2d(data.spectrograms[:, None], 4).flatten(1),
    }
    return {name: (x - x.mean()) / x.std() for name, x in rows.items()}  # two numbers each, of all recordings


def digit_views(data: Digits, image: Tensor, sound: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Noisy rows of numbers of pictures and utterances at these places: (B, 196) and (B, 100)."""
    views = {"image": _rows(data)["image"][image], "audio": _rows(data)["audio"][sound]}
    return {name: x + DIGIT_NOISE[name] * torch.randn(x.shape, generator=generator) for name, x in views.items()}


def draw_digits(n: int, *, data: Digits, part: DigitsPart, generator: torch.Generator) -> Batch:
    """Pictures of a part of the data, each with an utterance of its digit from the same part."""
    image = part.images[torch.randint(len(part.images), (n,), generator=generator)]
    digit = data.image_digits[image]
    order = data.audio_digits[part.utterances].argsort(stable=True)
    spoken, count = part.utterances[order], torch.bincount(data.audio_digits[part.utterances], minlength=10)
    start = count.cumsum(0) - count
    sound = spoken[start[digit] + (torch.rand(n, generator=generator) * count[digit]).long()]
    return Batch(digit_views(data, image, sound, generator=generator), digit, _both(n))


def _both(n: int) -> Tensor:
    return torch.ones(n, 2, dtype=torch.bool)


@cache
def digits_task(validation: bool = False) -> Task:
    """Which digit, seen and heard. ``validation``: scored on a part of the training data that is then left out."""
    data = load_digits()
    split = data.split()
    part, test = split.train, split.test
    if validation:
        voices = data.voices[part.utterances]
        held = torch.isin(voices, voices.unique()[-15:])
        fifth = torch.arange(len(part.images)) % 5 == 0
        test = DigitsPart(part.images[fifth], part.utterances[held])
        part = DigitsPart(part.images[~fifth], part.utterances[~held])
    return Task(
        "digits",
        "digits, seen and heard",
        {"image": 196, "audio": 100},
        10,
        partial(draw_digits, data=data, part=part),
        held_out=cache(lambda: _digits_test(data, test)),
        trial=lambda: digits_task(validation=True),
    )


def _digits_test(data: Digits, part: DigitsPart) -> Batch:
    batches = []
    for pairing in range(NUM_PAIRINGS):
        generator = seeded(EVALUATION_SEED, pairing)
        pairs = data.pairs(part, generator)
        views = digit_views(data, pairs.image, pairs.audio, generator=generator)
        batches.append(Batch(views, pairs.digit, _both(len(pairs.digit))))
    inputs = {name: torch.cat([batch.inputs[name] for batch in batches]) for name in batches[0].inputs}
    return Batch(inputs, torch.cat([b.label for b in batches]), torch.cat([b.present for b in batches]))


# Watch


@cache
def _windows():
    from mmatl_lab.lessons.why_multimodal.smartwatch import model_inputs, windows

    data = windows()
    return data, {name: x for name, x in model_inputs(data.sensor).items() if name in WATCH_SENSORS}


@cache
def watch_task(held_out_subject: int, validation: bool = False) -> Task:
    """Which exercise, by accelerometer and gyroscope, trained on nine people and scored on the tenth.

    ``validation``: trained on eight and scored on the next person; the held-out one plays no part.
    """
    data, inputs = _windows()
    following = (held_out_subject + 1) % NUM_PERSONS
    scored = data.person == (following if validation else held_out_subject)
    trained = ~scored & (data.person != held_out_subject)
    scale = {name: (x[trained].mean(0), x[trained].std(0) + 1e-6) for name, x in inputs.items()}
    inputs = {name: (x - scale[name][0]) / scale[name][1] for name, x in inputs.items()}

    def rows(chosen: Tensor) -> Batch:
        return Batch({name: x[chosen] for name, x in inputs.items()}, data.exercise[chosen], _both(len(chosen)))

    others = trained.nonzero().squeeze(1)

    def draw(n: int, *, generator: torch.Generator) -> Batch:
        return rows(others[torch.randint(len(others), (n,), generator=generator)])

    dims = {name: x.shape[1] for name, x in inputs.items()}
    return Task(
        "watch", "exercises on the wrist", dims, 7, draw,
        held_out=lambda: rows(scored.nonzero().squeeze(1)),
        trial=lambda: watch_task(held_out_subject, validation=True),
    )  # fmt: skip


def cell(fusion: str, task: str, seeds: Sequence[int]) -> list[dict[str, float]]:
    """Train one fusion on one of the two, and measure it; the seeds of ``watch`` are the people held out."""
    found = []
    for chosen, own in [(digits_task(), seeds)] if task == "digits" else [(watch_task(p), [p]) for p in seeds]:
        for model in train(fusion, chosen, "linear", 0.0, NUM_STEPS[task], own, LR, BUDGET):
            size = sum(p.numel() for p in model.parameters())
            found.append({"accuracy": accuracy(model, chosen.test()), "parameters": size})
    return found


def study(fusions: Iterable[str] = (*FUSIONS, *CONTROLS), *, seeds: Sequence[int] = SEEDS, **options) -> Study:
    """Digits from five seeds; the watch with each of ten people held out."""
    fusions = list(fusions)
    grids = [
        {"fusion": fusions, "task": ["digits"], "seed": list(seeds)},
        {"fusion": fusions, "task": ["watch"], "seed": list(range(NUM_PERSONS))},
    ]
    return Study(NAME, cell, grids, version=2, seeds_together=True, **options)


def results() -> "DataFrame":
    """The study that the package carries."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
