"""Captioners: pictures in, sentences out, word by word. One file a system; what they share is in ``base``.

model = ShowTell.from_config(ShowTellConfig(vocab_size=len(words)))
loss = caption_loss(*model(images, captions))
greedy(model, images).tokens  # mmatl_lab.nn.decoding
"""

from .attend_tell import AttendTell, AttendTellConfig
from .base import (
    Captioner,
    CaptionOutput,
    caption_log_prob,
    caption_loss,
    shifted,
    with_start_and_end,
)
from .prefix import PrefixCaptioner, PrefixCaptionerConfig
from .show_tell import ShowTell, ShowTellConfig
from .transformer import TransformerCaptioner, TransformerCaptionerConfig

__all__ = [
    "AttendTell",
    "AttendTellConfig",
    "CaptionOutput",
    "Captioner",
    "PrefixCaptioner",
    "PrefixCaptionerConfig",
    "ShowTell",
    "ShowTellConfig",
    "TransformerCaptioner",
    "TransformerCaptionerConfig",
    "caption_log_prob",
    "caption_loss",
    "shifted",
    "with_start_and_end",
]
