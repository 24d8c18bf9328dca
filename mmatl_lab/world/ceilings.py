r"""Ceilings: the best accuracy that any model can reach. They are exact, because we made the data and know its causes.

A task asks for some factors of a scene, and each modality shows some of them. We enumerate all states $s$ of the
factors with their probabilities. The Bayes-optimal classifier answers with the most probable answer given what it sees,
$v$. Its accuracy is

$$ A^* = \sum_v \max_y P(v, y). $$

With continuous noise there are too many $v$ to enumerate. We sample them instead and compute the exact posterior of
each sample:

$$ A^* = \mathbb{E}_v \max_y P(y \mid v) \approx \frac{1}{N} \sum_{n=1}^N \max_y P(y \mid v_n). $$

A model above the ceiling gets the answer from somewhere else (a leak). A model below it can still improve. The ceiling
is an expectation over all data: on n test items the best possible model scores $A^* \pm 1.96 \sqrt{A^* (1 - A^*) / n}$
in 95 % of test sets, and it is above $A^*$ about as often as below. So a model exceeds the ceiling only if its whole
confidence interval lies above it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..seeding import seeded
from . import information
from .information import Decomposition, probabilities
from .scene import _MAX_ANGLE, COLOURS, GRID, MOTIONS, SHAPES, SIZES, sample_scenes
from .sensor import sensor

FACTORS = {  # of a single object, with the number of their values
    "shape": len(SHAPES),
    "colour": len(COLOURS),
    "size": len(SIZES),
    "motion": len(MOTIONS),
    "row": GRID,
    "column": GRID,
}
SHOWS = {  # the factors that each modality shows without noise; images and captions do not show motion
    "image": ("shape", "colour", "size", "row", "column"),
    "text": ("shape", "colour", "size", "row", "column"),
    "audio": ("shape", "size", "motion"),
    "video": ("shape", "colour", "size", "motion", "row", "column"),
    "sensor": ("motion",),
}

_NUM_ANGLES = 16  # of the grid over angles; from 5 on, no ceiling of the sensor changes by .001

Task = str | Iterable[str] | Callable[[dict[str, Tensor]], Tensor]


def states(combinations: Tensor | None = None) -> tuple[dict[str, Tensor], Tensor]:
    """Every state of one object's discrete factors, (S,) each, and their probabilities (S,), which sum to 1.

    Args:
        combinations: (8, 8) bool, shape by colour, as in ``sample_scenes``.
    """
    grid = torch.cartesian_prod(*(torch.arange(n) for n in FACTORS.values()))  # (S, factors)
    values = dict(zip(FACTORS, grid.T))
    weight = torch.ones(len(grid), dtype=torch.float64)
    if combinations is not None:
        weight = combinations.cpu()[values["shape"], values["colour"]].double()
        if weight.sum() == 0:
            raise ValueError("combinations allows no shape and colour at all; set at least one entry to True.")
    return values, weight / weight.sum()


def _index(values: dict[str, Tensor], names: Iterable[str]) -> Tensor:
    """(S,) int64: equal where all named factors are equal."""
    index = torch.zeros_like(values["shape"])
    for name in names:
        index = index * FACTORS[name] + values[name]
    return index


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _joint(task: Task, modalities: str | Iterable[str], combinations: Tensor | None) -> Tensor:
    """(V, Y) joint probability of what is seen and the answer."""
    values, probability = states(combinations)
    if callable(task):
        answers = torch.as_tensor(task(values))
        if answers.shape != probability.shape:
            raise ValueError(
                f"task must return one answer a state, shape {tuple(probability.shape)}, got {tuple(answers.shape)}."
            )
        _, y = answers.unique(return_inverse=True)
    else:
        task = _names(task)
        if unknown := [name for name in task if name not in FACTORS]:
            raise ValueError(f"task must be among {', '.join(FACTORS)}; got {', '.join(unknown)}.")
        y = _index(values, task)
    modalities = _names(modalities)
    if unknown := [name for name in modalities if name not in FACTORS and name not in SHOWS]:
        raise ValueError(f"modalities must be among {', '.join([*SHOWS, *FACTORS])}; got {', '.join(unknown)}.")
    v = _index(values, dict.fromkeys(factor for name in modalities for factor in SHOWS.get(name, (name,))))
    joint = torch.zeros(int(v.max()) + 1, int(y.max()) + 1, dtype=torch.float64)
    return joint.index_put_((v, y), probability, accumulate=True)


def bayes_accuracy(joint: Tensor) -> float:
    """Σ_v max_y P(v, y) of a (V, Y) table of probabilities.

    Raises:
        ValueError: a table that holds no probabilities.
    """
    return probabilities(joint, "(V, Y)").max(1).values.sum().item()


def accuracy(task: Task, modalities: str | Iterable[str] = (), *, combinations: Tensor | None = None) -> float:
    """The best accuracy in a task about a single object after seeing the ``modalities``.

    Args:
        task: one or more of FACTORS, all of which must be right, or a function that takes the values of every factor
            in every state, (S,) int64 each by name, and returns the answer in each, (S,) int64.
        modalities: names of modalities (SHOWS) or of single factors. Empty gives the blind ceiling: the accuracy of the
            best constant answer.
        combinations: (8, 8) bool, shape by colour: the combinations that occur, as in ``sample_scenes``.

    >>> round(accuracy("motion", ["image"]), 6)
    0.125
    >>> round(accuracy(lambda state: (state["shape"] + state["motion"]) % 2, ["image"]), 6)  # an XOR
    0.5

    Raises:
        ValueError: an unknown factor or modality, or a function that does not answer for every state.
    """
    return bayes_accuracy(_joint(task, modalities, combinations))


def mutual_information(task: Task, modalities: str | Iterable[str], *, combinations: Tensor | None = None) -> float:
    """The mutual information between the ``modalities`` and the answer, in bits. Arguments and errors: ``accuracy``.

    >>> round(mutual_information("shape", ["audio"]), 6)
    3.0
    """
    return information.mutual_information(_joint(task, modalities, combinations))


def decompose(
    task: Task, first: str | Iterable[str], second: str | Iterable[str], *, combinations: Tensor | None = None
) -> Decomposition:
    """The partial information decomposition of two sets of modalities, in bits (BROJA, see ``information``).

    Arguments and errors as in ``accuracy``, with ``first`` and ``second`` in place of ``modalities``.

    >>> decompose(["shape", "motion"], "image", "audio")
    Decomposition(redundancy=3.0, unique_first=0.0, unique_second=3.0, synergy=0.0)
    """
    first, second = _names(first), _names(second)
    tables = (_joint(task, modalities, combinations) for modalities in (first, second, first + second))
    return information.decompose_tables(*tables)


class Estimate(NamedTuple):
    """A value estimated from samples, with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def gaussian_posterior(
    observations: Tensor,
    means: Tensor,
    sigma: Tensor | float,
    *,
    prior: Tensor | None = None,
    answer: Tensor | None = None,
) -> Tensor:
    r"""(N, Y) float64: the exact posterior $P(y \mid v)$ of the answer given each noisy observation.

    $$ P(s \mid v) \propto P(s) \prod_d \mathcal{N}(v_d; \mu_{s,d}, \sigma_d^2), \qquad
       P(y \mid v) = \sum_{s:\, \text{answer}(s) = y} P(s \mid v) $$

    A state includes all unknown causes, also those that are not asked for: the sensor's state is a motion and an angle,
    and only the motion is the answer. Continuous causes are put on a grid so fine that a finer one changes nothing.

    Args:
        observations: (N, D) noisy data. Use ``flatten(1)`` for other shapes; concatenate several modalities.
        means: (S, D), the same data of every state without noise.
        sigma: standard deviation of the noise, a number, (D,), (N, 1) or (N, D). It is taken as known; a model that has
            to estimate it has at most this accuracy.
        prior: (S,) probabilities of the states; equal by default.
        answer: (S,) int64 from 0, the answer of each state; by default each state is its own answer.

    Raises:
        ValueError: shapes that do not fit together, or a sigma that is not above 0.
    """
    if observations.dim() != 2 or means.dim() != 2 or observations.shape[1] != means.shape[1]:
        raise ValueError(
            f"expected observations (N, D) and means (S, D), got {tuple(observations.shape)} and {tuple(means.shape)}."
        )
    for name, given in (("prior", prior), ("answer", answer)):
        if given is not None and given.shape != means.shape[:1]:
            raise ValueError(f"expected {name} ({len(means)},), one a state, got {tuple(given.shape)}.")
    v, mu, sigma = (torch.as_tensor(t).detach().cpu().double() for t in (observations, means, sigma))
    if sigma.dim() > 2 or any(a not in (1, b) for a, b in zip(sigma.shape[::-1], v.shape[::-1])):
        raise ValueError(f"expected sigma to broadcast to (N, D) = {tuple(v.shape)}, got {tuple(sigma.shape)}.")
    if not (sigma.isfinite() & (sigma > 0)).all():
        raise ValueError("sigma must be above 0 and finite; without noise, use accuracy().")
    weight = (sigma**-2).broadcast_to(v.shape)
    logits = (weight * v) @ mu.T - weight @ mu.square().T / 2  # (N, S), up to terms that are equal for all states
    if prior is not None:
        logits = logits + prior.cpu().double().log()
    posterior = logits.softmax(1)
    if answer is None:
        return posterior
    return posterior.new_zeros(len(v), int(answer.max()) + 1).index_add(1, answer.cpu(), posterior)


