"""Emoji: 1,586 concepts, each drawn in four art styles and named in words (CLDR names and keywords). Offline.

What makes them worth learning from: real art, real words, and two honest ways to be new. A *concept* may never have
been seen in any style, and a whole *style* (OpenMoji, thin black outlines) may never have been seen at all. Each way
has a validation part, on which choices are made, and a test part, which is scored for the report alone.
"""

import hashlib
import json
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..tokenizer import Tokenizer
from .packed import read_files, unpack_sheet

STYLES = ("noto", "twemoji", "fluent", "openmoji")
TRAINED_STYLES, TEST_STYLE = STYLES[:3], STYLES[3]  # OpenMoji stays the style that no model has seen
VALIDATION_STYLE = "fluent"  # for choices: train on the other trained styles, score this one
SIZE = 32  # pixels of a picture
NUM_TEST, NUM_VALIDATION = 200, 150  # concepts
LARGEST_HELD_OUT_FAMILY = 4  # of a larger one, such as 24 clock faces, a test would be full


class EmojiSplit(NamedTuple):
    """Indices of concepts, each sorted and on the CPU.

    Families are whole on either side of ``validation`` and ``test``. Choose on ``validation`` what is trained on
    ``train``; train what is reported on ``seen`` and score it on ``test``.
    """

    train: Tensor  # (1179,) int64
    validation: Tensor  # (150,)
    test: Tensor  # (200,) the bar: no concept has a variant among the seen
    one_by_one: Tensor  # (200,) the easier test: drawn without regard to families; shares concepts with ``test``

    @property
    def seen(self) -> Tensor:
        """(1329,) int64: ``train`` and ``validation``."""
        return torch.cat([self.train, self.validation]).sort().values

    @property
    def unseen(self) -> Tensor:
        """(257,) int64: all that are not ``seen``, those of ``test`` and ``one_by_one``, each once."""
        return torch.cat([self.test, self.one_by_one]).unique()


