"""The procedural half of the CLIP lesson: scenes and their captions, with exact ceilings.

Training shows scenes of one or two objects in all but eight combinations of shape and colour. Half of each batch are
hard negatives of the other half: the same scene with one attribute changed, or with its two objects exchanged. Without
them a batch is solved by the colours long before the shapes are learnt, and by the words long before their order is.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.alignment import modality_gap
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.clip import CLIP, CLIPConfig, clip_loss, zero_shot_logits
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.threads import calm_threads
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.training import Run
from mmatl_lab.world import (
    CAPTION_WORDS,
    COLOURS,
    SHAPES,
    SIZES,
    Scenes,
    captions,
    ceilings,
    hard_negatives,
    held_out_combinations,
    render,
    sample_scenes,
    swap_places,
)

NUM_OBJECTS = (1, 2)
GALLERY = 1_000
NUM_GALLERIES = 12  # fresh ones; one fixed gallery once showed .991 where the mean over twelve is .987
EVALUATION_SEED = 90_210  # of the scenes that every number is measured on; no training run uses it
VALIDATION_SEED = 90_211  # of the scenes that choices are made on
MAX_LEN = 32  # words that the text encoder can read


def clip_config(
    channels: tuple[int, ...] = (64, 128, 256), num_layers: int = 2, hidden_dim: int = 64, out_dim: int = 128, **more
) -> CLIPConfig:
    """A convolutional image encoder and a small causal transformer over words: captions have 16 words, out of 110.

    Causal, as CLIP's own: with attention in both directions the model took 'A above B' for 'B above A' (chance) after
    as many steps as a causal one needs to tell them apart.
    """
    text = {"vocab_size": len(CAPTION_WORDS), "max_len": MAX_LEN, "num_layers": num_layers}
    text |= {"hidden_dim": hidden_dim, "causal": True}
    return CLIPConfig(Part("ImageCNN", {"channels": channels}), Part("TextTransformer", text), out_dim, **more)


@dataclass(frozen=True)
class ScenesSettings:
    num_steps: int
    batch_size: int = 256
    lr: float = 4e-3
    model: CLIPConfig = field(default_factory=clip_config)
    num_objects: tuple[int, int] = NUM_OBJECTS
    hard: bool = True  # half of each batch are hard negatives of the other half
    swapped: float = 0.3  # share of these, of two objects, in which the two exchange places
    masked: bool = True  # equal captions are not used as negatives of each other
    symmetric: bool = True  # both directions of the loss


PRESETS = {
    "quick": ScenesSettings(120, batch_size=64, lr=1e-3),  # so few steps leave no time to recover from a large lr
    "full": ScenesSettings(1_500),
    "gpu": ScenesSettings(
        6_000, batch_size=1024, lr=2e-3, model=clip_config((96, 192, 384), hidden_dim=128, out_dim=256)
    ),
}


class Batch(NamedTuple):
    images: Tensor  # (B, 3, 32, 32) in [0, 1]
    tokens: Tensor  # (B, L)
    caption_class: Tensor  # (B,) equal where the caption of one scene is true of the other


def training_scenes(settings: ScenesSettings, *, generator: torch.Generator) -> Scenes:
    """The scenes of one batch, without held-out combinations; the second half are hard negatives of the first."""
    n, held_in = settings.batch_size, ~held_out_combinations()
    if not settings.hard:
        return sample_scenes(n, settings.num_objects, combinations=held_in, generator=generator)
    scenes = sample_scenes(n // 2, settings.num_objects, combinations=held_in, generator=generator)
    return scenes + hard_negatives(scenes, swapped=settings.swapped, combinations=held_in, generator=generator)


def make_batch(scenes: Scenes, *, generator: torch.Generator, rows: slice = slice(None), device="cpu") -> Batch:
    """Pictures and captions of ``scenes``. With ``rows``, of this process's rows only, as part of the whole batch."""
    tokens = captions(scenes, generator=generator)[rows].to(device)  # drawn for all, so that the rows fit together
    scenes = scenes[rows].to(device)
    return Batch(render(scenes), tokens, scenes.caption_class)


