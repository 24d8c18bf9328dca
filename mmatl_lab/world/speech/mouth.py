"""How spoken words look: a talking face, drawn by distances as the pictures of scenes are, in step with the sound.

The mouth glides from the viseme of each phoneme to that of the next. It is all that moves, and it depends on nothing
else of the word, so homophenes said at the same tempo by the same face are the same video, number for number.
"""

import torch
from torch import Tensor

from ..image import BACKGROUND
from ..video import frame_times
from .phonemes import PHONEMES, REST, VISEMES
from .spoken import Speech, glide

_GLIDE = 0.08  # seconds from one viseme to the next; lips are slower than formants
_MOUTH = -0.45  # height of the line between the lips, in the face's own frame
_SKIN = ((0.98, 0.82, 0.70), (0.42, 0.26, 0.18))  # pale, dark
_HAIR = ((0.85, 0.68, 0.36), (0.10, 0.08, 0.08))  # blond, black
_LIPS = ((0.75, 0.18, 0.22), (0.50, 0.11, 0.15))  # in a pale and in a dark face
_WHITE, _INSIDE = (0.97, 0.96, 0.92), (0.22, 0.03, 0.05)  # eyes and teeth, the inside of the mouth


def lips(speech: Speech, times: Tensor) -> Tensor:
    """(B, T, 4): opening, width, rounding and teeth of the mouth, each in [0, 1], at ``times`` (T,) in seconds."""
    rest = torch.tensor(REST[:4], device=speech.device)
    shown = [REST[:4], *(VISEMES[phoneme.viseme][:4] for phoneme in PHONEMES.values())]
    targets = torch.tensor(shown, device=speech.device)[speech.phonemes]  # (B, 3, 4)
    return rest + glide(times.to(speech.device), speech.bounds, _GLIDE) @ (targets - rest)


def talking_face(speech: Speech, size: int = 32, num_frames: int = 16, *, closeup: bool = False) -> Tensor:
    """Draw the speakers: (B, T, 3, size, size) in [0, 1], one second in T = num_frames frames, on the speech's device.

    Frame i shows the instant i / T seconds, as in ``world.video``: it begins at sample i · RATE / T of the sound.

    Args:
        closeup: the mouth fills the picture, twice as large and about in the middle, as a face tracker cuts it out for
            lip reading (Chung and Zisserman 2016).

    Raises:
        ValueError: a size below 16 pixels, or no frame.
    """
    if size < 16 or num_frames < 1:
        raise ValueError(f"a face needs 16 pixels and 1 frame at least, got size={size}, num_frames={num_frames}.")
    shape = lips(speech, frame_times(num_frames))
    video = torch.empty(len(speech), num_frames, 3, size, size, device=speech.device)
    for i in range(0, len(speech), 32):  # few enough to stay in the processor's cache
        video[i : i + 32] = _draw(speech[i : i + 32], shape[i : i + 32], size, closeup)
    return video


def _draw(speech: Speech, shape: Tensor, size: int, closeup: bool) -> Tensor:
    device = speech.device
    x, y, zoom, tilt = (v[:, None, None] for v in (speech.x, speech.y, speech.zoom, speech.tilt))
    zoom = zoom * 2 if closeup else zoom
    edge = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1  # pixel centres in [-1, 1]
    dx, dy = (edge - x) / zoom, (-edge[:, None] - y) / zoom  # (B, 1, W), (B, H, 1)
    x, y = tilt.cos() * dx + tilt.sin() * dy, tilt.cos() * dy - tilt.sin() * dx  # (B, H, W) in the face's own frame
    y = y + _MOUTH - 0.05 if closeup else y  # a mouth opens downwards
    pixels = zoom * (size / 2)  # in a unit of the face, which is 1.84 of them high

    def paint(colour):  # (3, 1, 1)
        return torch.tensor(colour, device=device)[:, None, None]

    def between(colours, amount):  # (B, 3, 1, 1)
        return torch.lerp(paint(colours[0]), paint(colours[1]), amount[:, None, None, None])

    def ellipse(x0, y0, a, b):  # (B, H, W) coverage; f / |grad f| is close to the distance near the outline
        u, v = (x - x0) / a, (y - y0) / b
        distance = (u * u + v * v - 1) / (2 * torch.hypot(u / a, v / b) + 1e-6)
        return (0.5 - distance * pixels).clamp(0, 1)

    skin, hair, white = between(_SKIN, speech.skin), between(_HAIR, speech.hair), paint(_WHITE)
    face = paint(BACKGROUND)
    for colour, cover in [
        (hair, ellipse(0.0, 0.22, 0.76, 0.72)),
        (skin, ellipse(0.0, -0.08, 0.66, 0.82)),
        *((white, ellipse(side * 0.26, 0.17, 0.12, 0.075)) for side in (-1, 1)),
        *((hair * 0.4, ellipse(side * 0.26, 0.17, 0.06, 0.07)) for side in (-1, 1)),
        *((hair, ellipse(side * 0.26, 0.33, 0.15, 0.03)) for side in (-1, 1)),
        (skin * 0.82, ellipse(0.0, -0.1, 0.07, 0.05)),
    ]:
        face = face + cover[:, None] * (colour - face)

    # The mouth, in every frame. What lies between two curves covers the difference of two half planes, so that even a
    # line thinner than a pixel leaves its share of colour there.
    opening, width, rounding, teeth = (v[..., None, None] for v in shape.unbind(-1))  # (B, T, 1, 1)
    x, y, pixels = x[:, None], y[:, None] - _MOUTH, pixels[:, None]  # (B, 1, H, W)

    def under(height):
        return (0.5 + (height - y) * pixels).clamp(0, 1)

    corner, lip = 0.3 + 0.1 * width - 0.14 * rounding, 0.07 + 0.05 * rounding
    up, down = 0.01 + 0.09 * opening, 0.01 + 0.25 * opening  # the upper lip moves less than the jaw
    inner, outer = 1 - (x / corner) ** 2, 1 - (x / (corner + lip)) ** 2  # (B, T, H, W)
    below_upper_lip = under(up * inner)
    red = (under((up + lip) * outer) - under(-(down + lip) * outer)).clamp(min=0)
    dark = (below_upper_lip - under(-down * inner)).clamp(min=0)
    bite = (below_upper_lip - under(up * inner - 0.12 * teeth)).clamp(min=0).minimum(red)  # may cover the lower lip
    bite = bite * (0.5 + (0.75 * corner - x.abs()) * pixels).clamp(0, 1)
    video = face[:, None]
    for colour, cover in [(between(_LIPS, speech.skin)[:, None], red), (paint(_INSIDE), dark), (white, bite)]:
        video = video + cover[:, :, None] * (colour - video)
    return video
