"""The procedural world: scenes with known factors, shown in five modalities. All randomness is a generator's."""

from .audio import audio, log_mel
from .boxes import EXPRESSION_TYPES, Expressions, bounding_boxes, iou, refer, referents
from .image import render
from .phrases import QUESTION_WORDS
from .questions import ANSWERS, QUESTION_TYPES, Questions, answer, ask, blind_ceiling
from .sarcasm import Utterances, sample_utterances, utterance_of
from .scene import (
    COLOURS,
    MOTIONS,
    SHAPES,
    SIZES,
    Scenes,
    hard_negatives,
    held_out_combinations,
    sample_scenes,
    scene_of,
    swap_places,
)
from .sensor import sensor
from .text import CAPTION_WORDS, captions, describe
from .video import video

__all__ = [
    "ANSWERS",
    "CAPTION_WORDS",
    "COLOURS",
    "EXPRESSION_TYPES",
    "MOTIONS",
    "QUESTION_TYPES",
    "QUESTION_WORDS",
    "SHAPES",
    "SIZES",
    "Expressions",
    "Questions",
    "Scenes",
    "Utterances",
    "answer",
    "ask",
    "audio",
    "blind_ceiling",
    "bounding_boxes",
    "captions",
    "describe",
    "hard_negatives",
    "held_out_combinations",
    "iou",
    "log_mel",
    "refer",
    "referents",
    "render",
    "sample_scenes",
    "sample_utterances",
    "scene_of",
    "sensor",
    "swap_places",
    "utterance_of",
    "video",
]
