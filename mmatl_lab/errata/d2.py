"""Errata of D2, the code guide."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip import INITIAL_TEMPERATURE, MAX_LOGIT_SCALE, clip_loss
from .cone import NUM_SEEDS, learn, start, summarise
from .ledger import Measured, erratum, percent


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
    return Measured(numbers["printed"], numbers["right"], sentence)


@erratum(
    "clip-raw-temperature",
    document="D2",
    title="The temperature is learned as it is: a step can take it through zero, and then the loss wants pairs apart.",
    printed=r"s = S / \tau, \quad \tau \leftarrow \tau - \eta\, \partial L/\partial\tau",
    right=r"s = e^a S, \quad a = \log 1/\tau \le \ln 100, \quad a \leftarrow a - \eta\, \partial L/\partial a",
    source="Radford et al. 2021, arXiv:2103.00020, sections 2.3 and 2.5",
)
def raw_temperature(seed: int = 0) -> Measured:
    """64 pairs of free vectors from a cone, both sides and the temperature learned by Adam from τ = .07; five seeds.
    Both forms use the stable loss in both directions, so that only the parameter differs.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed = summarise([_learn_temperature(s, raw=True) for s in seeds])
    right = summarise([_learn_temperature(s, raw=False) for s in seeds])
    sentence = (
        f"Learned as it is, τ falls through zero in {percent(printed['crossed_zero'])} of the runs, and the pairs end "
        f"with R@1 {percent(printed['i2t_accuracy'])} at a loss of {printed['last_loss']:.2f}, where guessing costs "
        f"{math.log(64):.2f}: the loss hides it. Learned as log 1/τ it crosses in {percent(right['crossed_zero'])}, "
        f"R@1 {percent(right['i2t_accuracy'])}."
    )
    return Measured(printed, right, sentence)


def _learn_temperature(seed: int, raw: bool) -> dict[str, float]:
    parameter = torch.tensor(INITIAL_TEMPERATURE if raw else -math.log(INITIAL_TEMPERATURE)).requires_grad_()
    losses, taus = [], []

    def loss(image: Tensor, text: Tensor) -> Tensor:
        if raw:
            logits, target = image @ text.T / parameter, torch.arange(len(image))
            value = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        else:
            value = clip_loss(image, text, parameter.clamp(max=MAX_LOGIT_SCALE))
        losses.append(value.item())
        taus.append(parameter.item() if raw else math.exp(-min(parameter.item(), MAX_LOGIT_SCALE)))
        return value

    recall = learn(loss, *start(seed), parameter)
    return {"i2t_accuracy": recall.i2t, "crossed_zero": float(min(taus) <= 0), "smallest_temperature": min(taus),
            "last_loss": losses[-1]}  # fmt: skip


@erratum(
    "contrastive-one-sided",
    document="D2",
    title="The contrastive loss classifies the image of each text only: texts find images, images need not find texts.",
    printed=r"L = -\frac1N \sum_i \Big(s_{ii} - \log \sum_j e^{s_{ij}}\Big), \quad s_{ij} = v_i \cdot u_j / \tau",
    right=r"L = -\frac{1}{2N} \sum_i \Big(2 s_{ii} - \log \sum_j e^{s_{ij}} - \log \sum_j e^{s_{ji}}\Big)",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3",
)
def one_direction(seed: int = 0) -> Measured:
    """The mirror of `clip-one-sided`: here the images lie in a cone and are frozen, and the texts learn. The sum is
    taken in the stable form, so that only the missing direction differs. τ = .01; five seeds.
    """
    scale = torch.tensor(MAX_LOGIT_SCALE)
    forms = {
        "printed": lambda text, image: F.cross_entropy(scale.exp() * text @ image.T, torch.arange(len(text))),
        "right": lambda text, image: clip_loss(image, text, scale),
    }
    runs = {form: [learn(loss, *start(s), frozen_text=True) for s in range(seed, seed + NUM_SEEDS)]
            for form, loss in forms.items()}  # fmt: skip
    # `learn` names what moves 'image': here that is the text, so its directions are read the other way
    printed, right = (summarise([{"t2i_accuracy": run.i2t, "i2t_accuracy": run.t2i} for run in runs[form]])
                      for form in ("printed", "right"))  # fmt: skip
    sentence = (
        f"Trained with the printed loss, {percent(printed['t2i_accuracy'])} of the texts find their image and "
        f"{percent(printed['i2t_accuracy'])} of the images their text; with both directions "
        f"{percent(right['t2i_accuracy'])} and {percent(right['i2t_accuracy'])} (64 pairs, images frozen)."
    )
    return Measured(printed, right, sentence)