def fit(run: Run, settings: ScenesSettings) -> None:
    """The loop: pictures and captions of the same scenes are pulled together, all others apart."""
    for _, generator in run:
        scenes = training_scenes(settings, generator=generator)
        images, tokens, caption_class = make_batch(scenes, generator=generator, rows=run.shard, device=run.device)
        out = run.model(images, tokens)
        known = caption_class if settings.masked else None
        loss = clip_loss(*out, caption_class=known, gather=run.gather, symmetric=settings.symmetric)
        run.step(loss, accuracy=batch_accuracy(out.image, out.text, caption_class))


@torch.no_grad()
def batch_accuracy(image: Tensor, text: Tensor, caption_class: Tensor | None = None) -> Tensor:
    """Share of the images whose most similar text of the batch says what they show, a scalar.

    Args:
        caption_class: (B,) texts with equal numbers are equally right; None: only its own text is right for an image.
    """
    own = torch.arange(len(image), device=image.device)
    caption_class = own if caption_class is None else caption_class
    return (caption_class[(image @ text.T).argmax(1)] == caption_class).float().mean()


def gallery(n: int = GALLERY, *, draw: int = 0, seed: int = EVALUATION_SEED) -> Scenes:
    """``n`` scenes of one or two objects with captions of different classes: each query has one right answer."""
    scenes = sample_scenes(4 * n, NUM_OBJECTS, combinations=~held_out_combinations(), generator=seeded(seed, 1, draw))
    return scenes[first_of_each(scenes.contents)[:n]]


def class_prompts(tokenizer: Tokenizer) -> Tensor:
    """Texts of the 64 classes shape x colour in every size and place: (64 * 12, L), a class's texts together."""
    return tokenizer.encode(
        [
            f"a {size} {colour} {shape} in the {row} {column}"
            for shape in SHAPES
            for colour in COLOURS
            for size in SIZES
            for row in ("top", "bottom")
            for column in ("left", "right")
        ]
    )


@torch.no_grad()
def zero_shot(model: CLIP, scenes: Scenes) -> Tensor:
    """(B,) bool: was the first object's shape and colour told apart from the 63 others, by texts alone?"""
    device = model.logit_scale.device
    texts = model.encode_text(class_prompts(Tokenizer(CAPTION_WORDS)).to(device)).unflatten(
        0, (len(SHAPES) * len(COLOURS), -1)
    )
    image = model.encode_image(render(scenes.to(device)))
    answer = scenes.shape[:, 0] * len(COLOURS) + scenes.colour[:, 0]
    return zero_shot_logits(image, texts, model.logit_scale).argmax(1).cpu() == answer


