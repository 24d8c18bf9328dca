"""Pairs of free unit vectors that start in a narrow cone, as the outputs of fresh encoders do (Liang et al. 2022).

Without encoders only the loss decides where the vectors go, so what is seen is a property of the loss.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..metrics.intervals import student
from ..metrics.retrieval import Recall, recall_both

NUM_SEEDS = 5


def start(seed: int, pairs: int = 64, width: int = 32) -> tuple[Tensor, Tensor]:
    """Images (N, D) that hardly share a direction, and texts (N, D) with a mean cosine of about .9."""
    generator = torch.Generator().manual_seed(seed)
    common = F.normalize(torch.randn(width, generator=generator), dim=0)
    text = 3 * common + torch.randn(pairs, width, generator=generator) / width**0.5
    own_share = 2 * torch.rand(pairs, 1, generator=generator)  # some images lie nearer to all texts than others
    image = own_share * common + torch.randn(pairs, width, generator=generator) / width**0.5
    return F.normalize(image, dim=1), F.normalize(text, dim=1)


def learn(
    loss: Callable[[Tensor, Tensor], Tensor], image: Tensor, text: Tensor, *others: Tensor, frozen_text: bool = False
) -> Recall:
    """Move the vectors, and `others`, along the gradient of `loss` for 300 steps of Adam; R@1 of the pairs after."""
    image, text = image.clone().requires_grad_(), text.clone().requires_grad_(not frozen_text)
    optimizer = torch.optim.Adam([x for x in (image, text, *others) if x.requires_grad], lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        loss(F.normalize(image, dim=1), F.normalize(text, dim=1)).backward()
        optimizer.step()
    return recall_both(F.normalize(image.detach(), dim=1), F.normalize(text.detach(), dim=1))


def summarise(runs: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each number over the seeds, with its Student interval where the seeds differ; shares stay in [0, 1]."""
    numbers = {}
    for name in runs[0]:
        values = torch.tensor([run[name] for run in runs], dtype=torch.float64)
        numbers[name] = values.mean().item()
        if values.std() > 0:
            low, high = student(values)
            share = values.min() >= 0 and values.max() <= 1
            numbers |= {
                f"{name}_low": max(low, 0.0) if share else low,
                f"{name}_high": min(high, 1.0) if share else high,
            }
    return numbers
