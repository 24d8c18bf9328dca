r"""The sensor view: an inertial unit fixed to a moving object, accelerometer and gyroscope in the object's own axes.

x points to the object's right, y to its top, z to the camera; x and y turn with the object. One unit of the picture is
one metre (``mmatl_lab.world.motion``). With position $p_i$, angle $\varphi_i$ and $\Delta = 1/T$ s, step $i$ reads

$$ f_i = R(-\varphi_i)\Big(\frac{p_{i+1} - 2 p_i + p_{i-1}}{\Delta^2} + g\,\hat y\Big), \qquad
   \omega_i = \frac{\varphi_{i+1} - \varphi_i}{\Delta}, $$

where $p_{-1} = p_0$: everything starts at rest. An accelerometer feels what holds a thing up: at rest it reads
9.81 m/s² upwards, in free fall 0. The second difference is the acceleration weighted by a triangle of two steps, as
a sensor's filter does it: hitting the floor is a short high peak, and adding up twice gives the path of
``motion.paths`` back within a millimetre (rounding). From rest, with the angle at the start known:

$$ \varphi_{i+1} = \varphi_i + \omega_i \Delta, \qquad v_{i+1} = v_i + (R(\varphi_i) f_i - g\,\hat y)\,\Delta, \qquad
   p_{i+1} = p_i + v_{i+1} \Delta $$

Coming nearer (grow) is a motion along z. All eight motions differ: five within the picture (left, right, up, down,
bounce), grow along z, circle in its turning, still in nothing. The gyroscope alone tells only circle from the rest.
Gravity tells the object's angle; shape, colour, size and place are not felt.
"""

import torch
from torch import Tensor

from .motion import CAMERA, GRAVITY, SECONDS, displacements
from .noise import add_noise
from .scene import Scenes


def sensor(
    scenes: Scenes,
    num_steps: int = 50,
    *,
    object: int = 0,
    noise: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One second of an inertial unit: (B, T, 6), accelerometer x, y, z in m/s², then gyroscope x, y, z in rad/s.

    At 50 steps readings stay within ±150 m/s² (16 g, the range of a watch) and ±13 rad/s; more steps make the peak of
    hitting the floor higher and shorter.

    Args:
        num_steps: T, readings in the second.
        object: which of a scene's objects carries the unit.
        noise: standard deviation of Gaussian noise on each of the six, in m/s² and in rad/s.
        generator: where the noise comes from, on the CPU; needed when ``noise`` is not 0.

    Raises:
        ValueError: fewer than 2 steps, an object that a scene does not have, a negative noise, or noise without a CPU
            generator.
    """
    if num_steps < 2:
        raise ValueError(f"num_steps must be at least 2, got {num_steps}.")
    K = scenes.mask.shape[1]
    if not 0 <= object < K or not scenes.mask[:, object].all():
        fewest = int(scenes.count.min()) if len(scenes) else K
        raise ValueError(f"object must be one that every scene has, 0 to {fewest - 1}, got {object}.")
    motion = scenes.motion[:, object]
    force, turn, rate = (table.to(scenes.device)[motion] for table in _tables(num_steps))
    angle = scenes.angle[:, object, None] + turn  # (B, T)
    cos, sin = angle.cos(), angle.sin()
    x, y, z = force.unbind(-1)
    zero = torch.zeros_like(rate)
    trace = torch.stack([cos * x + sin * y, cos * y - sin * x, z, zero, zero, rate], -1)  # (B, T, 6)
    return add_noise(trace, noise, generator)


def _tables(num_steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of each motion: force in the picture's axes (M, T, 3), angle turned so far (M, T) and turning rate (M, T).

    In float64 until the differences are taken, which would lose half the digits.
    """
    step = SECONDS / num_steps
    moved = displacements(torch.arange(num_steps + 1, dtype=torch.float64) * step)
    depth = CAMERA * (1 - 1 / moved.scale)  # metres that the object has come nearer
    position = torch.stack([moved.x, moved.y, depth], -1)  # (M, T + 1, 3)
    velocity = position.diff(dim=1) / step  # mean of each step
    force = velocity.diff(dim=1, prepend=torch.zeros_like(velocity[:, :1])) / step
    force[..., 1] += GRAVITY
    rate = moved.angle.diff(dim=1) / step
    return force.float(), moved.angle[:, :-1].float(), rate.float()
