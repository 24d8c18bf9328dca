"""Errata of the code guide."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip import INITIAL_TEMPERATURE, MAX_LOGIT_SCALE, clip_loss
from .cone import NUM_SEEDS, dependences, learn, lost_side, starts, summarise
from .ledger import Dependence, Measured, erratum, percent

CODE = "The guide prints code; the formula is what this code computes."
LABELS = {
    "largest_failing_temperature": "largest τ that overflows in float32",
    "largest_failing_temperature_float16": "largest τ that overflows in float16",
    "finite_share_of_temperatures": "finite loss (share of 2,001 τ from 1 to .0001)",
    "image_to_text": "image → text accuracy (share of images)",
    "text_to_image": "text → image accuracy (share of texts)",
    "share_that_crosses": "τ crosses zero (share of runs)",
    "smallest_temperature": "smallest τ (mean over the runs)",
    "last_loss": "last loss (nats)",
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
    document="guide",
    title="The guide's contrastive loss takes exponentials before their logarithm: at τ ≤ .011 float32 overflows.",
    printed=r"\ell_i = s_{ii} - \log\Big(\sum_j \exp(s_{ij})\Big), \quad s = S/\tau",
    right=r"\ell_i = s_{ii} - \Big(m_i + \log \sum_j e^{s_{ij} - m_i}\Big), \quad m_i = \max_j s_{ij}",
    symbols=r"$S_{ij}$ is the cosine similarity of text $i$ and image $j$, $s$ the same divided by the temperature "
    r"$\tau$, $\ell_i$ the loss of text $i$, and $m_i$ the largest $s_{ij}$ of text $i$.",
    quoted=CODE,
    source="any stable log-sum-exp; Radford et al. 2021, arXiv:2103.00020, section 2.5, keeps $1/\\tau$ at most 100",
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
    document="guide",
    title="The guide learns the temperature as it is: a step can take it through zero, and pairs are pushed apart.",
    printed=r"s = S / \tau, \quad \tau \leftarrow \tau - \eta\, \partial L/\partial\tau",
    right=r"s = e^a S, \quad a \leftarrow \min(a - \eta\, \partial L/\partial a,\; \ln 100)",
    symbols=r"$S$ are the cosine similarities, $s$ the logits, $\tau$ the temperature, $a = \ln 1/\tau$ the parameter "
    r"that is learned instead, $L$ the loss, and $\eta$ the learning rate. The limit $\ln 100$ is applied to the "
    "parameter after the step: inside the loss it would take the gradient away.",
    source="Radford et al. 2021, arXiv:2103.00020, sections 2.3 and 2.5",
    quoted=CODE + " Which optimizer moves τ, and at which rate, it does not say.",
)
def raw_temperature(seed: int = 0) -> Measured:
    """64 pairs of free vectors from a cone, both sides and the temperature learned by Adam from τ = .07; five seeds.
    Both forms use the stable loss in both directions, so that only the parameter differs.
    The limit of log 1/τ is applied after each step, as in :meth:`mmatl_lab.models.CLIP.after_update`.

    Adam moves τ by up to its rate in every step, so whether a step can pass zero depends on the rate: the numbers are
    those of .02, the rate of the vectors, and the other rates stand beside them.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, crossed = _learn_temperature(seeds, raw=True)
    right, kept = _learn_temperature(seeds, raw=False)
    depends = Dependence("rate of Adam for τ", "share_that_crosses", RATES, crossed, kept)
    sentence = (
        f"Learned as it is at a rate of {RATE:g}, τ falls through zero in {percent(printed['share_that_crosses'])} of "
        f"the runs, and the pairs end with R@1 {percent(printed['image_to_text'])} at a loss of "
        f"{printed['last_loss']:.2f}, where guessing costs {math.log(64):.2f}: the loss hides it. Learned as "
        f"log 1/τ it crosses in {percent(right['share_that_crosses'])}, R@1 {percent(right['image_to_text'])}."
    )
    return Measured(printed, right, sentence, LABELS, (depends,))


def _learn_temperature(seeds: range, raw: bool) -> tuple[dict[str, float], tuple[float, ...]]:
    """What becomes of the pairs and of τ at `RATE`, and the share of the runs that cross zero at each of `RATES`."""

    def loss(image: Tensor, text: Tensor, parameter: Tensor) -> Tensor:
        if not raw:
            return clip_loss(image, text, parameter)
        logits, target = image @ text.T / parameter, torch.arange(len(image))
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    image, text = (side.repeat(len(RATES), 1, 1) for side in starts(seeds))
    first = torch.full([len(image)], INITIAL_TEMPERATURE if raw else -math.log(INITIAL_TEMPERATURE))
    rates = torch.tensor(RATES).repeat_interleave(NUM_SEEDS)
    end = learn(loss, image, text, first, rates=rates, most=None if raw else MAX_LOGIT_SCALE)
    smallest = (end.number if raw else (-end.number).exp()).min(0).values
    runs = [{"image_to_text": recall.i2t, "share_that_crosses": float(low <= 0), "smallest_temperature": low.item(),
             "last_loss": last.item()}
            for recall, low, last in zip(end.recall, smallest, end.loss[-1], strict=True)]  # fmt: skip
    own = NUM_SEEDS * RATES.index(RATE)
    crossed = (smallest <= 0).float().view(len(RATES), -1).mean(1)
    return summarise(runs[own : own + NUM_SEEDS]), tuple(round(share, 6) for share in crossed.tolist())


@erratum(
    "contrastive-one-sided",
    document="guide",
    title="The guide's contrastive loss is one half: texts find their images, and images need not find their texts.",
    printed=r"L = -\frac1N \sum_i \Big(s_{ii} - \log \sum_j e^{s_{ij}}\Big), \quad s_{ij} = v_i \cdot u_j / \tau",
    right=r"L = -\frac{1}{2N} \sum_i \Big(2 s_{ii} - \log \sum_j e^{s_{ij}} - \log \sum_j e^{s_{ji}}\Big)",
    symbols=r"$v_i$ is the unit vector of text $i$, $u_j$ that of image $j$, $s_{ij}$ their logit, $\tau$ the "
    r"temperature, $N$ the number of pairs in the batch, and $L$ the loss.",
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
    printed, right = (summarise([{"text_to_image": run.i2t, "image_to_text": run.t2i} for run in runs[form]])
                      for form in ("printed", "right"))  # fmt: skip
    sentence = (
        f"Trained with the printed loss, {percent(printed['text_to_image'])} of the texts find their image and "
        f"{percent(printed['image_to_text'])} of the images their text; with both directions "
        f"{percent(right['text_to_image'])} and {percent(right['image_to_text'])} (64 pairs, images frozen)."
    )
    return Measured(printed, right, sentence, LABELS, dependences("image_to_text", "images", shares, seeds))
