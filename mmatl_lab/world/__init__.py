"""The procedural world: scenes with known causes, and their views. Every tensor is made from an explicit generator."""

from .image import render
from .scene import (
    COLOURS,
    MOTIONS,
    SHAPES,
    SIZES,
    Scenes,
    held_out_combinations,
    sample_scenes,
    scene_of,
    seeded,
    siblings,
)
from .text import Tokenizer, UnknownWordError, captions

__all__ = [
    "COLOURS",
    "MOTIONS",
    "SHAPES",
    "SIZES",
    "Scenes",
    "Tokenizer",
    "UnknownWordError",
    "captions",
    "held_out_combinations",
    "render",
    "sample_scenes",
    "scene_of",
    "seeded",
    "siblings",
]
