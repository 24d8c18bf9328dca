"""The real half of the CLIP lesson: emoji in three art styles and their words; new concepts and a new style as tests.

Four questions:
    seen             pictures and words that were trained on: a fit, no generalisation
    unseen concepts  never seen in any style, and no relative of theirs either: whole families are held out (a man, a
                     woman and a person of one profession; hearts of all colours)
    unseen style     known concepts in OpenMoji's thin outlines, a style never seen
    both unseen      unseen concepts in the unseen style
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.data.augment import NUMBERS, Augmentation, augment
from mmatl_lab.data.emoji import (
    STYLES,
    TEST_STYLE,
    TRAINED_STYLES,
    Emoji,
    EmojiSplit,
    load_emoji,
    on_background,
    pixel_neighbours,
)
from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.clip import CLIP, CLIPConfig, clip_loss
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.threads import calm_threads
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.training import Run

from .scenes import batch_accuracy

EVALUATION_SEED = 90_211
RIDGE = 0.1  # λ of `refit_words`; `validation` shows the choice
VOCAB_SIZE = 3_246  # words of the seen concepts, padding included; a constant, so that importing reads no pictures


def emoji_config(
    channels: tuple[int, ...] = (64, 128, 256), out_dim: int = 256, vocab_size: int = VOCAB_SIZE
) -> CLIPConfig:
    """A convolutional image encoder and the mean of word vectors."""
    return CLIPConfig(Part("ImageCNN", {"channels": channels}), Part("BagOfWords", {"vocab_size": vocab_size}), out_dim)


@dataclass(frozen=True)
class EmojiSettings:
    num_steps: int = 1_400
    batch_size: int = 384  # pairs, each of another concept, so that no two of a batch have one meaning
    lr: float = 4e-3
    model: CLIPConfig = field(default_factory=emoji_config)
    augmentation: Augmentation = Augmentation()
    dropped_words: float = 0.4  # share of a concept's words that a text leaves out, so that each must do alone


PRESETS = {
    "quick": EmojiSettings(30, batch_size=128),
    "full": EmojiSettings(),
    "gpu": EmojiSettings(6_000, batch_size=1024),
}


class TrainingPart(NamedTuple):
    """What training may see."""

    pictures: Tensor  # (3, N, 4, 32, 32) float, premultiplied RGBA in [0, 1], of the trained styles
    tokens: Tensor  # (N, L) all words of each concept


def tokenizer(emoji: Emoji | None = None, split: EmojiSplit | None = None) -> Tokenizer:
    """The words of the seen concepts, which are all that the model knows."""
    emoji = emoji or load_emoji()
    return emoji.tokenizer((split or emoji.split()).seen)


def training_part(
    emoji: Emoji, split: EmojiSplit, words: Tokenizer, styles: tuple[str, ...] = TRAINED_STYLES
) -> TrainingPart:
    """Pictures of the seen concepts in the trained styles, and their words."""
    rgba = torch.stack([emoji.style(style)[split.seen] for style in styles]).float() / 255
    rgba[:, :, :3] *= rgba[:, :, 3:]
    return TrainingPart(rgba, emoji.tokens(words)[split.seen])


def make_batch(
    part: TrainingPart, settings: EmojiSettings, *, generator: torch.Generator, rows: slice = slice(None), device="cpu"
) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, 32, 32), each of another concept in any trained style and augmented, and words (B, L) of each.

    Args:
        rows: of the whole batch, this process's; all numbers are drawn for all rows, so that the rows fit together.
    """
    B = settings.batch_size
    concept = torch.randperm(part.tokens.shape[0], generator=generator)[:B][rows]
    style = torch.randint(len(part.pictures), (B,), generator=generator)[rows]
    numbers = torch.rand(B, NUMBERS, generator=generator)[rows]
    kept = torch.rand(B, part.tokens.shape[1], generator=generator)[rows]
    tokens = drop_words(part.tokens[concept], kept, settings.dropped_words)
    pictures = part.pictures[style, concept].to(device)
    return augment(pictures, settings.augmentation, numbers.to(device)), tokens.to(device)


def drop_words(tokens: Tensor, u: Tensor, share: float) -> Tensor:
    """(B, L) tokens without those whose number u, (B, L) in [0, 1), is below ``share``; one word always stays."""
    there = tokens != 0
    best = u.masked_fill(~there, -1).argmax(1, keepdim=True)  # the word with the largest number stays
    keep = (u >= share).scatter(1, best, True)
    return tokens * (keep & there)


def fit(
    run: Run,
    settings: EmojiSettings,
    *,
    emoji: Emoji | None = None,
    split: EmojiSplit | None = None,
    styles: tuple[str, ...] = TRAINED_STYLES,
    ridge: float = RIDGE,
) -> None:
    """The loop: a picture and the words of its concept are pulled together, those of other concepts apart."""
    emoji = emoji or load_emoji()
    split = split or emoji.split()
    part = training_part(emoji, split, tokenizer(emoji, split), styles)
    for step, generator in run:
        images, tokens = make_batch(part, settings, generator=generator, rows=run.shard, device=run.device)
        out = run.model(images, tokens)
        loss = clip_loss(*out, gather=run.gather)  # no two concepts of a batch are the same: all others are negatives
        run.step(loss, accuracy=batch_accuracy(out.image, out.text))
        if step == run.num_steps - 1:  # in the last turn, so that what the run saves has it
            refit_words(run.module, part, ridge=ridge)


