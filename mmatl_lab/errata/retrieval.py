"""Errata on retrieval: the code guide's triplet loss and metrics, and the formula survey's average precision."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..metrics.ranking import rank_metrics
from ..metrics.retrieval import hits_at_k
from .cone import NUM_SEEDS, summarise
from .ledger import Dependence, Measured, erratum, percent

CODE = "The guide prints code; the formula is what this code computes."
MENDS = (  # what each step of mending changes, in the order in which they are made
    "as printed",
    "the sign turned",
    "each text against its own negative",
    "pairs left out, not set to 0",
    "mean over the pairs only",
    "both directions",
)
PRINTED_MARGIN = 0.3
LABELS = {
    "text_to_image": "text → image accuracy (share of texts)",
    "image_to_text": "image → text accuracy (share of images)",
    "last_loss": "last loss (units of similarity)",
    "spread": "R@1, luckiest minus unluckiest order of the rows (share of queries)",
    "shallow": "R@10 of random vectors among 8 keys (share of queries)",
    "mAP_all": "mAP@10, divided by all right keys (mean of queries)",
    "mAP_least": "mAP@10, divided by 10 at most (mean of queries)",
    "mAP_found": "mAP@10, divided by the right keys found (mean of queries)",
}
NUM_PAIRS, WIDTH, DIM, NUM_STEPS, RATE = 150, 32, 16, 150, 0.02


def mended_triplet(similarity: Tensor, positive: Tensor, mends: int, margin: float = PRINTED_MARGIN) -> Tensor:
    """The guide's loss after the first ``mends`` of `MENDS`; 0 is as printed, 5 is VSE++.

    Args:
        similarity: (..., B, B), of text i and image j. positive: (B, B) bool, True where they are a pair.

    Returns:
        (...,), one loss for each leading index.
    """
    hardest = similarity.masked_fill(positive, -torch.inf if mends >= 3 else 0).amax(-1)  # (..., B)
    hardest = hardest[..., None] if mends >= 2 else hardest[..., None, :]  # printed: (B,) broadcasts over the columns
    pair = similarity.masked_fill(~positive, 0)
    violation = ((hardest - pair if mends >= 1 else pair - hardest) + margin).clamp(min=0)
    if mends < 4:
        return violation.mean((-2, -1))
    loss = violation.masked_fill(~positive, 0).sum((-2, -1)) / positive.sum()
    return loss if mends < 5 else loss + mended_triplet(similarity.mT, positive.mT, 4, margin)


def _features(seeds: range) -> tuple[Tensor, Tensor]:
    """Text and image features (S, 2 N, F): both show the same 12 numbers, mixed differently, and noise."""
    both = [[], []]
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(2 * NUM_PAIRS, 12, generator=generator)
        for side in both:
            mix = torch.randn(12, WIDTH, generator=generator) / math.sqrt(12)
            side.append(z @ mix + 0.4 * torch.randn(2 * NUM_PAIRS, WIDTH, generator=generator))
    return torch.stack(both[0]), torch.stack(both[1])


def _train(mends: int, seeds: range, num_steps: int = NUM_STEPS) -> list[dict[str, float]]:
    """Linear heads on the first half of the pairs, with Adam; R@1 of both directions on the second half."""
    features, positive = _features(seeds), torch.eye(NUM_PAIRS, dtype=torch.bool)
    heads = []
    for side in range(2):
        start = [torch.randn(WIDTH, DIM, generator=torch.Generator().manual_seed(2 * s + side + 100)) for s in seeds]
        heads.append((torch.stack(start) / math.sqrt(WIDTH)).requires_grad_())
    optimizer = torch.optim.Adam(heads, lr=RATE)

    def embed(part: slice) -> list[Tensor]:
        return [F.normalize(x[:, part] @ head, dim=-1) for x, head in zip(features, heads)]

    loss = torch.zeros(len(seeds))
    for _ in range(num_steps):
        text, image = embed(slice(NUM_PAIRS))
        loss = mended_triplet(text @ image.mT, positive, mends)
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
    with torch.no_grad():
        text, image = embed(slice(NUM_PAIRS, None))
    return [{"text_to_image": hits_at_k(t, i).mean().item(), "image_to_text": hits_at_k(i, t).mean().item(),
             "last_loss": last.item()} for t, i, last in zip(text, image, loss)]  # fmt: skip


@erratum(
    "retrieval-triplet",
    document="guide",
    title="The guide's triplet loss pulls every text to the wrong image: five mistakes in six lines.",
    printed=r"L = \frac{1}{B^2} \sum_{i,j} [P_{ij} s_{ij} - \max_k (1 - P_{jk}) s_{jk} + \alpha]_+",
    right=r"L = \frac1B \sum_i [\alpha - s_{ii} + \max_{k \ne i} s_{ik}]_+ "
    r"+ [\alpha - s_{ii} + \max_{k \ne i} s_{ki}]_+",
    symbols=r"$s_{ij}$ is the cosine similarity of text $i$ and image $j$, $P_{ij}$ is 1 where they are a pair and 0 "
    r"elsewhere, $k$ runs over the batch, $B$ is the number of pairs, $\alpha$ the margin, $[\cdot]_+$ the larger of "
    r"its content and 0, and $L$ the loss.",
    source="Faghri et al. 2018, arXiv:1707.05612, equation 6",
    quoted=CODE,
    also="Two pairs with the same caption are negatives of each other unless their labels say otherwise.",
)
def triplet(seed: int = 0) -> Measured:
    """Linear heads on features of 150 pairs, and R@1 among 150 other pairs; chance is .007. Five seeds.

    The mistakes: the sign; each row's hardest negative is compared with a column's pairs; the pairs' entries are 0
    among the negatives, so a negative similarity never counts; the mean runs over all entries, most of which are
    no pairs; and images never look for their text.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    runs = {mends: summarise(_train(mends, seeds)) for mends in range(len(MENDS))}
    printed, right = runs[0], runs[len(MENDS) - 1]
    found = tuple(runs[mends]["text_to_image"] for mends in runs)
    depends = Dependence("number of mistakes mended", "text_to_image", tuple(runs), found, (found[-1],) * len(found))
    untrained = summarise(_train(0, seeds, num_steps=0))["text_to_image"]
    sentence = (
        f"Trained as printed, {percent(printed['text_to_image'])} of the texts find their image (untrained heads: "
        f"{percent(untrained)}) while the loss falls to {printed['last_loss']:.2f}: it reached its aim, and the aim "
        f"is wrong. With all five mended, {percent(right['text_to_image'])} find it."
    )
    return Measured(printed, right, sentence, LABELS, (depends,))


