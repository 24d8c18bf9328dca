"""Errata of the essay on fusion."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nn.fusion import Add
from ..seeding import drawn_from
from .cone import NUM_SEEDS, summarise
from .ledger import Dependence, Measured, erratum, percent

MOST = 64  # the largest width that is tried
WIDTH = 8  # of a text's vector, beside a second sense of one number
WIDTHS = (1, 2, WIDTH, 64, 512, 4096)
SIZES = (1.0, 0.5, 0.1, 0.01)  # standard deviation of the text's numbers
LABELS = {
    "accuracy": "accuracy at the sign of a single number (share of examples)",
    "widths_that_add": "widths n, m that can be added (share of 4,096 pairs)",
}

Fusion = Callable[[list[Tensor]], Tensor]


def printed_addition(features: list[Tensor]) -> Tensor:
    """The sum of the vectors as they are: [(B, n), (B, m)] -> (B, n) where n = m."""
    text, second = features
    return text + second


def best_of_the_sum(width: int = WIDTH, size: float = 1.0) -> float:
    r"""Best accuracy at the sign of v from n sums $\sigma e_i + v$: $1/2 + \arctan(\sqrt n / \sigma)/\pi$.

    All $e_i$ and v are standard normal. The mean of the n sums is v with a noise of $\sigma/\sqrt n$, and nothing else
    in them depends on v.
    """
    return 0.5 + math.atan(math.sqrt(width) / size) / math.pi


@erratum(
    "addition-widths",
    document="essay",
    title="The essay's 'Addition' of vectors of n and m numbers (quoted), taken as a plain sum (inferred), needs "
    "n = m; with m = 1 it runs, but accuracy is lost.",
    printed=r"e_g = e_t + e_v, \quad e_t \in \mathbb{R}^n,\; e_v \in \mathbb{R}^m",
    right=r"e_g = W_t e_t + W_v e_v, \quad W_t \in \mathbb{R}^{g \times n},\; W_v \in \mathbb{R}^{g \times m}",
    symbols=r"$e_t$ is the vector of the text, of $n$ numbers, $e_v$ that of the second modality, of $m$ numbers, "
    r"$e_g$ the fused vector, of $g$ numbers, $\mathbb{R}^n$ the vectors of $n$ real numbers, and $W_t$, $W_v$ are "
    "learned matrices.",
    source="Dumoulin et al. 2018, Feature-wise transformations, doi:10.23915/distill.00011, under conditional biasing",
    quoted="The two vectors and their widths n and m are quoted. The sum is inferred: the section 'Addition' is a "
    "heading without text, and so are 'A concatenation' and 'Something Else'.",
    inferred=True,
)
def addition(seed: int = 0) -> Measured:
    r"""Vectors of 1 to 64 numbers each are added in all 4,096 pairs of widths. Where one of them is a single number,
    torch repeats it, without an error, and adds it to each number of the other.

    What that costs: a text of 8 normal numbers that say nothing, a second sense of one normal number, and a label that
    is its sign. A linear head learns from 2,000 pairs and is tested on 100,000, on the sum and on the sum of learned
    projections; five seeds. No head can do better on the sum than $1/2 + \arctan(\sqrt 8)/\pi$.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed = summarise([{"accuracy": _learn(printed_addition, s)} for s in seeds])
    right = summarise([{"accuracy": _learn(None, s)} for s in seeds])
    printed["widths_that_add"] = _share_that_adds(lambda n, m: printed_addition)
    right["widths_that_add"] = _share_that_adds(lambda n, m: Add([n, m], WIDTH))
    repeated = 1 - 1 / (MOST * printed["widths_that_add"])  # of those that add, all but the MOST pairs of equal widths
    sentence = (
        f"Of all pairs of widths up to {MOST}, {percent(printed['widths_that_add'])} can be added as they are. In "
        f"{percent(repeated)} of these, one vector is a single number, which torch repeats silently. From such a sum "
        f"the head names the sign of that number with an accuracy of {printed['accuracy']:.3f}, and no head can exceed "
        f"{best_of_the_sum():.3f}. With projections, {percent(right['widths_that_add'])} of the pairs can be added, "
        f"and the accuracy is {right['accuracy']:.3f}."
    )
    best = "best accuracy that any head can reach at the sign of a single number"
    depends = (
        Dependence("width of the other vector", best, WIDTHS,
                   tuple(best_of_the_sum(n) for n in WIDTHS), (1.0,) * len(WIDTHS)),
        Dependence("size of the other vector's numbers", best, SIZES,
                   tuple(best_of_the_sum(size=size) for size in SIZES), (1.0,) * len(SIZES)),
    )  # fmt: skip
    return Measured(printed, right, sentence, LABELS, depends)


def _learn(fuse: Fusion | None, seed: int) -> float:
    """Accuracy of a linear head behind a fusion; None learns a sum of projections with it."""
    generator = torch.Generator().manual_seed(seed)
    text, second = (torch.randn(102_000, width, generator=generator) for width in (WIDTH, 1))
    label = second[:, 0] > 0
    with drawn_from(seed):
        project, head = Add([WIDTH, 1], WIDTH), nn.Linear(WIDTH, 1)
    fuse = fuse or project
    optimizer = torch.optim.Adam([*project.parameters(), *head.parameters()], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        logits = head(fuse([text[:2_000], second[:2_000]])).squeeze(1)
        F.binary_cross_entropy_with_logits(logits, label[:2_000].float()).backward()
        optimizer.step()
    with torch.no_grad():
        logits = head(fuse([text[2_000:], second[2_000:]])).squeeze(1)
    return ((logits > 0) == label[2_000:]).float().mean().item()


def _share_that_adds(make: Callable[[int, int], Fusion]) -> float:
    """Of all pairs of widths, the share for which the fusion that ``make`` makes does not raise."""
    count = 0
    for n in range(1, MOST + 1):
        for m in range(1, MOST + 1):
            fuse = make(n, m)
            try:
                fuse([torch.zeros(2, n), torch.zeros(2, m)])
                count += 1
            except RuntimeError:
                pass
    return count / MOST**2
