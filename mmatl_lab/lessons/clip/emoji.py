"""The real half of the CLIP lesson: emoji in three art styles and their words; new concepts and a new style as tests.

Three questions:
    seen            pictures and words that were trained on: a fit, no generalisation (1,386 texts to choose from)
    unseen concepts never seen in any style; their words are known only from other emoji (200 texts). Some are variants
                    of seen ones (a man and a woman of one profession), the others are new altogether
    unseen style    known concepts in OpenMoji's thin outlines, a style never seen (1,386 texts)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.data.augment import NUMBERS, Augmentation, augment
from mmatl_lab.data.emoji import (
    STYLES,
    TRAINED_STYLES,
    Emoji,
    Split,
    load_emoji,
    on_background,
    pixel_neighbours,
)
from mmatl_lab.metrics.intervals import bootstrap
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.clip import CLIP, clip_loss
from mmatl_lab.nn.encoders import BagOfWords, ImageCNN
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.training import Run

from .scenes import batch_accuracy

NAME = "clip_emoji"
NEW_STYLE = STYLES[-1]
EVALUATION_SEED = 90_211


@dataclass(frozen=True)
class EmojiPreset:
    num_steps: int = 1_400
    batch_size: int = 384  # pairs, each of another concept, so that no two of a batch mean the same
    lr: float = 4e-3
    channels: tuple[int, ...] = (64, 128, 256)
    width: int = 256
    augmentation: Augmentation = Augmentation()
    dropped_words: float = 0.4  # share of a concept's words that a text leaves out, so that each must do alone


class TrainingPart(NamedTuple):
    """What training may see."""

    pictures: Tensor  # (3, N, 4, 32, 32) float, premultiplied RGBA in [0, 1], of the trained styles
    tokens: Tensor  # (N, L) all words of each concept


def tokenizer(emoji: Emoji | None = None, split: Split | None = None) -> Tokenizer:
    """The words of the seen concepts, which are all that the model knows."""
    emoji = emoji or load_emoji()
    return emoji.tokenizer((split or emoji.split()).seen)


def make_model(preset: EmojiPreset, *, seed: int = 0, vocabulary: int | None = None) -> CLIP:
    """The model of a preset, with weights that depend on the seed alone. ``vocabulary``: the default split's."""
    vocabulary = vocabulary or len(tokenizer())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(ImageCNN(preset.width, preset.channels), BagOfWords(preset.width, vocabulary))


def training_part(emoji: Emoji, split: Split, words: Tokenizer) -> TrainingPart:
    """Pictures of the seen concepts in the trained styles, and their words."""
    rgba = torch.stack([emoji.style(style)[split.seen] for style in TRAINED_STYLES]).float() / 255
    rgba[:, :, :3] *= rgba[:, :, 3:]
    return TrainingPart(rgba, emoji.tokens(words)[split.seen])


