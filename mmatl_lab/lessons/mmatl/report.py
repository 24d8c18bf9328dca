"""The verdict: one row for each claim of the note, with the number that decides it and its 95 % interval over seeds.

Where a claim is a difference, the words follow from its interval: *holds* if it lies above 0, *does not hold* if it
lies below, *not shown* if it includes 0.
"""

from typing import TYPE_CHECKING, NamedTuple

from mmatl_lab.metrics.intervals import student
from mmatl_lab.training import paired
from mmatl_lab.viz.tables import Table

from . import robustness, study, transfer
from .tasks import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

HOLDS, FAILS, OPEN = "holds", "does not hold", "not shown"
CONTINUOUS = "reversal_mmd_continuous"


class Claim(NamedTuple):
    """One row.

    Attributes:
        text: what the note says. verdict: in a word, or a condition. measured: what the number is.
        mean, low, high: the number, and its interval.
    """

    text: str
    verdict: str
    measured: str
    mean: float
    low: float
    high: float

    def row(self) -> tuple[str, ...]:
        sign = "+" if "minus" in self.measured else ""
        interval = f"[{self.low:{sign}.3f}, {self.high:{sign}.3f}]" if self.low < self.high else "(one seed)"
        number = f"{self.mean:{sign}.3f} {interval}"
        return self.text, self.verdict, self.measured, number


def decided(difference: "Difference") -> str:
    """The word for a difference that the claim says is above 0."""
    if not difference.shown:
        return OPEN
    return HOLDS if difference.low > 0 else FAILS


def verdicts() -> Table:
    """All claims, from the studies that the package carries."""
    claims = [
        *alignment(study.results()),
        *transferred(transfer.results()),
        *robust(robustness.results()),
    ]
    return Table(("the note says", "verdict", "measured", "number [95 %]"), [claim.row() for claim in claims])


def alignment(frame: "DataFrame") -> list[Claim]:
    """The printed game, the well-posed one for two and for five modalities, what it does to the task, and the uses."""

    def probe(data: str, method: str) -> tuple[float, float, float]:
        return _mean(study.values(frame, data, method, "probe"))

    printed, continuous, binary = (probe("scenes2", m) for m in ("printed", CONTINUOUS, study.BEST))
    before, task_alone = (probe("scenes2", m) for m in ("none_continuous", "none"))
    apart, five, bound = (
        probe("scenes5", "none"),
        probe("scenes5", study.BEST),
        1 / len(DATA["scenes5"].modalities) + 0.1,
    )
    learnt = study.gain(frame, "scenes2", "printed", "none_continuous", "accuracy")
    removed = study.gain(frame, "digits", "none", study.BEST, "probe")
    cost = study.gain(frame, "digits", study.BEST, "none", "accuracy")
    claims = [
        Claim("its two alignment losses align the modalities", FAILS if printed[1] > 0.6 else HOLDS,
              "as printed: fresh probe (chance .5)", *printed),
        Claim("all parts are jointly optimised", decided(learnt),
              "as printed: task accuracy minus that without alignment", *learnt[:3]),
        Claim("latent spaces become modality-agnostic", "holds in part" if binary[0] <= 0.6 else FAILS,
              f"binary codes, aligned: fresh probe (not aligned {task_alone[0]:.2f})", *binary),
        Claim("the same, for continuous codes", "holds in part" if continuous[2] < before[1] else OPEN,
              f"continuous codes, aligned: fresh probe (not aligned {before[0]:.2f})", *continuous),
        Claim("the adversary hides what the task leaves", decided(removed),
              "digits: probe not aligned minus aligned", *removed[:3]),
        Claim("more than two modalities are future work", "holds for five, too" if five[2] < bound else OPEN,
              f"five modalities, aligned: fresh probe (not aligned {apart[0]:.2f})", *five),
        Claim("alignment gives better generalisation", decided(cost),
              "digits: accuracy aligned minus not aligned", *cost[:3]),
    ]  # fmt: skip
    if len(study.shared(frame, "scenes5", *study.COMPARED)) > 1:
        uses = study.gain(frame, "scenes5", study.BEST, "none", "retrieval")
        measured = "five modalities: retrieval aligned minus not aligned"
        claims.append(Claim("it serves retrieval across modalities", decided(uses), measured, *uses[:3]))
    return claims


def transferred(frame: "DataFrame") -> list[Claim]:
    """Labels in one modality, a test in another: without pairs and with them."""
    without, pairs = (transfer.gain(frame, "digits", m) for m in ("adversarial", "contrast"))
    both = transfer.gain(frame, "digits", "contrast_adversarial", "contrast")
    whole = {"data": "digits", "labelled": "both", "labels": transfer.MOST}
    alone = paired(frame, "target", whole | {"method": "adversarial"}, whole | {"method": "none"})
    text = "knowledge is transferred between modalities"
    return [
        Claim(text, decided(without), "digits, adversarial without pairs minus no alignment", *without[:3]),
        Claim(text, "holds if pairs are given" if decided(pairs) == HOLDS else decided(pairs),
              "digits, contrastive with pairs minus no alignment", *pairs[:3]),
        Claim("a missing modality costs less", decided(alone), "digits, picture missing, aligned minus not aligned",
              *alone[:3]),
        Claim("the adversary adds to pairs", decided(both), "digits, both minus contrastive alone", *both[:3]),
    ]  # fmt: skip


def robust(frame: "DataFrame") -> list[Claim]:
    """Noise and attacks: the task discriminator, and training on attacked inputs."""
    attack = f"pgd_both@{robustness.halving(frame)}"
    noise = f"noise@{robustness.SIGMAS[1]}"
    rows = (
        ("the task discriminator makes the model robust to noise", "D_t, conditional", noise, "conditional_gan"),
        ("the task discriminator makes it robust to attacks", "D_t, conditional", attack, "conditional_gan"),
        ("as printed, the task discriminator does so", "D_t as printed", attack, "printed"),
        ("(another mechanism) training on attacked inputs does", "PGD training", attack, "pgd"),
        ("… at no cost on clean inputs", "PGD training, clean", "clean_fused", "pgd"),
    )
    claims = []
    for text, title, metric, variant in rows:
        gain = robustness.gain(frame, metric, variant)
        claims.append(Claim(text, decided(gain), f"digits, {title} minus none", *gain[:3]))
    return claims


def _mean(values: "Sequence[float]") -> tuple[float, float, float]:
    """The mean and Student's interval, which is a point where there is one seed."""
    return (sum(values) / len(values), *(student(values) if len(values) > 1 else values * 2))
