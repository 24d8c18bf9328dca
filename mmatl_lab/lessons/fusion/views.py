"""All fusions on real views: which shape is it, by a noisy picture, a garbled caption and a noisy sound?

One encoder for each view, shared by all fusions; each fusion has a linear head of its own, and all are trained side by
side on the same scenes. Each view of each scene has its own noise, and in training each is left out now and then. The
demo, the dials and the maps of this lesson show this model. The comparison at equal size is in ``study.py``: there
nothing is shared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.nn.encoders import AudioCNN, ImageCNN, TextTransformer
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run
from mmatl_lab.world import CAPTION_WORDS, SHAPES, Scenes, audio, captions, log_mel, render, sample_scenes

from .methods import METHODS
from .tasks import drop

VIEWS = ("image", "text", "audio")
EVALUATION_SEED = 90_222
NUM_TEST, NUM_DRAWS = 500, 5
MAX_LEN = 12  # words of a caption of one object
NOISIEST = {"image": 1.0, "text": 1.0, "audio": 1.0}  # at noise 1: σ of pixels, share of random words, σ of the sound


@dataclass(frozen=True)
class ViewsConfig:
    """``dim``: length of each view's vector, and D of each fusion. ``channels``: of the convolutions."""

    dim: int = 32
    channels: tuple[int, ...] = (16, 32, 64)


@dataclass(frozen=True)
class ViewsSettings:
    num_steps: int
    batch_size: int = 64
    lr: float = 3e-3
    model: ViewsConfig = field(default_factory=ViewsConfig)
    dropout: float = 0.25  # probability that a view is left out of an example


PRESETS = {
    "quick": ViewsSettings(20, batch_size=32),
    "full": ViewsSettings(600),
    "gpu": ViewsSettings(3_000, batch_size=512, model=ViewsConfig(64, (32, 64, 128))),
}


class Scores(NamedTuple):
    logits: dict[str, Tensor]  # by fusion, (B, 8)
    fused: dict[str, Tensor]  # by fusion, (B, D); late fusions have no such vector
    weights: dict[str, Tensor]  # by fusion that has them, (B, 3)


class ViewsFusions(nn.Module):
    """An encoder for each of VIEWS, and behind them every fusion of METHODS with a linear head."""

    def __init__(self, config: ViewsConfig):
        super().__init__()
        dim = config.dim
        self.encoders = nn.ModuleDict(
            {
                "image": ImageCNN(dim, config.channels, stem=8),
                "text": TextTransformer(dim, len(CAPTION_WORDS), MAX_LEN, num_layers=1, hidden_dim=dim),
                "audio": AudioCNN(dim, config.channels),
            }
        )
        raw_dims = [x.shape[1] for x in raw_inputs(_no_views(1)).values()]
        self.fusions, self.heads = nn.ModuleDict(), nn.ModuleDict()
        for name, method in METHODS.items():
            dims = raw_dims if method.raw else [dim] * len(VIEWS)
            fusion = method.build(dims, len(SHAPES) if method.late else dim)
            self.fusions[name] = fusion
            self.heads[name] = nn.Identity() if method.late else nn.Linear(fusion.out_dim, len(SHAPES))

    def forward(self, views: Mapping[str, Tensor], present: Tensor) -> Scores:
        """Views by name and which of them are there, (B, 3) bool."""
        features = self.features(views, present)
        fused = {name: fusion(features[METHODS[name].raw], present) for name, fusion in self.fusions.items()}
        logits = {name: self.heads[name](vector) for name, vector in fused.items()}
        late = [name for name in fused if METHODS[name].late]
        return Scores(logits, {name: x for name, x in fused.items() if name not in late}, {})

    def features(self, views: Mapping[str, Tensor], present: Tensor) -> dict[bool, list[Tensor]]:
        """What the fusions are given: the vectors of the encoders (False), and the coarse raw inputs (True)."""
        views = {name: _filled(views[name], present[:, m]) for m, name in enumerate(VIEWS)}
        encoded = [self.encoders[name](views[name]) for name in VIEWS]
        return {False: encoded, True: list(raw_inputs(views).values())}

    @torch.no_grad()
    def examine(self, views: Mapping[str, Tensor], present: Tensor) -> Scores:
        """As forward, in evaluation mode, with the weights of those fusions that have them."""
        self.eval()
        scores, features = self(views, present), self.features(views, present)
        each = {name: f.weights(features[METHODS[name].raw], present) for name, f in self.fusions.items()}
        return scores._replace(weights={name: w for name, w in each.items() if w is not None})


