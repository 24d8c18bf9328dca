"""A word tokenizer that helps with unknown words."""

import difflib
import re
from collections.abc import Iterable

import torch
from torch import Tensor


class UnknownWordError(ValueError):
    """A text holds a word outside the vocabulary; the message offers known words that are spelt nearly alike."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: whoever typed the word needs the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


class Tokenizer:
    """Words to numbers and back. ``words[0]`` is the padding; a word's token is its place in ``words``."""

    def __init__(self, words: Iterable[str]):
        self.words = tuple(words)
        self._token = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Tokenizer({len(self) - 1} words)"

    def __getitem__(self, word: str) -> int:
        return self._token[word]

    def nearest(self, word: str, n: int = 3) -> list[str]:
        """The known words that ``word`` may be a misspelling of, best first; none where no word is near.

        Near is a ``difflib`` ratio of .75 or more: 'grate' is near 'great', 'elephant' is not near 'than'.
        """
        return difflib.get_close_matches(word.lower(), self.words[1:], n=n, cutoff=0.75)

    def encode(self, text: str | list[str], length: int | None = None) -> Tensor:
        """(B, L) int64 tokens, 0 where there is nothing; upper case and punctuation are ignored.

        Args:
            length: L; None takes the longest text.

        Raises:
            TypeError: something that is not text. ValueError: an empty text, or one longer than ``length`` words.
            UnknownWordError: a word outside the vocabulary; known words that are spelt nearly alike are named.
        """
        texts = [text] if isinstance(text, str) else list(text)
        rows = [self._row(t) for t in texts]
        longest = max((len(row) for row in rows), default=0)
        if length is not None and longest > length:
            raise ValueError(f"a text may have {length} words here, got {longest}; shorten it.")
        tokens = torch.zeros(len(rows), length or longest, dtype=torch.long)
        for i, row in enumerate(rows):
            tokens[i, : len(row)] = torch.tensor(row)
        return tokens

    def _row(self, text: str) -> list[int]:
        if not isinstance(text, str):
            raise TypeError(f"expected a text, got {type(text).__name__}.")
        words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())
        if not words:
            raise ValueError("the text is empty; write a few words, such as 'a small red circle'.")
        unknown = [word for word in dict.fromkeys(words) if word not in self._token]
        if unknown:
            parts = []
            for word in unknown[:3]:
                near = self.nearest(word)
                parts.append(f"{word[:30]!r}" + (f" (did you mean {' or '.join(near)}?)" if near else ""))
            more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
            raise UnknownWordError(f"unknown word: {', '.join(parts)}{more}; this model knows {len(self) - 1:,} words.")
        return [self._token[word] for word in words]

    def decode(self, tokens: Tensor) -> list[str]:
        """The texts of (B, L) tokens; padding is left out."""
        return [" ".join(self.words[t] for t in row if t) for row in tokens.tolist()]
