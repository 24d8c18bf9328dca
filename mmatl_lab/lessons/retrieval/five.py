"""Five modalities in one space: image, text, audio, video and sensor, of which only pairs with the image are trained.

A scene has one object. Each pair of modalities has scenes of its own in each batch, so no scene is ever seen both as a
text and as a sound. What two modalities learn of each other they learn through the bridge. How much that can be is
known exactly: the factors that both show *and* the bridge shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import permutations

import torch
from torch import Tensor

from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.clip import clip_loss
from mmatl_lab.models.imagebind import ImageBind, ImageBindConfig
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.threads import calm_threads
from mmatl_lab.training import Run
from mmatl_lab.world import (
    CAPTION_WORDS,
    Scenes,
    audio,
    captions,
    ceilings,
    log_mel,
    render,
    sample_scenes,
    sensor,
    video,
)

MODALITIES = ("image", "text", "audio", "video", "sensor")
EVALUATION_SEED = 90_241
GALLERY, NUM_GALLERIES = 1_000, 5
NUM_FRAMES = 6  # of a video; from 3 on, left differs from right
SENSOR_SCALE = torch.tensor([10.0, 10.0, 10.0, 1.0, 1.0, 3.0])  # typical sizes, in m/s² and rad/s
TOLD = ("shape", "size")  # what a caption and a sound both tell


def five_config(
    bridge: str = "image",
    *more: tuple[str, str],
    modalities: tuple[str, ...] = MODALITIES,
    channels: tuple[int, ...] = (24, 48, 96),
    out_dim: int = 64,
) -> ImageBindConfig:
    """Small encoders, and the pairs: the bridge with each other modality, and ``more``.

    Captions are read as a bag of words, since one object needs no order.
    """
    half = tuple(c // 2 for c in channels)
    encoders = {
        "image": Part("ImageCNN", {"channels": channels, "stem": 8}),
        "text": Part("BagOfWords", {"vocab_size": len(CAPTION_WORDS)}),
        "audio": Part("AudioCNN", {"channels": channels}),
        "video": Part("VideoCNN", {"channels": half, "hidden_dim": 64}),
        "sensor": Part("SensorCNN", {"channels": channels[:2]}),
    }
    pairs = (*((bridge, other) for other in modalities if other != bridge), *more)
    return ImageBindConfig({name: encoders[name] for name in modalities}, pairs, out_dim)


@dataclass(frozen=True)
class FiveSettings:
    num_steps: int
    batch_size: int = 48  # scenes of each pair
    lr: float = 4e-3
    model: ImageBindConfig = field(default_factory=five_config)


PRESETS = {
    "quick": FiveSettings(20, batch_size=24),
    "full": FiveSettings(500),
    "gpu": FiveSettings(5_000, batch_size=512, lr=2e-3, model=five_config(channels=(64, 128, 256), out_dim=128)),
}


def view(scenes: Scenes, modality: str, *, generator: torch.Generator) -> Tensor:
    """One modality of scenes, as its encoder takes it: (B, 3, 32, 32), (B, L), (B, 40, 64), (B, T, 3, 32, 32) or
    (B, 50, 6).
    """
    if modality == "text":
        return captions(scenes, generator=generator)
    if modality == "audio":
        return log_mel(audio(scenes))
    if modality == "sensor":
        return sensor(scenes) / SENSOR_SCALE.to(scenes.device)
    return render(scenes) if modality == "image" else video(scenes, num_frames=NUM_FRAMES)


def fit(run: Run, settings: FiveSettings) -> None:
    """The loop: each pair of modalities has scenes of its own; their losses are added."""
    for _, generator in run:
        loss = 0.0
        for pair in run.module.pairs:
            scenes = sample_scenes(settings.batch_size, 1, generator=generator)
            views = {name: view(scenes, name, generator=generator)[run.shard].to(run.device) for name in pair}
            z = run.model(views)
            loss = loss + clip_loss(*z.values(), run.module.logit_scale(pair), gather=run.gather)
        run.step(loss)


def gallery(draw: int = 0, n: int = GALLERY) -> Scenes:
    """Scenes that training never sees; each is a query and a key in every modality."""
    return sample_scenes(n, 1, generator=seeded(EVALUATION_SEED, draw))


@torch.no_grad()
def embed(model: ImageBind, scenes: Scenes, modality: str, *, seed: int = 0, part: int = 250) -> Tensor:
    """(N, D) unit vectors of one modality of the scenes, on the CPU."""
    scenes = scenes.to(model.device)
    x = (
        view(scenes[slice(i, i + part)], modality, generator=seeded(EVALUATION_SEED, seed, i))
        for i in range(0, len(scenes), part)
    )
    return torch.cat([model.encode(modality, views).cpu() for views in x])


def shared(a: str, b: str, bridge: str | None = None) -> tuple[str, ...]:
    """The factors that two modalities both show, and the bridge as well, if one is given."""
    shown = [ceilings.SHOWS[name] for name in (a, b, *([bridge] if bridge else []))]
    return tuple(factor for factor in ceilings.FACTORS if all(factor in each for each in shown))


def group_of(scenes: Scenes, factors: tuple[str, ...]) -> Tensor:
    """(N,) int64, equal where all ``factors`` are equal: whoever knows these alone cannot tell such scenes apart."""
    group = torch.zeros(len(scenes), dtype=torch.long)
    for factor in factors:
        group = group * ceilings.FACTORS[factor] + getattr(scenes, factor)[:, 0].cpu()
    return group


def ceiling(scenes: Scenes, a: str, b: str, bridge: str | None = None) -> float:
    """The best R@1 from one modality to the other for who knows the shared factors and nothing else.

    It is exact where a text, or a sound and no image, takes part. Images, videos and sensors also share an angle,
    images and videos the exact place, so between these it is no bound.
    """
    return ceilings.retrieval(group_of(scenes, shared(a, b, bridge)))


def recall_table(model: ImageBind, draws: Iterable[int] = range(NUM_GALLERIES)) -> dict[tuple[str, str], list[float]]:
    """R@1 of each ordered pair of modalities in each gallery; a query has one right key, its own scene's."""
    found: dict[tuple[str, str], list[float]] = {pair: [] for pair in permutations(model.modalities, 2)}
    for draw in draws:
        z = {name: embed(model, gallery(draw), name, seed=draw) for name in model.modalities}
        for a, b in found:
            found[a, b].append(hits_at_k(z[a], z[b]).mean().item())
    return found