@dataclass(frozen=True, eq=False)
class Emoji:
    """The data set; everything is in the order of the concepts.

    Attributes:
        images: (S, N, 4, 32, 32) uint8, red, green, blue, alpha; S in the order of ``STYLES``.
        characters, names, groups: N strings each.
        keywords: N tuples of strings.
        families: (N,) int64. Two concepts are of one family when their names are equal but for words of person, side,
            colour and size, or when at least two styles draw them near each other; and so on along chains.
        data_hash: of the files this was read from, for the cards of what is trained on it.
    """

    images: Tensor
    characters: tuple[str, ...]
    names: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    families: Tensor
    data_hash: str

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Emoji({len(self):,} concepts in {len(STYLES)} styles)"

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The words of each concept, name first, then keywords, each once: what its text is made of."""
        return tuple(
            tuple(dict.fromkeys(words_of(" ".join((name, *keywords)))))
            for name, keywords in zip(self.names, self.keywords, strict=True)
        )

    def style(self, name: str) -> Tensor:
        """(N, 4, 32, 32) uint8 pictures of one style; ValueError for a style that there is not."""
        if name not in STYLES:
            raise ValueError(f"there is no style {name!r}: choose one of {', '.join(STYLES)}.")
        return self.images[STYLES.index(name)]

    def index(self, text: str) -> int:
        """Place of the concept with this name or character; ValueError when there is none."""
        for known in (self.names, self.characters):
            if text in known:
                return known.index(text)
        raise ValueError(f"no emoji has the name or character {text!r}; names are CLDR's, such as {self.names[0]!r}.")

    def split(self, seed: int = 0) -> EmojiSplit:
        """Concepts to train on, to choose on and to test on, in the groups' proportions; the same on every machine.

        Many emoji are variants of one drawing: a man, a woman and a person of every profession, hearts in ten colours.
        Whoever has learnt 'woman firefighter' knows 'man firefighter', so concepts drawn one by one flatter a result.
        Therefore ``validation`` and ``test`` are families held out whole, of at most LARGEST_HELD_OUT_FAMILY concepts.
        """
        families = self.families.tolist()
        one_by_one = self._draw(NUM_TEST, seed, range(len(self)))
        test = self._draw(NUM_TEST, seed, families)
        validation = self._draw(NUM_VALIDATION, seed, families, taken={*one_by_one, *test})
        train = sorted(set(range(len(self))) - {*one_by_one, *test, *validation})
        return EmojiSplit(*map(torch.tensor, (train, validation, test, one_by_one)))

    def _draw(self, number: int, seed: int, families: Sequence[int], taken: Set[int] = frozenset()) -> list[int]:
        """Concepts of whole families, sorted; families with a concept in ``taken`` are passed over."""
        members: dict[int, list[int]] = {}
        for i, family in enumerate(families):
            members.setdefault(family, []).append(i)
        # A hash orders the families, not a generator: no library version can change it.
        keys = {f: hashlib.sha256(f"{seed} {self.names[own[0]]}".encode()).digest() for f, own in members.items()}
        drawn: list[int] = []
        for group, quota in self._quotas(number).items():
            for family in sorted(members, key=keys.__getitem__):
                own = members[family]
                fits = len(own) <= min(quota, LARGEST_HELD_OUT_FAMILY)
                if fits and self.groups[own[0]] == group and taken.isdisjoint(own):
                    drawn += own
                    quota -= len(own)
        return sorted(drawn)

    def _quotas(self, number: int) -> dict[str, int]:
        """How many of each group to hold out: proportional, largest remainders first."""
        shares = {group: number * self.groups.count(group) / len(self) for group in dict.fromkeys(self.groups)}
        quotas = {group: int(share) for group, share in shares.items()}
        by_remainder = sorted(shares, key=lambda group: quotas[group] - shares[group])
        for group in by_remainder[: number - sum(quotas.values())]:
            quotas[group] += 1
        return quotas

    def tokenizer(self, concepts: Tensor) -> Tokenizer:
        """A tokenizer that knows the words of these concepts and no others: a word never trained on has no meaning."""
        return Tokenizer(("", *sorted({word for i in concepts.tolist() for word in self.words[i]})))

    def tokens(self, tokenizer: Tokenizer) -> Tensor:
        """(N, L) int64: each concept's words that the tokenizer knows, 0 where there is nothing.

        Words it does not know are left out, so the row of an unseen concept may be short.
        """
        return known_tokens(self.words, tokenizer)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, as the tokenizer cuts them."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def known_tokens(texts: Sequence[Sequence[str]], tokenizer: Tokenizer) -> Tensor:
    """(N, L) int64: the words of each text that the tokenizer knows, 0 where there is nothing."""
    known = set(tokenizer.words)
    rows = [[tokenizer[word] for word in words if word in known] for words in texts]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return tokens


def on_background(rgba: Tensor, colour: Tensor | tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Tensor:
    """Pictures laid over one colour: (..., 4, H, W) uint8, or float in [0, 1] -> (..., 3, H, W) float in [0, 1].

    Args:
        colour: red, green, blue in [0, 1], shape (3,) or (..., 3) for one colour a picture.
    """
    x = rgba.float() / 255 if rgba.dtype == torch.uint8 else rgba
    rgb, alpha = x[..., :3, :, :], x[..., 3:, :, :]
    colour = torch.as_tensor(colour, dtype=x.dtype, device=x.device)[..., None, None]
    return colour + alpha * (rgb - colour)


def pixel_neighbours(queries: Tensor, gallery: Tensor) -> Tensor:
    """Index of the gallery picture nearest in pixels to each query, the control without any learning.

    Args:
        queries: (Q, 3, H, W). gallery: (G, 3, H, W). Both float in [0, 1].

    Returns:
        (Q,) int64, the smallest Euclidean distance; |q|² is the same for all of a query's distances and left out.
    """
    q, g = queries.flatten(1), gallery.flatten(1)
    return (g.square().sum(1) - 2 * q @ g.T).argmin(1)


def load_emoji(folder: str | Path | None = None) -> Emoji:
    """The emoji that the package carries.

    Args:
        folder: where the sheets and words are; None takes the package's own.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not the one that MANIFEST.json lists (damaged or half-copied).
    """
    files, data_hash = read_files("emoji", ("emoji.json", *(f"{style}.webp" for style in STYLES)), folder)
    entries = json.loads(files["emoji.json"])
    return Emoji(
        images=torch.stack([unpack_sheet(files[f"{style}.webp"], len(entries), size=SIZE) for style in STYLES]),
        characters=tuple(entry["character"] for entry in entries),
        names=tuple(entry["name"] for entry in entries),
        keywords=tuple(tuple(entry["keywords"]) for entry in entries),
        groups=tuple(entry["group"] for entry in entries),
        families=torch.tensor([entry["family"] for entry in entries]),
        data_hash=data_hash,
    )
