"""Errata of the MLA read-me: its commands, and five places where the code that it stands with leaves the paper."""

import argparse
import shlex

import torch
from torch import Tensor, nn

from ..models.balanced.fusion import dynamic_fusion
from ..models.balanced.projection import RELEASED_GUARD, GradientModification
from .cone import NUM_SEEDS, summarise
from .fusion import views_of
from .ledger import Dependence, Measured, erratum, percent

QUOTED = "The read-me prints commands. The formula is what the code computes that they start, as it was released."
PAPER = "Zhang et al. 2024, arXiv:2311.10707, section 3.2"
ALPHA, DIM = 0.1, 32
LABELS = {
    "commands_that_run": "commands that run (share of 7)",
    "gain_along_seen": "what is left of a gradient along a seen direction (share)",
    "gain_along_unseen": "what is left of a gradient along an unseen direction (share)",
    "asymmetry": "asymmetry of P, ‖P − Pᵀ‖ / ‖P‖ (0 to 2)",
    "accuracy": "accuracy (share of examples)",
}

# The commands

COMMON = "python main.py --train --ckpt_path ckpt --gpu_ids 0 --batch_size 64"
END = "--epochs 100 --dataset"
COMMANDS = (  # as printed, and with the names that the program knows
    (f"{COMMON} --lorb base --modulation Normal {END} CREMAD",) * 2,
    (
        f"{COMMON} --lorb base --modulation OGM (-GE) {END} CREMAD",
        f"{COMMON} --lorb base --modulation OGM_GE {END} CREMAD",
    ),
    (f"{COMMON} --lorb base --modulation QMF {END} CREMAD",) * 2,
    (f"{COMMON} --lorb base --modulation Normal {END} CREMAD --gs_flag",) * 2,
    (
        f"{COMMON} --lorb base --modulation Normal {END} CREMAD --gs_flag -dynamic",
        f"{COMMON} --lorb base --modulation Normal {END} CREMAD --gs_flag --dynamic",
    ),
    (
        f"{COMMON} --lorb m3ae --modulation Normal {END} Food101 (MVSA) --gs_flag -dynamic",
        f"{COMMON} --lorb m3ae --modulation Normal {END} Food101 --gs_flag --dynamic",
    ),
    (
        f"{COMMON} --lorb m3ae --modulation Normal {END} IEMOCAP --gs_flag -dynamic --modal3",
        f"{COMMON} --lorb m3ae --modulation Normal {END} IEMOCAP --gs_flag --dynamic --modal3",
    ),
)


