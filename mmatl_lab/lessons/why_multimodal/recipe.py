"""Sarcasm from words, voice and face, and exercises from a watch: the systems of lesson 01."""

from ..recipe import Recipe
from .sarcasm import SARCASM
from .smartwatch import WATCH

RECIPE = Recipe(
    "why_multimodal",
    "Was that praise? Sarcasm from words, voice and face, and exercises from a watch",
    minutes={"quick": 0.2, "full": 2, "gpu": 2},
    systems=(SARCASM, WATCH),
)
