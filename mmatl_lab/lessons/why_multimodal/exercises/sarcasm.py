"""Exercises on the world of sarcasm: the best accuracy and the best classifier."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ...attempt import Wrong
from ...diagnose import Trial
from ...differences import as_answer
from ...exercise import exercise, mistakes

Phi = torch.special.ndtr


VERDICT = "You returned the verdict: return the probability, which says how sure you can be."


def _check_posterior(trial: Trial, generator: torch.Generator) -> None:
    voice_noise, face_noise = (low + 0.3 * torch.rand(1, generator=generator).item() for low in (0.8, 1.3))
    meant = torch.randint(2, (24,), generator=generator) * 2 - 1
    voice = meant + voice_noise * torch.randn(24, generator=generator)
    face = meant + face_noise * torch.randn(24, generator=generator)
    remarks = torch.tensor([-1, 0, 1]).repeat(8), voice, face, voice_noise, face_noise
    value = as_answer(trial(*remarks), "the probabilities")
    if value.shape == (24,) and torch.isin(value, torch.tensor([0, 0.5, 1]).double()).all():
        raise Wrong(VERDICT)  # whatever else is wrong, a verdict hides it
    trial.compare(remarks)


@exercise(
    "why_multimodal.1",
    "The ideal classifier",
    task=r"Given $m$, voice and face are independent and normal. Their means are $m$, their standard deviations "
    r"$\sigma_v$ and $\sigma_f$. Both values of $m$ are equally likely at first. Write $P(s = 1 \mid t, v, f)$ by "
    r"Bayes' rule: a remark is sarcastic if $m = -t$. In the code, $t$ is called "
    "`valence`. It is 0 where the words are neutral and hide $t$.",
    minutes=12,
    difficulty=1,
    hints=(
        r"Forget the words at first. What is $\log \frac{p(v \mid m = 1)}{p(v \mid m = -1)}$? Most of the two squares "
        "cancels.",
        r"It is $2v/\sigma_v^2$, and independent witnesses add their log-odds: "
        r"$\Lambda = 2v/\sigma_v^2 + 2f/\sigma_f^2$ are the log-odds of $m = 1$.",
        r"Sarcasm is $m = -t$, whose log-odds are $-t\,\Lambda$. A `sigmoid` makes a probability of log-odds.",
    ),
    checker=_check_posterior,
    answer="the probabilities",
    passed="Right, with weights by precision, and 1/2 where the words are neutral. No model can know better than this.",
)
def p_sarcastic(
    valence: Tensor,
    voice: Tensor,
    face: Tensor,
    voice_noise: float,
    face_noise: float,
) -> Tensor:
    """P(sarcastic) of B remarks: t in {-1, 0, 1}, v and f, (B,) each, and two noises -> (B,).

    >>> voice, face = torch.full((3,), -1.0), torch.full((3,), 0.5)
    >>> p_sarcastic(torch.tensor([1, -1, 0]), voice, face, 1.0, 2.0)
    tensor([0.8520, 0.1480, 0.5000])
    """
    # BEGIN SOLUTION
    log_odds = 2 * voice / voice_noise**2 + 2 * face / face_noise**2  # of m = 1, (B,)
    return torch.sigmoid(-valence * log_odds)
    # END SOLUTION


def _posterior_in_parts(
    t: Tensor,
    voice: Tensor,
    face: Tensor,
    voice_noise: float,
    face_noise: float,
    weigh=lambda x, s: 2 * x / s**2,
    join=torch.add,
    odds=lambda t, z: -t * z,
    say=torch.sigmoid,
) -> Tensor:
    return say(odds(t, join(weigh(voice, voice_noise), weigh(face, face_noise))))


mistakes(
    p_sarcastic,
    "This is the probability of a sincere remark: sarcastic means m = -t.",
    lambda solve, *case: 1 - solve(*case),
    "The words are missing: this is how likely something bad is meant, whatever was said.",
    dict(odds=lambda t, z: -z),
    "You added the words to the log-odds: then praise speaks for or against sarcasm whatever the voice says. Words "
    "turn around what a voice tells, so multiply by t.",
    dict(odds=lambda t, z: -t - z),
    dict(odds=lambda t, z: t - z),
    "Your log-odds are half as large as they should be: $\\log p(v|1) - \\log p(v|{-1}) = 2v/\\sigma^2$, and the "
    "log-odds of two witnesses add up, they are not averaged.",
    dict(weigh=lambda x, s: x / s**2),
    "You divided by σ: the log-odds of a normal witness are 2v/σ².",
    dict(weigh=lambda x, s: 2 * x / s),
    "The noises have no effect: a noisy witness counts less, by 1/σ².",
    dict(weigh=lambda x, s: 2 * x),
    "You multiplied by σ²: a noisy witness counts less, so divide.",
    dict(weigh=lambda x, s: 2 * x * s**2),
    "You swapped the noises: σ_v belongs to the voice, σ_f to the face.",
    lambda solve, t, v, f, v_noise, f_noise: solve(t, v, f, f_noise, v_noise),
    "You averaged two probabilities: independent witnesses that agree make you surer than either, so their log-odds "
    "add up.",
    lambda t, v, f, v_noise, f_noise: ((-2 * t * v / v_noise**2).sigmoid() + (-2 * t * f / f_noise**2).sigmoid()) / 2,
    "You multiplied two probabilities of sarcasm without normalising: divide by the sum over both answers.",
    lambda t, v, f, v_noise, f_noise: (-2 * t * v / v_noise**2).sigmoid() * (-2 * t * f / f_noise**2).sigmoid(),
    "You multiplied the voice with the face: given what is meant they are independent, so their log-odds add up.",
    dict(join=torch.mul),
    "The face is missing.",
    dict(join=lambda v, f: v),
    "The voice is missing.",
    dict(join=lambda v, f: f),
    "You returned log-odds: a sigmoid makes a probability of them.",
    dict(say=lambda z: z),
    "You used Φ: Bayes' rule makes a probability of log-odds by the sigmoid.",
    dict(say=Phi),
    "Your answer takes neutral words (0) for praise: they tell nothing, so the answer is 1/2.",
    lambda solve, t, *others: solve(t.where(t != 0, 1), *others),
    "Your answer takes neutral words (0) for blame: they tell nothing, so the answer is 1/2.",
    lambda solve, t, *others: solve(t.where(t != 0, -1), *others),
    VERDICT,
    lambda *remarks: p_sarcastic(*remarks) > 0.5,
    lambda *remarks: ((p_sarcastic(*remarks) - 0.5).sign() + 1) / 2,
    base=_posterior_in_parts,
)


def _witnesses(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    noise = 0.7 + 1.5 * torch.rand(2, 8, generator=generator)
    noise[:, 0], noise[:, 1] = noise[:, 0].sort().values, noise[:, 1].sort(descending=True).values
    yield *noise, torch.zeros(8)  # each of them is the better witness at least once
    yield *noise, 0.1 + 0.5 * torch.rand(8, generator=generator)


@exercise(
    "why_multimodal.2",
    "Two witnesses",
    task=r"Voice and face are two witnesses of $m$. How often is the ideal classifier right? It has the words, the "
    r"voice and the face, and decides by the sign of the log-odds of exercise 1. Insert "
    r"$v = m + \sigma_v \varepsilon$ and $f = m + \sigma_f \varepsilon'$ to find its accuracy where the words praise "
    r"or blame. A share of the remarks has neutral words: what is the best accuracy among those, and in all? "
    r"$\Phi(x)$, the probability that a standard normal number is at most $x$, is `torch.special.ndtr`.",
    minutes=12,
    difficulty=2,
    hints=(
        r"With $m = 1$, what are the mean and the variance of the log-odds $2v/\sigma_v^2 + 2f/\sigma_f^2$? A normal "
        r"number with mean $\mu$ and standard deviation $\tau$ is positive with probability $\Phi(\mu / \tau)$.",
        r"$1/\sigma^2$ is the precision of a witness. Mean and variance of the log-odds are 2 and 4 times the sum of "
        "both precisions.",
        r"Neutral words tell no $t$, so half of the guesses are right. The two kinds, by their shares: "
        r"$(1 - a)\,\Phi(\dots) + a \cdot \frac12$.",
    ),
    cases=_witnesses,
    answer="the accuracy",
    passed="Right: precisions add up, so even a bad witness beside a good one helps, and neutral words leave a coin.",
)
def best_accuracy(voice_noise: Tensor, face_noise: Tensor, ambiguity: Tensor) -> Tensor:
    """Best accuracy from words, voice and face, of N worlds: (N,), (N,), (N,) -> (N,).

    `ambiguity` is the share of remarks with neutral words.

    >>> best_accuracy(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.9214, 0.8541])
    """
    # BEGIN SOLUTION
    precision = 1 / voice_noise**2 + 1 / face_noise**2
    clear = torch.special.ndtr(precision.sqrt())
    return (1 - ambiguity) * clear + ambiguity / 2
    # END SOLUTION


def _accuracy_in_parts(
    v: Tensor,
    f: Tensor,
    ambiguity: Tensor,
    reach=lambda v, f: (1 / v**2 + 1 / f**2).sqrt(),
    clear=lambda d, v, f: Phi(d),
    mix=lambda p, a: (1 - a) * p + a / 2,
) -> Tensor:
    return mix(clear(reach(v, f), v, f), ambiguity)


mistakes(
    best_accuracy,
    "The square root is missing: $1/\\sigma_v^2 + 1/\\sigma_f^2$ is the precision of both together, and Φ takes its "
    "root.",
    dict(reach=lambda v, f: 1 / v**2 + 1 / f**2),
    "You added the noises: two witnesses are worth more than one, so add their precisions, 1/σ² each.",
    dict(reach=lambda v, f: 1 / (v + f)),
    "You added the variances: two witnesses are worth more than one, so add their precisions, 1/σ² each.",
    dict(reach=lambda v, f: 1 / (v**2 + f**2).sqrt()),
    "You averaged the noises: a second witness adds its precision 1/σ², however noisy it is.",
    dict(reach=lambda v, f: 2 / (v + f)),
    "You added 1/σ: what adds up is the precision, 1/σ².",
    dict(reach=lambda v, f: 1 / v + 1 / f),
    "The noises are not squared: a precision is 1/σ².",
    dict(reach=lambda v, f: (1 / v + 1 / f).sqrt()),
    "You averaged the precisions: the second witness comes on top, so add them.",
    dict(reach=lambda v, f: ((1 / v**2 + 1 / f**2) / 2).sqrt()),
    "This is the accuracy of v + f, in which both witnesses have the same weight: the best classifier weights each "
    "by its precision.",
    dict(reach=lambda v, f: 2 / (v**2 + f**2).sqrt()),
    "You took the better witness alone: the other one still adds its precision.",
    dict(reach=lambda v, f: 1 / torch.minimum(v, f)),
    "You used the voice alone: the face adds its precision.",
    dict(reach=lambda v, f: 1 / v),
    "You used the face alone: the voice adds its precision.",
    dict(reach=lambda v, f: 1 / f),
    "You put the variance of both together into Φ, so more noise would mean more accuracy: divide 1 by it.",
    dict(reach=lambda v, f: 1 / (1 / v**2 + 1 / f**2)),
    "You put the noise of both together into Φ, so more noise would mean more accuracy: divide 1 by it.",
    dict(reach=lambda v, f: 1 / (1 / v**2 + 1 / f**2).sqrt()),
    "You doubled what goes into Φ: the means ±1 lie 2 apart, but the border between them is only 1 away.",
    dict(reach=lambda v, f: 2 * (1 / v**2 + 1 / f**2).sqrt()),
    "You averaged the two accuracies: together the witnesses are better than either.",
    dict(clear=lambda d, v, f: (Phi(1 / v) + Phi(1 / f)) / 2),
    "You multiplied the two accuracies: that is how often both witnesses are right.",
    dict(clear=lambda d, v, f: Phi(1 / v) * Phi(1 / f)),
    "This is how often at least one witness is right: where they differ, you do not know which.",
    dict(clear=lambda d, v, f: 1 - Phi(-1 / v) * Phi(-1 / f)),
    "You returned what goes into Φ: it can exceed 1, an accuracy cannot.",
    dict(clear=lambda d, v, f: d),
    "You used the density of the normal distribution: Φ is its integral, `torch.special.ndtr`.",
    dict(clear=lambda d, v, f: (-(d**2) / 2).exp() / math.sqrt(2 * math.pi)),
    "You used a sigmoid: the noise is normal, so its integral is Φ, `torch.special.ndtr`.",
    dict(clear=lambda d, v, f: d.sigmoid()),
    "`erf(x / √2)` is the share between -x and x: Φ(x) = (1 + erf(x / √2)) / 2.",
    dict(clear=lambda d, v, f: (d / math.sqrt(2)).erf()),
    "You left out a √2: Φ(x) = (1 + erf(x / √2)) / 2.",
    dict(clear=lambda d, v, f: (1 + d.erf()) / 2),
    "You returned the share of errors: the accuracy is 1 minus it.",
    dict(clear=lambda d, v, f: Phi(-d)),
    "Neutral words make no difference in your answer: they hide t, and then nobody can tell.",
    dict(mix=lambda p, a: p),
    "You count the neutral remarks as lost: a guess is right in half of them.",
    dict(mix=lambda p, a: (1 - a) * p),
    "You swapped the shares: `ambiguity` is the share of the neutral remarks.",
    dict(mix=lambda p, a: a * p + (1 - a) / 2),
    "You count the neutral remarks as won: a guess is right in half of them.",
    dict(mix=lambda p, a: (1 - a) * p + a),
    "You shrank the accuracy itself: a share of the remarks is left to a coin, the others stay as they are.",
    dict(mix=lambda p, a: (1 - a / 2) * p),
    base=_accuracy_in_parts,
)
