"""The procedural world: scenes with known causes, and their views. Every tensor is made from an explicit generator."""

from .audio import audio, log_mel
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
from .sensor import sensor
from .text import Tokenizer, UnknownWordError, captions
from .video import video

__all__ = [
    "COLOURS",
    "MOTIONS",
    "SHAPES",
    "SIZES",
    "Scenes",
    "Tokenizer",
    "UnknownWordError",
    "audio",
    "captions",
    "held_out_combinations",
    "log_mel",
    "render",
    "sample_scenes",
    "scene_of",
    "seeded",
    "sensor",
    "siblings",
    "video",
]
