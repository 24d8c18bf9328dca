"""Exercises on fusion: the sum of two projections, and how far a sum of scores gets."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...attempt import Wrong
from ...diagnose import Trial
from ...differences import as_answer, same
from ...exercise import exercise, mistakes


def _vectors_and_matrices(generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    # a square one first: there a forgotten transpose and vectors added as they are run without an error
    for b, n, m, d in [(4, 4, 4, 4), (5, 3, 6, 2), (5, 4, 1, 4)]:
        yield tuple(torch.randn(shape, generator=generator) for shape in [(b, n), (b, m), (d, n), (d, m)])


@exercise(
    "why_multimodal.4",
    "Adding what does not fit",
    task=r"A text is a vector of $n$ numbers, a face one of $m$; both letters are widths here. The vectors cannot be "
    r"added, but their projections can. Write $e_g = W_t e_t + W_f e_f$ for a batch. The examples stand in the rows.",
    minutes=5,
    difficulty=1,
    hints=(
        "Write the shapes side by side: (B, n) and (D, n). Which axis has to disappear?",
        "With examples in rows, $W e$ becomes `e @ W.T`: (B, n) times (n, D).",
    ),
    cases=_vectors_and_matrices,
    answer="the fused vectors",
    passed="Right for any widths, those of one number included. The same comes from a concatenation, "
    "[W_t W_f][e_t; e_f]: an addition of projections is a linear layer behind a concatenation.",
)
def add_projected(text: Tensor, face: Tensor, W_text: Tensor, W_face: Tensor) -> Tensor:
    """Sum of two projections: vectors (B, n), (B, m) and matrices (D, n), (D, m) -> (B, D).

    >>> text, face = torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0]])
    >>> add_projected(text, face, torch.eye(2), torch.tensor([[10.0], [0.0]]))
    tensor([[51., 2.]])
    """
    # BEGIN SOLUTION
    return text @ W_text.T + face @ W_face.T  # (B, D)
    # END SOLUTION


def _fused_in_parts(text, face, W_text, W_face, project=lambda e, W: e @ W.T, join=torch.add) -> Tensor:
    return join(project(text, W_text), project(face, W_face))


mistakes(
    add_projected,
    "You added the vectors themselves, whole, cut or padded: number 3 of a text and number 3 of a face have nothing to "
    "do with each other. Project each with its own W first.",
    lambda text, face, *matrices: text + face,
    "You multiplied by W: examples stand in rows, so $W e$ is `e @ W.T`.",
    dict(project=torch.matmul),
    "You multiplied the texts by W_text: examples stand in rows, so $W e$ is `e @ W.T`.",
    lambda solve, text, face, W_text, W_face: solve(text, face, W_text.T, W_face),
    "You multiplied the faces by W_face: examples stand in rows, so $W e$ is `e @ W.T`.",
    lambda solve, text, face, W_text, W_face: solve(text, face, W_text, W_face.T),
    "You swapped the matrices: W_text belongs to the texts.",
    lambda solve, text, face, W_text, W_face: solve(text, face, W_face, W_text),
    "Your examples stand in columns, (D, B): transpose the result.",
    lambda solve, *case: solve(*case).T,
    "You took the mean of the projections: add them.",
    lambda solve, *case: solve(*case) / 2,
    "You wrote the projections one after the other, which is a concatenation of 2 D numbers: add them.",
    dict(join=lambda a, b: torch.cat([a, b], 1)),
    "You wrote the vectors one after the other, which is a concatenation: project each, then add.",
    lambda text, face, *matrices: torch.cat([text, face], 1),
    "You multiplied the projections: that is another fusion, add them here.",
    dict(join=torch.mul),
    "The faces are missing.",
    dict(join=lambda a, b: a),
    "The texts are missing.",
    dict(join=lambda a, b: b),
    "You added the vectors first and projected the sum: each modality has a matrix of its own.",
    lambda text, face, W_text, W_face: (text + face) @ W_text.T,
    base=_fused_in_parts,
)


VERDICT = "You returned the verdict: return the sum itself, before it is compared with 0."
NEIGHBOURS = "Two remarks of one kind get different scores: a score depends on its own t and m alone."
MULTIPLIED = (
    "You multiplied t with m, or compared them: that solves it, and it is what no sum can do. Here each modality has a "
    "score of its own, a(t) + b(m)."
)
NO_SUM = (
    "Your score is not a sum a(t) + b(m): what m adds to it depends on t. For a sum, the scores of (1, 1) and (-1, -1) "
    "add up to those of (1, -1) and (-1, 1)."
)
REVERSED = "One of four is right: sarcastic is where t and m differ. With b(-m) in place of b(m) you have three."
CONSTANT = "Two of four: you say the same of all remarks, which is a coin's accuracy. More is possible."
WORDS_ALONE = (
    "Two of four: what is meant never changes your verdict, and a single modality is a coin. More is possible."
)
MEANT_ALONE = "Two of four: the words never change your verdict, and a single modality is a coin. More is possible."


def _check_sum(trial: Trial, generator: torch.Generator) -> None:
    kind = torch.cat([torch.arange(4), torch.randint(4, (28,), generator=generator)])
    kind = kind[torch.randperm(32, generator=generator)]
    t, m = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])[kind].T
    value = trial(t, m)
    if getattr(value, "dtype", None) is torch.bool:
        raise Wrong(VERDICT)
    value = as_answer(value, "the scores")
    if value.shape != t.shape:
        raise Wrong(
            f"The shape of your scores is {tuple(value.shape)}, expected {tuple(t.shape)}: one for each remark."
        )
    value = value / value.abs().max().clamp(min=1e-30)  # so that a small product is found as well as a large one
    score = torch.stack([value[kind == k][0] for k in range(4)])  # of (1, 1), (1, -1), (-1, 1), (-1, -1)
    if not same(value, score[kind]):
        raise Wrong(NEIGHBOURS)
    praise_good, praise_bad, blame_good, blame_bad = score
    if not same(praise_good + blame_bad, praise_bad + blame_good):
        alike = same(praise_good, blame_bad) and same(praise_bad, blame_good)
        raise Wrong(MULTIPLIED if alike else NO_SUM)
    verdict = (score > 0).tolist()
    right = sum(v == sarcastic for v, sarcastic in zip(verdict, (False, True, True, False)))
    if right < 2:
        raise Wrong(REVERSED)
    if right == 2:
        raise Wrong(CONSTANT if len(set(verdict)) == 1 else WORDS_ALONE if verdict[0] == verdict[1] else MEANT_ALONE)


@exercise(
    "why_multimodal.5",
    "How far a sum gets",
    task=r"Let what is meant be known without noise. There are four kinds of remarks, $t = \pm 1$ with $m = \pm 1$, "
    r"two of them sarcastic. Each modality gets a score of its own, $a$ or $b$. The verdict is 'sarcastic' if "
    "$a(t) + b(m) > 0$. Choose $a$ and $b$ so that as many kinds as possible are judged right, and return the sum. "
    "$t$ times $m$ is not a sum.",
    minutes=8,
    difficulty=2,
    hints=(
        "Draw the four kinds as the corners of a square, the sarcastic ones as dots and the others as circles. Where "
        "would you put a straight line?",
        "A line with two corners on either side leaves two on the wrong side. Move it until it cuts off one corner: a "
        "constant belongs to $a$ or to $b$.",
    ),
    checker=_check_sum,
    answer="the scores",
    passed="Three of four, and no sum gets all: the scores of the two sincere kinds add up to "
    "a(1) + b(1) + a(-1) + b(-1), and so do those of the two sarcastic kinds. They cannot be below 0 in one pair "
    "and above 0 in the other. A sum that learns probabilities does not even get here: it ends at 1/2 for all four.",
)
def add_up(valence: Tensor, meant: Tensor) -> Tensor:
    """a(t) + b(m), above 0 for 'sarcastic': t and m in {-1, 1}, (B,) each -> (B,) scores.

    >>> add_up(torch.tensor([1.0, -1.0]), torch.tensor([1.0, -1.0])).shape
    torch.Size([2])
    """
    # BEGIN SOLUTION
    return valence - meant - 1
    # END SOLUTION


mistakes(  # many sums are right, so the check tests for each of these by its properties
    add_up,
    MULTIPLIED,
    lambda t, m: -t * m,
    lambda t, m: (t - m).abs(),
    NO_SUM,
    lambda t, m: t - m - t * m,
    lambda t, m: torch.maximum(t, -m),
    VERDICT,
    lambda t, m: t > m,
    CONSTANT,
    lambda t, m: 0 * t,
    lambda t, m: t - m + 5,
    WORDS_ALONE,
    lambda t, m: 2 * t - m,
    MEANT_ALONE,
    lambda t, m: -m,
    REVERSED,
    lambda t, m: t + m,
    lambda t, m: m - t + 1,
    NEIGHBOURS,
    lambda t, m: (t - m - 1).cumsum(0),
)
