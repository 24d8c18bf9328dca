"""The tasks of the lesson: digits seen and heard, a smartwatch's two sensors, scenes seen, heard and described.

A task is a classification from N modalities, with three parts: training, validation (every choice) and test (the
report). Each modality is a vector of numbers, so that small networks learn it in seconds.

How the settings were found: on validation data, so that joint training starves a modality which could be learnt. In
*digits* the pictures are dim (a fifth of the sound's spread), in *scenes3* dimmer than the other two. The watch is as
it is: both sensors have a spread of 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.data import cremad, iemocap, mvsa
from mmatl_lab.data import digits as digits_data
from mmatl_lab.data import smartwatch as watch_data
from mmatl_lab.nn.encoders import Part, summarise
from mmatl_lab.seeding import seeded
from mmatl_lab.world.audio import audio, log_mel
from mmatl_lab.world.image import render
from mmatl_lab.world.scene import SHAPES, sample_scenes
from mmatl_lab.world.text import CAPTION_WORDS, captions

from . import fetched
from .examples import Examples, Task

EVALUATION_SEED = 90_416
CONTRAST, IMAGE_NOISE, AUDIO_NOISE = 0.2, 1.0, 1.5  # of the digits; noises in units of the inputs' own spread
SCENE_CONTRAST, SCENE_NOISE, SCENE_HUM, HIDDEN_WORDS = 0.15, 0.3, 0.3, 0.5
CLIP_NOISE = 0.15  # of the pictures in [0, 1] whose CLIP features are taken


@dataclass(frozen=True)
class Source:
    """Where a task comes from.

    Attributes:
        make: seed -> `Task`. The seed draws noise, pairs and training scenes; of the watch it is the held-out person.
        modalities: their numbers of inputs F_m, in the order of the encoders.
        classes: their names. num_train: of training examples; the watch's depends on the person, so its most.
        weak: the modality that joint training starves, found on validation data; empty where it was not measured.
        draws: what a seed changes, for tables.
        data: hash of the data set by its name, for the card.
    """

    make: Callable[[int], Task]
    modalities: Mapping[str, int]
    classes: tuple[str, ...]
    num_train: int
    weak: str
    draws: str = "seeds"
    data: Callable[[], Mapping[str, str]] = dict

    def encoders(self, hidden_dim: int) -> dict[str, Part]:
        """An encoder with one hidden layer for each modality."""
        return {
            name: Part("MLPEncoder", {"in_dim": in_dim, "hidden_dim": hidden_dim})
            for name, in_dim in self.modalities.items()
        }


@cache
def _digits() -> digits_data.Digits:
    return digits_data.load_digits()


@cache
def _digit_statistics() -> tuple[float, float, float, float]:
    """Mean and standard deviation of the training pictures and spectrograms."""
    data = _digits()
    train = data.split().train
    images, sounds = pool_digits(data.images[train.images]), pool_sounds(data.spectrograms[train.utterances])
    return images.mean().item(), images.std().item(), sounds.mean().item(), sounds.std().item()


def pool_digits(images: Tensor) -> Tensor:
    """(B, 28, 28) uint8 -> (B, 196) in [0, 1], each pixel the mean of four."""
    return F.avg_pool2d(images[:, None].float() / 255, 2).flatten(1)


def pool_sounds(spectrograms: Tensor) -> Tensor:
    """(B, 40, 40) -> (B, 400), each number the mean of two bands and two frames."""
    return F.avg_pool2d(spectrograms[:, None], 2).flatten(1)


def digit_views(
    images: Tensor, spectrograms: Tensor, generator: torch.Generator, *, contrast: float = CONTRAST
) -> dict[str, Tensor]:
    """What the models get of pictures (B, 28, 28) uint8 and spectrograms (B, 40, 40): scaled, with noise added."""
    image_mean, image_spread, sound_mean, sound_spread = _digit_statistics()
    image = (pool_digits(images) - image_mean) / image_spread
    sound = (pool_sounds(spectrograms) - sound_mean) / sound_spread
    image = image + IMAGE_NOISE * torch.randn(image.shape, generator=generator)
    sound = sound + AUDIO_NOISE * torch.randn(sound.shape, generator=generator)
    return {"image": contrast * image, "audio": sound}


def digits(seed: int = 0, *, contrast: float = CONTRAST) -> Task:
    """3,000 training pairs, 1,000 for choices and 1,000 for the test: no picture or voice is in two of them.

    Noise and pairs of training and validation depend on the seed; the test's are drawn from another one.
    """
    data, split = _digits(), _digits().split()
    generator = seeded(seed, 16)
    order = split.train.images[torch.randperm(len(split.train.images), generator=generator)]
    voices = data.voices[split.train.utterances].unique()
    held = voices[torch.randperm(len(voices), generator=generator)][:15]
    for_choices = torch.isin(data.voices[split.train.utterances], held)
    parts = (
        (digits_data.DigitsPart(order[:3_000].sort().values, split.train.utterances[~for_choices]), generator),
        (digits_data.DigitsPart(order[3_000:].sort().values, split.train.utterances[for_choices]), generator),
        (split.test, seeded(EVALUATION_SEED, seed)),
    )
    return Task(*(_paired(part, g, contrast) for part, g in parts))


def _paired(part: digits_data.DigitsPart, generator: torch.Generator, contrast: float) -> Examples:
    data = _digits()
    pairs = data.pairs(part, generator)
    views = digit_views(data.images[pairs.image], data.spectrograms[pairs.audio], generator, contrast=contrast)
    return Examples(views, pairs.digit)


LENGTH, HOP = 200, 100  # readings in a window, and from one to the next: four seconds every two


@cache
def _windows() -> tuple[watch_data.Windows, dict[str, Tensor]]:
    windows = watch_data.load_smartwatch().windows(LENGTH, HOP, mirror=True)
    sensors = {"accelerometer": watch_data.ACCELEROMETER, "gyroscope": watch_data.GYROSCOPE}
    return windows, {name: summarise(windows.sensor[..., channels]) for name, channels in sensors.items()}


def smartwatch(seed: int = 0) -> Task:
    """Summaries of windows: person ``seed`` is the test, the next one for choices, the eight others train.

    Each number is scaled by its mean and standard deviation over the persons of training.

    Raises:
        ValueError: a seed that is no person, 0 to 9.
    """
    if not 0 <= seed < watch_data.NUM_PERSONS:
        raise ValueError(f"the seed of the watch is the held-out person, 0 to {watch_data.NUM_PERSONS - 1}, got {seed}")
    windows, summaries = _windows()
    test, choices = windows.person == seed, windows.person == (seed + 1) % watch_data.NUM_PERSONS
    train = ~(test | choices)
    scaled = {name: (x - x[train].mean(0)) / x[train].std(0).clamp(min=1e-3) for name, x in summaries.items()}
    every = Examples(scaled, windows.exercise)
    return Task(*(every.rows(rows.nonzero().squeeze(1)) for rows in (train, choices, test)))


@cache
def _scene_statistics() -> tuple[float, float, float, float]:
    """Mean and standard deviation of pictures and sounds, of 2,000 scenes of no part."""
    image, sound = _seen_and_heard(2_000, seeded(16))[1:]
    return image.mean().item(), image.std().item(), sound.mean().item(), sound.std().item()


def _seen_and_heard(n: int, generator: torch.Generator) -> tuple:
    scenes = sample_scenes(n, 1, generator=generator)
    image = render(scenes, 16).mean(1).flatten(1)  # (n, 256)
    mel = log_mel(audio(scenes, noise=SCENE_HUM, generator=generator))  # (n, 40, T)
    return scenes, image, F.avg_pool1d(mel, 8).flatten(1)


def scenes3(seed: int = 0) -> Task:
    """Which shape is it? 4,000 scenes of one object to train on, 1,000 for choices, 2,000 for the test.

    The picture is grey, dim and noisy; the sound has white noise; of the words half are missing.
    """
    sizes = (4_000, 1_000, 2_000)
    generators = (seeded(seed, 160), seeded(seed, 161), seeded(EVALUATION_SEED, seed, 162))
    return Task(*(_scenes(n, generator) for n, generator in zip(sizes, generators)))


def _scenes(n: int, generator: torch.Generator) -> Examples:
    image_mean, image_spread, sound_mean, sound_spread = _scene_statistics()
    scenes, image, sound = _seen_and_heard(n, generator)
    image = (image - image_mean) / image_spread
    image = SCENE_CONTRAST * (image + SCENE_NOISE * torch.randn(image.shape, generator=generator))
    sound = (sound - sound_mean) / sound_spread
    tokens = captions(scenes, generator=generator)
    heard = (torch.rand(tokens.shape, generator=generator) > HIDDEN_WORDS) & (tokens > 0)
    words = torch.zeros(n, len(CAPTION_WORDS)).scatter_(1, tokens, heard.float())
    words[:, 0] = 0  # where there is no word
    return Examples({"image": image, "audio": sound, "text": words}, scenes.shape[:, 0])


def clip(seed: int = 0) -> Task:
    """The scenes' shapes from frozen features of our own CLIP; 2,000, 500 and 1,000 scenes.

    The pictures are noisy, and of the captions half the words are missing, before the features are computed.
    """
    from mmatl_lab import lessons

    model = lessons.get("clip").recipe.load("clip_scenes")[0]
    sizes = (2_000, 500, 1_000)
    generators = (seeded(seed, 170), seeded(seed, 171), seeded(EVALUATION_SEED, seed, 172))
    return Task(*(_clip_features(model, n, generator) for n, generator in zip(sizes, generators)))


@torch.no_grad()
def _clip_features(model, n: int, generator: torch.Generator) -> Examples:
    scenes = sample_scenes(n, 1, generator=generator)
    images, tokens = render(scenes, 32, noise=CLIP_NOISE, generator=generator), captions(scenes, generator=generator)
    tokens = tokens.masked_fill(torch.rand(tokens.shape, generator=generator) < HIDDEN_WORDS, 0)
    tokens[:, 0] = captions(scenes)[:, 0]  # no caption is empty
    views = {"image": model.encode_image(images), "text": model.encode_text(tokens)}
    return Examples({name: x * x.shape[1] ** 0.5 for name, x in views.items()}, scenes.shape[:, 0])


DATA: dict[str, Source] = {
    "digits": Source(
        digits,
        {"image": 196, "audio": 400},
        tuple(map(str, range(10))),
        3_000,
        "image",
        data=lambda: {"digits": _digits().data_hash},
    ),
    "smartwatch": Source(
        smartwatch,
        {"accelerometer": 54, "gyroscope": 54},
        watch_data.EXERCISES,
        1_950,
        "gyroscope",
        "persons",
        data=lambda: {"smartwatch": watch_data.load_smartwatch().data_hash},
    ),
    "scenes3": Source(scenes3, {"image": 256, "audio": 320, "text": len(CAPTION_WORDS)}, tuple(SHAPES), 4_000, "image"),
    "clip": Source(clip, {"image": 128, "text": 128}, tuple(SHAPES), 2_000, "image"),
}


def _fetched(name: str, seed: int = 0) -> Task:
    """A task whose data a user has fetched; its parts are fixed, so the seed changes nothing here."""
    return Task(*(Examples(views, label) for views, label in fetched.load_views(name)))


FETCHED: dict[str, Source] = {  # the numbers of examples are at most those of the published lists
    name: Source(partial(_fetched, name), fetched.MODALITIES[name], classes, num_train, weak="")
    for name, classes, num_train in (
        ("cremad", cremad.CLASSES, 6_698),
        ("food101", tuple(f"dish {i}" for i in range(101)), 67_972),  # the names are in the data
        ("mvsa", mvsa.CLASSES, 4_511),
        ("iemocap", iemocap.CLASSES, 3_400),
    )
}
SOURCES = DATA | FETCHED


@cache
def load(name: str, seed: int = 0) -> Task:
    """The task called ``name``, kept while Python runs.

    Raises:
        ValueError: an unknown name. FileNotFoundError: data to fetch that are not there.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no data {name!r}: choose one of {', '.join(SOURCES)}")
    return SOURCES[name].make(seed)