def raw_inputs(views: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The views as plain rows of numbers for early fusion: 8 x 8 pixels, counts of words, 10 bands by 16 times."""
    image, text, sound = (views[name] for name in VIEWS)
    return {
        "image": F.adaptive_avg_pool2d(image, 8).flatten(1),
        "text": F.one_hot(text, len(CAPTION_WORDS)).to(image.dtype).sum(1)[:, 1:],
        "audio": F.adaptive_avg_pool2d(sound[:, None], (10, 16)).flatten(1),
    }


def make_views(scenes: Scenes, noise: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Picture (B, 3, 32, 32), caption (B, 12) and log-mel (B, 40, 64) of scenes of one object, with noise.

    Args:
        noise: (B, 3) in [0, 1], of picture, caption and sound; at 1 that of NOISIEST.
    """
    sigma = {name: NOISIEST[name] * noise[:, m] for m, name in enumerate(VIEWS)}
    image = render(scenes)
    image = image + sigma["image"].view(-1, 1, 1, 1) * torch.randn(image.shape, generator=generator)
    return {
        "image": image.clamp(0, 1),
        "text": garbled(captions(scenes, generator=generator), sigma["text"], generator=generator),
        "audio": log_mel(noisy_sound(scenes, sigma["audio"], generator=generator)),
    }


def noisy_sound(scenes: Scenes, sigma: Tensor, *, generator: torch.Generator) -> Tensor:
    """(B, 8000): the sound of each scene with its own white noise (B,)."""
    wave = audio(scenes)
    return (wave + sigma[:, None] * torch.randn(wave.shape, generator=generator)).clamp(-1, 1)


def garbled(tokens: Tensor, share: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each word of the captions (B, L) is replaced with probability ``share`` (B,) by any other of the vocabulary."""
    tokens = F.pad(tokens, (0, MAX_LEN - tokens.shape[1]))
    hit = torch.rand(tokens.shape, generator=generator) < share[:, None]
    other = torch.randint(1, len(CAPTION_WORDS), tokens.shape, generator=generator)
    return torch.where(hit & (tokens != 0), other, tokens)


def training_noise(n: int, *, generator: torch.Generator) -> Tensor:
    """(n, 3): each view of each example has its own, from clear to useless; half of all are low."""
    return torch.rand(n, len(VIEWS), generator=generator) ** 2


def fit(run: Run, settings: ViewsSettings) -> None:
    """The loop: all fusions learn side by side, each by its own cross-entropy."""
    for _, generator in run:
        scenes = sample_scenes(settings.batch_size, 1, generator=generator)
        views = make_views(scenes, training_noise(len(scenes), generator=generator), generator=generator)
        present = drop(torch.ones(len(scenes), 3, dtype=torch.bool), settings.dropout, generator=generator)
        views = {name: x[run.shard].to(run.device) for name, x in views.items()}
        label = scenes.shape[run.shard, 0].to(run.device)
        logits, *_ = run.model(views, present[run.shard].to(run.device))
        losses = {name: F.cross_entropy(z, label) for name, z in logits.items()}
        run.step(sum(losses.values()), accuracy=(logits["gated"].argmax(1) == label).float().mean())


CONDITIONS = ("clear", *(f"noisy_{name}" for name in VIEWS), *(f"no_{name}" for name in VIEWS))
LABELS = {"clear": "clear", "noisy_image": "picture at noise 1", "noisy_text": "caption at noise 1",
          "noisy_audio": "sound at noise 1", "no_image": "no picture", "no_text": "no caption",
          "no_audio": "no sound"}  # fmt: skip


def condition(name: str, n: int) -> tuple[Tensor, Tensor]:
    """Noise (n, 3) and presence (n, 3) of one of CONDITIONS; clear views have a noise of .3."""
    noise, present = torch.full((n, 3), 0.3), torch.ones(n, 3, dtype=torch.bool)
    kind, _, view = name.partition("_")
    if kind == "noisy":
        noise[:, VIEWS.index(view)] = 1.0
    if kind == "no":
        present[:, VIEWS.index(view)] = False
    return noise, present


def test_views(noise: Tensor, present: Tensor, *, draw: int = 0) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Views of fresh scenes, which of them are there, and the shapes (n,); the same scenes whatever the noise."""
    scenes = sample_scenes(len(noise), 1, generator=seeded(EVALUATION_SEED, draw))
    views = make_views(scenes, noise, generator=seeded(EVALUATION_SEED, draw, 1))
    return views, present, scenes.shape[:, 0]


def accuracies(model: ViewsFusions, noise: Tensor, present: Tensor, *, draw: int = 0) -> dict[str, float]:
    """Share of fresh scenes whose shape each fusion names."""
    views, present, label = test_views(noise, present, draw=draw)
    device = next(model.parameters()).device
    views = {name: x.to(device) for name, x in views.items()}
    logits = model.examine(views, present.to(device)).logits
    return {name: (z.argmax(1).cpu() == label).float().mean().item() for name, z in logits.items()}


def evaluate(model: ViewsFusions, n: int = NUM_TEST, num_draws: int = NUM_DRAWS) -> list[Result]:
    """Accuracy of every fusion under each of CONDITIONS, over draws of n fresh scenes. Control: chance, 1/8."""
    results = []
    for name in CONDITIONS:
        found = [accuracies(model, *condition(name, n), draw=draw) for draw in range(num_draws)]
        for fusion, method in METHODS.items():
            values = [row[fusion] for row in found]
            label = f"{LABELS[name]}: {method.label}"
            known = {"of": f"draws of {n:,} scenes", "control": 1 / len(SHAPES)}
            results.append(Result.from_values(f"views_{name}_{fusion}", label, values, **known))
    return results


def _filled(view: Tensor, present: Tensor) -> Tensor:
    """Zeros where a view is missing, whatever stands there."""
    return view.masked_fill(~present.view(-1, *[1] * (view.dim() - 1)), 0)


def _no_views(n: int) -> dict[str, Tensor]:
    return {
        "image": torch.zeros(n, 3, 32, 32),
        "text": torch.zeros(n, MAX_LEN, dtype=torch.long),
        "audio": torch.zeros(n, 40, 64),
    }


VIEWS_SYSTEM = System(
    "fusion_views",
    PRESETS,
    build=ViewsFusions,
    fit=fit,
    evaluate=evaluate,
    options={"control": {"accuracy": 1 / len(SHAPES)}},
    reserved=(EVALUATION_SEED,),
)
