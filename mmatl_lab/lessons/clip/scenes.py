"""The procedural half of the CLIP lesson: scenes and their captions, with exact ceilings.

Training shows scenes of one or two objects in all but eight combinations of shape and colour. Half of each batch are
twins of the other half that differ in one factor of one object: without such hard negatives a batch is solved by the
colours long before the shapes are learnt.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.metrics.alignment import modality_gap
from mmatl_lab.metrics.intervals import wilson
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.clip import CLIP, clip_loss, zero_shot_logits
from mmatl_lab.nn.encoders import ImageCNN, ImageViT, TextTransformer
from mmatl_lab.seeding import seeded
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
)

NAME = "clip_scenes"
NUM_OBJECTS = (1, 2)
GALLERY = 1_000
EVALUATION_SEED = 90_210  # of the scenes that every number is measured on; no training run uses it
LENGTH = 32  # words that the text encoder can read


@dataclass(frozen=True)
class ScenesPreset:
    num_steps: int
    batch_size: int = 256
    lr: float = 4e-3
    channels: tuple[int, ...] = (64, 128, 256)
    text_layers: int = 2
    text_width: int = 64  # words need little: captions have 16 of them, out of 110
    width: int = 128
    vit: bool = False  # the vision transformer in place of the convolutions


class Batch(NamedTuple):
    images: Tensor  # (B, 3, 32, 32) in [0, 1]
    tokens: Tensor  # (B, L)
    caption_class: Tensor  # (B,) equal where captions say the same


def make_model(preset: ScenesPreset, *, seed: int = 0) -> CLIP:
    """The model of a preset, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        image = ImageViT(preset.width) if preset.vit else ImageCNN(preset.width, preset.channels)
        text = TextTransformer(
            preset.width, len(Tokenizer(CAPTION_WORDS)), LENGTH, preset.text_layers, hidden_dim=preset.text_width
        )
        return CLIP(image, text)


