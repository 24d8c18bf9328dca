r"""The voice and the face of utterances: a sound and a picture from which v and f can be read exactly.

Pitch and mouth have ends that the normal distribution has not. Both therefore follow the squashed number

$$ b(v) = \frac{v}{\sqrt{4 + v^2}} \in (-1, 1), $$

which loses nothing, since it rises strictly: v = 2 b / √(1 - b²). Nothing is clipped, so the ceilings stay exact.
Its slope falls only with the third power: 1/2 at 0, .36 at ±1, .09 at ±3 and still .004 at ±10. With a noise of 2, one
number in 290,000 lies further out.
"""

import math

import torch
from torch import Tensor

from ..audio import RATE
from .utterances import Utterances

_OVERTONES = 11  # 240 Hz, risen by a half, times 11 is 3,960 Hz, just below what 8,000 samples a second can hold
_VOWELS = ((320.0, 850.0), (500.0, 950.0), (730.0, 1_150.0), (560.0, 1_800.0))  # oo, oh, ah, eh: two formants in Hz
_BANDWIDTHS = (120.0, 160.0)  # of the formants

_SKINS = ((1.00, 0.87, 0.75), (0.97, 0.78, 0.61), (0.87, 0.65, 0.47), (0.74, 0.52, 0.35), (0.62, 0.42, 0.28))
_HAIRS = (
    *((0.10, 0.09, 0.10), (0.30, 0.18, 0.10), (0.55, 0.30, 0.12)),
    *((0.86, 0.68, 0.36), (0.72, 0.27, 0.12), (0.70, 0.70, 0.73)),
)
_SHIRTS = ((0.20, 0.45, 0.75), (0.15, 0.55, 0.45), (0.55, 0.35, 0.65), (0.85, 0.55, 0.20), (0.35, 0.38, 0.45))
_BACKDROPS = ((0.93, 0.95, 0.98), (0.90, 0.96, 0.92), (0.98, 0.94, 0.88), (0.95, 0.92, 0.97))
_LIPS, _PUPIL, _EYE = (0.36, 0.04, 0.07), (0.12, 0.10, 0.12), (1.0, 1.0, 1.0)
_LIP_LENGTH, _LIP_WIDTH, _LIP_BEND = 0.54, 0.075, 1.5  # half the length and half the width in radii; radians at b = 1


def squash(value: Tensor) -> Tensor:
    """b(v) = v / √(4 + v²), in (-1, 1): half the pitch's change in proportion, and the mouth's bend."""
    return value / (4 + value.square()).sqrt()


def speak(utterances: Utterances, rate: int = RATE) -> Tensor:
    r"""The voice view: one second of sound, (B, rate) in [-1, 1], on the utterances' device.

    A voice heard through a wall: it has a melody and a rhythm, one pulse a word, but which words they are cannot be
    heard. With $\tau \in [-1/2, 1/2]$ running through the utterance, which stands in the middle of the second, the
    pitch goes straight from $p_0 (1 - b(v)/2)$ to $p_0 (1 + b(v)/2)$, and the phase is its integral, D the duration:

    $$ p(\tau) = p_0\,(1 + b(v)\,\tau), \qquad \phi(\tau) = 2 \pi p_0 D\,(\tau + b(v)\,\tau^2 / 2). $$

    The sound is $\sum_k a_k \sin(k \phi)$, with weights $a_k$ that are high near the formants of the speaker's vowel.

    Args:
        rate: samples a second.

    Raises:
        ValueError: a rate below 8,000, which cannot hold the highest overtone.
    """
    if rate < RATE:
        raise ValueError(f"rate must be at least {RATE} samples a second to hold every overtone, got {rate}.")
    weights = _overtones(utterances)
    words = (utterances.text != 0).sum(1)
    second = (torch.arange(rate, device=utterances.device) + 0.5) / rate - 0.5
    waveform = torch.empty(len(utterances), rate, device=utterances.device)
    for rows in _parts(len(utterances), rate, utterances.device):
        D, p0, b = (x[rows, None] for x in (utterances.duration, utterances.pitch, squash(utterances.voice)))
        tau = second / D  # (b, rate)
        phase = 2 * math.pi * p0 * D * (tau + b / 2 * tau.square())
        # Clenshaw's recurrence, y_k = a_k + 2 cos(φ) y_{k+1} - y_{k+2}: all overtones from one sine and one cosine.
        sine, double_cosine = phase.sin(), phase.cos_().mul_(2)
        y, before = torch.zeros_like(sine), torch.zeros_like(sine)
        for k in reversed(range(_OVERTONES)):
            a = weights[rows, k : k + 1]
            y, before = torch.addcmul(torch.sub(a, before, out=before), double_cosine, y, out=before), y
        pulses = 1 - (math.pi * words[rows, None] * (tau + 0.5)).cos_().square_().square_()  # 0 between words
        waveform[rows] = y * sine * pulses * (tau.abs() < 0.5)
    return waveform


