"""What is checked in the exercises of lesson 01, on inputs drawn anew each time.

A check returns what it found right, or raises `Wrong` with the sentence of the mistake.
"""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import combinations, product

import torch
from torch import Tensor

from ...data.smartwatch import load_smartwatch
from ..attempt import Attempt, Wrong
from ..diagnose import as_tensor, diagnose, find_mistakes, same
from . import mistakes


def best_accuracy(attempt: Attempt, generator: torch.Generator) -> str:
    noise = 0.7 + 1.5 * torch.rand(2, 8, generator=generator)
    noise[:, 0], noise[:, 1] = noise[:, 0].sort().values, noise[:, 1].sort(descending=True).values
    voice_noise, face_noise = noise  # each of them is the better witness at least once
    share = 0.1 + 0.5 * torch.rand(8, generator=generator)
    for ambiguity, what in [
        (torch.zeros(8), "the accuracy without neutral words"),
        (share, "the accuracy with some neutral words"),
    ]:
        diagnose(
            attempt(voice_noise, face_noise, ambiguity),
            lambda wrong, ambiguity=ambiguity: mistakes.best_accuracy(voice_noise, face_noise, ambiguity, wrong),
            mistakes.WITNESSES | mistakes.NEUTRAL,
            what=what,
        )
    return "Right: precisions add up, so even a bad witness beside a good one helps, and neutral words leave a coin."


def p_sarcastic(attempt: Attempt, generator: torch.Generator) -> str:
    valence = torch.tensor([-1, 0, 1]).repeat(8)
    voice_noise, face_noise = (low + 0.3 * torch.rand(1, generator=generator).item() for low in (0.8, 1.3))
    meant = torch.randint(2, (24,), generator=generator) * 2 - 1
    voice = meant + voice_noise * torch.randn(24, generator=generator)
    face = meant + face_noise * torch.randn(24, generator=generator)
    inputs = (valence, voice, face, voice_noise, face_noise)
    value = as_tensor(attempt(*inputs), "the probabilities")
    if value.shape == (24,) and torch.isin(value, torch.tensor([0, 0.5, 1]).double()).all():
        raise Wrong(mistakes.VERDICT)
    diagnose(value, lambda wrong: mistakes.p_sarcastic(*inputs, wrong), mistakes.LISTENER, what="the probabilities")
    return "Right, with weights by precision, and 1/2 where the words are neutral. No model can know better than this."


def shared_bits(attempt: Attempt, generator: torch.Generator) -> str:
    square, oblong = torch.rand(3, 4, 4, generator=generator) + 0.1, torch.rand(3, 3, 5, generator=generator) + 0.1
    sparse = torch.rand(5, 4, generator=generator)
    sparse[torch.randperm(5, generator=generator)[:4], torch.arange(4)] = 0
    empty = torch.cat([sparse, torch.zeros(1, 4)])
    # square ones first: there marginals of wrong shapes run without an error; and three, so that no mistakes look alike
    for tables, no_number in [
        (square, ""),
        (oblong, ""),
        (sparse[None], mistakes.ZEROS),
        (empty[None], mistakes.EMPTY),
    ]:
        joints = [table / table.sum() for table in tables]
        value = torch.stack([as_tensor(attempt(joint), "the information").squeeze() for joint in joints])
        if no_number and value.isnan().any():
            raise Wrong(no_number)
        diagnose(
            value,
            lambda wrong, joints=joints: torch.stack([mistakes.shared_bits(joint.double(), wrong) for joint in joints]),
            mistakes.BITS,
            what="the information",
        )
    return (
        "Right, with zeros in the table too. In the world of sarcasm the words share 0 bits with the answer, and what "
        "is meant shares 0 bits; the two together share 1 bit. Nothing that is added up sense by sense finds it."
    )


def add_projected(attempt: Attempt, generator: torch.Generator) -> str:
    # a square one first: there a forgotten transpose and vectors added as they are run without an error
    for b, n, m, d in [(4, 4, 4, 4), (5, 3, 6, 2), (5, 4, 1, 4)]:
        text, face = (torch.randn(b, width, generator=generator) for width in (n, m))
        W_text, W_face = (torch.randn(d, width, generator=generator) for width in (n, m))
        diagnose(
            attempt(text, face, W_text, W_face),
            lambda wrong, inputs=(text, face, W_text, W_face): mistakes.add_projected(*inputs, wrong),
            mistakes.PROJECTED,
            what="the fused vectors",
        )
    return (
        "Right for any widths, those of one number included. The same comes from a concatenation, [W_t W_f][e_t; e_f]: "
        "an addition of projections is a linear layer behind a concatenation."
    )


