"""Exercises on the loss: cosines, both directions, false negatives."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...attempt import Wrong
from ...diagnose import Trial
from ...differences import as_answer, same
from ...exercise import exercise, mistakes


def _vectors(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    # a square one first: there a forgotten keepdim and a product pair by pair run without an error
    for b, c, d in [(6, 6, 6), (5, 7, 4)]:
        yield 3 * torch.randn(b, d, generator=generator), torch.randn(c, d, generator=generator) + 0.5


@exercise(
    "clip.2",
    "Every image with every text",
    task=r"Write the matrix of cosines $S_{ij} = \frac{a_i \cdot b_j}{\|a_i\|\,\|b_j\|}$. Here $a_i$ is row $i$ of "
    "`image`, and $b_j$ is row $j$ of `text`. The vectors come from the encoders, so their lengths are "
    "arbitrary. There "
    "may be more texts than images.",
    minutes=5,
    difficulty=1,
    hints=(
        "A cosine is a dot product of vectors of length 1. Which axis holds the numbers of *one* picture?",
        "`x.norm(dim=1, keepdim=True)` has shape (B, 1), so `x / ...` divides each row by its own length.",
        "With unit rows, all dot products at once are one matrix product: `image @ text.T`.",
    ),
    cases=_vectors,
    answer="the similarity matrix",
    passed="Right for square and oblong batches, whatever the lengths of the vectors.",
)
def similarity_matrix(image: Tensor, text: Tensor) -> Tensor:
    """Cosine of every image with every text: (B, D) and (C, D) -> (B, C).

    >>> similarity_matrix(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
    tensor([[0.6000, 0.8000]])
    """
    # BEGIN SOLUTION
    image = image / image.norm(dim=1, keepdim=True)
    text = text / text.norm(dim=1, keepdim=True)
    return image @ text.T  # (B, C)
    # END SOLUTION


mistakes(
    similarity_matrix,
    "You did not normalise: a dot product grows with the lengths of the vectors, a cosine does not.",
    lambda image, text: image @ text.T,
    "You normalised the images only: the texts need length 1 too.",
    lambda image, text: F.normalize(image) @ text.T,
    "You normalised the texts only: the images need length 1 too.",
    lambda image, text: image @ F.normalize(text).T,
    "You normalised over the batch axis (dim=0): the vector of *one* picture is a row, so take its length over the "
    "features, dim=1.",
    lambda image, text: F.normalize(image, dim=0) @ F.normalize(text, dim=0).T,
    "Your norms have shape (B,), so they divide the columns: keepdim=True gives (B, 1), one for each row.",
    lambda image, text: (image / image.norm(dim=1)) @ (text / text.norm(dim=1)).T,
    "You divided by the norm of the whole matrix: each row has its own length, so the norm needs dim=1.",
    lambda image, text: image @ text.T / image.norm() / text.norm(),
    "You divided by the squared length: the norm is the square root of the sum of squares.",
    lambda image, text: (image / image.square().sum(1, True)) @ (text / text.square().sum(1, True)).T,
    "You divided by the sum of absolute values: the length is the square root of the sum of squares.",
    lambda image, text: F.normalize(image, p=1) @ F.normalize(text, p=1).T,
    "Rows and columns are swapped: row i belongs to image i, column j to text j.",
    lambda solve, image, text: solve(image, text).T,
    "You compared each image with its own text only: every image meets every text, which is a matrix product.",
    lambda solve, image, text: solve(image, text).diagonal(),
    "You applied a softmax: this matrix holds cosines, the softmax comes with the loss.",
    lambda solve, image, text: solve(image, text).softmax(1),
    "You computed distances: a cosine is a dot product of unit vectors, and 1 for equal directions.",
    lambda image, text: torch.cdist(F.normalize(image), F.normalize(text)),
)


OVERFLOW = (
    "e^(1/τ) = e^200 is more than float32 holds (e^88.7), so the exponentials overflow before the logarithm takes them "
    "back. `F.cross_entropy`, `log_softmax` and `logsumexp` subtract the largest logit first."
)
UNDERFLOW = "A probability is rounded to 0, and log 0 = −∞. `F.cross_entropy` and `log_softmax` stay in the logarithms."
CAPPED = "A number added inside the logarithm, or a clamp, hides what it should keep finite."
NO_GRADIENT = (
    "The value is right, but nothing can be learned from it, since it has no gradient: return the tensor, without "
    "`.item()`, `.detach()`, `float()` or `no_grad`."
)
DETACHED = "The value is right, but its gradient is not: a part of the loss is detached."


def _check_loss(trial: Trial, generator: torch.Generator) -> None:
    raw = [torch.randn(2, 6, 4, generator=generator).requires_grad_() for _ in range(3)]
    cases = [(*F.normalize(x, dim=-1), tau) for x, tau in zip(raw, (0.9, 0.5, 0.2))]
    trial.compare(*cases, answer="the loss at τ = .9, .5 and .2")
    image, text = F.normalize(torch.randn(2, 6, 4, generator=generator), dim=-1)
    for case, why in [((image, image, 0.005), OVERFLOW), ((image, text, 0.005), UNDERFLOW)]:
        value = float(as_answer(trial(*case), "the loss"))
        if not math.isfinite(value):
            raise Wrong(f"At τ = .005 your loss is {value:g}. {why}")
        right = float(contrastive_loss(case[0].double(), case[1].double(), 0.005))
        if abs(value - right) > 1e-3 + 1e-4 * right:  # float32 keeps five digits of logits up to 200
            raise Wrong(f"At τ = .005 your loss is {value:.4g}, expected {right:.4g}. {CAPPED}")
    losses = [trial(*case) for case in cases]
    if not all(isinstance(value, Tensor) and value.requires_grad for value in losses):
        raise Wrong(NO_GRADIENT)
    for x, case, value in zip(raw, cases, losses):
        # by the vectors before they are normalised: off the unit sphere, formulas that are equal on it may differ
        expected = torch.autograd.grad(contrastive_loss(*case), x, retain_graph=True)
        given = torch.autograd.grad(value, x, allow_unused=True, materialize_grads=True, retain_graph=True)
        if not same(given, expected):
            raise Wrong(DETACHED)


@exercise(
    "clip.3",
    "The loss, in both directions",
    task=r"Row $i$ of `image` belongs to row $i$ of `text`. Both have unit length. Divide the cosines by "
    r"$\tau$. Compute "
    "the mean loss of the rows and the mean loss of the columns, and return the mean of the two. The loss has to stay "
    r"finite at $\tau = .005$.",
    minutes=10,
    difficulty=2,
    hints=(
        "Row $i$ of the logits is a classification with B classes; its right class is $i$. What are the columns?",
        "`F.cross_entropy(logits, target)` takes logits, not probabilities, and `target` holds the right columns.",
        "`logits.T` turns the columns into rows. `exp(1/.005)` is larger than the largest float32, so leave the "
        "exponentials to `F.cross_entropy`, `log_softmax` or `logsumexp`.",
    ),
    checker=_check_loss,
    answer="the loss",
    passed="Right at τ = .9, .5, .2 and .005, and so is its gradient.",
)
def contrastive_loss(image: Tensor, text: Tensor, temperature: float) -> Tensor:
    """The contrastive loss of B pairs of unit vectors: (B, D), (B, D) -> scalar.

    >>> pairs = torch.eye(2)
    >>> contrastive_loss(pairs, pairs, 1.0)
    tensor(0.3133)
    """
    # BEGIN SOLUTION
    logits = image @ text.T / temperature  # (B, B)
    target = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    # END SOLUTION


def _half(logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, torch.arange(len(logits)))


def _loss_in_parts(image: Tensor, text: Tensor, tau: float, half=_half, halves=slice(2)) -> Tensor:
    logits = image @ text.T / tau
    return torch.stack([half(logits), half(logits.T)])[halves].mean()


mistakes(
    contrastive_loss,
    "One direction only: you classify the text of each image (the rows). Add the image of each text (the columns), and "
    "take the mean.",
    dict(halves=slice(1)),
    "One direction only: you classify the image of each text (the columns). Add the text of each image (the rows), and "
    "take the mean.",
    dict(halves=slice(1, 2)),
    "You multiplied by τ: a small temperature sharpens, so divide by it.",
    lambda solve, image, text, tau: solve(image, text, 1 / tau),
    "τ has no effect: it is missing, or you divided by τ and then multiplied again. Divide by it once.",
    lambda solve, image, text, tau: solve(image, text, 1),
    "You divided by τ and then multiplied again: the loss itself is not scaled.",
    lambda solve, image, text, tau: solve(image, text, tau) * tau,
    "You divided by τ twice.",
    lambda solve, image, text, tau: solve(image, text, tau**2),
    "You added the two directions: take their mean, so that guessing costs ln B.",
    lambda solve, *case: 2 * solve(*case),
    "You summed over the batch: take the mean, so that the loss does not grow with B.",
    lambda solve, image, *others: solve(image, *others) * len(image),
    "The sign is reversed: this falls when the right pairs become less likely.",
    lambda solve, *case: -solve(*case),
    "Your softmax runs over the whole matrix: each row, and each column, is a classification of its own.",
    dict(half=lambda z: -z.flatten().log_softmax(0).view_as(z).diag().mean()),
    "You averaged over all pairs: only the diagonal holds the right ones.",
    dict(half=lambda z: -z.log_softmax(1).mean()),
    "You left the right pair out of the denominator: it is one of the B classes.",
    dict(half=lambda z: ((z - torch.diag(z.new_full((len(z),), torch.inf))).logsumexp(1) - z.diag()).mean()),
    "You take column 0 as the right answer of every row: row i belongs to column i, `torch.arange(B)`.",
    dict(half=lambda z: -z.log_softmax(1)[:, 0].mean()),
    "You gave probabilities to the cross-entropy: it takes logits and applies the softmax itself.",
    dict(half=lambda z: _half(z.softmax(1))),
    OVERFLOW,
    dict(half=lambda z: -(z.exp().diag() / z.exp().sum(1)).log().mean()),
    dict(half=lambda z: z.exp().sum(1).log().mean() - z.diag().mean()),
    UNDERFLOW,
    dict(half=lambda z: -z.softmax(1).diag().log().mean()),
    CAPPED,
    dict(half=lambda z: -(z.softmax(1).diag() + 1e-9).log().mean()),
    NO_GRADIENT,
    lambda solve, *case: solve(*case).item(),
    DETACHED,
    lambda solve, image, text, tau: solve(image, text.detach(), tau),
    lambda solve, image, text, tau: (solve(image, text, tau) + solve(image, text, tau).detach()) / 2,
    base=_loss_in_parts,
)


def _captions(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    a, b, c, d, e, f, g, h, i = (10 + 10 * torch.randperm(9, generator=generator)).tolist()
    # nearly the first: one word in its place, the same words in another order, the same sum of numbers
    near = [(a, e, f, g), (e, b, h, i), (b, a, c, d), (a + 1, b - 1, c + 1, d - 1)]
    captions = [(a, b, c, d), *near, (h, f, c, a)]
    tokens = torch.tensor([(*captions[n], 0, 0) for n in (0, 1, 1, 2, 3, 4, 5, 5)])  # 0 pads, as in a real batch
    tokens = tokens[torch.randperm(8, generator=generator)]
    yield 3 * torch.randn(8, 8, generator=generator), tokens


def _seen_by_the_loss(logits: Tensor) -> Tensor:
    """Probabilities by columns and by rows: any number low enough does for −∞."""
    return torch.stack([logits.softmax(0), logits.softmax(1)])


@exercise(
    "clip.4",
    "Two pictures, one caption",
    task="Two pictures in a batch can have the same caption. The loss would then push each picture away from a caption "
    "that is right for it. Set the logits of these false negatives to −∞, and return all logits. Each picture "
    "keeps its "
    "own caption.",
    minutes=8,
    difficulty=2,
    hints=(
        "Captions are rows of tokens. Two captions are equal when *all* their tokens are.",
        "`tokens[:, None] == tokens[None, :]` has shape (B, B, L).",
        "Every caption equals itself, and the diagonal holds the right pairs: leave `torch.eye(B).bool()` alone.",
    ),
    cases=_captions,
    view=_seen_by_the_loss,
    answer="what a softmax makes of your logits",
    passed="Right: equal captions are hidden, and captions of the same words in another order are not.",
)
def mask_false_negatives(logits: Tensor, tokens: Tensor) -> Tensor:
    """Logits without the pairs that only look wrong: (B, B), (B, L) tokens -> (B, B).

    >>> mask_false_negatives(torch.ones(3, 3), torch.tensor([[4, 7], [4, 7], [7, 4]]))
    tensor([[1., -inf, 1.],
            [-inf, 1., 1.],
            [1., 1., 1.]])
    """
    # BEGIN SOLUTION
    same = (tokens[:, None] == tokens[None, :]).all(dim=-1)  # (B, B)
    own = torch.eye(len(tokens), dtype=torch.bool, device=tokens.device)
    return logits.masked_fill(same & ~own, -torch.inf)
    # END SOLUTION


def _equal(tokens: Tensor) -> Tensor:
    return (tokens[:, None] == tokens).all(-1)


def _mask_in_parts(logits: Tensor, tokens: Tensor, same=_equal, hide=torch.gt, value=-torch.inf) -> Tensor:
    own = torch.eye(len(tokens), dtype=torch.bool)
    return logits.masked_fill(hide(same(tokens), own), value)  # a > b is 'a and not b'


mistakes(
    mask_false_negatives,
    "Equal captions are still negatives of each other.",
    lambda logits, tokens: logits,
    "You masked the diagonal too: every caption equals itself, and then no right answer is left.",
    dict(hide=lambda same, own: same),
    "You set the entries to 0: e⁰ = 1, so they still count. −∞ takes them out of the sum.",
    dict(value=0.0),
    "You masked the captions that differ: those are the true negatives.",
    dict(hide=lambda same, own: ~same),
    "You mask captions that share a single token, padding included: all tokens have to be equal, `all(dim=-1)`.",
    dict(same=lambda tokens: (tokens[:, None] == tokens).any(-1)),
    "You mask captions that share a single word: all tokens have to be equal, `all(dim=-1)`.",
    dict(same=lambda tokens: ((tokens[:, None] == tokens) & (tokens > 0)).any(-1)),
    "You compared the first token only: all tokens have to be equal, `all(dim=-1)`.",
    dict(same=lambda tokens: tokens[:, None, 0] == tokens[:, 0]),
    "You compared the words without their order: 'red on blue' is not 'blue on red'.",
    dict(same=lambda tokens: _equal(tokens.sort(1).values)),
    "You compared sums of token numbers: different captions can have equal sums. Compare token by token.",
    dict(same=lambda tokens: tokens.sum(1)[:, None] == tokens.sum(1)),
    "You masked the upper half only: if j says the same as i, then i says the same as j.",
    dict(hide=lambda same, own: same.triu(1)),
    "You masked the lower half only: if j says the same as i, then i says the same as j.",
    dict(hide=lambda same, own: same.tril(-1)),
    "You returned probabilities: return logits, the softmax comes with the loss.",
    lambda solve, *case: solve(*case).softmax(1),
    "You picked entries out of the matrix: keep the matrix whole and hide entries in it.",
    lambda logits, tokens: logits[_equal(tokens)],
    lambda logits, tokens: logits[~_equal(tokens)],
    base=_mask_in_parts,
)
