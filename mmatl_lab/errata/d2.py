"""Errata of D2, the code guide."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip import INITIAL_TEMPERATURE, MAX_LOGIT_SCALE, clip_loss
from .cone import NUM_SEEDS, dependences, learn, lost_side, starts, summarise
from .ledger import Dependence, Measured, erratum, percent

CODE = "The document prints this as code; the formula is what the code computes."
LABELS = {
    "largest_failing_temperature": "largest τ that overflows, float32",
    "largest_failing_temperature_float16": "largest τ that overflows, float16",
    "finite_share_of_temperatures": "share of τ from 1 to .0001 with a finite loss",
    "i2t_accuracy": "image → text accuracy",
    "t2i_accuracy": "text → image accuracy",
    "crossed_zero": "share of runs in which τ crosses zero",
    "smallest_temperature": "smallest τ",
    "last_loss": "last loss",
}
RATE = 0.02  # Adam's for τ
RATES = (0.002, 0.005, 0.01, 0.015, RATE, 0.05)


def printed_contrastive_loss(similarity: Tensor, labels: Tensor) -> Tensor:
    """The loss as printed: exponentials, their sum, then its logarithm; text i among the images. (B, B) -> scalar."""
    positive = labels[:, None] == labels[None, :]
    log_prob = similarity - similarity.exp().sum(dim=1, keepdim=True).log()
    return -((log_prob * positive).sum(dim=1) / positive.sum(dim=1)).mean()


@erratum(
    "clip-exp-overflow",
    document="D2",
    title="The contrastive loss takes exponentials before their logarithm: at τ ≤ .011 float32 overflows.",
    printed=r"\ell_i = s_{ii} - \log\Big(\sum_j \exp(s_{ij})\Big), \quad s = S/\tau",
    right=r"\ell_i = s_{ii} - \Big(m_i + \log \sum_j e^{s_{ij} - m_i}\Big), \quad m_i = \max_j s_{ij}",
    quoted=CODE,
    source="any stable log-sum-exp; the clamp of the scale at 100: Radford et al. 2021, arXiv:2103.00020, section 2.5",
)
def exp_overflow(seed: int = 0) -> Measured:
    """Eight pairs that match exactly, the case that training aims at. The largest float32 is e^88.7, so 1/τ may not
    exceed 88.7, and the largest float16 is e^11.1, so there τ = .07, where CLIP starts, is too small already.
    """
    generator = torch.Generator().manual_seed(seed)
    image = F.normalize(torch.randn(8, 16, generator=generator), dim=1)
    labels = torch.arange(8)
    taus = torch.logspace(0, -4, 2001)  # 1 to .0001

    def as_printed(tau: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return printed_contrastive_loss((image @ image.T / tau).to(dtype), labels)

    def as_it_should_be(tau: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return clip_loss(image.to(dtype), image.to(dtype), -tau.log())

    numbers = {}
    for form, loss in (("printed", as_printed), ("right", as_it_should_be)):
        failing = [tau.item() for tau in taus if not loss(tau).isfinite()]
        halves = [tau.item() for tau in taus if not loss(tau, torch.float16).isfinite()]
        numbers[form] = {
            "largest_failing_temperature": max(failing, default=0.0),
            "largest_failing_temperature_float16": max(halves, default=0.0),
            "finite_share_of_temperatures": 1 - len(failing) / len(taus),
        }
    at = torch.tensor(0.01)
    sentence = (
        f"At τ = .01, where CLIP ends, the printed loss is {as_printed(at).item()} and the right one "
        f"{as_it_should_be(at).item():.3f}. The printed one fails from τ = "
        f"{numbers['printed']['largest_failing_temperature']:.4f} down (float16: from "
        f"{numbers['printed']['largest_failing_temperature_float16']:.3f}), the right one at none down to .0001."
    )
    return Measured(
        numbers["printed"], numbers["right"], sentence, LABELS, (_finite_at_temperatures(), _finite_when_apart())
    )


TEMPERATURES = (0.1, 0.07, 0.02, 0.012, 0.011, 0.005)
SIMILARITIES = (0.2, 0.5, 0.8, 0.9, 1.0)


def _finite(similarity: float, tau: float) -> tuple[float, float]:
    """Whether each loss is finite, 1 or 0, for eight pairs of the same similarity and none with the others."""
    image = torch.eye(16)[:8]
    text = similarity * image + math.sqrt(1 - similarity**2) * torch.eye(16)[8:]
    tau = torch.tensor(tau)
    losses = printed_contrastive_loss(text @ image.T / tau, torch.arange(8)), clip_loss(image, text, -tau.log())
    return tuple(float(loss.isfinite()) for loss in losses)


def _finite_at_temperatures() -> Dependence:
    printed, right = zip(*(_finite(1.0, tau) for tau in TEMPERATURES), strict=True)
    return Dependence("temperature τ", "loss is finite, float32, pairs that match", TEMPERATURES, printed, right)


def _finite_when_apart() -> Dependence:
    printed, right = zip(*(_finite(similarity, 0.01) for similarity in SIMILARITIES), strict=True)
    return Dependence("similarity of the pairs", "loss is finite, float32, τ = .01", SIMILARITIES, printed, right)


@erratum(
    "clip-raw-temperature",
    document="D2",
    title="The temperature is learned as it is: a step can take it through zero, and then the loss wants pairs apart.",
    printed=r"s = S / \tau, \quad \tau \leftarrow \tau - \eta\, \partial L/\partial\tau",
    right=r"s = e^a S, \quad a = \log 1/\tau \le \ln 100, \quad a \leftarrow a - \eta\, \partial L/\partial a",
    source="Radford et al. 2021, arXiv:2103.00020, sections 2.3 and 2.5",
    quoted=CODE + " Which optimizer moves τ, and at which rate, it does not say.",
)
def raw_temperature(seed: int = 0) -> Measured:
    """64 pairs of free vectors from a cone, both sides and the temperature learned by Adam from τ = .07; five seeds.
    Both forms use the stable loss in both directions, so that only the parameter differs.

    Adam moves τ by up to its rate in every step, so whether a step can pass zero depends on the rate: the numbers are
    those of .02, the rate of the vectors, and the other rates stand beside them.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, crossed = _learn_temperature(seeds, raw=True)
    right, kept = _learn_temperature(seeds, raw=False)
    depends = Dependence("rate of Adam for τ", "crossed_zero", RATES, crossed, kept)
    sentence = (
        f"Learned as it is at a rate of {RATE:g}, τ falls through zero in {percent(printed['crossed_zero'])} of the "
        f"runs, and the pairs end with R@1 {percent(printed['i2t_accuracy'])} at a loss of {printed['last_loss']:.2f}, "
        f"where guessing costs {math.log(64):.2f}: the loss hides it. Learned as log 1/τ it crosses in "
        f"{percent(right['crossed_zero'])}, R@1 {percent(right['i2t_accuracy'])}."
    )
    return Measured(printed, right, sentence, LABELS, (depends,))


