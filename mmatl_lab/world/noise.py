"""Gaussian noise for any modality. A seed gives the same noise on any device and for any split into batches."""

import torch
from torch import Tensor


def add_noise(view: Tensor, noise: float, generator: torch.Generator | None) -> Tensor:
    """``view`` (B, ...) plus independent Gaussian noise of standard deviation ``noise``, not clamped.

    Each example takes the same number of draws: noise for 100 examples at once equals noise for 60 and then 40. With
    noise 0 nothing is drawn.

    Args:
        noise: in the units of the view. generator: on the CPU; needed when ``noise`` is not 0.

    Raises:
        ValueError: a negative noise, or noise without a CPU generator.
    """
    if noise == 0:
        return view
    if not noise > 0 or generator is None or generator.device.type != "cpu":
        raise ValueError(
            f"noise must be at least 0 and needs a CPU generator (see seeded); got noise={noise} and {generator}."
        )
    n = view.shape[1:].numel()
    # torch draws normal numbers in blocks of 16, so a row that ends within a block would depend on the batch's size.
    normal = torch.randn(len(view), -(-n // 16) * 16, generator=generator)[:, :n]
    return view + noise * normal.view(view.shape).to(view.device)