def kinds_told(model: ImageBind, draw: int = 0, a: str = "text", b: str = "audio") -> Tensor:
    """(N,) whether the first key found has the shape and the size of the query: hits with several right answers."""
    scenes = gallery(draw)
    return hits_at_k(embed(model, scenes, a, seed=draw), embed(model, scenes, b, seed=draw), ids=group_of(scenes, TOLD))


@calm_threads()
def evaluate(
    model: ImageBind,
    num_galleries: int = NUM_GALLERIES,
    table: Mapping[tuple[str, str], list[float]] | None = None,
) -> list[Result]:
    """R@1 between all modalities among 1,000 scenes; text and audio, which never met, against their exact ceiling.

    Control: chance, 1 / 1,000.

    Args:
        table: of `recall_table` for the same galleries, if it is there already.
    """
    bridge = model.pairs[0][0]
    table = table or recall_table(model, range(num_galleries))
    trained = {frozenset(pair) for pair in model.pairs}
    results = []
    for (a, b), values in table.items():
        known: dict[str, float | str] = {"of": "fresh galleries", "control": 1 / GALLERY}
        met = frozenset((a, b)) in trained
        if "text" in (a, b) or (a, b) in (("audio", "sensor"), ("sensor", "audio")):
            via = None if met else bridge
            known["ceiling"] = sum(ceiling(gallery(draw), a, b, via) for draw in range(num_galleries)) / num_galleries
        if {a, b} == {"text", "audio"}:
            known["at_least"] = 10 / GALLERY
        label = f"{a} → {b}, of {GALLERY:,}" + ("" if met else ", never paired")
        results.append(Result.from_values(f"five_{a}_{b}_r1", label, values, **known))
    kinds = [kinds_told(model, draw).mean().item() for draw in range(num_galleries)]
    label = "text → audio: shape and size right"
    return [*results, Result.from_values("five_text_audio_kind", label, kinds, of="fresh galleries",
                                         control=ceilings.accuracy(TOLD), ceiling=1.0)]  # fmt: skip


FIVE = System(
    "retrieval_five", PRESETS, build=ImageBind.from_config, fit=fit, evaluate=evaluate, reserved=(EVALUATION_SEED,)
)
