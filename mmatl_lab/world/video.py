"""The video view: frames of a scene in which every object moves along its path (``mmatl_lab.world.motion``)."""

from dataclasses import replace

import torch
from torch import Tensor

from .image import BACKGROUND, render
from .motion import SECONDS, paths
from .noise import add_noise
from .scene import Scenes


def frame_times(num_frames: int) -> Tensor:
    """(T,) seconds: frame i shows the instant i / T and stands until the next, so that the first frame is the scene."""
    return torch.arange(num_frames) * (SECONDS / num_frames)


def video(
    scenes: Scenes,
    size: int = 32,
    num_frames: int = 16,
    *,
    background: tuple[float, float, float] | Tensor = BACKGROUND,
    noise: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One second of video: (B, T, 3, size, size) in [0, 1], on the scenes' device.

    The picture has no border (``motion``), so no object ever leaves it. One may hide another while they pass, the later
    one in front. The first frame is the picture of the scene, in which none hides another, but for corners that stick
    out of it (one or two pixels, in 3 of 100 objects), which ``render`` cuts off.

    Args:
        num_frames: T; frame i shows the instant i / T seconds, so frame i begins at sample i · RATE / T of the sound.
            Left needs at least 3 frames to differ from right.
        background: one colour, or a tensor that broadcasts to (B, T, 3, size, size).
        noise: standard deviation of Gaussian noise added to each value before clamping to [0, 1].
        generator: where the noise comes from, on the CPU; needed when ``noise`` is not 0.

    Raises:
        ValueError: no frame, a size below 8, a negative noise, or noise without a CPU generator.
    """
    if num_frames < 1:
        raise ValueError(f"num_frames must be at least 1, got {num_frames}.")
    B, T = len(scenes), num_frames
    x, y, scale, angle = (path.movedim(2, 1).flatten(0, 1) for path in paths(scenes, frame_times(T)))  # (B T, K)
    frames = scenes[torch.arange(B, device=scenes.device).repeat_interleave(T)]
    frames = replace(frames, x=x, y=y, angle=angle)
    if isinstance(background, Tensor) and background.dim() > 1:
        background = background.to(scenes.device).expand(B, T, 3, size, size).flatten(0, 1)
    clip = render(frames, size, background=background, scale=scale, wrap=True).view(B, T, 3, size, size)
    return clip if noise == 0 else add_noise(clip, noise, generator).clamp_(0, 1)
