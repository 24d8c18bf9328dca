r"""Metrics of captions by the words that they share with references: BLEU, ROUGE-L and CIDEr-D.

All take candidates, one text a picture, and references, one or several texts a picture; words are what spaces separate.
:mod:`caption_meteor` has METEOR, :mod:`caption_truth` asks what these cannot: whether a caption is true.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import torch
from torch import Tensor

Text = str | Sequence[Hashable]  # a text, or its words


def bleu(
    candidates: Sequence[Text], references: Sequence[Sequence[Text]], *, max_n: int = 4, smoothing: str = "none"
) -> float:
    r"""BLEU-n of a corpus, in [0, 1] (Papineni et al. 2002, ACL P02-1040), as sacrebleu computes it (in percent).

    $$ \mathrm{BLEU} = \mathrm{BP} \cdot \exp\Big(\frac1N \sum_{n=1}^N \log p_n\Big), \qquad
       \mathrm{BP} = \min\big(1, e^{1 - r/c}\big) $$

    $p_n$ is the share of the candidates' n-grams, of all candidates together, that are in a reference; an n-gram counts
    as often as in the one reference that has it most often (clipped). c is the number of words of all candidates, r
    that of the references, of each picture the one nearest in length. It is no mean over captions: see the erratum.

    Args:
        max_n: N.
        smoothing: what to do when no n-gram of some length is shared, so that $\log 0$ would stand in the sum. "none":
            the score is 0. "exp": the k-th such $p_n$ is $1 / (2^k \cdot \text{number of n-grams})$, so that single
            captions can be compared (Chen and Cherry 2014, method 3).

    Raises:
        ValueError: no candidate, not one set of references each, an empty reference, an unknown smoothing, max_n < 1.
    """
    candidates, references = _checked(candidates, references)
    if smoothing not in ("none", "exp"):
        raise ValueError(f"smoothing is 'none' or 'exp', got {smoothing!r}.")
    if max_n < 1:
        raise ValueError(f"max_n must be at least 1, got {max_n}.")
    shared, total = [0] * max_n, [0] * max_n
    length = wanted = 0
    for words, refs in zip(candidates, references):
        length += len(words)
        wanted += min((abs(len(ref) - len(words)), len(ref)) for ref in refs)[1]  # the nearest, of two the shorter
        for n in range(1, max_n + 1):
            most = Counter()
            for ref in refs:
                most |= ngrams(ref, n)
            shared[n - 1] += (ngrams(words, n) & most).total()
            total[n - 1] += max(len(words) - n + 1, 0)
    if 0 in total or not any(shared):
        return 0.0
    logs, halves = 0.0, 1.0
    for found, of in zip(shared, total):
        if found == 0 and smoothing == "none":
            return 0.0
        if found == 0:
            halves /= 2
        logs += math.log((found or halves) / of)
    return math.exp(min(0.0, 1 - wanted / length) + logs / max_n)


def rouge_l(candidates: Sequence[Text], references: Sequence[Sequence[Text]], *, beta: float = 1.0) -> Tensor:
    r"""(N,) ROUGE-L of each caption in [0, 1] (Lin 2004, ACL W04-1013); the mean is the corpus's.

    With the longest common subsequence of candidate and reference, words in the same order with gaps, of length l,

    $$ P = l / |\text{candidate}|, \quad R = l / |\text{reference}|, \quad
       F = \frac{(1 + \beta^2) P R}{R + \beta^2 P}, $$

    the best F over the references. β = 1 is the rouge-score package. pycocoevalcap has β = 1.2, and its best P and R
    may be those of different references; where there is one reference, it is the same.

    Raises:
        ValueError: as of :func:`bleu`.
    """
    candidates, references = _checked(candidates, references)

    def f(words, ref) -> float:
        common = _common_subsequence(words, ref)
        if common == 0:
            return 0.0
        p, r = common / len(words), common / len(ref)
        return (1 + beta**2) * p * r / (r + beta**2 * p)

    pairs = zip(candidates, references)
    return torch.tensor([max(f(words, ref) for ref in refs) for words, refs in pairs], dtype=torch.float64)


class CiderD:
    r"""CIDEr-D (Vedantam et al. 2015, arXiv:1411.5726, section 4): n-grams weighted by how rare they are.

    With $g_n(c)$ the vector of tf-idf weights of a text's n-grams, idf over the pictures' references,

    $$ \mathrm{CIDEr\text{-}D}(c, S) = \frac{10}{4 |S|} \sum_{n=1}^{4} \sum_{s \in S}
       e^{-(|c| - |s|)^2 / 2\sigma^2}\, \frac{\min(g_n(c), g_n(s)) \cdot g_n(s)}{\|g_n(c)\|\, \|g_n(s)\|}, $$

    from 0 to 10, with σ = 6, as pycocoevalcap computes it.

    Args:
        corpus: the references of all pictures, from which the idf comes. For training it is kept and used again.

    Raises:
        ValueError: fewer than two pictures, of which every n-gram would be equally rare; an empty reference.
    """

    N, SIGMA = 4, 6.0

    def __init__(self, corpus: Sequence[Sequence[Text]]):
        if len(corpus) < 2:
            raise ValueError(
                f"CIDEr weighs words by how rare they are: give references of 2 pictures or more, got {len(corpus)}."
            )
        self._pictures = Counter()  # in how many pictures' references an n-gram is
        for refs in corpus:
            own = [ngrams(ref, n) for ref in _references(refs) for n in range(1, self.N + 1)]
            self._pictures.update({gram for counts in own for gram in counts})
        self._log_size = math.log(len(corpus))

    def __call__(self, candidates: Sequence[Text], references: Sequence[Sequence[Text]]) -> Tensor:
        """(N,) CIDEr-D of each caption; the mean is the corpus's.

        Raises:
            ValueError: as of :func:`bleu`.
        """
        candidates, references = _checked(candidates, references)
        scores = []
        for words, refs in zip(candidates, references):
            own = self._vectors(words)
            scores.append(sum(self._similarity(own, self._vectors(ref)) for ref in refs) / len(refs))
        return torch.tensor(scores, dtype=torch.float64)

    def _vectors(self, words: Sequence[Hashable]) -> tuple[list[dict], list[float], int]:
        def weight(gram: tuple) -> float:
            return self._log_size - math.log(max(1, self._pictures[gram]))

        counts = [ngrams(words, n) for n in range(1, self.N + 1)]
        vectors = [{gram: tf * weight(gram) for gram, tf in own.items()} for own in counts]
        norms = [math.sqrt(sum(x * x for x in vector.values())) for vector in vectors]
        return vectors, norms, max(len(words) - 1, 0)  # counted in bigrams, as the official code does

    def _similarity(self, one, other) -> float:
        (a, a_norm, a_len), (b, b_norm, b_len) = one, other
        total = 0.0
        for x, y, x_norm, y_norm in zip(a, b, a_norm, b_norm):
            dot = sum(min(weight, y[gram]) * y[gram] for gram, weight in x.items() if gram in y)
            total += dot / (x_norm * y_norm) if x_norm and y_norm else 0.0
        return 10 / self.N * total * math.exp(-((a_len - b_len) ** 2) / (2 * self.SIGMA**2))


def cider_d(candidates: Sequence[Text], references: Sequence[Sequence[Text]]) -> Tensor:
    """(N,) CIDEr-D of each caption, with the idf of these references; see :class:`CiderD`."""
    return CiderD(references)(candidates, references)


def ngrams(words: Sequence[Hashable], n: int) -> Counter:
    """How often each n words in a row occur."""
    return Counter(zip(*(words[i:] for i in range(n))))


def _common_subsequence(a: Sequence, b: Sequence) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def _checked(candidates: Sequence[Text], references: Sequence[Sequence[Text]]) -> tuple[list[list], list[list[list]]]:
    """Words of candidates and references."""
    if isinstance(candidates, str):
        raise ValueError("expected a list of candidates, one a picture, got one text; put it in a list.")
    if len(candidates) != len(references) or not len(candidates):
        raise ValueError(
            f"each candidate needs its references, got {len(candidates)} candidates and {len(references)} sets of them."
        )
    return [_words(text) for text in candidates], [_references(refs) for refs in references]


def _references(refs: Sequence[Text]) -> list[list]:
    if isinstance(refs, str):
        raise ValueError(f"expected a list of references for each picture, got {refs[:40]!r}; put it in a list.")
    words = [_words(ref) for ref in refs]
    if not words or not all(words):
        raise ValueError("a reference is empty; each picture needs one or more, with one word or more each.")
    return words


def _words(text: Text | Iterable) -> list:
    return text.split() if isinstance(text, str) else list(text)