def runs(command: str) -> bool:
    """Whether a shell passes a command on and the program's options take it: no training is started."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if any(set(word) <= set("();<>|&") for word in words):
        return False  # a bare parenthesis is a syntax error of the shell
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    for name in ("train", "gs_flag", "dynamic", "modal3"):
        parser.add_argument(f"--{name}", action="store_true")
    for name in ("ckpt_path", "gpu_ids", "lorb", "dataset"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--modulation", choices=["Normal", "OGM", "OGM_GE", "QMF"])
    for name in ("batch_size", "epochs"):
        parser.add_argument(f"--{name}", type=int)
    try:
        return not parser.parse_known_args(words[2:])[1]
    except argparse.ArgumentError:
        return False


@erratum(
    "mla-commands",
    document="readme",
    title="Four of the seven commands of the MLA read-me do not run as printed.",
    printed=r"\text{-dynamic}, \quad \text{OGM (-GE)}, \quad \text{Food101 (MVSA)}",
    right=r"\text{--dynamic}, \quad \text{OGM or OGM\_GE}, \quad \text{Food101 or MVSA}",
    symbols="the words are parts of the commands.",
    source="the options of the program itself; UPMC Food-101: Wang et al. 2015, doi:10.1109/ICMEW.2015.7169757",
    quoted="The seven commands are quoted. Each was split as a shell splits it and given to a parser with the options "
    "of main.py.",
    also="The read-me calls Food-101 and MVSA video-text data: both are pictures with texts.",
)
def commands(seed: int = 0) -> Measured:
    """A bare parenthesis is a syntax error of the shell, and -dynamic with one dash is no option of the program."""
    works = [[float(runs(command)) for command in forms] for forms in COMMANDS]
    printed, right = (sum(column) / len(COMMANDS) for column in zip(*works))
    sentence = f"As printed, {percent(printed)} of the commands run; with its own option names, {percent(right)}."
    places = tuple(range(1, 1 + len(COMMANDS)))
    depends = Dependence("place in the read-me", "commands_that_run", places, *(tuple(x) for x in zip(*works)))
    return Measured({"commands_that_run": printed}, {"commands_that_run": right}, sentence, LABELS, (depends,))


# The matrix P


def left_over(modification: GradientModification, directions: Tensor, *, name: str = "weight") -> float:
    """What ``project`` leaves of a gradient along each of these unit vectors (n, D), on average."""
    head = nn.Linear(directions.shape[1], len(directions), bias=False)
    if name != "weight":
        head = nn.ModuleDict({"module": head})  # as inside DataParallel
    (weight,) = head.parameters()
    weight.grad = directions.clone()
    modification.project(head)
    return ((weight.grad * directions).sum(1)).mean().item()


def features(num: int, dim: int, seed: int, length: float = 1.0) -> Tensor:
    """(num, D) vectors of one length at right angles to each other, as many as there is room for, by chance."""
    generator = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(dim, dim, generator=generator))
    return length * q[:num]


@erratum(
    "mla-guard",
    document="readme",
    title="The code of the MLA read-me asks for a parameter called 'module.weight': the gradient is never modified.",
    printed=r"\nabla W \leftarrow \nabla W P^\top \ \text{ if the name of } W \text{ is module.weight}",
    right=r"\nabla W \leftarrow \nabla W P^\top",
    symbols=r"$W$ is the weight of the shared head, $\nabla W$ its gradient, and $P$ the matrix that protects "
    r"what was seen; $\top$ transposes.",
    source=PAPER,
    quoted=QUOTED,
    released=True,
    also="The weight of a plain linear layer is called 'weight'. Inside DataParallel it is 'module.weight'.",
)
def guard(seed: int = 0) -> Measured:
    """P has taken in one direction. What is left of the gradient of a head whose weight is called 'weight'?"""
    seen = features(1, DIM, seed)

    def gain(name: str, guarded: bool) -> float:
        modification = GradientModification(DIM, guard=RELEASED_GUARD if guarded else name)
        modification.see(seen[0], ALPHA)
        return left_over(modification, seen, name=name)

    names = ("weight", RELEASED_GUARD)
    printed, right = ([gain(name, guarded) for name in names] for guarded in (True, False))
    sentence = (
        f"Of a gradient along a seen direction the guarded code leaves {percent(printed[0])}, without the guard "
        f"{percent(right[0])} is left: with a plain linear head the code trains MLA without its third part."
    )
    depends = Dependence("number of DataParallel wrappers", "gain_along_seen", (0, 1), tuple(printed), tuple(right))
    return Measured({"gain_along_seen": printed[0]}, {"gain_along_seen": right[0]}, sentence, LABELS, (depends,))


WIDTHS = (1, 4, 16, DIM, 64)
NUM_SEEN = 10


@erratum(
    "mla-denominator",
    document="readme",
    title="The code of the MLA read-me divides by a matrix where the paper has a number: P loses its symmetry.",
    printed=r"P \leftarrow P - \frac{k k^\top}{\alpha + k r^\top} \ \text{ entry by entry}, \quad k = P r",
    right=r"P \leftarrow P - \frac{k k^\top}{\alpha + r^\top P r}, \quad k = P r",
    symbols=r"$P$ is the matrix that protects what was seen, $r$ the mean of a batch's features, $k$ their product, "
    r"$\alpha$ a small positive number, and $\top$ transposes.",
    source=PAPER,
    quoted=QUOTED,
    released=True,
    also="An entry of the matrix near −α makes P explode; features of both signs can give one.",
)
def denominator(seed: int = 0) -> Measured:
    """P takes in one direction ten times, features of length 1 and both signs; 20 seeds. Both forms divide P by its
    norm afterwards, as the code does (see `mla-norm`): without it the printed form grows beyond bounds.
    """
    seeds = range(seed, seed + 4 * NUM_SEEDS)
    found = {
        form: [summarise([_seen_often(D, form, s) for s in seeds]) for D in WIDTHS] for form in ("outer", "scalar")
    }
    printed, right = (found[form][WIDTHS.index(DIM)] for form in found)
    sentence = (
        f"With D = {DIM}, {printed['gain_along_seen']:.3f} of a gradient along the seen direction is left with the "
        f"matrix below, {right['gain_along_seen']:.4f} with the number."
    )
    by_width = (tuple(x["gain_along_seen"] for x in found[form]) for form in found)
    depends = Dependence("number of features D", "gain_along_seen", WIDTHS, *by_width)
    return Measured(printed, right, sentence, LABELS, (depends,))


def _seen_often(D: int, form: str, seed: int) -> dict[str, float]:
    r = torch.randn(D, generator=torch.Generator().manual_seed(seed))
    r = r / r.norm()
    modification = GradientModification(D, denominator=form, normalise=True)
    for _ in range(NUM_SEEN):
        modification.see(r, ALPHA)
    P = modification.P
    return {"gain_along_seen": (P @ r).norm().item(), "asymmetry": ((P - P.T).norm() / P.norm()).item()}


@erratum(
    "mla-norm",
    document="readme",
    title="The code of the MLA read-me divides P by its norm: the shared head learns about √D times more slowly.",
    printed=r"P \leftarrow P / \|P\|_F",
    right=r"P \leftarrow P",
    symbols=r"$P$ is the matrix that protects what was seen, and $\|P\|_F$ the root of the sum of its squared entries; "
    r"for the identity of $D$ rows that is $\sqrt D$.",
    source=PAPER,
    quoted=QUOTED,
    released=True,
)
def normalised(seed: int = 0) -> Measured:
    """P takes in a tenth of the directions; a gradient at right angles to all of them should be left alone."""

    def gain(D: int, normalise: bool) -> float:
        axes = features(D, D, seed)
        modification = GradientModification(D, normalise=normalise)
        num_seen = D // 10
        for r in axes[:num_seen]:
            modification.see(r, ALPHA)
        if not num_seen:
            modification.see(torch.zeros(D), ALPHA)
        return left_over(modification, axes[num_seen:])

    printed, right = ([gain(D, normalise) for D in WIDTHS] for normalise in (True, False))
    place = WIDTHS.index(DIM)
    sentence = (
        f"With D = {DIM}, {percent(printed[place])} of a gradient along an unseen direction is left as released, and "
        "all of it as published."
    )
    depends = Dependence("number of features D", "gain_along_unseen", WIDTHS, tuple(printed), tuple(right))
    numbers = ({"gain_along_unseen": x[place]} for x in (printed, right))
    return Measured(*numbers, sentence, LABELS, (depends,))


LENGTHS = (0.0, 0.1, 0.3, 1.0, 3.0)


@erratum(
    "mla-order",
    document="readme",
    title="In the code of the MLA read-me P takes in a batch first, and then erases that batch's own direction.",
    printed=r"P \leftarrow P(r), \ \text{ then } \ \nabla W \leftarrow \nabla W P^\top",
    right=r"\nabla W \leftarrow \nabla W P^\top, \ \text{ then } \ P \leftarrow P(r)",
    symbols=r"$P$ is the matrix that protects what was seen, $P(r)$ what it becomes when it takes in $r$, the mean of "
    r"the batch's features, $\nabla W$ the gradient of the head on that batch, and $\top$ transposes.",
    source=PAPER,
    quoted=QUOTED,
    released=True,
)
def order(seed: int = 0) -> Measured:
    """The first batch of a training, along its own mean feature: nothing was seen before it that needs protection."""

    def gain(length: float, current: bool) -> float:
        modification = GradientModification(DIM)
        if current:
            modification.see(features(1, DIM, seed, length)[0], ALPHA)
        return left_over(modification, features(1, DIM, seed))

    printed, right = ([gain(length, current) for length in LENGTHS] for current in (True, False))
    place = LENGTHS.index(1.0)
    sentence = (
        f"Of the first batch's gradient along its own mean feature, {percent(printed[place])} is left as released, and "
        "all of it as published."
    )
    labels = LABELS | {"gain_along_own": "what is left of a batch's own direction (share)"}
    depends = Dependence("length of the mean feature", "gain_along_own", LENGTHS, tuple(printed), tuple(right))
    numbers = ({"gain_along_own": x[place]} for x in (printed, right))
    return Measured(*numbers, sentence, labels, (depends,))


# Dynamic weights

CLASSES, NOISES = 8, (0.5, 0.5)
SIZES = (1, 2, 4, 16, 64)


@erratum(
    "mla-entropy",
    document="readme",
    title="The code of the MLA read-me takes the entropy over the batch: all samples of a batch share one weight.",
    printed=r"e_m = -\sum_i \sum_c q_{ic} \log q_{ic}, \quad q_{ic} = \frac{\exp z_{ic}}{\sum_j \exp z_{jc}}",
    right=r"e_m = -\sum_c p_c \log p_c, \quad p_c = \frac{\exp z_c}{\sum_k \exp z_k}",
    symbols=r"$z$ are the logits of modality $m$ for a sample and a class $c$ or $k$; $i$ and $j$ are samples of the "
    r"batch. $e_m$ is the entropy behind the weight, $q$ sums to 1 over the batch, $p$ over the classes.",
    source="Zhang et al. 2024, arXiv:2311.10707, section 3.3",
    quoted=QUOTED,
    released=True,
)
def batch_entropy(seed: int = 0) -> Measured:
    """Two modalities of 8 classes and equal noise, with exact posteriors; five seeds, 20,032 samples in batches of 64.

    The summed entropies differ by many nats by chance, so nearly all weight goes to one modality.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    found = {per: [summarise([_fused(size, per, s) for s in seeds]) for size in SIZES] for per in ("batch", "sample")}
    printed, right = found["batch"][-1], found["sample"][-1]
    sentence = (
        f"With one weight a batch {percent(printed['accuracy'])} of the answers are right, with one a sample "
        f"{percent(right['accuracy'])}."
    )
    by_size = (tuple(x["accuracy"] for x in found[per]) for per in found)
    depends = Dependence("batch size", "accuracy", SIZES, *by_size)
    return Measured(printed, right, sentence, LABELS, (depends,))


def _fused(size: int, per: str, seed: int, num: int = 20_032) -> dict[str, float]:
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(CLASSES, (num,), generator=generator)
    z = torch.stack([x / s**2 for x, s in zip(views_of(label, NOISES, generator), NOISES)])  # (2, num, 8)
    fused = fused_by_batch(z, size) if per == "batch" else dynamic_fusion(z)
    return {"accuracy": (fused.argmax(1) == label).float().mean().item()}


def fused_by_batch(z: Tensor, size: int) -> Tensor:
    """`dynamic_fusion(z, per="batch")` of the batches of this size, all at once: (N, B, C) -> (B, C)."""
    parts = z.unflatten(1, (-1, size))  # (N, batches, size, C)
    log_q = parts.log_softmax(2)
    w = (log_q.exp() * log_q).sum((2, 3)).softmax(0)  # (N, batches)
    return (w[..., None, None] * parts).sum(0).flatten(0, 1)