def _learn_temperature(seeds: range, raw: bool) -> tuple[dict[str, float], tuple[float, ...]]:
    """What becomes of the pairs and of τ at `RATE`, and the share of the runs that cross zero at each of `RATES`."""

    def loss(image: Tensor, text: Tensor, parameter: Tensor) -> Tensor:
        if not raw:
            return clip_loss(image, text, parameter.clamp(max=MAX_LOGIT_SCALE))
        logits, target = image @ text.T / parameter, torch.arange(len(image))
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    image, text = (side.repeat(len(RATES), 1, 1) for side in starts(seeds))
    first = torch.full([len(image)], INITIAL_TEMPERATURE if raw else -math.log(INITIAL_TEMPERATURE))
    end = learn(loss, image, text, first, rates=torch.tensor(RATES).repeat_interleave(NUM_SEEDS))
    smallest = (end.number if raw else (-end.number.clamp(max=MAX_LOGIT_SCALE)).exp()).min(0).values
    runs = [{"i2t_accuracy": recall.i2t, "crossed_zero": float(low <= 0), "smallest_temperature": low.item(),
             "last_loss": last.item()}
            for recall, low, last in zip(end.recall, smallest, end.loss[-1], strict=True)]  # fmt: skip
    own = NUM_SEEDS * RATES.index(RATE)
    crossed = (smallest <= 0).float().view(len(RATES), -1).mean(1)
    return summarise(runs[own : own + NUM_SEEDS]), tuple(round(share, 6) for share in crossed.tolist())


@erratum(
    "contrastive-one-sided",
    document="D2",
    title="The contrastive loss classifies the image of each text only: texts find images, images need not find texts.",
    printed=r"L = -\frac1N \sum_i \Big(s_{ii} - \log \sum_j e^{s_{ij}}\Big), \quad s_{ij} = v_i \cdot u_j / \tau",
    right=r"L = -\frac{1}{2N} \sum_i \Big(2 s_{ii} - \log \sum_j e^{s_{ij}} - \log \sum_j e^{s_{ji}}\Big)",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3",
    quoted=CODE,
)
def one_direction(seed: int = 0) -> Measured:
    """The mirror of `clip-one-sided`: here the images lie in a cone and are frozen, and the texts learn. The sum is
    taken in the stable form, so that only the missing direction differs. τ = .01; five seeds.
    """
    # `lost_side` calls what moves 'image': here that is the text, so its directions are read the other way
    seeds = range(seed, seed + NUM_SEEDS)
    losses = {
        "printed": lambda text, image, tau: F.cross_entropy(text @ image.T / tau, torch.arange(len(text))),
        "right": lambda text, image, tau: clip_loss(image, text, -tau.log()),
    }
    runs, shares = lost_side(losses, seeds)
    printed, right = (summarise([{"t2i_accuracy": run.i2t, "i2t_accuracy": run.t2i} for run in runs[form]])
                      for form in ("printed", "right"))  # fmt: skip
    sentence = (
        f"Trained with the printed loss, {percent(printed['t2i_accuracy'])} of the texts find their image and "
        f"{percent(printed['i2t_accuracy'])} of the images their text; with both directions "
        f"{percent(right['t2i_accuracy'])} and {percent(right['i2t_accuracy'])} (64 pairs, images frozen)."
    )
    return Measured(printed, right, sentence, LABELS, dependences("i2t_accuracy", "images", shares, seeds))
