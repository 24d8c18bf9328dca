r"""The tasks on which the fusions are compared, and the best accuracy that anyone could reach at each.

A modality is a row of numbers: the factors of a scene that it shows (`SHOWS` of the world's ceilings), each as a
one-hot code, with Gaussian noise. So an encoder is a few layers, a training takes a second, and the posterior is exact.

complementary   each modality shows a part of the answer: the colour is seen, the motion is heard and felt
xor             the sarcasm of lesson 01: the answer is whether words and tone disagree
swapped         all three show the shape, but in each example one modality is that of another scene. ``told``: a fourth
                input says which. Nothing in the modality itself can tell, since it is a proper one of its kind.
noisy           all three show the shape, and in each example one is drowned in noise. Nobody says which, but it shows
                in the modality itself: whoever is told is hardly better.
missing         all three show the shape, and in the test one of them is not there
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.seeding import seeded
from mmatl_lab.world.ceilings import FACTORS as ALL_FACTORS
from mmatl_lab.world.ceilings import SHOWS, Estimate, expected_accuracy
from mmatl_lab.world.sarcasm import MODALITIES, NOISE, WORDS, sample_utterances
from mmatl_lab.world.sarcasm import ceiling as sarcasm_ceiling

FACTORS = {name: ALL_FACTORS[name] for name in ("shape", "colour", "size", "motion")}  # where it stands plays no part
EVALUATION_SEED, VALIDATION_SEED = 90_220, 90_221  # of what is scored, and of what choices are made on
NUM_TEST, NUM_VALIDATION = 20_000, 4_000
SHAPE_VIEWS = ("image", "text", "audio")  # the three that show the shape
COMPLEMENTARY_NOISE = {"image": 0.35, "audio": 0.45, "sensor": 0.45}
SWAPPED_NOISE, MISSING_NOISE = 0.5, 0.6
CLEAR, DROWNED = 0.5, 2.0  # noise of the task noisy


class Batch(NamedTuple):
    inputs: dict[str, Tensor]  # by modality, (B, n_m)
    label: Tensor  # (B,) int64
    present: Tensor  # (B, M) bool


@dataclass(frozen=True)
class Task:
    """A question to several modalities.

    Attributes:
        name, title: of the task. dims: $n_m$ of each modality. num_classes: C.
        draw: ``draw(n, generator=...)`` -> Batch, fresh examples.
        posterior: (Batch, names of modalities) -> (B, C), exact; None where it is known in closed form, or not at all.
        held_out: gives what is scored, where it is not drawn as the training examples are.
        trial: gives the task of ``for_choices``, where it trains on fewer examples than this one.
    """

    name: str
    title: str
    dims: Mapping[str, int]
    num_classes: int
    draw: Callable[..., Batch]
    posterior: Callable[[Batch, tuple[str, ...]], Tensor] | None = None
    held_out: Callable[[], Batch] | None = None
    trial: Callable[[], "Task"] | None = None

    @property
    def chance(self) -> float:
        return 1 / self.num_classes

    def test(self) -> Batch:
        """The examples that every fusion is scored on; no training sees them."""
        return self.held_out() if self.held_out else _drawn(self.name, EVALUATION_SEED, NUM_TEST)

    def for_choices(self) -> "Task":
        """The same task, scored on examples that are not those of the test: every choice is made on it."""
        if self.trial:
            return self.trial()
        return replace(self, held_out=partial(_drawn, self.name, VALIDATION_SEED, NUM_VALIDATION))

    def ceiling(self, modalities: tuple[str, ...] | None = None) -> Estimate:
        """The best accuracy that anyone could reach with the ``modalities``, by default all of the task's."""
        return _ceiling(self.name, tuple(modalities or self.dims))


@cache
def _drawn(name: str, seed: int, n: int) -> Batch:
    return TASKS[name].draw(n, generator=seeded(seed))


@cache
def _ceiling(name: str, modalities: tuple[str, ...]) -> Estimate:
    task = TASKS[name]
    if task.posterior is None:
        best = sarcasm_ceiling(modalities)
        return Estimate(best, best, best)
    batch = task.test()
    parts = range(0, len(batch.label), 2_000)  # in parts, so that memory stays bounded
    return expected_accuracy(torch.cat([task.posterior(rows(batch, slice(i, i + 2_000)), modalities) for i in parts]))


def rows(batch: Batch, chosen: slice | Tensor) -> Batch:
    """Some examples of a batch."""
    return Batch({name: x[chosen] for name, x in batch.inputs.items()}, batch.label[chosen], batch.present[chosen])


def without(batch: Batch, place: int) -> Batch:
    """The batch with the modality at this place missing from all examples."""
    present = batch.present.clone()
    present[:, place] = False
    return batch._replace(present=present)


def drop(present: Tensor, probability: float, *, generator: torch.Generator) -> Tensor:
    """Modality dropout: each True of (B, M) becomes False with this probability, but one of each row always stays.

    (Neverova et al. 2016, arXiv:1501.00102: ModDrop.)
    """
    B, M = present.shape
    kept = present & (torch.rand(B, M, generator=generator) >= probability)
    spare = torch.where(present, torch.rand(B, M, generator=generator), -1.0).argmax(1)  # one that is there
    return kept | (F.one_hot(spare, M).bool() & ~kept.any(1, keepdim=True))