def training_scenes(n: int, *, generator: torch.Generator, hard: bool = True) -> Scenes:
    """``n`` scenes without held-out combinations; with ``hard``, the second half are twins of the first."""
    held_in = ~held_out_combinations()
    scenes = sample_scenes(n // 2 if hard else n, NUM_OBJECTS, combinations=held_in, generator=generator)
    return scenes + hard_negatives(scenes, combinations=held_in, generator=generator) if hard else scenes


def make_batch(scenes: Scenes, *, generator: torch.Generator, rows: slice = slice(None), device="cpu") -> Batch:
    """Pictures and captions of ``scenes``. With ``rows``, of this process's rows only, as part of the whole batch."""
    tokens = captions(scenes, generator=generator)[rows].to(device)  # drawn for all, so that the rows fit together
    scenes = scenes[rows].to(device)
    return Batch(render(scenes), tokens, scenes.caption_class)


def train(preset: ScenesPreset, *, folder: Path, resume: bool = False, seed: int = 0, card: dict) -> Path:
    """Train and save ``clip_scenes``; returns the file."""
    model = make_model(preset, seed=seed)
    run = Run(model, NAME, preset.num_steps, lr=preset.lr, seed=seed, folder=folder, resume=resume, card=card)
    for _, generator in run:
        scenes = training_scenes(preset.batch_size, generator=generator)
        batch = make_batch(scenes, generator=generator, rows=run.shard, device=run.device)
        out = run.model(batch.images, batch.tokens)
        loss = clip_loss(*out, caption_class=batch.caption_class, gather=run.gather)
        run.step(loss, accuracy=batch_accuracy(out.image, out.text, batch.caption_class))
    return run.save(evaluate(model)[0], dtype=torch.bfloat16)


@torch.no_grad()
def batch_accuracy(image: Tensor, text: Tensor, caption_class: Tensor | None = None) -> Tensor:
    """Share of the images whose most similar text of the batch says what they show, a scalar.

    Args:
        caption_class: (B,) texts with equal numbers are equally right; None: only its own text is right for an image.
    """
    own = torch.arange(len(image), device=image.device)
    caption_class = own if caption_class is None else caption_class
    return (caption_class[(image @ text.T).argmax(1)] == caption_class).float().mean()


def gallery(n: int = GALLERY, *, seed: int = EVALUATION_SEED) -> Scenes:
    """``n`` scenes of one or two objects that all mean something different, so that each query has one right answer."""
    generator = seeded(seed, 1)
    scenes = sample_scenes(4 * n, NUM_OBJECTS, combinations=~held_out_combinations(), generator=generator)
    return scenes[_first_of_each(scenes.caption_class)[:n]]


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
    device = next(model.parameters()).device
    prompts = class_prompts(Tokenizer(CAPTION_WORDS)).to(device)
    texts = model.encode_text(prompts).unflatten(0, (len(SHAPES) * len(COLOURS), -1))
    image = model.encode_image(render(scenes.to(device)))
    answer = scenes.shape[:, 0] * len(COLOURS) + scenes.colour[:, 0]
    return zero_shot_logits(image, texts, model.logit_scale).argmax(1).cpu() == answer


@torch.no_grad()
def evaluate(model: CLIP) -> tuple[dict, dict, dict]:
    """(metrics, controls, ceilings) of a trained model, on scenes that no training run has seen.

    Controls: ``retrieval_*`` with the texts of other scenes (shuffled); ``zero_shot_*`` with the best constant answer.
    """
    device = next(model.parameters()).device
    model.eval()
    scenes = gallery()
    image = model.encode_image(render(scenes.to(device))).cpu()
    text = model.encode_text(captions(scenes, generator=seeded(EVALUATION_SEED, 2)).to(device)).cpu()
    shuffled = torch.randperm(len(scenes), generator=seeded(EVALUATION_SEED, 3))
    metrics, controls, ceiling = {}, {}, {}
    for name, queries, keys in (("scenes_i2t_r1", image, text), ("scenes_t2i_r1", text, image)):
        hits = hits_at_k(queries, keys)
        _add(metrics, name, hits)
        controls[name] = hits_at_k(queries, keys[shuffled]).mean().item()
        ceiling[name] = ceilings.retrieval(scenes.caption_class)
    for name, combinations in (("seen", ~held_out_combinations()), ("held_out", held_out_combinations())):
        test = sample_scenes(GALLERY, 1, combinations=combinations, generator=seeded(EVALUATION_SEED, 4))
        _add(metrics, f"zero_shot_{name}", zero_shot(model, test).float())
        controls[f"zero_shot_{name}"] = ceilings.accuracy(("shape", "colour"))
        ceiling[f"zero_shot_{name}"] = ceilings.accuracy(("shape", "colour"), ["image"], combinations=combinations)
    return metrics, controls, ceiling


def _add(metrics: dict, name: str, hits: Tensor) -> None:
    """A share and its 95 % interval over the queries."""
    low, high = wilson(hits.sum().item(), len(hits))
    metrics |= {name: hits.mean().item(), f"{name}_low": low, f"{name}_high": high}


def experiment(
    num_steps: int,
    *,
    temperature: float | None = None,
    batch_size: int = 128,
    symmetric: bool = True,
    masked: bool = True,
    seed: int = 0,
) -> dict[str, float]:
    """Train a small model for a moment, to see what one setting does; nothing is saved.

    Args:
        temperature: τ, fixed; None learns it.
        batch_size: scenes in a batch. symmetric: both directions of the loss.
        masked: leave scenes with equal captions out of each other's negatives.

    Returns:
        ``i2t`` and ``t2i``, R@1 among 200 scenes of one object that all mean something different; ``gap``, the modality
        gap of these; and ``temperature``.
    """
    preset = ScenesPreset(num_steps, batch_size, lr=3e-3, channels=(32, 64, 128), text_layers=1, width=64)
    model = make_model(preset, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=preset.lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, preset.lr, total_steps=num_steps)
    fixed = None if temperature is None else -torch.tensor(temperature).log()
    for step in range(num_steps):
        generator = seeded(seed, 77, step)
        scenes = sample_scenes(batch_size, 1, generator=generator)
        batch = make_batch(scenes, generator=generator)
        image, text, learned = model(batch.images, batch.tokens)
        caption_class = batch.caption_class if masked else None
        loss = clip_loss(
            image, text, learned if fixed is None else fixed, caption_class=caption_class, symmetric=symmetric
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    scenes = sample_scenes(500, 1, generator=seeded(EVALUATION_SEED, 5))
    scenes = scenes[_first_of_each(scenes.caption_class)[:200]]
    with torch.no_grad():
        image = model.encode_image(render(scenes))
        text = model.encode_text(captions(scenes, generator=seeded(EVALUATION_SEED, 6)))
    used = model.logit_scale if fixed is None else fixed
    return {
        "i2t": hits_at_k(image, text).mean().item(),
        "t2i": hits_at_k(text, image).mean().item(),
        "gap": modality_gap(image, text),
        "temperature": (-used).exp().item(),
    }


def _first_of_each(caption_class: Tensor) -> Tensor:
    """Sorted indices of the first row of each caption_class."""
    first: dict[int, int] = {}
    for i, value in enumerate(caption_class.tolist()):
        first.setdefault(value, i)
    return torch.tensor(sorted(first.values()))
