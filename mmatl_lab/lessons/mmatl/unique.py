r"""What alignment costs where each modality knows something of its own: exact ceilings, and what training reaches.

    python -m mmatl_lab.lessons.mmatl.unique

runs the study and writes ``assets/results/mmatl_unique.json``. Everything here is coins. Both modalities see a fair
coin $r$; modality 1 sees a coin $u_1$ of its own, and modality 2 a coin $u_2$. Each code is a function of what its
modality sees. Aligned codes have one distribution, and the transfer module gets the two codes as a set, without their
names. So the best that any aligned codes allow is found by trying all pairs of functions with equal distributions.
"""

from collections import Counter, defaultdict
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmatl_lab.models.mmatl import DISCRIMINATORS, MMATL, PLAYERS, MMATLConfig, training_step
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import drawn_from, seeded
from mmatl_lab.training import Run, Study
from mmatl_lab.world.information import Decomposition, decompose

from .systems import ramp

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "mmatl_unique"
SEEDS = range(5)
LABELS = {  # name: the label, what it asks for, and whether there is a shared coin
    "shared": (lambda r, a, b: r, "the shared coin r", True),
    "synergy": (lambda r, a, b: a ^ b, "u₁ xor u₂", True),
    "unique": (lambda r, a, b: a, "u₁", True),
    "unique, nothing shared": (lambda r, a, b: a, "u₁, without a shared coin", False),
}
ALIGNMENTS = {"none": "no alignment", "gradient_reversal+mmd": "aligned"}
VALUES = 4  # of a code: as many as a modality sees
FEATURES = 16  # numbers in which a modality shows its coins
NUM_STEPS = 300
TEST = 3_000


def worlds(label: str) -> list[tuple[tuple[int, int, int], int]]:
    """All equally likely coins (r, u1, u2) and their label; r is always 0 where nothing is shared.

    Raises:
        ValueError: an unknown label.
    """
    if label not in LABELS:
        raise ValueError(f"there is no label {label!r}: choose one of {', '.join(LABELS)}")
    function, _, shared = LABELS[label]
    return [((r, a, b), function(r, a, b)) for r, a, b in product((0, 1) if shared else (0,), (0, 1), (0, 1))]


@cache
def aligned_ceiling(label: str) -> float:
    """The best accuracy from the set of two codes of one distribution, over all codes of `VALUES` values."""
    coins = worlds(label)
    by_distribution = defaultdict(list)
    for code in product(range(VALUES), repeat=4):  # the value at 2 r + u
        counts = Counter(code[2 * r + a] for (r, a, _), _ in coins)
        by_distribution[tuple(sorted(counts.items()))].append(code)
    best = 0.0
    for codes in by_distribution.values():
        for first in codes:
            if list(dict.fromkeys(first)) != sorted(set(first)):
                continue  # the same with its values renamed has been tried
            for second in codes:
                seen = defaultdict(Counter)
                for (r, a, b), y in coins:
                    seen[frozenset(Counter((first[2 * r + a], second[2 * r + b])).items())][y] += 1
                best = max(best, sum(max(found.values()) for found in seen.values()) / len(coins))
    return best


def information(label: str) -> Decomposition:
    """What the two modalities tell about the label, in bits."""
    joint = torch.zeros(4, 4, 2)
    for (r, a, b), y in worlds(label):
        joint[2 * r + a, 2 * r + b, y] += 1
    return decompose(joint / joint.sum())


def draw(label: str, n: int, *, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """Views (n, 16), in which the coins are mixed and noisy, and labels (n,)."""
    function, _, shared = LABELS[label]
    r, *own = torch.randint(2, (3, n), generator=generator)
    r = r if shared else torch.zeros_like(r)
    views = {}
    for i, (name, u) in enumerate(zip(("first", "second"), own)):
        mixed = torch.stack([r, u], 1) * 2.0 - 1
        mixed = mixed @ torch.randn(2, FEATURES, generator=seeded(170, i)) / 2
        views[name] = mixed + i / 2 + 0.3 * torch.randn(n, FEATURES, generator=generator)  # i / 2: easy to tell apart
    return views, function(r, *own)


def trained(label: str, alignment: str, seed: int, *, num_steps: int = NUM_STEPS) -> MMATL:
    """MMATL on the coins; both modalities of an event are a row."""
    encoders = {name: Part("MLPEncoder", {"in_dim": FEATURES, "hidden_dim": 32}) for name in ("first", "second")}
    with drawn_from(seed):
        model = MMATL(MMATLConfig(encoders, 2, dim=4, alignment=alignment, discriminator_dim=64))
    adam = partial(torch.optim.Adam, betas=(0.5, 0.99))
    parts = (*PLAYERS, *DISCRIMINATORS)
    run = Run(model, NAME, num_steps, lr=dict.fromkeys(parts, 1e-2), optimizer=dict.fromkeys(parts, adam), seed=seed,
              save=False, quiet=True, precision="32-true", device="cpu")  # fmt: skip
    for step, generator in run:
        batch = partial(draw, label, 128, generator=generator)
        training_step(model, run, batch, lambda_align=ramp(step / num_steps), discriminator_steps=2)
    return model.eval()


def readable(e: Tensor) -> float:
    """The best accuracy at which the modality of a binary code (n, 2, D) can be told, by counting the codes."""
    first, second = (Counter(map(tuple, x.sign().int().tolist())) for x in e.unbind(1))
    return sum(max(first[code], second[code]) for code in first | second) / (2 * len(e))


def cell(label: str, alignment: str, seed: int) -> dict[str, float]:
    """Train once; accuracy from both codes and from the better one alone, and how well the modality can be told."""
    model = trained(label, alignment, seed)
    views, y = draw(label, TEST, generator=seeded(90_517, seed))
    with torch.no_grad():
        answer = model(views)
        alone = (model.alone(answer.e).argmax(2) == y[:, None]).float().mean(0)
    fused = (answer.logits.argmax(1) == y).float().mean()
    return {"fused": fused.item(), "alone": alone.max().item(), "modality": readable(answer.e)}


def study() -> Study:
    return Study(NAME, cell, {"label": list(LABELS), "alignment": list(ALIGNMENTS), "seed": list(SEEDS)})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


if __name__ == "__main__":
    study().ship()