def codes(values: Mapping[str, Tensor], modality: str) -> Tensor:
    """(B, n_m), what a modality shows of factors (B,), as one-hot codes side by side."""
    return torch.cat([F.one_hot(values[f], FACTORS[f]).float() for f in SHOWS[modality] if f in FACTORS], 1)


def draw_values(n: int, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Independent factors of n scenes, (n,) each."""
    return {name: torch.randint(k, (n,), generator=generator) for name, k in FACTORS.items()}


def noisy(x: Tensor, noise: float | Tensor, *, generator: torch.Generator) -> Tensor:
    return x + noise * torch.randn(x.shape, generator=generator)


def _all_present(inputs: Mapping[str, Tensor]) -> Tensor:
    return torch.ones(len(next(iter(inputs.values()))), len(inputs), dtype=torch.bool)


# What each task draws


def draw_complementary(n: int, *, generator: torch.Generator) -> Batch:
    values = draw_values(n, generator=generator)
    inputs = {m: noisy(codes(values, m), sigma, generator=generator) for m, sigma in COMPLEMENTARY_NOISE.items()}
    return Batch(inputs, _colour_and_motion(values), _all_present(inputs))


def _colour_and_motion(values: Mapping[str, Tensor]) -> Tensor:
    """Which of four pairs of colours, and which of four pairs of motions: 16 answers."""
    return values["colour"] // 2 * 4 + values["motion"] // 2


def draw_xor(n: int, *, generator: torch.Generator) -> Batch:
    """The words as a count of each, the melody and the mouth with what else differs between speakers."""
    u = sample_utterances(n, generator=generator)
    inputs = {
        "text": F.one_hot(u.text, len(WORDS)).float().sum(1)[:, 1:],
        "voice": torch.stack([u.voice, (u.pitch / 176).log(), u.duration - 0.77, u.vowel - 0.5], 1),
        "face": torch.stack([u.face, u.x, u.y, u.radius - 0.67, u.tilt], 1),
    }
    return Batch(inputs, u.sarcastic.long(), _all_present(inputs))


def draw_swapped(n: int, *, told: bool, generator: torch.Generator) -> Batch:
    """One modality of each example shows another scene; told, ``meter`` (B, 3) is 1 for it and -1 for the others."""
    values = draw_values(n, generator=generator)
    swapped = F.one_hot(torch.randint(3, (n,), generator=generator), 3).bool()
    inputs = {}
    for place, name in enumerate(SHAPE_VIEWS):
        other = draw_values(n, generator=generator)
        shown = {f: torch.where(swapped[:, place], other[f], values[f]) for f in FACTORS}
        inputs[name] = noisy(codes(shown, name), SWAPPED_NOISE, generator=generator)
    if told:
        inputs["meter"] = 2.0 * swapped - 1
    return Batch(inputs, values["shape"], _all_present(inputs))


def draw_noisy(n: int, *, generator: torch.Generator) -> Batch:
    values = draw_values(n, generator=generator)
    drowned = F.one_hot(torch.randint(3, (n,), generator=generator), 3).bool()
    sigma = torch.where(drowned, DROWNED, CLEAR)  # (n, 3)
    views = enumerate(SHAPE_VIEWS)
    inputs = {m: noisy(codes(values, m), sigma[:, k, None], generator=generator) for k, m in views}
    return Batch(inputs, values["shape"], _all_present(inputs))


def draw_missing(n: int, *, dropout: float = 0.0, generator: torch.Generator) -> Batch:
    values = draw_values(n, generator=generator)
    inputs = {name: noisy(codes(values, name), MISSING_NOISE, generator=generator) for name in SHAPE_VIEWS}
    present = _all_present(inputs)
    return Batch(inputs, values["shape"], drop(present, dropout, generator=generator) if dropout else present)


# The exact posteriors: all values of the factors are enumerated


def log_likelihood(x: Tensor, modality: str, noise: float, factors: tuple[str, ...]) -> Tensor:
    r"""$\log p(x_m \mid \text{factors})$ at all values of these, (B, K_1, K_2, ...); K is 1 where m does not show one.

    What else the modality shows is averaged out. A number that is the same for all values is left out.
    """
    shown = [f for f in SHOWS[modality] if f in FACTORS]
    grid = torch.cartesian_prod(*(torch.arange(FACTORS[f]) for f in shown)).view(-1, len(shown))
    mean = codes(dict(zip(shown, grid.T)), modality).double()  # (S, n_m)
    log_p = (x.double() @ mean.T - mean.square().sum(1) / 2) / noise**2
    log_p = log_p.unflatten(1, [FACTORS[f] for f in shown])
    for place, f in reversed(list(enumerate(shown))):
        if f not in factors:
            log_p = log_p.logsumexp(place + 1) - math.log(FACTORS[f])
    kept = [f for f in shown if f in factors]
    places = [kept.index(f) + 1 if f in kept else None for f in factors]
    log_p = log_p.permute(0, *(place for place in places if place))
    return log_p[(slice(None), *(slice(None) if place else None for place in places))]


def posterior_complementary(batch: Batch, modalities: tuple[str, ...]) -> Tensor:
    sigma, factors = COMPLEMENTARY_NOISE, ("colour", "motion", "shape", "size")
    log_p = sum(log_likelihood(batch.inputs[m], m, sigma[m], factors) for m in modalities)
    log_p = _full(log_p, factors).unflatten(2, (4, 2)).unflatten(1, (4, 2))  # pairs of colours, pairs of motions
    return log_p.logsumexp((2, 4, 5, 6)).flatten(1).softmax(1)


def posterior_missing(batch: Batch, modalities: tuple[str, ...]) -> Tensor:
    factors = ("shape", "colour", "size")
    log_p = sum(log_likelihood(batch.inputs[m], m, MISSING_NOISE, factors) for m in modalities)
    return _full(log_p, factors).logsumexp((2, 3)).softmax(1)


def posterior_swapped(batch: Batch, modalities: tuple[str, ...]) -> Tensor:
    r"""With the meter, the modality that it names is left out. Without it, any may be the swapped one, k:

    $$ p(x \mid s) = \tfrac13 \sum_k p(x_k) \prod_{m \ne k} p(x_m \mid s), \ p(x_k) = \sum_s p(s)\, p(x_k \mid s) $$

    ``modalities`` are those that are seen; the swapped one may be among the others.
    """
    factors = ("shape", "colour", "size")
    sees = {m: log_likelihood(batch.inputs[m], m, SWAPPED_NOISE, factors) for m in SHAPE_VIEWS if m in modalities}
    nothing = torch.zeros(len(batch.label), 1, 1, 1, dtype=torch.float64)
    cases = []
    for k, swapped in enumerate(SHAPE_VIEWS):
        case = nothing + sum(_mean(log_p) if m == swapped else log_p for m, log_p in sees.items())
        if "meter" in modalities:
            case = case.masked_fill((batch.inputs["meter"][:, k] < 0).view(-1, 1, 1, 1), -torch.inf)
        cases.append(_full(case, factors))
    return torch.stack(cases).logsumexp((0, 3, 4)).softmax(1)


def posterior_noisy(batch: Batch, modalities: tuple[str, ...]) -> Tensor:
    r"""(B, 8), $p(\text{shape} \mid x)$ with the sum over which modality is drowned.

    $$ p(x \mid s) = \tfrac13 \sum_k \prod_m \mathcal N(x_m; \mu_m(s), \sigma_{mk}^2), \ \sigma_{mk} = $$ DROWNED where
    m = k, else CLEAR.
    """
    factors, cases = ("shape", "colour", "size"), []
    for k in SHAPE_VIEWS:
        case = torch.zeros(len(batch.label), 1, 1, 1, dtype=torch.float64)
        for m in modalities:
            x, sigma = batch.inputs[m].double(), DROWNED if m == k else CLEAR
            case = case + log_likelihood(x, m, sigma, factors)
            case = case - (x.square().sum(1) / 2 / sigma**2 + x.shape[1] * math.log(sigma)).view(-1, 1, 1, 1)
        cases.append(_full(case, factors))
    return torch.stack(cases).logsumexp((0, 3, 4)).softmax(1)


def _full(log_p: Tensor, factors: tuple[str, ...]) -> Tensor:
    return log_p.expand(-1, *(FACTORS[f] for f in factors))


def _mean(log_p: Tensor) -> Tensor:
    """The logarithm of the mean over all values, in the same number of dimensions."""
    places = tuple(range(1, log_p.dim()))
    return log_p.logsumexp(places, keepdim=True) - math.log(log_p[0].numel())


def _task(name: str, title: str, num_classes: int, draw: Callable[..., Batch], posterior=None) -> Task:
    inputs = draw(1, generator=seeded(0)).inputs
    return Task(name, title, {m: x.shape[1] for m, x in inputs.items()}, num_classes, draw, posterior)


def _told(n: int, *, generator: torch.Generator) -> Batch:
    return draw_swapped(n, told=True, generator=generator)


def _untold(n: int, *, generator: torch.Generator) -> Batch:
    return draw_swapped(n, told=False, generator=generator)


TASKS = {
    task.name: task
    for task in (
        _task("complementary", "each shows a part", 16, draw_complementary, posterior_complementary),
        _task("xor", "do they disagree? (XOR)", 2, draw_xor),
        _task("swapped_told", "one is swapped, and it is said which", 8, _told, posterior_swapped),
        _task("swapped", "one is swapped, nobody says which", 8, _untold, posterior_swapped),
        _task("noisy", "one is drowned in noise", 8, draw_noisy, posterior_noisy),
        _task("missing", "one is missing in the test", 8, draw_missing, posterior_missing),
    )
}
assert tuple(TASKS["xor"].dims) == MODALITIES and NOISE == 0.8
