"""Three fusions of two modalities on one task: is exactly one of two noisy signs positive?"""

from dataclasses import dataclass, field, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.lessons import Result, System
from mmatl_lab.models.joint import Joint, mlp_head
from mmatl_lab.nn.fusion import Add, Concat, Product
from mmatl_lab.seeding import seeded

NOISE, EVALUATION_SEED, NUM_DRAWS = 0.5, 90_301, 5
CEILING = (1 + (2 * torch.special.ndtr(torch.tensor(1 / NOISE)).item() - 1) ** 2) / 2  # both signs right, or both wrong
FUSIONS = {"concat": Concat, "add": Add, "product": lambda dims: Product(dims, 16)}


@dataclass(frozen=True)
class FusionConfig:
    fusion: str = "concat"
    dim: int = 16


@dataclass(frozen=True)
class FusionSettings:
    num_steps: int = 200
    batch_size: int = 128
    lr: float = 1e-2
    model: FusionConfig = field(default_factory=FusionConfig)


PRESETS = {"quick": FusionSettings(20), "full": FusionSettings(), "gpu": FusionSettings(2_000, 1024)}


def build(config: FusionConfig) -> Joint:
    fusion = FUSIONS[config.fusion]([config.dim] * 2)
    return Joint({name: nn.Linear(1, config.dim) for name in ("sound", "sight")}, fusion, mlp_head(fusion.out_dim, 2))


def make_batch(n: int, *, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """Two noisy signs (n, 1) by modality, and whether the signs differ, (n,)."""
    signs = 2 * torch.randint(2, (2, n, 1), generator=generator) - 1
    sound, sight = signs + NOISE * torch.randn(2, n, 1, generator=generator)
    return {"sound": sound, "sight": sight}, (signs[0] != signs[1]).squeeze(1).long()


def fit(run, settings: FusionSettings) -> None:
    for _, generator in run:
        inputs, label = make_batch(settings.batch_size, generator=generator)
        logits = run.model({name: x[run.shard].to(run.device) for name, x in inputs.items()})
        run.step(F.cross_entropy(logits, label[run.shard].to(run.device)))


@torch.no_grad()
def evaluate(name: str, model: Joint) -> list[Result]:
    batches = [make_batch(2_000, generator=seeded(EVALUATION_SEED, draw)) for draw in range(NUM_DRAWS)]
    accuracies = [(model(inputs).argmax(1) == label).float().mean().item() for inputs, label in batches]
    known = {"of": "draws of 2,000", "control": 0.5, "ceiling": CEILING, "at_least": CEILING - 0.02}
    return [Result.from_values(f"xor_{name}", f"exclusive or, {name}", accuracies, **known)]


def make_system(name: str) -> System:
    presets = {preset: replace(s, model=FusionConfig(name)) for preset, s in PRESETS.items()}
    return System(f"fusion_sketch_{name}", presets, build, fit, partial(evaluate, name), reserved=(EVALUATION_SEED,))
