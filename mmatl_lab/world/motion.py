r"""Motion: where each object is at each time. Videos, sounds and sensor traces are all computed from it.

At $t = 0$ every object rests where the scene has it; at $t = 1$ s it rests again (a bounce is at its highest). In
between it moves with $s(t) = t - \sin(2\pi t) / 2\pi$, which goes from 0 to 1, starts and ends at rest and is its own
mirror image, $s(1 - t) = 1 - s(t)$. One unit of the picture is one metre, so that a picture shows 2 m by 2 m.

| motion | path |
|---|---|
| still | none |
| left, right | once around the picture, 2 m: $x = x_0 \mp 2 s(t)$ |
| up, down | once around the picture, 2 m: $y = y_0 \pm 2 s(t)$ |
| circle | one turn counter-clockwise on a circle of 0.3 m, from its lowest point; the object turns with it |
| bounce | falls 0.31 m in 1/4 s, as things do, hits its floor at 1/4 and 3/4 s and loses nothing |
| grow | comes 1 m nearer from 3 m away, in its place, and looks 1.5 times as large: $1 / (1 - s(t) / 3)$ |

**Moving pictures have no border**: what leaves on one side comes in on the other. An object that stands at the left
edge has no room to move left. With borders it would leave the picture, or its path would have to depend on where it
starts, and then the sensor would reveal the place. Paths themselves are not wrapped: left goes on to x - 2.

A path depends on the motion alone, and the frame at $t = 0$ does not show the motion. Left and right pass through the
same places in opposite order, and so do up and down: only the order of the frames tells them apart.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .scene import MOTIONS, Scenes

SECONDS = 1.0  # length of every sound, video and trace
HITS = (0.25, 0.75)  # seconds at which a bounce hits its floor
GRAVITY = 9.81  # m/s²
CAMERA = 3.0  # metres from the camera to everything that does not grow
ORBIT = 0.3  # metres, radius of the circle
_FALL = GRAVITY * HITS[0] ** 2 / 2  # metres


class Paths(NamedTuple):
    """Each (..., T): centre in units of the picture (metres), not wrapped; factor of the radius; angle in radians."""

    x: Tensor
    y: Tensor
    scale: Tensor
    angle: Tensor


def progress(times: Tensor) -> Tensor:
    """s(t): 0 at rest at t = 0, 1 at rest at t = SECONDS; the same before and after."""
    t = times.clamp(0, SECONDS) / SECONDS
    return t - (2 * math.pi * t).sin() / (2 * math.pi)


def displacements(times: Tensor) -> Paths:
    """How each motion changes an object: (M, T) in the order of MOTIONS, x, y and angle to add, scale to multiply.

    Args:
        times: (T,) seconds; before 0 and after SECONDS nothing moves.
    """
    s = progress(times)
    turn = 2 * math.pi * s
    since = (times.clamp(0, SECONDS) + HITS[0]) % (2 * HITS[0]) - HITS[0]  # from the nearest highest point
    zero = torch.zeros_like(s)
    x = {"left": -2 * s, "right": 2 * s, "circle": ORBIT * turn.sin()}
    y = {"up": 2 * s, "down": -2 * s, "circle": ORBIT * (1 - turn.cos()), "bounce": -_FALL * (since / HITS[0]) ** 2}
    scale = {"grow": 1 / (1 - s / CAMERA)}
    angle = {"circle": turn}
    return Paths(
        x=torch.stack([x.get(motion, zero) for motion in MOTIONS]),
        y=torch.stack([y.get(motion, zero) for motion in MOTIONS]),
        scale=torch.stack([scale.get(motion, zero + 1) for motion in MOTIONS]),
        angle=torch.stack([angle.get(motion, zero) for motion in MOTIONS]),
    )


def paths(scenes: Scenes, times: Tensor) -> Paths:
    """Where every object is at each of ``times`` (T,), in seconds: x, y, scale and angle, each (B, K, T)."""
    moved = displacements(times.to(scenes.device))
    return Paths(
        x=scenes.x[..., None] + moved.x[scenes.motion],
        y=scenes.y[..., None] + moved.y[scenes.motion],
        scale=moved.scale[scenes.motion],
        angle=scenes.angle[..., None] + moved.angle[scenes.motion],
    )