@torch.no_grad()
def retrieval(model: CLIP, scenes: Scenes, *, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Hits at 1, (B,), from image to text and from text to image, and R@1 when the texts are those of other scenes."""
    device = model.logit_scale.device
    image = model.encode_image(render(scenes.to(device))).cpu()
    text = model.encode_text(captions(scenes, generator=generator).to(device)).cpu()
    shuffled = text[torch.randperm(len(text), generator=generator)]
    return hits_at_k(image, text), hits_at_k(text, image), hits_at_k(image, shuffled).mean().item()


def validate(model: CLIP) -> float:
    """R@1 from image to text among 300 scenes that are neither trained on nor evaluated, for choices."""
    hits, *_ = retrieval(model, gallery(300, seed=VALIDATION_SEED), generator=seeded(VALIDATION_SEED, 2))
    return hits.mean().item()


@torch.no_grad()
def binding(model: CLIP, n: int = GALLERY, *, seed: int = EVALUATION_SEED) -> Tensor:
    """(n,) bool: is a caption of two objects nearer to its picture than the same caption with the two exchanged?

    Both captions name the same objects, so whoever only knows which words are there is right half of the time.
    """
    scenes = sample_scenes(2 * n, 2, combinations=~held_out_combinations(), generator=seeded(seed, 7))
    exchanged = swap_places(scenes)
    told = (scenes.caption_class != exchanged.caption_class).nonzero().squeeze(1)[:n]
    device = model.logit_scale.device
    image = model.encode_image(render(scenes[told].to(device)))
    true, false = (
        model.encode_text(captions(of[told], generator=seeded(seed, 8)).to(device)) for of in (scenes, exchanged)
    )
    return ((image * true).sum(1) > (image * false).sum(1)).cpu()


@calm_threads()
def evaluate(model: CLIP, num_galleries: int = NUM_GALLERIES) -> list[Result]:
    """Retrieval among 1,000 scenes, naming of seen and held-out combinations, and binding.

    Controls: retrieval with the texts of other scenes (shuffled); the best constant answer for the rest.
    """
    found = [
        retrieval(model, gallery(draw=draw), generator=seeded(EVALUATION_SEED, 2, draw))
        for draw in range(num_galleries)
    ]
    best = ceilings.retrieval(gallery().contents)
    chance = sum(control for *_, control in found) / len(found)
    of = {"of": "fresh galleries", "control": chance, "ceiling": best, "at_least": 0.99}
    i2t, t2i = ([hits[way].mean().item() for hits in found] for way in (0, 1))
    results = [
        Result.from_values("scenes_i2t_r1", f"image → text, of {GALLERY:,}", i2t, **of),
        Result.from_values("scenes_t2i_r1", f"text → image, of {GALLERY:,}", t2i, **of),
    ]
    held_out = held_out_combinations()
    kinds = (("seen", ~held_out, None), ("held_out", held_out, 0.80))
    for name, combinations, bound in kinds:
        scenes = sample_scenes(GALLERY, 1, combinations=combinations, generator=seeded(EVALUATION_SEED, 4))
        label = f"{name.replace('_', '-')} combination named, of 64"
        known = {
            "control": ceilings.accuracy(("shape", "colour")),
            "ceiling": ceilings.accuracy(("shape", "colour"), ["image"], combinations=combinations),
            "at_least": bound,
        }
        results.append(Result.from_hits(f"zero_shot_{name}", label, zero_shot(model, scenes), of="scenes", **known))
    label = "binding: own caption, or with the objects exchanged"
    return [*results, Result.from_hits("binding", label, binding(model), of="scenes", control=0.5, ceiling=1.0)]


SCENES = System(
    "clip_scenes",
    PRESETS,
    build=CLIP.from_config,
    fit=fit,
    evaluate=evaluate,
    reserved=(EVALUATION_SEED, VALIDATION_SEED),
)


def experiment(num_steps: int, *, temperature: float | None = None, seed: int = 0, **settings) -> dict[str, float]:
    """Train a small model for a moment, to see what one setting does; nothing is saved.

    Args:
        temperature: τ, fixed; None learns it.
        settings: ``batch_size``, ``masked``, ``symmetric``, as in `ScenesSettings`.

    Returns:
        ``i2t`` and ``t2i``, R@1 among 200 scenes of one object with different captions; ``gap``, the modality gap of
        these; and ``temperature``.
    """
    config = clip_config((32, 64, 128), num_layers=1, out_dim=64)
    if temperature is not None:
        config = replace(config, temperature=temperature, learn_temperature=False)
    small = {"batch_size": 128, "lr": 3e-3, "num_objects": (1, 1), "hard": False}
    model = SCENES.trained(ScenesSettings(num_steps, model=config, **(small | settings)), seed=seed)
    scenes = sample_scenes(500, 1, generator=seeded(EVALUATION_SEED, 5))
    scenes = scenes[first_of_each(scenes.caption_class)[:200]]
    with torch.no_grad():
        image = model.encode_image(render(scenes.to(model.logit_scale.device))).cpu()
        text = model.encode_text(
            captions(scenes, generator=seeded(EVALUATION_SEED, 6)).to(model.logit_scale.device)
        ).cpu()
    return {
        "i2t": hits_at_k(image, text).mean().item(),
        "t2i": hits_at_k(text, image).mean().item(),
        "gap": modality_gap(image, text),
        "temperature": (-model.logit_scale).exp().item(),
    }


def first_of_each(caption_class: Tensor) -> Tensor:
    """Sorted indices of the first row of each caption class."""
    first: dict[int, int] = {}
    for i, value in enumerate(caption_class.tolist()):
        first.setdefault(value, i)
    return torch.tensor(sorted(first.values()))
