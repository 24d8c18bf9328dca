r"""METEOR with exact and stemmed matches, without Java (Denkowski and Lavie 2014, ACL W14-3348: METEOR 1.5).

Words of candidate and reference are matched one to one: as many as possible, in as few runs of neighbours (chunks) as
possible. With m matches in ch chunks, of weight 1 where the words are equal and δ where their stems are,

$$ P = \frac{\sum w}{|c|}, \quad R = \frac{\sum w}{|s|}, \quad F = \frac{P R}{\alpha P + (1 - \alpha) R}, \qquad
   \mathrm{METEOR} = \Big(1 - \gamma \Big(\frac{ch}{m}\Big)^{\beta}\Big)\, F, $$

and no penalty where all words match in one chunk.

What is left out of METEOR 1.5: matches of synonyms (WordNet) and of paraphrases, for which it needs their tables, and
the smaller weight of function words. So 'crimson' for 'red' is no match here. The stems are Porter's, not Snowball's.
"""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from .caption import Text, _checked
from .stem import stem

WIDTH = 64  # alignments that are kept at each word; captions of this world have far fewer


def meteor(
    candidates: Sequence[Text],
    references: Sequence[Sequence[Text]],
    *,
    alpha: float = 0.85,
    beta: float = 0.2,
    gamma: float = 0.6,
    stem_weight: float = 0.6,
) -> Tensor:
    """(N,) METEOR of each caption in [0, 1], the best over its references.

    Args:
        alpha, beta, gamma, stem_weight: α, β, γ and δ; the defaults are METEOR 1.5's for English.

    Raises:
        ValueError: as of :func:`mmatl_lab.metrics.caption.bleu`.
    """
    candidates, references = _checked(candidates, references)

    def score(words: list, ref: list) -> float:
        exact, stemmed, chunks = align(words, ref)
        if exact + stemmed == 0:
            return 0.0
        weight = exact + stem_weight * stemmed
        p, r = weight / len(words), weight / len(ref)
        whole = exact + stemmed == len(words) == len(ref) and chunks == 1
        penalty = 0.0 if whole else gamma * (chunks / (exact + stemmed)) ** beta
        return (1 - penalty) * p * r / (alpha * p + (1 - alpha) * r)

    pairs = zip(candidates, references)
    return torch.tensor([max(score(words, ref) for ref in refs) for words, refs in pairs], dtype=torch.float64)


def align(words: Sequence[str], ref: Sequence[str]) -> tuple[int, int, int]:
    """Exact matches, matches of stems alone, and chunks of the best alignment.

    It has the most matches, of these the fewest chunks, and of these the most exact matches.
    """
    stems, ref_stems = [stem(str(word)) for word in words], [stem(str(word)) for word in ref]
    wanted, offered = Counter(stems), Counter(ref_stems)
    # (taken words of the reference, the one that the last word took) -> (chunks, -exact matches, matches)
    found = {(frozenset(), None): (0, 0, 0)}
    for i, own in enumerate(stems):
        new: dict = {}
        for (taken, last), (chunks, exact, matches) in found.items():
            if wanted[own] > offered[own]:  # more than can be matched: this one may stay alone
                _keep_best(new, (taken, None), (chunks, exact, matches))
            for j, other in enumerate(ref_stems):
                if other == own and j not in taken:
                    value = (chunks + (last is None or j != last + 1), exact - (words[i] == ref[j]), matches + 1)
                    _keep_best(new, (taken | {j}, j), value)
        best = sorted(new.items(), key=lambda item: (-item[1][2], item[1][:2]))
        found = dict(best[:WIDTH])
    chunks, exact, matches = min(found.values(), key=lambda value: (-value[2], value[:2]))
    return -exact, matches + exact, chunks


def _keep_best(found: dict, state: tuple, value: tuple) -> None:
    if state not in found or value < found[state]:
        found[state] = value
