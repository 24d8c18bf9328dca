"""Real pictures and words, with the shipped emoji model of lesson 03: emoji in four styles, and clip art by keyword.

The clip art is a shifted domain: other hands, other words, none of it trained on. A keyword has many right pictures.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.data.clipart import Clipart, load_clipart
from mmatl_lab.data.emoji import STYLES, TEST_STYLE, Emoji, load_emoji, on_background
from mmatl_lab.lessons.clip import emoji as lesson03
from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.nearest import csls, k_occurrence, skewness
from mmatl_lab.metrics.ranking import Ranking, rank_metrics
from mmatl_lab.models.clip import CLIP
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer

EVALUATION_SEED = 90_245
LEAST, MOST = 3, 60  # pictures that a keyword must have, and may have, to be asked for


class Search(NamedTuple):
    """A task of retrieval: what asks, what is asked, and which is right."""

    queries: Tensor  # (N, D) unit vectors
    keys: Tensor  # (M, D) unit vectors
    ids: tuple[Tensor, Tensor]  # (N,) and (M,)

    def ranking(self, k: tuple[int, ...] = (1, 10)) -> Ranking:
        return rank_metrics(self.queries, self.keys, k=k, ids=self.ids)

    def shuffled(self) -> "Search":
        """The same with the queries' answers exchanged: the control."""
        order = torch.randperm(len(self.queries), generator=seeded(EVALUATION_SEED, 1))
        return self._replace(ids=(self.ids[0][order], self.ids[1]))


@cache
def model() -> CLIP:
    """The shipped emoji model of lesson 03."""
    from mmatl_lab.lessons import get

    return get("clip").recipe.load("clip_emoji")[0].requires_grad_(False)


@cache
def emoji() -> tuple[Emoji, Tokenizer]:
    found = load_emoji()
    return found, lesson03.tokenizer(found)


@cache
def style_vectors(style: str) -> Tensor:
    """(1586, D) unit vectors of all emoji in one style."""
    return lesson03.embed(model(), emoji()[0], style)


@cache
def word_vectors() -> Tensor:
    """(1586, D) unit vectors of the words of all emoji."""
    return lesson03.embed_words(model(), *emoji())


def unseen() -> Tensor:
    """(200,) the test concepts of lesson 03: no relative of theirs was trained on."""
    return emoji()[0].split().test


def emoji_search(styles: tuple[str, ...] = STYLES, concepts: Tensor | None = None) -> Search:
    """Words ask for pictures in ``styles``, each concept drawn once in each, so that a query has several right ones."""
    concepts = unseen() if concepts is None else concepts
    keys = torch.cat([style_vectors(style)[concepts] for style in styles])
    own = torch.arange(len(concepts))
    return Search(word_vectors()[concepts], keys, (own, own.repeat(len(styles))))


def style_search(query: str, concepts: Tensor | None = None) -> Search:
    """Pictures of one style ask for the same concept in the other styles."""
    search = emoji_search(tuple(style for style in STYLES if style != query), concepts)
    return search._replace(queries=style_vectors(query)[unseen() if concepts is None else concepts])


@cache
def clipart() -> tuple[Clipart, Tensor]:
    """The pictures, and their (N, D) unit vectors."""
    found = load_clipart()
    with torch.no_grad():
        vectors = torch.cat([model().encode_image(on_background(part)) for part in found.images.split(256)])
    return found, vectors


class Keywords(NamedTuple):
    """Words that ask for clip art; a picture has several words, so what is right is a table."""

    words: tuple[str, ...]
    queries: Tensor  # (N, D)
    keys: Tensor  # (M, D)
    relevant: Tensor  # (N, M) bool


@cache
def keywords() -> Keywords:
    """The words that the emoji model knows and that LEAST to MOST pictures have as keyword or in the title."""
    pictures, vectors = clipart()
    _, tokenizer = emoji()
    known = set(tokenizer.words[1:])
    having: dict[str, list[int]] = {}
    for i, words in enumerate(pictures.words):
        for word in known.intersection(words):
            having.setdefault(word, []).append(i)
    chosen = sorted(word for word, rows in having.items() if LEAST <= len(rows) <= MOST)
    relevant = torch.zeros(len(chosen), len(pictures), dtype=torch.bool)
    for row, word in zip(relevant, chosen):
        row[having[word]] = True
    with torch.no_grad():
        queries = model().encode_text(tokenizer.encode(chosen))
    return Keywords(tuple(chosen), queries, vectors, relevant)


