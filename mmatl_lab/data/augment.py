"""Changes a picture may undergo and still show the same thing: batches at once, on their device, from given numbers.

Each is one function from pictures to pictures; ``augment`` applies them in turn, each to its share of the batch.
Pictures are premultiplied RGBA (the colour times alpha), so that moving and scaling mixes no hidden colours.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

NUMBERS = 20  # random numbers that one picture's changes take
LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look (ITU-R BT.601)


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed; a share of 0 leaves that change out.

    Attributes:
        rotate, scale, shift: largest turn in degrees, largest change of size and of place as shares of the picture.
        flip: share of pictures that are mirrored.
        grey: share that lose their colours, some or all.
        gain: largest change of a colour channel's strength.
        hue: share whose colours turn around the grey axis, by any angle.
        drawing: share that become line drawings: dark outlines on white or on their own colours made flat.
        background: share laid over a random colour; the others lie on white.
    """

    rotate: float = 15.0
    scale: float = 0.25
    shift: float = 0.1
    flip: float = 0.3
    grey: float = 0.3
    gain: float = 0.3
    hue: float = 0.1
    drawing: float = 0.3
    background: float = 0.5

    def without(self, name: str) -> "Augmentation":
        """The same with one change left out; "affine" is rotate, scale and shift, "colours" is grey, gain and hue."""
        names = {"affine": ("rotate", "scale", "shift"), "colours": ("grey", "gain", "hue")}.get(name, (name,))
        return replace(self, **dict.fromkeys(names, 0.0))


def augment(rgba: Tensor, how: Augmentation, u: Tensor) -> Tensor:
    """Changed pictures on their backgrounds: (B, 4, H, W) premultiplied in [0, 1] -> (B, 3, H, W) in [0, 1].

    Args:
        u: (B, NUMBERS) uniform in [0, 1): ``torch.rand(B, NUMBERS, generator=generator)``. A picture's changes depend
            on its own row alone, so that several processes can each take their rows of one batch.
    """
    x = affine(rgba, how, u[:, :6])
    drawn = (u[:, 6] < how.drawing)[:, None, None, None]
    x = torch.where(drawn, line_drawing(x, u[:, 7:10]), x)
    rgb, alpha = recolour(x[:, :3], x[:, 3:], how, u[:, 10:16]), x[:, 3:]
    coloured = (u[:, 16] < how.background)[:, None, None, None]
    paper = torch.where(coloured, u[:, 17:20, None, None], 1.0)
    return (rgb + paper * (1 - alpha)).clamp(0, 1)


def affine(x: Tensor, how: Augmentation, u: Tensor) -> Tensor:
    """Each picture turned, scaled, moved and perhaps mirrored; what comes in from outside is transparent. u: (B, 6)."""
    angle = (2 * u[:, 0] - 1) * math.radians(how.rotate)
    zoom = torch.exp((2 * u[:, 1] - 1) * math.log1p(how.scale))
    stretch = torch.exp((2 * u[:, 2] - 1) * math.log1p(how.scale) / 2)  # width against height, half as much
    mirror = torch.where(u[:, 5] < how.flip, -1.0, 1.0)
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    shift = 2 * how.shift * (2 * u[:, 3:5] - 1)  # the picture is 2 wide in these coordinates
    matrix = torch.stack([mirror * cos * stretch, -mirror * sin, sin, cos / stretch], 1).view(-1, 2, 2)
    grid = F.affine_grid(torch.cat([matrix, shift[..., None]], 2), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def edges(x: Tensor) -> Tensor:
    """How strongly each pixel differs from its neighbours in any channel: (B, C, H, W) -> (B, 1, H, W), from 0 up."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    return (across.abs() + down.abs()).amax(1, keepdim=True)


def line_drawing(x: Tensor, u: Tensor) -> Tensor:
    """Dark outlines over the picture's flattened colours, or over white: (B, 4, H, W) -> the same. u: (B, 3).

    This is how a style that no model has seen may look: where colours and shading differ from artist to artist, the
    outlines mostly agree.
    """
    threshold, strength, fill = (u[:, i, None, None, None] for i in range(3))
    line = ((edges(x) - 0.1 - 0.3 * threshold) * (2 + 4 * strength)).clamp(0, 1)
    alpha = x[:, 3:]
    flat = (x[:, :3] * 4).round() / 4  # four steps a channel: shading disappears
    white = torch.where(fill < 0.5, 1.0, 0.0)  # half of the drawings are not coloured in
    colour = white * alpha + (1 - white) * flat
    return torch.cat([colour * (1 - line), torch.maximum(alpha, line)], 1)


def recolour(rgb: Tensor, alpha: Tensor, how: Augmentation, u: Tensor) -> Tensor:
    """Premultiplied colours (B, 3, H, W), paler, turned in hue, each channel stronger or weaker. u: (B, 6)."""
    luma = (rgb * torch.tensor(LUMA, device=rgb.device).view(3, 1, 1)).sum(1, keepdim=True)
    pale = torch.where(u[:, 0] < how.grey, (1.5 * u[:, 1]).clamp(max=1), 0.0)[:, None, None, None]
    rgb = rgb + pale * (luma - rgb)
    # Rodrigues' rotation about the grey axis (1, 1, 1)/√3: v cos θ + k×v sin θ + k (k·v)(1 − cos θ)
    angle = torch.where(u[:, 2] < how.hue, 2 * math.pi * u[:, 1], 0.0)[:, None, None, None]
    across = (rgb.roll(1, 1) - rgb.roll(-1, 1)) / math.sqrt(3)
    rgb = rgb * angle.cos() + across * angle.sin() + rgb.mean(1, keepdim=True) * (1 - angle.cos())
    gain = 1 + how.gain * (2 * u[:, 3:6, None, None] - 1)
    return torch.minimum((rgb * gain).clamp(min=0), alpha)
