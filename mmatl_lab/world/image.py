"""The image view: anti-aliased drawings of scenes by signed distance functions.

A signed distance function gives for each point its distance to the outline of a shape, negative inside. A pixel whose
centre is d pixels inside is covered by clamp(1/2 - d, 0, 1): an edge that is smooth at any size, without supersampling.
"""

import math

import torch
from torch import Tensor

from .noise import add_noise
from .scene import COLOURS, RADII, SHAPES, Scenes

RGB = {
    "red": (0.90, 0.16, 0.14),
    "orange": (0.98, 0.53, 0.05),
    "yellow": (0.97, 0.90, 0.20),
    "green": (0.12, 0.66, 0.28),
    "blue": (0.13, 0.38, 0.92),
    "purple": (0.53, 0.20, 0.70),
    "pink": (1.00, 0.62, 0.80),
    "white": (0.96, 0.96, 0.96),
}
BACKGROUND = (0.09, 0.10, 0.13)


# Distances in units of the object's radius; x to the right, y upwards; no corner is farther out than 1.1.
def _circle(x, y):
    return torch.hypot(x, y) - 0.92


def _square(x, y):
    return torch.maximum(x.abs(), y.abs()) - 0.78


def _triangle(x, y):
    return torch.maximum(-y - 0.55, x.abs() * 0.866 + y * 0.5 - 0.5)


def _star(x, y):
    # Fold the plane into one of ten wedges, then the distance to the one edge in it.
    wedge = math.pi / 5
    angle = torch.atan2(x, y)  # from the upward tip
    angle = torch.remainder(angle + wedge, 2 * wedge) - wedge
    r = torch.hypot(x, y)
    px, py = r * angle.abs().sin(), r * angle.cos()
    inner = 0.42
    ex, ey = inner * math.sin(wedge), inner * math.cos(wedge) - 1.0  # edge from the tip (0, 1) to the inner corner
    return (px * -ey + (py - 1.0) * ex) / math.hypot(ex, ey)


def _heart(x, y):
    scale = 0.62
    x, y = x.abs() * scale, y * scale + 0.55  # tip at (0, 0), lobes at (1/4, 3/4), notch at (0, 1)
    lobe = torch.hypot(x - 0.25, y - 0.75) - math.sqrt(2) / 4
    along = 0.5 * (x + y).clamp(min=0)
    side = torch.minimum(torch.hypot(x, y - 1.0), torch.hypot(x - along, y - along))
    return torch.where(x + y > 1, lobe, side * (x - y).sign()) / scale


def _cross(x, y):
    x, y = x.abs(), y.abs()
    return torch.minimum(torch.maximum(x - 0.95, y - 0.32), torch.maximum(x - 0.32, y - 0.95))


def _ring(x, y):
    return (torch.hypot(x, y) - 0.72).abs() - 0.23


def _crescent(x, y):
    return torch.maximum(torch.hypot(x, y) - 0.97, 0.78 - torch.hypot(x - 0.5, y))


_DISTANCE = (_circle, _square, _triangle, _star, _heart, _cross, _ring, _crescent)
assert len(_DISTANCE) == len(SHAPES)


def coverage(scenes: Scenes, size: int = 32, *, scale: Tensor | float = 1.0, wrap: bool = False) -> Tensor:
    """(B, K, size, size) in [0, 1]: how much of each pixel each object covers, 0 where the mask is False.

    Args:
        scale: factor of the objects' radii, a number or (B, K).
        wrap: what sticks out on one side comes in on the other, instead of being cut off (radii below 1).
    """
    device = scenes.device
    B, K = scenes.mask.shape
    alpha = torch.zeros(B * K, size, size, device=device)
    edge = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1  # pixel centres in [-1, 1]
    radius = (torch.tensor(RADII, device=device)[scenes.size] * scale).flatten()
    cos, sin = (scenes.angle.cos() / radius.view(B, K)).flatten(), (scenes.angle.sin() / radius.view(B, K)).flatten()
    x0, y0 = scenes.x.flatten(), scenes.y.flatten()
    shape = torch.where(scenes.mask, scenes.shape, -1).flatten()
    for index, distance in enumerate(_DISTANCE):
        of = (shape == index).nonzero().squeeze(1)
        if len(of) == 0:
            continue
        dx = edge[None, None, :] - x0[of, None, None]  # (n, 1, W)
        dy = -edge[None, :, None] - y0[of, None, None]  # (n, H, 1), rows from the top
        if wrap:
            dx, dy = torch.remainder(dx + 1, 2) - 1, torch.remainder(dy + 1, 2) - 1  # to the nearest of its copies
        c, s, r = cos[of, None, None], sin[of, None, None], radius[of, None, None] * (size / 2)
        d = distance(c * dx + s * dy, c * dy - s * dx)  # (n, H, W) in radii
        alpha[of] = (0.5 - d * r).clamp_(0, 1)
    return alpha.view(B, K, size, size)


def render(
    scenes: Scenes,
    size: int = 32,
    *,
    background: tuple[float, float, float] | Tensor = BACKGROUND,
    noise: float = 0.0,
    generator: torch.Generator | None = None,
    scale: Tensor | float = 1.0,
    wrap: bool = False,
) -> Tensor:
    """Draw scenes: (B, 3, size, size) in [0, 1], on the scenes' device. Later objects are drawn over earlier ones.

    Args:
        background: one colour, or a tensor that broadcasts to (B, 3, size, size).
        noise: standard deviation of Gaussian noise added to each value before clamping to [0, 1].
        generator: where the noise comes from, on the CPU; needed when ``noise`` is not 0.
        scale, wrap: as in ``coverage``.

    Raises:
        ValueError: a size below 8, a negative noise, or noise without a CPU generator.
    """
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}.")
    colour = torch.tensor([RGB[name] for name in COLOURS], device=scenes.device)[scenes.colour]  # (B, K, 3)
    alpha = coverage(scenes, size, scale=scale, wrap=wrap)
    background = torch.as_tensor(background, dtype=torch.float32, device=scenes.device)
    if background.dim() == 1:
        background = background[:, None, None]
    image = background.expand(len(scenes), 3, size, size)
    for k in range(alpha.shape[1]):
        image = image + alpha[:, k, None] * (colour[:, k, :, None, None] - image)
    return image if noise == 0 else add_noise(image, noise, generator).clamp_(0, 1)
