"""Five small encoders of a scene's views, trained once and then frozen: MMATL aligns what they give.

Each learns all factors that its modality shows (``world.ceilings.SHOWS``), so that its features hold more than any
task asks for: what is to be aligned has to be found among it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run
from mmatl_lab.world import ceilings
from mmatl_lab.world.audio import audio, log_mel
from mmatl_lab.world.image import render
from mmatl_lab.world.scene import Scenes, sample_scenes
from mmatl_lab.world.sensor import sensor
from mmatl_lab.world.text import CAPTION_WORDS, captions
from mmatl_lab.world.video import video

from ..recipe import System
from ..results import Result

EVALUATION_SEED = 90_517
DIM = 64  # of each modality's features
FACTORS = ("shape", "colour", "size", "motion")
TOLD = {name: tuple(f for f in shown if f in FACTORS) for name, shown in ceilings.SHOWS.items()}
MODALITIES = tuple(TOLD)
NOISE = 0.02  # in training, on all but the text
SENSOR_SCALE = 10.0


def views_of(
    scenes: Scenes, modalities: Sequence[str] = MODALITIES, *, noise: float = NOISE, generator: torch.Generator
) -> dict[str, Tensor]:
    """The views of scenes as the encoders take them: a sensor's readings divided by SENSOR_SCALE, noise on all but the
    text."""
    g = generator
    make = {
        "image": lambda: render(scenes, 32, noise=noise, generator=g),
        "text": lambda: captions(scenes, generator=g),
        "audio": lambda: log_mel(audio(scenes, noise=noise, generator=g)),
        "video": lambda: video(scenes, 16, 8, noise=noise, generator=g),
        "sensor": lambda: sensor(scenes, noise=noise * SENSOR_SCALE, generator=g) / SENSOR_SCALE,
    }
    return {name: make[name]() for name in modalities}


@dataclass(frozen=True)
class FeaturesConfig:
    encoders: Mapping[str, Part] = field(
        default_factory=lambda: {
            "image": Part("ImageCNN", {"channels": (32, 64, 96), "stem": 8}),
            "text": Part("TextTransformer", {"vocab_size": len(CAPTION_WORDS), "num_layers": 1, "hidden_dim": 64}),
            "audio": Part("AudioCNN", {"channels": (16, 32, 64)}),
            "video": Part("VideoCNN", {"channels": (16, 32), "stem": 8, "hidden_dim": 64}),
            "sensor": Part("SensorCNN", {"channels": (32, 64, 64)}),
        }
    )
    dim: int = DIM


class SceneFeatures(nn.Module):
    """An encoder and a linear head a factor for each modality; ``forward`` gives the features, scaled by batch norm."""

    def __init__(self, config: FeaturesConfig):
        super().__init__()
        self.encoders = nn.ModuleDict({name: part.build(out_dim=config.dim) for name, part in config.encoders.items()})
        self.norms = nn.ModuleDict({name: nn.BatchNorm1d(config.dim, affine=False) for name in config.encoders})
        self.heads = nn.ModuleDict(
            {
                name: nn.ModuleDict({f: nn.Linear(config.dim, ceilings.FACTORS[f]) for f in TOLD[name]})
                for name in config.encoders
            }
        )

    def forward(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Views by modality -> features (B, D) of each."""
        return {name: self.norms[name](self.encoders[name](x)) for name, x in views.items()}

    def loss(self, features: Mapping[str, Tensor], scenes: Scenes) -> Tensor:
        """Cross-entropy of every factor that each modality shows, summed: each encoder learns for itself."""
        return sum(
            F.cross_entropy(head(F.gelu(x)), getattr(scenes, factor)[:, 0])
            for name, x in features.items()
            for factor, head in self.heads[name].items()
        )


@dataclass(frozen=True)
class FeaturesSettings:
    num_steps: int = 400
    batch_size: int = 96
    lr: float = 3e-3
    model: FeaturesConfig = field(default_factory=FeaturesConfig)


PRESETS = {
    "quick": FeaturesSettings(12, 32),
    "full": FeaturesSettings(),
    "gpu": FeaturesSettings(2_000, 512),
}


def fit(run: Run, settings: FeaturesSettings) -> None:
    """All five learn from the same scenes, side by side."""
    for _, generator in run:
        scenes = sample_scenes(settings.batch_size, 1, generator=generator)
        views = views_of(scenes, generator=generator)
        features = run.model({name: x[run.shard].to(run.device) for name, x in views.items()})
        run.step(run.module.loss(features, scenes[run.shard].to(run.device)))


@torch.no_grad()
def evaluate(model: SceneFeatures) -> list[Result]:
    """Accuracy of each factor from each modality, on 1,000 new scenes."""
    generator = seeded(EVALUATION_SEED)
    scenes = sample_scenes(1_000, 1, generator=generator)
    features = encode_scenes(model, scenes, generator=generator)
    results = []
    for name, x in features.items():
        for factor, head in model.heads[name].items():
            hits = head(F.gelu(x.to(head.weight.device))).argmax(1).cpu() == getattr(scenes, factor)[:, 0]
            control, ceiling = (ceilings.accuracy(factor, seen) for seen in ((), name))
            label = f"features of the {name}: {factor}"
            results.append(
                Result.from_hits(
                    f"features_{name}_{factor}", label, hits, of="scenes", control=control, ceiling=ceiling
                )
            )
    return results


@torch.no_grad()
def encode_scenes(
    model: SceneFeatures,
    scenes: Scenes,
    modalities: Sequence[str] = MODALITIES,
    *,
    noise: float = NOISE,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Features (n, D) of many scenes, on the CPU."""
    device = next(model.parameters()).device
    found: dict[str, list[Tensor]] = {name: [] for name in modalities}
    for start in range(0, len(scenes), 250):
        views = views_of(scenes[start : start + 250], modalities, noise=noise, generator=generator)
        for name, x in model.eval()({name: x.to(device) for name, x in views.items()}).items():
            found[name].append(x.cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


FEATURES = System(
    "mmatl_features",
    PRESETS,
    build=SceneFeatures,
    fit=fit,
    evaluate=evaluate,
    options={"schedule": "one-cycle"},
    reserved=(EVALUATION_SEED,),
)
