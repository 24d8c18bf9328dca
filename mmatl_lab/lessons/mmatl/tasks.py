"""The tasks of the lesson: scenes in two, three and five modalities, digits seen and heard, a watch, emoji and words.

Each has three parts that share no scene, picture, voice, person or concept: training, validation (every choice, and
what a fresh probe is trained on), and test. Scenes come as features of the frozen encoders of :mod:`.features`.

In ``scenes5`` no factor is shown by all five modalities: the sensor feels the motion alone, a picture does not move. So
its world ties the two: every shape has a motion of its own, and the label, the kind of thing, is in all five.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F

from mmatl_lab.data import smartwatch as watch_data
from mmatl_lab.data.digits import Digits, DigitsPart, load_digits
from mmatl_lab.data.emoji import TRAINED_STYLES, load_emoji, on_background
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.world.scene import MOTIONS, SHAPES, Scenes, sample_scenes

from ..balanced_learning import tasks as balanced
from ..balanced_learning.tasks import Examples, pool_digits, pool_sounds
from .features import DIM, EVALUATION_SEED, MODALITIES, SceneFeatures, encode_scenes


class Task(NamedTuple):
    train: Examples
    validation: Examples
    test: Examples


@dataclass(frozen=True)
class Source:
    """Where a task comes from.

    Attributes:
        make: seed -> `Task`; for scenes (seed, features) -> `Task`.
        modalities: their numbers of inputs, in the order of the encoders.
        classes: their names. draws: what a seed changes, for tables.
        needs_features: whether ``make`` takes the frozen encoders.
    """

    make: Callable[..., Task]
    modalities: Mapping[str, int]
    classes: tuple[str, ...]
    draws: str = "seeds"
    needs_features: bool = False
    hidden_dim: int = 64

    @property
    def encoders(self) -> dict[str, Part]:
        return {
            name: Part("MLPEncoder", {"in_dim": in_dim, "hidden_dim": self.hidden_dim, "norm": True})
            for name, in_dim in self.modalities.items()
        }


EMOJI_GROUPS = (
    *("activities", "animals and nature", "food and drink", "objects"),
    *("people and body", "smileys and emotion", "symbols", "travel and places"),
)
NUM_WORDS = 2_921  # of the training concepts, padding included; a constant, so that importing reads no pictures

NOISE = 0.06  # on the scenes' views: more than the encoders were trained with
SCENES = {  # modalities, what is asked, how many scenes there are in the three parts
    "scenes2": (("audio", "sensor"), "motion", (5_000, 3_000, 2_000)),
    "scenes3": (("audio", "video", "sensor"), "motion", (3_000, 2_000, 1_000)),
    "scenes5": (MODALITIES, "shape", (3_000, 2_000, 1_000)),
}


def tied(scenes: Scenes, share: float = 1.0, *, generator: torch.Generator) -> Scenes:
    """The same scenes, of which a share moves as their shape demands: shape k with motion k; the others as they did."""
    demanded = torch.rand(scenes.shape.shape, generator=generator) < share
    return replace(scenes, motion=torch.where(demanded.to(scenes.device), scenes.shape, scenes.motion))


@cache
def scene_task(name: str, seed: int, features: SceneFeatures) -> Task:
    """Scenes as features; the training part depends on the seed, and validation and test on it and another one."""
    modalities, label, sizes = SCENES[name]
    generators = (seeded(seed, 170), seeded(seed, 171), seeded(EVALUATION_SEED, seed, 172))
    parts = []
    for n, generator in zip(sizes, generators):
        scenes = sample_scenes(n, 1, generator=generator)
        if name == "scenes5":
            scenes = tied(scenes, generator=generator)
        views = encode_scenes(features, scenes, modalities, noise=NOISE, generator=generator)
        parts.append(Examples(views, getattr(scenes, label)[:, 0]))
    return Task(*parts)


@cache
def _digits() -> Digits:
    return load_digits()


def digits(seed: int) -> Task:
    """3,000 pictures and the voices of training; numbers in [0, 1], as an attack needs them.

    Pairs are drawn by digit: a picture and a sound share the digit and nothing else.
    """
    data, split = _digits(), _digits().split()
    generator = seeded(seed, 173)
    order = split.train.images[torch.randperm(len(split.train.images), generator=generator)]
    voices = data.voices[split.train.utterances].unique()
    held = torch.isin(
        data.voices[split.train.utterances], voices[torch.randperm(len(voices), generator=generator)][:15]
    )
    parts = (
        (DigitsPart(order[:3_000].sort().values, split.train.utterances[~held]), generator),
        (DigitsPart(order[3_000:].sort().values, split.train.utterances[held]), generator),
        (split.test, seeded(EVALUATION_SEED, seed, 173)),
    )
    found = []
    for part, g in parts:
        pairs = data.pairs(part, g)
        views = {"image": pool_digits(data.images[pairs.image]), "audio": pool_sounds(data.spectrograms[pairs.audio])}
        found.append(Examples(views, pairs.digit))
    return Task(*found)


def smartwatch(seed: int) -> Task:
    """Summaries of the accelerometer and the gyroscope; the seed is the held-out person, as in the lesson before."""
    return Task(*balanced.smartwatch(seed))


def emoji(seed: int) -> Task:
    """Pictures of 16 × 16 pixels and words that were seen, of concepts; the label is their group.

    Training, validation and test have different families of concepts. A seed changes nothing: the split is fixed.
    """
    data = load_emoji()
    split = data.split()
    groups = sorted(set(data.groups))
    label = torch.tensor([groups.index(group) for group in data.groups])
    tokens = data.tokens(data.tokenizer(split.train))
    words = torch.zeros(len(data), NUM_WORDS).scatter_(1, tokens, 1.0)
    words[:, 0] = 0  # where there is no word
    pictures = {style: F.avg_pool2d(on_background(data.style(style)), 2).flatten(1) for style in TRAINED_STYLES}
    parts = []
    for concepts in (split.train, split.validation, split.test):
        image = torch.cat([pictures[style][concepts] for style in TRAINED_STYLES])
        times = len(TRAINED_STYLES)
        parts.append(
            Examples({"image": image, "text": words[concepts].repeat(times, 1)}, label[concepts].repeat(times))
        )
    return Task(*parts)


def _scenes(name: str, classes: tuple[str, ...]) -> Source:
    inputs = dict.fromkeys(SCENES[name][0], DIM)
    return Source(lambda seed, features: scene_task(name, seed, features), inputs, classes, needs_features=True)


DATA: dict[str, Source] = {
    "scenes2": _scenes("scenes2", MOTIONS),
    "scenes3": _scenes("scenes3", MOTIONS),
    "scenes5": _scenes("scenes5", SHAPES),
    "digits": Source(digits, {"image": 196, "audio": 400}, tuple(map(str, range(10)))),
    "smartwatch": Source(smartwatch, {"accelerometer": 54, "gyroscope": 54}, watch_data.EXERCISES, "persons"),
    "emoji": Source(emoji, {"image": 768, "text": NUM_WORDS}, EMOJI_GROUPS),
}


def load(name: str, seed: int = 0, features: SceneFeatures | None = None) -> Task:
    """The task called ``name``.

    Args:
        features: the frozen encoders, for scenes; None takes the shipped ones.

    Raises:
        ValueError: an unknown name.
    """
    if name not in DATA:
        raise ValueError(f"there is no data {name!r}: choose one of {', '.join(DATA)}")
    source = DATA[name]
    if not source.needs_features:
        return source.make(seed)
    return source.make(seed, features or shipped_features())


@cache
def shipped_features() -> SceneFeatures:
    from .recipe import RECIPE

    return RECIPE.load("mmatl_features")[0]