def keyword_scores(search: Keywords, *, shuffled: bool = False, hubs_down: bool = False) -> dict[str, Tensor]:
    """(N,) average precision and nDCG@10 of each word.

    Args:
        shuffled: each word is judged by the pictures of another: the control.
        hubs_down: rank by CSLS.
    """
    queries, keys = csls(search.queries, search.keys) if hubs_down else (search.queries, search.keys)
    relevant = search.relevant
    if shuffled:
        relevant = relevant[torch.randperm(len(relevant), generator=seeded(EVALUATION_SEED, 2))]
    similarity = queries @ keys.T
    rows = [rank_metrics(s[None], k=10, ids=(torch.ones(1), r.float())) for s, r in zip(similarity, relevant)]
    return {
        "average_precision": torch.cat([row.average_precision for row in rows]),
        "ndcg": torch.cat([row.ndcg[10] for row in rows]),
    }


def hub_table(search: Search, k: int = 10) -> dict[str, float]:
    """Skewness of the k-occurrence, the largest one, and R@1, by cosine and by CSLS."""
    found = {}
    for name, (queries, keys) in {
        "cosine": (search.queries, search.keys),
        "CSLS": csls(search.queries, search.keys, k),
    }.items():
        counts = k_occurrence(queries, keys, k)
        hits = rank_metrics(queries, keys, k=1, ids=search.ids).hits[1]
        found |= {
            f"skewness, {name}": skewness(counts),
            f"largest, {name}": counts.max().item(),
            f"never found, {name}": (counts == 0).double().mean().item(),
            f"R@1, {name}": hits.mean().item(),
        }
    return found


def csls_gain(search: Search, k: int = 10) -> Tensor:
    """(N,) how much more of each query's R@1 CSLS has than the cosine."""
    cosine, remedied = (
        rank_metrics(queries, keys, k=1, ids=search.ids).hits[1]
        for queries, keys in (search[:2], csls(search.queries, search.keys, k))
    )
    return remedied - cosine


def results() -> list[Result]:
    """Emoji by words and by style, and clip art by keyword, with bootstrap intervals over the queries."""
    found = []
    tasks = {
        "emoji_words_map": ("words → unseen emoji in four styles, mAP", emoji_search()),
        "emoji_words_new_style_map": ("words → unseen emoji in the unseen style, mAP", emoji_search((TEST_STYLE,))),
        "emoji_styles_map": ("unseen emoji → the other styles, mAP", style_search(STYLES[0])),
    }
    for name, (label, search) in tasks.items():
        known = {"control": search.shuffled().ranking().average_precision.mean().item()}
        scores = search.ranking().average_precision
        found.append(Result.from_values(name, label, scores, of="queries", bootstrap=True, **known))
    search = keywords()
    plain, control = (keyword_scores(search, shuffled=shuffled) for shuffled in (False, True))
    for metric, label in (("average_precision", "mAP"), ("ndcg", "nDCG@10")):
        known = {"of": "words", "bootstrap": True, "control": control[metric].mean().item()}
        name = f"clipart_{'map' if label == 'mAP' else 'ndcg'}"
        found.append(Result.from_values(name, f"keyword → clip art, {label}", plain[metric], **known))
    return found


def gains() -> list[Result]:
    """What CSLS changes, query by query: R@1 of emoji, and the average precision of clip art."""
    search = keywords()
    plain, remedied = (keyword_scores(search, hubs_down=down)["average_precision"] for down in (False, True))
    return [
        Result.from_values(f"csls_{name}", f"CSLS minus cosine: {label}", values, of="queries", bootstrap=True)
        for name, label, values in (
            ("words", "words → unseen emoji, R@1", csls_gain(emoji_search())),
            ("styles", "unseen emoji → other styles, R@1", csls_gain(style_search(STYLES[0]))),
            ("clipart", "keyword → clip art, mAP", remedied - plain),
        )
    ]
