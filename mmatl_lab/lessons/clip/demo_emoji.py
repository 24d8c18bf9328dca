"""The demo's emoji: found by words, and words found by a picture."""

from html import escape
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.data.emoji import SIZE, STYLES, Emoji, load_emoji, on_background, words_of
from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import loader, once
from mmatl_lab.tokenizer import Tokenizer, UnknownWordError

from . import emoji

load = loader("clip")
NO_PICTURE = "The words nearest to your picture will stand here."
NUM_FOUND, MAX_WORDS, MAX_CHARACTERS = 12, 32, 5_000
ARTICLES = {"a", "an", "the", "of", "with", "and", "in", "on", "is"}  # nobody misses them in a bag of words


class Lexicon(NamedTuple):
    """What the emoji's model knows by words."""

    data: Emoji
    tokenizer: Tokenizer
    concepts: Tensor  # (N,) indices of the concepts that have a word the model knows
    texts: Tensor  # (N, D) theirs
    words: Tensor  # (V, D) of every single word of the tokenizer
    new: frozenset[int]  # concepts held out of training


@once
@torch.no_grad()
def lexicon() -> Lexicon:
    model, data = load("clip_emoji"), load_emoji()
    split = data.split()
    tokenizer = emoji.tokenizer(data, split)
    tokens = data.tokens(tokenizer)
    concepts = tokens.any(1).nonzero().squeeze(1)
    words = model.encode_text(torch.arange(1, len(tokenizer))[:, None])
    texts = model.encode_text(tokens[concepts])
    return Lexicon(data, tokenizer, concepts, texts, words, frozenset(split.unseen.tolist()))


@once
def drawings(style: str) -> Tensor:
    """(N, D) latents of all emoji in one style."""
    return emoji.embed(load("clip_emoji"), lexicon().data, style)


def tiles(found: list[tuple[int, str, float]]) -> str:
    """Emoji (concept, style, cosine) as a grid of pictures with their names."""
    known = lexicon()
    entries = [
        (
            html.picture_html(on_background(known.data.style(style)[i]), f"{known.data.names[i]}, {style}", 72),
            known.data.names[i],
            f"{cosine:.2f}{' · new' if i in known.new else ''}",
        )
        for i, style, cosine in found
    ]
    return html.tiles(entries)


def known_words(text: str | None, tokenizer: Tokenizer) -> tuple[str, str]:
    """The words of a text that the model knows, and a sentence about those it does not ("" when it knows all).

    Raises:
        ValueError: nothing typed, too much, or (UnknownWordError) nothing known.
    """
    words = words_of(html.checked_text(text, "a happy cat", MAX_CHARACTERS))
    if len(words) > MAX_WORDS:
        raise ValueError(f"a text may have {MAX_WORDS} words here, got {len(words):,}: shorten it")
    words = [part for word in words for part in ([word] if word in tokenizer.words else word.split("-"))]
    words = [word for word in words if word not in ARTICLES] or words  # 'a' would lead to the A of a blood type
    known = " ".join(word for word in words if word in tokenizer.words)
    missed = " ".join(word for word in words if word not in tokenizer.words)
    try:
        tokenizer.encode(missed or known)
    except UnknownWordError as error:
        if not known:
            raise
        return known, f"not every word could be used, {error}"
    return known, ""


@html.answering
@torch.no_grad()
def find_emoji(text: str | None, style: str) -> str:
    """The emoji whose pictures lie nearest to the words, as a grid."""
    known, complaint = known_words(text, lexicon().tokenizer)
    words = load("clip_emoji").encode_text(lexicon().tokenizer.encode(known))[0]
    styles = STYLES if style == "all" else (style,)
    cosine = torch.stack([drawings(each) @ words for each in styles])  # (S, N)
    best = cosine.flatten().topk(NUM_FOUND)
    found = [
        (i % cosine.shape[1], styles[i // cosine.shape[1]], c) for c, i in zip(*map(Tensor.tolist, best), strict=True)
    ]
    return (html.note(complaint) if complaint else "") + tiles(found)


@html.answering
@torch.no_grad()
def find_words(path: str | None, style: str) -> str:
    """The concepts and single words that lie nearest to a picture."""
    if path is None:
        return html.waiting(NO_PICTURE)
    picture, known = html.uploaded(path, SIZE, (1.0, 1.0, 1.0)), lexicon()
    image = load("clip_emoji").encode_image(picture)[0]
    best = (known.texts @ image).topk(NUM_FOUND)
    shown = STYLES[0] if style == "all" else style
    found = [(i, shown, c) for c, i in zip(best.values.tolist(), known.concepts[best.indices].tolist(), strict=True)]
    words = ", ".join(known.tokenizer.words[1 + i] for i in (known.words @ image).topk(NUM_FOUND).indices.tolist())
    seen = html.picture_html(picture[0], "your picture", 96)
    return (
        html.captioned(seen, f"What the model sees: {SIZE} × {SIZE} pixels")
        + f"<p><b>Nearest words:</b> {escape(words)}</p>"
        f"<p><b>Nearest emoji, by their words:</b></p>{tiles(found)}"
    )