def printed_recall(similarity: Tensor, labels: Tensor, k: int) -> float:
    """R@K as the guide computes it: the first K of an argsort, with one set of labels for rows and columns."""
    first = similarity.argsort(dim=1, descending=True)[:, :k]
    return (labels[:, None] == labels).gather(1, first).any(1).float().mean().item()


LEVELS = (3, 5, 9, 33, 1025)  # numbers of different similarities


def _spread(levels: int, seed: int, orders: int = 20) -> tuple[float, float]:
    """Largest minus smallest R@1 over orders of the keys, under both forms; similarities rounded to some levels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(200)
    similarity = torch.randn(200, 200, generator=generator) / 3 + torch.eye(200)
    similarity = (similarity / 3 * (levels // 2)).round()
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(orders):
        order = torch.randperm(200, generator=generator)
        moved = similarity[order][:, order]
        found[0].append(printed_recall(moved, labels[order], 1))
        found[1].append(hits_at_k(moved, ids=labels[order]).mean().item())
    return tuple(max(values) - min(values) for values in found)


@erratum(
    "retrieval-ties",
    document="guide",
    title="The guide's R@K depends on the order of the rows where similarities are equal, and on K beyond the gallery.",
    printed=r"R_K = \frac1N \sum_i \mathbb{1}[\exists k \le K: y_i = y_{\pi_i(k)}]",
    right=r"R_K = \frac1N \sum_i \Big(1 - \binom{t_i - r_i}{K - b_i} \Big/ \binom{t_i}{K - b_i}\Big)",
    symbols=r"$N$ is the number of queries, $y$ the labels, $\pi_i(k)$ the key in place $k$ of an argsort for query "
    r"$i$, $K$ the depth and $R_K$ the recall at it. $b_i$ keys are above the best right key of query $i$, $t_i$ are "
    r"as similar as it, and $r_i$ of these are right.",
    source="McSherry and Najork 2008, 'Computing information retrieval performance measures efficiently in the "
    "presence of tied scores'",
    quoted=CODE,
    also="It takes one set of labels for rows and columns, so five captions of an image cannot be scored.",
)
def ties(seed: int = 0) -> Measured:
    """200 pairs whose similarities are rounded to 5 levels, as short binary codes give them; 20 orders; five seeds.

    K beyond the gallery: 8 random keys for 8 queries at K = 10, where the slice silently takes all 8.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    spreads = {n: [sum(x) / NUM_SEEDS for x in zip(*(_spread(n, s) for s in seeds))] for n in LEVELS}
    few = torch.randn(8, 8, generator=torch.Generator().manual_seed(seed))
    numbers = [
        {"spread": spreads[5][0], "shallow": printed_recall(few, torch.arange(8), 10)},
        {"spread": spreads[5][1], "shallow": hits_at_k(few, k=1).mean().item()},
    ]
    depends = Dependence("number of different similarities", "spread", LEVELS, *zip(*spreads.values()))
    sentence = (
        f"With 5 different similarities, the printed R@1 of the same vectors differs by {numbers[0]['spread']:.3f} "
        f"between the luckiest and the unluckiest of 20 orders of the rows; the expectation under ties differs by "
        f"{numbers[1]['spread']:.3f}. At K = 10 of 8 keys the printed one gives random vectors "
        f"{numbers[0]['shallow']:.0f}; ours asks for a smaller K, and at K = 1 they have {numbers[1]['shallow']:.2f}."
    )
    return Measured(*numbers, sentence, LABELS, (depends,))