def _overtones(utterances: Utterances) -> Tensor:
    """(B, 11) weights of the overtones, which sum to 0.9; the formants are placed at the pitch of the middle."""
    vowels = torch.tensor(_VOWELS, device=utterances.device)
    place = utterances.vowel * (len(vowels) - 1)
    left = place.long().clamp(max=len(vowels) - 2)
    formants = torch.lerp(vowels[left], vowels[left + 1], (place - left)[:, None])  # (B, 2)
    k = torch.arange(1, _OVERTONES + 1, device=utterances.device)
    hertz = k * utterances.pitch[:, None]  # (B, 11)
    first, second = (1 / (1 + ((hertz - formants[:, i : i + 1]) / _BANDWIDTHS[i]).square()) for i in range(2))
    weights = (0.08 + first + 0.5 * second) / k.sqrt()
    return 0.9 * weights / weights.sum(1, keepdim=True)


def draw_faces(utterances: Utterances, size: int = 32) -> Tensor:
    """The face view: (B, 3, size, size) in [0, 1], anti-aliased at any size, on the utterances' device.

    The mouth is an arc of constant length and constant mean height, bent by 1.5 b(f) radians to either side: upwards
    where f > 0. Nothing else in the picture depends on what is meant; the brows are always level.

    Raises:
        ValueError: a size below 8.
    """
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}.")
    device = utterances.device
    images = torch.empty(len(utterances), 3, size, size, device=device)
    colours = {
        name: torch.tensor(table, device=device)[getattr(utterances, name)][..., None, None]  # (B, 3, 1, 1)
        for name, table in (("skin", _SKINS), ("hair", _HAIRS), ("shirt", _SHIRTS), ("backdrop", _BACKDROPS))
    }
    colours |= {
        name: torch.tensor(colour, device=device)[None, :, None, None].expand(len(utterances), 3, 1, 1)
        for name, colour in (("lips", _LIPS), ("pupil", _PUPIL), ("eye", _EYE))
    }
    for rows in _parts(len(utterances), size * size, device):
        pixels = utterances.radius[rows, None, None] * (size / 2)  # in one radius of the head
        image = colours["backdrop"][rows].expand(-1, 3, size, size)
        for name, distance in _layers(utterances[rows], size):
            alpha = (0.5 - distance * pixels).clamp_(0, 1)[:, None]
            image = image + alpha * (colours[name][rows] - image)
        images[rows] = image
    return images


def _layers(utterances: Utterances, size: int) -> list[tuple[str, Tensor]]:
    """Names of colours with signed distances (b, H, W) in radii of the head, from the back to the front."""
    edge = (torch.arange(size, device=utterances.device) + 0.5) * (2 / size) - 1  # pixel centres in [-1, 1]
    dx = edge[None, None, :] - utterances.x[:, None, None]
    dy = -edge[None, :, None] - utterances.y[:, None, None]
    c, s = ((f(utterances.tilt) / utterances.radius)[:, None, None] for f in (torch.cos, torch.sin))
    x, y = c * dx + s * dy, c * dy - s * dx  # (b, H, W), from the middle of the head
    side = x.abs()  # a face is symmetric

    skull = torch.hypot(x, y - 0.16) - 1.04
    fringe = torch.maximum(skull, 0.50 + 0.25 * x.square() - y)
    brows = torch.maximum((side - 0.36).abs() - 0.17, (y - 0.36).abs() - 0.04)
    head = torch.minimum(torch.hypot(x, y) - 0.93, torch.hypot(side - 0.93, y + 0.05) - 0.17)
    return [
        ("shirt", torch.hypot(0.75 * x, y + 1.84) - 0.92),
        ("hair", torch.maximum(skull, -0.15 - y)),
        ("skin", head),
        ("hair", torch.minimum(fringe, brows)),
        ("eye", torch.hypot(side - 0.36, y - 0.08) - 0.17),
        ("pupil", torch.hypot(side - 0.36, y - 0.07) - 0.11),
        ("lips", _mouth(side, y + 0.5, squash(utterances.face)[:, None, None])),
    ]


def _mouth(side: Tensor, y: Tensor, b: Tensor) -> Tensor:
    """Signed distance to an arc around (0, 0) that is symmetric in x (``side`` is |x|); b in (-1, 1) bends it."""
    angle = (_LIP_BEND * b.abs()).clamp(min=1e-3)  # of the arc to either side; flat to a thousandth of a pixel
    radius = _LIP_LENGTH / angle
    sin, cos = angle.sin() * radius, angle.cos() * radius
    up = sin / angle - torch.where(b < 0, -y, y)  # from the centre of the circle towards the arc's middle
    on_arc = (torch.hypot(side, up) - radius).abs()
    to_end = torch.hypot(side - sin, up - cos)
    return torch.where(side * cos < up * sin, on_arc, to_end) - _LIP_WIDTH


def _parts(n: int, numbers: int, device: torch.device) -> list[slice]:
    """Slices of n rows of so many numbers each: on a CPU so few that they stay in its cache, three times as fast."""
    step = max(1, (2**16 if device.type == "cpu" else 2**24) // numbers)
    return [slice(start, start + step) for start in range(0, n, step)]