def add_up(attempt: Attempt, generator: torch.Generator) -> str:
    kind = torch.cat([torch.arange(4), torch.randint(4, (28,), generator=generator)])
    kind = kind[torch.randperm(32, generator=generator)]
    t, m = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])[kind].T
    value = attempt(t, m)
    if getattr(value, "dtype", None) is torch.bool:
        raise Wrong("You returned the verdict: return the sum itself, before it is compared with 0.")
    value = as_tensor(value, "the scores")
    if value.shape != t.shape:
        raise Wrong(
            f"The shape of your scores is {tuple(value.shape)}, expected {tuple(t.shape)}: one for each remark."
        )
    value = value / value.abs().max().clamp(min=1e-30)  # so that a small product is found as well as a large one
    score = torch.stack([value[kind == k][0] for k in range(4)])  # of (1, 1), (1, -1), (-1, 1), (-1, -1)
    if not same(value, score[kind]):
        raise Wrong("Two remarks of one kind get different scores: a score depends on its own t and m alone.")
    praise_good, praise_bad, blame_good, blame_bad = score
    if not same(praise_good + blame_bad, praise_bad + blame_good):
        alike = same(praise_good, blame_bad) and same(praise_bad, blame_good)
        raise Wrong(mistakes.MULTIPLIED if alike else mistakes.NO_SUM)
    right = int(((score > 0) == torch.tensor([False, True, True, False])).sum())
    if right < 3:
        raise Wrong(mistakes.not_enough(score, right))
    return (
        "Three of four, and no sum gets all: the scores of the two sincere kinds add up to "
        "f(1) + g(1) + f(-1) + g(-1), and so do those of the two sarcastic kinds. They cannot be below 0 in one pair "
        "and above 0 in the other. A sum that learns probabilities does not even get here: it ends at 1/2 for all four."
    )


def honest_accuracy(attempt: Attempt, generator: torch.Generator) -> str:
    def reference(wrong: Iterable[str] = ()) -> Tensor:
        return mistakes.accuracy(*inputs, nearest_window, frozenset(wrong))

    known = mistakes.FLATTERING | mistakes.NEW_BUGS
    left_over = [bugs for number in range(4) for bugs in combinations(mistakes.FLATTERING, number)]
    alike = True
    while alike:  # until no bug can hide behind another: accuracies are counts, and counts can be equal by chance
        inputs = _recordings(generator)
        planted, new = [reference(bugs) for bugs in left_over], [reference([bug]) for bug in mistakes.NEW_BUGS]
        alike = any(same(a, b) for a, b in (*combinations(planted, 2), *product(planted, new)))
    value = as_tensor(attempt(*inputs, nearest_window), "the accuracies")
    if not same(value, reference()):
        left = find_mistakes(value, reference, mistakes.FLATTERING, 3) or find_mistakes(value, reference, known, 3)
        if not left:
            diagnose(value, reference, {}, what="the accuracy of the people held out")
        raise Wrong(f"{'One bug is' if len(left) == 1 else f'{len(left)} bugs are'} left. {known[left[0]]}")
    watch = watch_inputs()
    before = mistakes.accuracy(*watch, nearest_window, frozenset(mistakes.FLATTERING)).mean()
    after = as_tensor(attempt(*watch, nearest_window), "the accuracies").mean()
    return (
        f"All three bugs are mended, and there is no new one. Of the real windows of two people, {100 * before:.0f} % "
        f"were right before and {100 * after:.0f} % are now, with the same model: before, it knew them."
    )


def nearest_window(x: Tensor, y: Tensor, seed: int) -> Callable[[Tensor], Tensor]:
    """A model that is fitted at once: the exercise of the nearest of the windows (N, F) whose exercises are y (N,).

    It looks at half of the features, which `seed` picks.
    """
    half = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(seed))[: x.shape[1] // 2]
    exact = "donot_use_mm_for_euclid_dist"  # so that a common factor of all features does not change who is nearest
    return lambda new: y[torch.cdist(new[:, half], x[:, half], compute_mode=exact).argmin(dim=1)]


@cache
def watch_inputs() -> tuple[Tensor, ...]:
    """Sensor, exercise, person, recording of two real seconds in every six, and the first two people held out."""
    data = load_smartwatch()
    return *data.windows(hop=300), data.split().test


def _recordings(generator: torch.Generator) -> tuple[Tensor, ...]:
    """Windows of eight made-up people, three of them held out.

    Each person's first recording is long and wild, and it has the person's number. So all three bugs change something.
    """
    people, num_recordings = 8, 40
    person = torch.arange(num_recordings) % people  # of each recording
    label = torch.randint(3, (num_recordings,), generator=generator)
    count = torch.randint(2, 6, (num_recordings,), generator=generator)
    scale = 1 + 4 * torch.rand(num_recordings, 1, 6, generator=generator)  # how strongly each channel moves
    count[:people], scale[:people] = 20, 4 * scale[:people]
    recording = torch.arange(num_recordings).repeat_interleave(count)  # of each window
    person, label = person[recording], label[recording]
    gesture, habit = torch.randn(3, 1, 6, generator=generator), torch.randn(people, 1, 6, generator=generator)
    noise = torch.randn(len(recording), 8, 6, generator=generator)
    sensor = scale[recording] * (gesture[label] + habit[person] + 2 * noise)  # (N, 8, 6)
    held_out = torch.randperm(people, generator=generator)[:3].sort().values
    return sensor, label, person, recording, held_out