RIGHT_KEYS = (1, 2, 5, 20, 50)


@erratum(
    "retrieval-ap",
    document="survey",
    title="The survey's mAP rests on an AP that it does not define: three usual readings give three numbers.",
    printed=r"M = \frac1N \sum_i A_i",
    right=r"M = \frac1N \sum_i \frac{1}{R_i} \sum_{r=1}^{R_i} \frac{r}{\rho_{ir}}",
    symbols=r"$N$ is the number of queries, $A_i$ the average precision of query $i$, $M$ their mean, $R_i$ the number "
    r"of right keys of query $i$, $r$ counts them, and $\rho_{ir}$ is the rank of the $r$-th of them.",
    source="Manning, Raghavan and Schütze 2008, 'Introduction to information retrieval', section 8.4",
    quoted="The survey's formula is quoted.",
)
def average_precision(seed: int = 0) -> Measured:
    """1,000 keys, R of them right and somewhat more similar; the first 10 are read, as systems do that show 10.

    The right form reads the whole list, and divides by all right keys; its number stands under all three names.
    """
    found = {n: _readings(n, seed) for n in RIGHT_KEYS}
    names = ("mAP_all", "mAP_least", "mAP_found")
    printed, whole = found[20]
    right = dict.fromkeys(names, whole)
    pairs = zip(*((readings["mAP_found"], complete) for readings, complete in found.values()))
    depends = Dependence("number of right keys", "mAP_found", RIGHT_KEYS, *pairs)
    sentence = (
        f"For 20 right keys of 1,000, the first 10 of the same rankings have a mAP@10 of {printed['mAP_all']:.3f}, "
        f"{printed['mAP_least']:.3f} or {printed['mAP_found']:.3f}, and the whole ranking has a mAP of {whole:.3f}."
    )
    return Measured(printed, right, sentence, LABELS, (depends,))


def _readings(num_right: int, seed: int, k: int = 10, n: int = 300, m: int = 1000) -> tuple[dict[str, float], float]:
    generator = torch.Generator().manual_seed(seed)
    ids = (torch.zeros(n, dtype=torch.long), (torch.arange(m) >= num_right).long())
    similarity = torch.randn(n, m, generator=generator) + 4.0 * (ids[1] == 0)
    right = (ids[1] == 0)[similarity.topk(k).indices].double()  # (n, k)
    total = (right * right.cumsum(1) / torch.arange(1, k + 1)).sum(1)
    divisors = {"mAP_all": num_right, "mAP_least": min(num_right, k), "mAP_found": right.sum(1).clamp(min=1)}
    whole = rank_metrics(similarity, k=1, ids=ids).average_precision.mean().item()
    return {name: (total / divisor).mean().item() for name, divisor in divisors.items()}, whole
