"""Pairs of free unit vectors that start in a narrow cone, as the outputs of fresh encoders do (Liang et al. 2022).

Without encoders only the loss decides where the vectors go, so what is seen is a property of the loss. Runs that differ
in their seed, their cone or their temperature are learned side by side, as one batch.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..metrics.intervals import student
from ..metrics.retrieval import Recall, recall_both
from .ledger import Dependence

NUM_SEEDS = 5
CONE = 3.0  # times what a vector has of its own: a mean cosine of about .9
TAU = 0.01  # where CLIP's temperature ends: its scale is clamped at 100
CONES = (0.0, 0.5, 1.0, 2.0, CONE)
TAUS = (TAU, 0.02, 0.05, 0.1)
STEPS = 300

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # (N, D), (N, D), a number -> scalar


class Learned(NamedTuple):
    recall: list[Recall]  # of each run
    number: Tensor  # (STEPS, R) before each step
    loss: Tensor  # (STEPS, R)


def start(seed: int, pairs: int = 64, width: int = 32, common: float = CONE) -> tuple[Tensor, Tensor]:
    """Images (N, D) that hardly share a direction, and texts (N, D) that share ``common`` times one."""
    generator = torch.Generator().manual_seed(seed)
    direction = F.normalize(torch.randn(width, generator=generator), dim=0)
    text = common * direction + torch.randn(pairs, width, generator=generator) / width**0.5
    own_share = 2 * torch.rand(pairs, 1, generator=generator)  # some images lie nearer to all texts than others
    image = own_share * direction + torch.randn(pairs, width, generator=generator) / width**0.5
    return F.normalize(image, dim=1), F.normalize(text, dim=1)


def starts(seeds: Iterable[int], common: float = CONE) -> tuple[Tensor, Tensor]:
    """The starts of several seeds, each (R, N, D)."""
    image, text = zip(*(start(seed, common=common) for seed in seeds), strict=True)
    return torch.stack(image), torch.stack(text)


def learn(
    loss: Loss,
    image: Tensor,
    text: Tensor,
    number: Tensor,
    *,
    rates: Tensor | None = None,
    most: float | None = None,
    frozen_text: bool = False,
) -> Learned:
    """Move the vectors of each run along the gradient of its loss, for 300 steps of Adam at a rate of .02.

    Args:
        loss: of one run.
        image, text: (R, N, D).
        number: (R,) what the loss takes beside the vectors, such as a temperature.
        rates: (R,) Adam's rates, at which the number is learned, too; None keeps it.
        most: a learned number is clamped to it after each step.
        frozen_text: only the images move.
    """
    image, text = image.clone().requires_grad_(), text.clone().requires_grad_(not frozen_text)
    groups = [{"params": [x for x in (image, text) if x.requires_grad], "lr": 0.02}]
    if rates is not None:  # Adam's step is the rate, however large the gradient: z at rate 1 gives each run its own
        z = (number / rates).requires_grad_()
        groups.append({"params": [z], "lr": 1.0})
    optimizer, each = torch.optim.Adam(groups), torch.vmap(loss)
    numbers, losses = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        number = number if rates is None else rates * z
        values = each(F.normalize(image, dim=-1), F.normalize(text, dim=-1), number)
        values.sum().backward()  # runs do not meet: the gradient of each is that of its own loss
        optimizer.step()
        if rates is not None and most is not None:
            with torch.no_grad():
                z.copy_(torch.minimum(z, most / rates))
        numbers.append(number.detach())
        losses.append(values.detach())
    ends = zip(F.normalize(image.detach(), dim=-1), F.normalize(text.detach(), dim=-1), strict=True)
    return Learned([recall_both(*end) for end in ends], torch.stack(numbers), torch.stack(losses))


def lost_side(losses: dict[str, Loss], seeds: range) -> tuple[dict[str, list[Recall]], tuple[dict, dict]]:
    """What each of two losses of (image, text, τ) does to frozen texts, in cones of several widths at several τ.

    Returns:
        the recalls of the seeds in the narrow cone at τ = .01, and, first for each cone and then for each τ, the mean
        share of texts that find their image: ``{form: tuple of shares}``.
    """
    settings = [(common, TAU) for common in CONES] + [(CONE, tau) for tau in TAUS[1:]]
    image, text = (torch.cat(side) for side in zip(*(starts(seeds, common) for common, _ in settings), strict=True))
    tau = torch.tensor([tau for _, tau in settings]).repeat_interleave(len(seeds))
    runs, shares = {}, {}
    for form, loss in losses.items():
        recall = learn(loss, image, text, tau, frozen_text=True).recall
        own = [recall[i : i + len(seeds)] for i in range(0, len(recall), len(seeds))]
        runs[form] = own[len(CONES) - 1]
        shares[form] = tuple(sum(run.t2i for run in some) / len(some) for some in own)
    first = len(CONES)
    cones = {form: share[:first] for form, share in shares.items()}
    taus = {form: share[first - 1 :] for form, share in shares.items()}
    return runs, (cones, taus)


def cosines(seeds: range) -> tuple[float, ...]:
    """The mean cosine between two texts in each of ``CONES``, to two digits."""
    found = []
    for common in CONES:
        text = starts(seeds, common)[1]
        others = ~torch.eye(text.shape[1], dtype=torch.bool)
        found.append(round((text @ text.mT)[:, others].mean().item(), 2))
    return tuple(found)


def dependences(name: str, frozen: str, shares: tuple[dict, dict], seeds: range) -> tuple[Dependence, Dependence]:
    """What the effect of a one-sided loss depends on: the cone of the frozen side, and τ."""
    cones, taus = shares
    return (
        Dependence(f"mean cosine between two {frozen}", name, cosines(seeds), cones["printed"], cones["right"]),
        Dependence("temperature τ", name, TAUS, taus["printed"], taus["right"]),
    )


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