@torch.no_grad()
def refit_words(model: CLIP, part: TrainingPart, *, ridge: float = RIDGE) -> None:
    r"""The word vectors anew, in closed form, so that words which concepts share explain as much as they can.

    Training gives a word that few concepts have a vector that was hardly moved from its random start. With $X$ the
    bags of words, each of length 1, and $Y$ the sum of a concept's mean image vector and its text vector, ridge
    regression (Hoerl and Kennard 1970) gives the smallest word vectors that reproduce $Y$:

    $$ W = X^\top (X X^\top + \lambda I)^{-1} Y. $$

    Args:
        ridge: λ.
    """
    device = model.logit_scale.device
    tokens = part.tokens.to(device)
    white = (pictures[:, :3] + (1 - pictures[:, 3:]) for style in part.pictures for pictures in style.split(512))
    image = torch.cat([model.encode_image(x.to(device)) for x in white]).unflatten(0, part.pictures.shape[:2]).mean(0)
    weight = model.text_encoder.embed.weight
    words = torch.zeros(len(tokens), len(weight), device=device).scatter_(1, tokens, 1.0)
    words[:, 0] = 0  # padding
    x = F.normalize(words, dim=1)
    gram = x @ x.T + ridge * torch.eye(len(x), device=device)
    weight.copy_(x.T @ torch.linalg.solve(gram, image + model.encode_text(tokens)))


@torch.no_grad()
def embed(model: CLIP, emoji: Emoji, style: str) -> Tensor:
    """(N, D) image vectors of all concepts in one style, on white."""
    device = model.logit_scale.device
    return torch.cat([model.encode_image(on_background(part.to(device))) for part in emoji.style(style).split(512)])


@torch.no_grad()
def embed_words(model: CLIP, emoji: Emoji, words: Tokenizer) -> Tensor:
    """(N, D) text vectors of all concepts, from those of their words that the model knows."""
    return model.encode_text(emoji.tokens(words).to(model.logit_scale.device))


@calm_threads()
@torch.no_grad()
def evaluate(model: CLIP, split: EmojiSplit | None = None) -> list[Result]:
    """R@1 from picture to text, with bootstrap intervals over the concepts; a concept counts as the mean of its styles.

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
    results = []
    for name, (label, styles, concepts, bound, note) in _questions(split).items():
        hits = torch.stack([hits_at_k(image[style][concepts], text[concepts]) for style in styles]).mean(0)
        shuffled = text[concepts[torch.randperm(len(concepts), generator=seeded(EVALUATION_SEED, 2))]]
        control = hits_at_k(image[styles[0]][concepts], shuffled).mean().item()
        if name == "emoji_unseen_style_r1":
            control = pixel_control(emoji, concepts)
        best = torch.stack([retrieval_ceiling(emoji.style(s)[concepts], tokens[concepts]).mean() for s in styles])
        known = {"control": control, "ceiling": best.mean().item(), "at_least": bound, "note": note}
        label = f"{label}, of {len(concepts):,}"
        results.append(Result.from_values(name, label, hits, of="concepts", bootstrap=True, **known))
    return results


def _questions(split: EmojiSplit) -> dict[str, tuple]:
    """By name: label, styles, the concepts to choose from, the target, and what has to be said beside the number."""
    chosen = (
        "whole families are held out; the ridge was chosen on validation concepts, after four variants of it had been "
        "scored on the earlier test of concepts drawn one by one"
    )
    easier = (
        "an easier split, on which .30 was met (.396 to .414, three trainings): some have a relative among the seen"
    )
    return {
        "emoji_seen_r1": ("training pictures (a fit)", TRAINED_STYLES, split.seen, 0.85, ""),
        "emoji_unseen_concepts_r1": ("unseen concepts, families whole", TRAINED_STYLES, split.test, 0.30, chosen),
        "emoji_one_by_one_r1": ("unseen concepts, drawn one by one", TRAINED_STYLES, split.one_by_one, None, easier),
        "emoji_unseen_style_r1": ("unseen style", (TEST_STYLE,), split.seen, 0.25, ""),
        "emoji_unseen_both_r1": ("unseen concepts in the unseen style", (TEST_STYLE,), split.test, None, ""),
    }


def retrieval_ceiling(pictures: Tensor, tokens: Tensor) -> Tensor:
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
    found = pixel_neighbours(on_background(emoji.style(TEST_STYLE)[concepts]), gallery) % len(concepts)
    return (found == torch.arange(len(concepts))).float().mean().item()


EMOJI = System(
    "clip_emoji",
    PRESETS,
    build=CLIP.from_config,
    fit=fit,
    evaluate=evaluate,
    options={"memory_format": torch.channels_last},
    data=lambda: {"emoji": load_emoji().data_hash},
    reserved=(EVALUATION_SEED,),
)
