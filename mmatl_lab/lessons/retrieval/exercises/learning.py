"""Exercises on the triplet loss, on what a bridge passes on, and an experiment."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...exercise import empty_plan, exercise, mistakes


def _batches(generator: torch.Generator) -> Iterator[tuple[Tensor, float]]:
    for b, margin in ((5, 0.2), (7, 0.3), (4, 0.5)):
        similarity = 0.6 * torch.randn(b, b, generator=generator).tanh() - 0.2
        similarity[0, 0] = 0.95  # wins by more than any margin
        similarity[1] = -similarity[1].abs() - 0.05  # all of its negatives are below 0
        yield similarity, margin


@exercise(
    "retrieval.4",
    "A triplet loss that works",
    task=r"Write $\frac1B \sum_i [\alpha - s_{ii} + \max_{j \ne i} s_{ij}]_+ + [\alpha - s_{ii} + \max_{j \ne i} "
    r"s_{ji}]_+$. Pairs stand on the diagonal, and many similarities of this batch are below 0.",
    minutes=12,
    difficulty=3,
    hints=(
        "Take the pairs out of the negatives: `similarity.fill_diagonal_` changes your input, `masked_fill` does not.",
        "What is taken out must never be the largest, so it becomes minus infinity, not 0.",
        "The second term is the first one for `similarity.T`.",
    ),
    cases=_batches,
    answer="the loss",
    passed="This is VSE++. Each pair has to beat its hardest negative in either direction.",
)
def hardest_triplet(similarity: Tensor, margin: float) -> Tensor:
    """The loss of VSE++: similarity (B, B) of images and texts -> scalar.

    >>> hardest_triplet(torch.tensor([[0.5, 0.4], [-0.2, 0.3]]), 0.2)
    tensor(0.2000)
    """
    # BEGIN SOLUTION
    pair = similarity.diagonal()
    negative = similarity.masked_fill(torch.eye(len(similarity), dtype=torch.bool), -torch.inf)
    text = (margin - pair + negative.amax(1)).clamp(min=0)  # of each image, its hardest text
    image = (margin - pair + negative.amax(0)).clamp(min=0)
    return (text + image).mean()
    # END SOLUTION


def _loss_in_parts(
    s,
    margin,
    hide=-torch.inf,
    gap=lambda pair, hard: hard - pair,
    positive=lambda x: x.clamp(min=0),
    ways=(1, 0),
    least="amax",
    join=lambda x: x.mean(),
) -> Tensor:
    negative = s if hide is None else s.masked_fill(torch.eye(len(s), dtype=torch.bool), hide)
    return join(sum(positive(margin + gap(s.diagonal(), getattr(negative, least)(way))) for way in ways))


mistakes(
    hardest_triplet,
    "The sign is turned: a pair must beat its negatives, so the loss grows with the negative and falls with the pair.",
    dict(gap=lambda pair, hard: pair - hard),
    "The pair is its own hardest negative: take the diagonal out.",
    dict(hide=None),
    "You set the pairs to 0 among the negatives: where all negatives are below 0, that 0 is the largest. Take -inf.",
    dict(hide=0.0),
    "Only one direction: the images look for texts, and the texts for nothing.",
    dict(ways=(1,)),
    "Only one direction: the texts look for images, and the images for nothing.",
    dict(ways=(0,)),
    "You took the easiest negative (the smallest similarity): the hardest is the largest.",
    dict(hide=torch.inf, least="amin"),
    "Pairs that win by more than the margin still count: clamp at 0.",
    dict(positive=lambda x: x),
    "You added the losses of the batch: take the mean.",
    dict(join=lambda x: x.sum()),
    "The hardest negative of each column is compared with all pairs of a row: broadcast (B, 1) against (B, B), or use "
    "the diagonal.",
    lambda s, margin: (
        (margin - s.diagonal()[:, None] + s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf).amax(1)[None])
        .clamp(min=0)
        .mean()
    ),
    "You divided by two: add the directions.",
    dict(join=lambda x: x.mean() / 2),
    base=_loss_in_parts,
)


def _groups(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n in (60, 80, 100):
        shape, size = torch.randint(5, (n,), generator=generator), torch.randint(3, (n,), generator=generator)
        shape[:15], size[:15] = torch.arange(15) % 5, torch.arange(15) % 3  # all kinds are there
        shape[15:45], size[15:45] = 2, 1  # and one is frequent
        yield shape, size


@exercise(
    "retrieval.5",
    "What a bridge can pass on",
    task="A text and a sound both tell an object's shape and size, and nothing else that the other tells. Each query "
    "has one right sound, that of its own scene. Sounds with the same shape and size cannot be told apart by a text. "
    "Return the best R@1 that any model can reach on average.",
    minutes=8,
    difficulty=2,
    hints=(
        "A query whose group has $n$ sounds finds its own with probability $1/n$.",
        "`group.unique(return_inverse=True, return_counts=True)` gives each scene's group and the groups' sizes.",
        "There are as many groups as `shape * 3 + size` has values.",
    ),
    cases=_groups,
    answer="the ceiling",
    passed="It is the number of groups divided by the number of scenes. No training gets past it.",
)
def emergent_ceiling(shape: Tensor, size: Tensor) -> float:
    """The best R@1 from text to sound: shape (N,) and size (N,), small integers -> number.

    >>> emergent_ceiling(torch.tensor([0, 0, 1, 1]), torch.tensor([2, 2, 0, 1]))
    0.75
    """
    # BEGIN SOLUTION
    _, group, count = (shape * 3 + size).unique(return_inverse=True, return_counts=True)
    return (1 / count[group]).mean().item()
    # END SOLUTION


def _counts(group: Tensor) -> Tensor:
    return group.unique(return_counts=True)[1]


mistakes(
    emergent_ceiling,
    "That is chance among the groups: the query knows its group and must guess within it.",
    lambda shape, size: 1 / len(_counts(shape * 3 + size)),
    "That is chance: a text tells more than nothing.",
    lambda shape, size: 1 / len(shape),
    "You used the shape alone: the size is told, too.",
    lambda shape, size: len(_counts(shape)) / len(shape),
    "You used the size alone: the shape is told, too.",
    lambda shape, size: len(_counts(size)) / len(shape),
    "You took 1 over the mean size of a group: a large group has more queries, so average over queries, not groups.",
    lambda shape, size: 1 / (_counts(shape * 3 + size).float().square().sum() / len(shape)).item(),
    "That is the share of the largest group: each query has a right sound of its own.",
    lambda shape, size: (_counts(shape * 3 + size).max() / len(shape)).item(),
    "You averaged over the groups: each query counts once.",
    lambda shape, size: (1 / _counts(shape * 3 + size)).mean().item(),
)


@exercise(
    "retrieval.8",
    "Your own experiment",
    task="Does the hardest negative beat all negatives when some captions are wrong? Plan an experiment with "
    "`triplet.HEADS`, in which a share of the training pairs is exchanged, and run it.",
    minutes=30,
    difficulty=3,
    hints=(
        "A wrong caption may be nearer to an image than its own. What does the hardest negative of such a pair teach?",
        "Which share of wrong pairs, which losses, how many seeds, and on which galleries do you choose a margin?",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only the share of wrong captions varied, and are heads, steps and batches the same for both losses?",
        "Are the evaluation's captions right, and is a margin chosen on a validation gallery?",
        "Is the difference paired by seed, and is its interval shown?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "From which share of wrong captions on is the loss with all negatives better than the hardest one?",
        "prediction": "From 20 % on, because a wrong pair is pushed hardest by the caption that is really right.",
        "varied": "The share of training pairs whose captions are exchanged: 0, 10, 20 and 40 %.",
        "held fixed": "Heads, features, steps, batches and seeds; the margin is chosen on a validation gallery.",
        "control": "The contrastive loss on the same pairs, and heads that were trained on shuffled pairs alone.",
        "measured": "R@1 in both directions among 1,000 right captions; paired differences over five seeds.",
        "would change my mind": "An interval of the differences that includes 0 at 40 %.",
    }
