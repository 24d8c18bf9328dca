"""Moving pictures with their sound, in sync, in a player that works on any page without a kernel."""

from __future__ import annotations

import base64
import html

from torch import Tensor

from ..world.audio import RATE
from .style import present
from .webm import webm


def show_video(frames: Tensor, waveform: Tensor | None = None, *, alt: str, width: int = 256) -> None:
    """Shows moving pictures with their sound; arguments as for ``Video``. A terminal prints the alt text."""
    present(Video(frames, waveform, alt=alt, width=width))


class Video:
    """Moving pictures with their sound in a player, shown by being the last line of a cell.

    The pictures last as long as the sound, or one second without one. The sound is played as loud as it can be.

    Args:
        frames: (T, 3, H, W) floats in [0, 1], such as ``world.video(scenes, 160, 32)[0]``.
        waveform: (N,) floats in [-1, 1] at 8 kHz, such as ``world.audio(scenes)[0]``.
        alt: what a person would conclude from watching it.
        width: shown width in CSS pixels.

    Raises:
        ValueError: another shape, or an empty ``alt``.
    """

    def __init__(self, frames: Tensor, waveform: Tensor | None = None, *, alt: str, width: int = 256) -> None:
        if not alt.strip():
            raise ValueError("the alt text is empty: say in a sentence what a person would conclude from the video")
        seconds = 1.0
        if waveform is not None:
            seconds = len(waveform) / RATE
            waveform = waveform / waveform.abs().max().clamp(min=1e-6)  # silence stays silent
        self.data = webm(frames, waveform, seconds=seconds, rate=RATE)
        self.alt, self.width = alt, width

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        address = f"data:video/webm;base64,{base64.b64encode(self.data).decode()}"
        says = f'title="{html.escape(self.alt)}" width="{self.width}" style="max-width:100%"'
        return {"text/html": f'<video controls {says} src="{address}"></video>', "text/plain": self.alt}

    def __repr__(self) -> str:
        return self.alt
