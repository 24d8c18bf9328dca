"""Sarcasm from words, voice and face, and exercises from a watch: the systems of lesson 01."""

from ..recipe import Recipe
from .sarcasm import SARCASM
from .smartwatch import WATCH

RECIPE = Recipe(
    "why_multimodal",
    "Was that praise? Sarcasm from words, voice and face, and exercises from a watch",
    minutes={"shipped": 1.5, "quick": 0.5, "full": 3.5, "gpu": 3.5},
    systems=(SARCASM, WATCH),
)
