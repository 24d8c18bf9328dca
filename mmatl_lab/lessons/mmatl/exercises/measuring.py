"""Exercises on measuring: a probe that proves something, and the runs that no other run beats."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ...exercise import exercise, judged_together, mistakes


def _nearest_mean(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """A small probe: the modality whose mean code is nearest."""
    means = torch.stack([x[y == i].mean(0) for i in range(int(y.max()) + 1)])
    return lambda new: torch.cdist(new, means).argmin(1)


def _codes(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Callable]]:
    for n in (2, 3):
        modality = torch.arange(n).repeat_interleave(60)
        modality = modality[torch.randperm(len(modality), generator=generator)]
        centre = torch.randn(n, 4, generator=generator)
        own = torch.randn(3, len(modality), 4, generator=generator)
        yield (
            0.5 * centre[modality] + own[0],
            1.5 * centre[modality] + 0.5 * own[1],
            0.6 * own[2],
            modality,
            _nearest_mean,
        )


@exercise(
    "mmatl.4",
    "A fair probe",
    task="How much of the modality did the alignment remove? The transfer module sees noisy codes. So add `noise` to "
    "the aligned codes and, for a fair control, to the unaligned ones. Fit a fresh probe to the even rows of each "
    "(`fit(codes, modality)` returns a function that guesses), and test it on the odd rows. Return three numbers: the "
    "probe's accuracy on aligned codes $a$, that on unaligned codes $u$, and the share removed, "
    r"$(u - a) / (u - \text{chance})$.",
    minutes=12,
    difficulty=2,
    hints=(
        "`x[0::2]` are the even rows, `x[1::2]` the odd ones. Each kind of codes needs a probe of its own.",
        "Chance is $1/N$, with `N = modality.max() + 1`.",
        "The share is 1 if the aligned probe is at chance, and 0 if nothing was removed.",
    ),
    cases=judged_together(_codes),
    answer="the three numbers",
    passed="Noise alone lowers a probe, so aligned codes with noise must be compared with unaligned codes with the "
    "same noise. And a probe only proves what it finds: another one may read more.",
)
def probed(aligned: Tensor, unaligned: Tensor, noise: Tensor, modality: Tensor, fit) -> Tensor:
    """Accuracy on aligned and unaligned codes, and the share removed.

    aligned, unaligned and noise are (M, D), modality is (M,), fit is a function -> (3,).

    >>> e, modality = torch.tensor([[0.0], [0.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> fit = lambda x, y: lambda new: (new[:, 0] > 0.5).long()
    >>> probed(torch.zeros(4, 1), e, torch.zeros(4, 1), modality, fit)
    tensor([0.5000, 1.0000, 1.0000])
    """
    # BEGIN SOLUTION
    accuracy = []
    for e in (aligned + noise, unaligned + noise):
        guess = fit(e[0::2], modality[0::2])(e[1::2])
        accuracy.append((guess == modality[1::2]).float().mean())
    chance = 1 / (modality.max() + 1)
    removed = (accuracy[1] - accuracy[0]) / (accuracy[1] - chance)
    return torch.stack([*accuracy, removed])
    # END SOLUTION


def _share(aligned, unaligned, chance):
    return (unaligned - aligned) / (unaligned - chance)


def _probed_in_parts(
    aligned, unaligned, noise, modality, fit, noisy=(1, 1), train=0, test=1, fresh=True, share=_share
) -> Tensor:
    found, probe = [], None
    for e, much in zip((aligned, unaligned), noisy):
        e = e + much * noise
        probe = fit(e[train::2], modality[train::2]) if fresh or probe is None else probe
        found.append((probe(e[test::2]) == modality[test::2]).float().mean())
    return torch.stack([*found, share(*found, 1 / (modality.max() + 1))])


mistakes(
    probed,
    "The probe is tested on the rows that it was fitted to: test it on the odd rows.",
    dict(test=0),
    "The noise is missing from the unaligned codes: noise alone lowers a probe, so both need it.",
    dict(noisy=(1, 0)),
    "The noise is missing: the transfer module sees noisy codes.",
    dict(noisy=(0, 0)),
    "The noise is missing from the aligned codes: the transfer module sees them with noise.",
    dict(noisy=(0, 1)),
    "One probe reads both kinds of codes: each kind needs a fresh one.",
    dict(fresh=False),
    "Your share is measured down to 0: no probe falls below chance, so measure down to 1/N.",
    dict(share=lambda a, u, chance: (u - a) / u),
    "You returned the share that is left: the share removed is 1 minus it.",
    dict(share=lambda a, u, chance: (a - chance) / (u - chance)),
    "Chance is 1/2 for two modalities only: for N of them it is 1/N.",
    dict(share=lambda a, u, chance: (u - a) / (u - 0.5)),
    "Aligned and unaligned are exchanged: return the accuracy on aligned codes first.",
    lambda solve, *case: solve(*case)[[1, 0, 2]],
    "You exchanged the rows: fit to the even rows, test on the odd ones.",
    dict(train=1, test=0),
    base=_probed_in_parts,
)


def _runs(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for n in (6, 9, 12):
        task, probe = torch.rand(2, n, generator=generator)
        yield task, probe
    task = torch.tensor([0.9, 0.8, 0.9, 0.7, 0.8])  # two runs that are equal in one number
    yield task, torch.tensor([0.8, 0.6, 0.7, 0.6, 0.6])


@exercise(
    "mmatl.6",
    "Runs that no other run beats",
    task="Each run of a sweep has a task accuracy (high is good) and a probe accuracy (low is good). Run $a$ "
    "*dominates* run $b$ if it is at least as good in both and better in one. Return for each run whether no other run "
    "dominates it. These runs are the Pareto front.",
    minutes=8,
    difficulty=2,
    hints=(
        "Compare all pairs at once: `task[:, None] >= task` has the shape (R, R), with row a and column b.",
        "`dominates = at_least_as_good & better`, both (R, R). A run is on the front if `~dominates.any(0)`.",
        "Two equal runs do not dominate each other: both may be on the front.",
    ),
    cases=judged_together(_runs),
    answer="which runs are on the front",
    passed="Off the front a run is beaten for nothing. On it, you have to choose what a point of accuracy is worth.",
)
def pareto_front(task: Tensor, probe: Tensor) -> Tensor:
    """Runs that no other run dominates: (R,), (R,) -> (R,) bool.

    >>> pareto_front(torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0.9, 0.5, 0.6]))
    tensor([ True,  True, False])
    """
    # BEGIN SOLUTION
    good = (task[:, None] >= task) & (probe[:, None] <= probe)  # (R, R), at least as good in both
    better = (task[:, None] > task) | (probe[:, None] < probe)  # and better in one
    return ~(good & better).any(0)
    # END SOLUTION


def _front_in_parts(task, probe, low=1, good=None, better=None, seen=lambda d: ~d.any(0)) -> Tensor:
    a, b = task[:, None] - task, low * (probe - probe[:, None])  # positive where the row is better
    at_least = (good or (lambda a, b: (a >= 0) & (b >= 0)))(a, b)
    some = (better or (lambda a, b: (a > 0) | (b > 0)))(a, b)
    return seen(at_least & some)


mistakes(
    pareto_front,
    "A high probe accuracy counts as good: the modality should be hard to read, so low is good.",
    dict(low=-1),
    "You returned the runs that are dominated: the front holds the others.",
    dict(seen=lambda d: d.any(0)),
    "You returned the runs that dominate none: a run is on the front if none dominates it.",
    dict(seen=lambda d: ~d.any(1)),
    "Better in one number is not enough: a run that dominates is at least as good in both.",
    dict(good=lambda a, b: torch.ones_like(a, dtype=torch.bool)),
    "A run that is equal in one number and better in the other dominates, too.",
    dict(better=lambda a, b: (a > 0) & (b > 0)),
    "Equal runs dominate each other in yours, and each run itself: ask for better in one number.",
    dict(better=lambda a, b: torch.ones_like(a, dtype=torch.bool)),
    "You took the best run in each of the two numbers: between them there may be others that none dominates.",
    lambda task, probe: (task == task.max()) | (probe == probe.min()),
    base=_front_in_parts,
)
