"""Scenes as the frozen encoders of lesson 03 describe them: what the heads of this lesson learn from.

The features are taken before the encoders' last layers, so the two sides have different lengths and no common space.
Those of an image are many, and are mixed down by a fixed random matrix, which keeps distances nearly as they are
(Johnson and Lindenstrauss 1984).
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.lessons.clip.scenes import NUM_OBJECTS, first_of_each
from mmatl_lab.models.clip import CLIP
from mmatl_lab.seeding import seeded
from mmatl_lab.world import Scenes, captions, held_out_combinations, render, sample_scenes

IMAGE_DIM, TEXT_DIM = 256, 64
NUM_TRAIN, GALLERY = 4_000, 1_000
EVALUATION_SEED, TRAINING_SEED, VALIDATION_SEED = 90_242, 90_243, 90_244


class Pairs(NamedTuple):
    """Features of scenes and of their captions."""

    image: Tensor  # (N, IMAGE_DIM)
    text: Tensor  # (N, TEXT_DIM)
    caption_class: Tensor  # (N,) int64, equal where the same captions are true


@cache
def encoders() -> CLIP:
    """The shipped model of lesson 03, frozen."""
    from mmatl_lab.lessons import get

    return get("clip").recipe.load("clip_scenes")[0].requires_grad_(False)


@cache
def _mixing(width: int) -> Tensor:
    return torch.randn(width, IMAGE_DIM, generator=seeded(TRAINING_SEED, 1)) / width**0.5


@torch.no_grad()
def image_features(images: Tensor) -> Tensor:
    """(B, 3, 32, 32) in [0, 1] -> (B, IMAGE_DIM)."""
    encoder = encoders().image_encoder
    inputs: list[Tensor] = []
    hook = encoder.project.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    for part in images.split(250):
        encoder(part)
    hook.remove()
    x = torch.cat(inputs)  # (B, 17 C): what the encoder's last layer takes
    return x @ _mixing(x.shape[1])


@torch.no_grad()
def text_features(tokens: Tensor) -> Tensor:
    """(B, L) -> (B, TEXT_DIM), the mean over the words of the encoder's last hidden layer."""
    encoder = encoders().text_encoder
    inputs: list[Tensor] = []
    hook = encoder.norm.register_forward_hook(lambda _, args, out: inputs.append(out))
    encoder(tokens)
    hook.remove()
    mask = (tokens != 0)[..., None]
    return (inputs[0] * mask).sum(1) / mask.sum(1)


def features(scenes: Scenes, *, generator: torch.Generator) -> Pairs:
    """Features of pictures and of freshly worded captions."""
    text = text_features(captions(scenes, generator=generator))
    image = torch.cat([image_features(render(scenes[i])) for i in torch.arange(len(scenes)).split(500)])
    return Pairs(image, text, scenes.caption_class)


@cache
def training_pairs(n: int = NUM_TRAIN) -> Pairs:
    """Scenes of one or two objects, without held-out combinations."""
    held_in = ~held_out_combinations()
    scenes = sample_scenes(n, NUM_OBJECTS, combinations=held_in, generator=seeded(TRAINING_SEED, 2))
    return features(scenes, generator=seeded(TRAINING_SEED, 3))


def gallery_scenes(draw: int = 0, n: int = GALLERY, *, seed: int = EVALUATION_SEED) -> Scenes:
    """``n`` scenes with different contents, so that each query has one right answer."""
    held_in = ~held_out_combinations()
    scenes = sample_scenes(4 * n, NUM_OBJECTS, combinations=held_in, generator=seeded(seed, 1, draw))
    return scenes[first_of_each(scenes.contents)[:n]]


@cache
def gallery(draw: int = 0, n: int = GALLERY, *, seed: int = EVALUATION_SEED) -> Pairs:
    """Features of `gallery_scenes`."""
    return features(gallery_scenes(draw, n, seed=seed), generator=seeded(seed, 2, draw))