def expected_accuracy(posterior: Tensor) -> Estimate:
    r"""The ceiling $\mathbb{E} \max_y P(y \mid v)$, estimated from the exact posteriors (N, Y) of N samples.

    Each sample contributes its probability of a correct answer, not a hit or a miss. So the interval
    $\bar a \pm 1.96\, s / \sqrt N$ is narrower than that of an accuracy measured on N samples. It says how precisely
    the ceiling is known, not how far a measured accuracy may lie from it. Do not pass the softmax of a trained model:
    that gives the model's mean confidence, which is no ceiling.

    Raises:
        ValueError: fewer than 30 samples, or rows that are not probabilities.
    """
    if posterior.dim() != 2 or len(posterior) < 30:
        raise ValueError(f"expected the posteriors (N, Y) of at least 30 samples, got {tuple(posterior.shape)}.")
    if not ((posterior >= 0).all() and ((posterior.sum(1) - 1).abs() < 1e-4).all()):
        raise ValueError("every row of the posteriors must be at least 0 and sum to 1; take the softmax of logits.")
    best = posterior.detach().cpu().double().max(1).values
    value, reach = best.mean().item(), 1.96 * best.std().item() / len(best) ** 0.5
    return Estimate(value, value - reach, min(value + reach, 1.0))


def sensor_accuracy(
    noise: float,
    channels: Iterable[int] = range(6),
    *,
    num_steps: int = 50,
    num_samples: int = 10_000,
    generator: torch.Generator,
) -> Estimate:
    """The best accuracy at classifying the motion from a noisy sensor trace of one object, whose angle is unknown.

    Args:
        noise, num_steps: as in ``sensor``; noise above 0.
        channels: those that the classifier sees: ``range(3)`` the accelerometer, ``range(3, 6)`` the gyroscope.
        num_samples: sampled traces; 10,000 take 0.2 s and give an interval of about half a percentage point.

    Raises:
        ValueError: a noise that is not above 0, no or unknown channels, or fewer than 30 samples.
    """
    channels = list(channels)
    if not channels or not set(channels) <= set(range(6)):
        raise ValueError(f"channels must be among 0 to 5 (accelerometer x, y, z, gyroscope x, y, z), got {channels}.")
    motion, cell = torch.cartesian_prod(torch.arange(len(MOTIONS)), torch.arange(_NUM_ANGLES)).T
    angle = ((cell + 0.5) * 2 / _NUM_ANGLES - 1) * _MAX_ANGLE
    states = replace(sample_scenes(len(motion), 1, generator=seeded(0)), motion=motion[:, None], angle=angle[:, None])
    scenes = sample_scenes(num_samples, 1, generator=generator)
    seen, mean = sensor(scenes, num_steps, noise=noise, generator=generator), sensor(states, num_steps)
    seen, mean = seen[..., channels].flatten(1), mean[..., channels].flatten(1)
    return expected_accuracy(gaussian_posterior(seen, mean, noise, answer=motion))


def retrieval(caption_class: Tensor) -> float:
    """The best R@1 where several items fit a query and only one counts as right: the mean of 1 / (how many fit).

    Args:
        caption_class: (N,) int64; items with equal numbers cannot be told apart (``Scenes.caption_class``).
    """
    _, inverse, count = caption_class.unique(return_inverse=True, return_counts=True)
    return (1 / count[inverse].double()).mean().item()