def make_batch(
    part: TrainingPart, preset: EmojiPreset, *, generator: torch.Generator, rows: slice = slice(None), device="cpu"
) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, 32, 32), each of another concept in any trained style and changed, and words (B, L) of each.

    Args:
        rows: of the whole batch, this process's; all numbers are drawn for all rows, so that the rows fit together.
    """
    B = preset.batch_size
    concept = torch.randperm(part.tokens.shape[0], generator=generator)[:B][rows]
    style = torch.randint(len(part.pictures), (B,), generator=generator)[rows]
    numbers = torch.rand(B, NUMBERS, generator=generator)[rows]
    kept = torch.rand(B, part.tokens.shape[1], generator=generator)[rows]
    tokens = drop_words(part.tokens[concept], kept, preset.dropped_words)
    pictures = part.pictures[style, concept].to(device)
    return augment(pictures, preset.augmentation, numbers.to(device)), tokens.to(device)


def drop_words(tokens: Tensor, u: Tensor, share: float) -> Tensor:
    """(B, L) tokens without those whose number u, (B, L) in [0, 1), is below ``share``; one word always stays."""
    there = tokens != 0
    best = u.masked_fill(~there, -1).argmax(1, keepdim=True)  # the word with the largest number stays
    keep = (u >= share).scatter(1, best, True)
    return tokens * (keep & there)


def train(preset: EmojiPreset, *, folder: Path, resume: bool = False, seed: int = 0, card: dict) -> Path:
    """Train and save ``clip_emoji``; returns the file."""
    emoji = load_emoji()
    model = make_model(preset, seed=seed)
    card = card | {"data": {"emoji": emoji.data_hash}}
    settings = {"lr": preset.lr, "seed": seed, "memory_format": torch.channels_last}
    run = Run(model, NAME, preset.num_steps, folder=folder, resume=resume, card=card, **settings)
    fit(run, emoji, emoji.split(), preset)
    return run.save(evaluate(model)[0], dtype=torch.bfloat16)


def fit(run: Run, emoji: Emoji, split: Split, preset: EmojiPreset) -> None:
    """The loop: trains ``run.model`` on the seen part of a split."""
    part = training_part(emoji, split, tokenizer(emoji, split))
    for _, generator in run:
        images, tokens = make_batch(part, preset, generator=generator, rows=run.shard, device=run.device)
        out = run.model(images, tokens)
        loss = clip_loss(*out, gather=run.gather)  # no two concepts of a batch are the same: all others are negatives
        run.step(loss, accuracy=batch_accuracy(out.image, out.text))


@torch.no_grad()
def embed(model: CLIP, emoji: Emoji, style: str) -> Tensor:
    """(N, D) image vectors of all concepts in one style, on white."""
    device = next(model.parameters()).device
    return torch.cat([model.encode_image(on_background(part.to(device))) for part in emoji.style(style).split(512)])


@torch.no_grad()
def embed_words(model: CLIP, emoji: Emoji, words: Tokenizer) -> Tensor:
    """(N, D) text vectors of all concepts, from those of their words that the model knows."""
    return model.encode_text(emoji.tokens(words).to(next(model.parameters()).device))


@torch.no_grad()
def evaluate(model: CLIP, split: Split | None = None) -> tuple[dict, dict, dict]:
    """(metrics, controls, ceilings): R@1 from picture to text, with 95 % bootstrap intervals over the concepts.

    The first three are those of this module's docstring; ``emoji_unseen_variants_r1`` and ``emoji_unseen_others_r1``
    are the two parts of the unseen concepts, still among all 200 texts; ``emoji_unseen_both_r1`` are unseen concepts in
    the unseen style. Pictures of several styles count as one concept's mean.

    Controls: texts shuffled for the trained styles; for the unseen style, whose concepts are known from pictures, the
    concept of the nearest picture in pixels among all trained styles. Ceilings: concepts with the same known words
    (none at all, for a few unseen ones) or the same picture cannot be told apart.
    """
    emoji = load_emoji()
    split = split or emoji.split()
    words = tokenizer(emoji, split)
    model.eval()
    text = embed_words(model, emoji, words).cpu()
    image = {style: embed(model, emoji, style).cpu() for style in STYLES}
    tokens = emoji.tokens(words)
    all_seen, all_unseen = torch.ones(len(split.seen)).bool(), torch.ones(len(split.unseen)).bool()
    variant = emoji.has_relatives(split)
    questions = {  # styles, the concepts whose texts are there to choose from, and which of them are asked for
        "emoji_seen_r1": (TRAINED_STYLES, split.seen, all_seen),
        "emoji_unseen_concepts_r1": (TRAINED_STYLES, split.unseen, all_unseen),
        "emoji_unseen_variants_r1": (TRAINED_STYLES, split.unseen, variant),
        "emoji_unseen_others_r1": (TRAINED_STYLES, split.unseen, ~variant),
        "emoji_unseen_style_r1": ((NEW_STYLE,), split.seen, all_seen),
        "emoji_unseen_both_r1": ((NEW_STYLE,), split.unseen, all_unseen),
    }
    metrics, controls, ceilings = {}, {}, {}
    for name, (styles, concepts, asked) in questions.items():
        hits = torch.stack([hits_at_k(image[style][concepts], text[concepts]) for style in styles]).mean(0)[asked]
        low, high = bootstrap(hits, generator=seeded(EVALUATION_SEED, 1))
        metrics |= {name: hits.mean().item(), f"{name}_low": low, f"{name}_high": high}
        shuffled = text[concepts[torch.randperm(len(concepts), generator=seeded(EVALUATION_SEED, 2))]]
        controls[name] = hits_at_k(image[styles[0]][concepts], shuffled)[asked].mean().item()
        of_style = [ceiling(emoji.style(style)[concepts], tokens[concepts])[asked].mean() for style in styles]
        ceilings[name] = torch.stack(of_style).mean().item()
    controls["emoji_unseen_style_r1"] = pixel_control(emoji, split.seen)
    return metrics, controls, ceilings


def ceiling(pictures: Tensor, tokens: Tensor) -> Tensor:
    """(N,) the best chance of each concept to be found; some have equal pictures, (N, 4, H, W), or equal words, (N, L).

    Whoever sees a picture names the words that are right for it most often, and among concepts with these words one at
    random.
    """
    _, picture, alike = pictures.flatten(1).unique(dim=0, return_inverse=True, return_counts=True)
    _, words, number = tokens.sort(1).values.unique(dim=0, return_inverse=True, return_counts=True)
    right = torch.zeros(len(alike), len(number)).index_put((picture, words), torch.tensor(1.0), accumulate=True)
    return ((right / number).amax(1) / alike)[picture]


def pixel_control(emoji: Emoji, concepts: Tensor) -> float:
    """Share of the unseen style's pictures whose nearest trained picture, in pixels, shows their concept."""
    gallery = torch.cat([on_background(emoji.style(style)[concepts]) for style in TRAINED_STYLES])
    found = pixel_neighbours(on_background(emoji.style(NEW_STYLE)[concepts]), gallery) % len(concepts)
    return (found == torch.arange(len(concepts))).float().mean().item()
