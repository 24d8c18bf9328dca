"""Clip art: pictures of single things by many hands, with human titles and keywords. Offline.

What emoji look like to a stranger: the same things (an apple, a bus, a guitar) and the same words, drawn by more than a
hundred people with shadows, outlines and gradients of their own, and titled as they liked. A model trained on emoji
meets its shifted domain here; nothing of this set is meant for training it.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from ..tokenizer import Tokenizer
from .emoji import known_tokens, words_of
from .packed import read_files, unpack_sheet


@dataclass(frozen=True, eq=False)
class Clipart:
    """The data set; everything is in the order of the pictures.

    Attributes:
        images: (N, 4, 32, 32) uint8, red, green, blue, alpha, as the emoji's.
        titles, groups, authors: N strings each; a title may be that of several pictures, an author may be unknown ("").
        keywords: N tuples of strings.
        data_hash: of the files this was read from, for the cards of what is trained on it.
    """

    images: Tensor
    titles: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    authors: tuple[str, ...]
    data_hash: str

    def __len__(self) -> int:
        return len(self.titles)

    def __repr__(self) -> str:
        return f"Clipart({len(self):,} pictures in {len(set(self.groups))} groups)"

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The words of each picture, title first, then keywords, each once: what its text is made of."""
        return tuple(
            tuple(dict.fromkeys(words_of(" ".join((title, *keywords)))))
            for title, keywords in zip(self.titles, self.keywords, strict=True)
        )

    def tokens(self, tokenizer: Tokenizer) -> Tensor:
        """(N, L) int64: each picture's words that the tokenizer knows, 0 where there is nothing.

        With the tokenizer of a model trained on emoji these are the words that both sets share.
        """
        return known_tokens(self.words, tokenizer)


def load_clipart(folder: str | Path | None = None) -> Clipart:
    """The clip art that the package carries.

    Args:
        folder: where the sheet and the words are; None takes the package's own.

    Raises:
        FileNotFoundError: a file is missing; the message names it.
        ValueError: a file is not the one that MANIFEST.json lists (damaged or half-copied).
    """
    files, data_hash = read_files("clipart", ("clipart.json", "clipart.webp"), folder)
    entries = json.loads(files["clipart.json"])
    return Clipart(
        images=unpack_sheet(files["clipart.webp"], len(entries)),
        titles=tuple(entry["title"] for entry in entries),
        keywords=tuple(tuple(entry["keywords"]) for entry in entries),
        groups=tuple(entry["group"] for entry in entries),
        authors=tuple(entry["author"] for entry in entries),
        data_hash=data_hash,
    )
