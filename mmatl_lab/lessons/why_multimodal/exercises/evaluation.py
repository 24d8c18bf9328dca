"""Exercises on an honest test: an accuracy that is too good to be true, and an experiment to plan."""

from collections.abc import Callable
from functools import cache
from itertools import combinations, product

import torch
from torch import Tensor

from mmatl_lab.data.smartwatch import load_smartwatch

from ...diagnose import Trial, made_together
from ...differences import as_answer, same
from ...exercise import empty_plan, exercise, mistakes


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


def _check_accuracy(trial: Trial, generator: torch.Generator) -> str:
    planted = [trial.base, *(function for _, function in made_together(trial.base, trial.mistakes[:3], 3))]
    new = [mistake.function for mistake in trial.mistakes[3:]]
    alike = True
    while alike:  # until no bug can hide behind another: accuracies are counts, and counts can be equal by chance
        inputs = (*_recordings(generator), nearest_window)
        old, others = [f(*inputs) for f in planted], [f(trial.base, *inputs) for f in new]
        alike = any(same(a, b) for a, b in (*combinations(old, 2), *product(old, others)))
    trial.compare(inputs)
    watch = (*watch_inputs(), nearest_window)
    before = broken_accuracy(*watch).mean()
    after = as_answer(trial(*watch), "the accuracies").mean()
    return (
        f"All three bugs are mended, and there is no new one. Of the real windows of two people, {100 * before:.0f} % "
        f"were right before and {100 * after:.0f} % are now, with the same model: before, it knew them."
    )


def broken_accuracy(
    sensor: Tensor, exercise: Tensor, person: Tensor, recording: Tensor, held_out: Tensor, fit
) -> Tensor:
    """Accuracy on each of the P people `held_out`, the mean over three seeds: -> (P,).

    Nothing may be fitted to these people.

    `sensor` (N, T, 6) are windows; `exercise`, `person` and `recording` (N,) belong to them;
    `fit(x, y, seed)` gives a model, and `model(x)` names the exercise of each window.
    """
    x = torch.cat([sensor.mean(dim=1), sensor.std(dim=1)], dim=1)  # (N, 12)
    x = (x - x.mean(dim=0)) / x.std(dim=0)
    test = torch.isin(recording, held_out)
    runs = []
    for seed in range(3):
        model = fit(x[~test], exercise[~test], seed)
        right = (model(x) == exercise).float()  # (N,)
        runs.append(torch.stack([right[person == p].mean() for p in held_out]))
    return torch.stack(runs).amax(dim=0)


@exercise(
    "why_multimodal.6",
    "Too good to be true",
    task="With a plain model this function finds that nearly every window of the watch is classified correctly. Three "
    "bugs make the result too good. None raises an error, and one hardly changes the number on these data. Mend "
    "all three.",
    minutes=12,
    difficulty=2,
    hints=(
        "Follow one of the people held out through the function. Where do their windows have an influence before the "
        "model is asked about them?",
        "Persons are numbers from 0 to 9, recordings are numbers from 0 to 139. Which of them are in `held_out`?",
        "The means and deviations were fitted too. And of three runs, which one is reported?",
    ),
    checker=_check_accuracy,
    answer="the accuracy of the people held out",
    start=broken_accuracy,
)
def honest_accuracy(
    sensor: Tensor, exercise: Tensor, person: Tensor, recording: Tensor, held_out: Tensor, fit
) -> Tensor:
    """Accuracy on each of the P people `held_out`, the mean over three seeds: -> (P,).

    Nothing may be fitted to these people."""
    test = torch.isin(person, held_out)
    x = torch.cat([sensor.mean(dim=1), sensor.std(dim=1)], dim=1)  # (N, 12)
    x = (x - x[~test].mean(dim=0)) / x[~test].std(dim=0)
    runs = []
    for seed in range(3):
        model = fit(x[~test], exercise[~test], seed)
        right = (model(x) == exercise).float()  # (N,)
        runs.append(torch.stack([right[person == p].mean() for p in held_out]))
    return torch.stack(runs).mean(dim=0)


def _accuracy_in_parts(
    sensor,
    exercise,
    person,
    recording,
    held_out,
    fit,
    split="person",
    fitted="others",
    scaled="others",
    over="each person",
    runs=lambda runs: runs.mean(0),
) -> Tensor:
    test = torch.isin(person if split == "person" else recording, held_out)
    rows = {"others": ~test, "held out": test, "all": test | ~test}
    x = torch.cat([sensor.mean(1), sensor.std(1)], 1)
    if scaled == "each by itself":
        x = torch.where(test[:, None], _scaled(x, test), _scaled(x, ~test))
    elif scaled != "not":
        x = _scaled(x, rows[scaled])
    train = rows[fitted]
    right = torch.stack([(fit(x[train], exercise[train], seed)(x) == exercise).float() for seed in range(3)])
    if over == "all windows":
        return right[:, torch.isin(person, held_out)].mean()
    people = person.unique() if over == "everyone" else held_out
    return runs(torch.stack([right[:, person == p].mean(1) for p in people], 1))  # (3, P) -> (P,)


def _scaled(x: Tensor, known: Tensor) -> Tensor:
    return (x - x[known].mean(0)) / x[known].std(0)


mistakes(
    honest_accuracy,
    "Means and deviations are fitted too, and here they still know the people held out.",
    dict(scaled="all"),
    "`held_out` holds persons, and they are compared with the numbers of recordings: the people held out are still "
    "trained on.",
    dict(split="recording"),
    "The best of three runs is reported, chosen on the people held out: take the mean.",
    dict(runs=lambda r: r.amax(0)),
    "The people held out are among those to whom the model is fitted.",
    dict(fitted="held out", scaled="held out"),
    dict(fitted="all"),
    "The people held out are normalised by means and deviations of their own: a model in use meets one window at a "
    "time, so take those of the others.",
    dict(scaled="each by itself"),
    "The features are no longer normalised.",
    dict(scaled="not"),
    "Only the first seed is reported: take the mean over the three.",
    dict(runs=lambda r: r[0]),
    "Every run is reported by itself: take the mean over the three seeds.",
    dict(runs=lambda r: r),
    "The people held out are averaged: give the accuracy on each, from which an interval can be made.",
    dict(over="all windows"),
    dict(runs=lambda r: r.mean()),
    "The accuracy is that of everyone: give it for the people held out.",
    dict(over="everyone"),
    base=_accuracy_in_parts,
    together=3,
)


@exercise(
    "why_multimodal.7",
    "Your own experiment",
    task="With the gyroscope beside the accelerometer the model is better, and it is also larger. Does the second "
    "sensor help, or only the second encoder? Plan an experiment with the watch that tells the two apart. Then run it.",
    minutes=25,
    difficulty=3,
    hints=(
        "What could you feed to the second encoder so that the model stays the same, but nothing new is told?",
        "Ten people were recorded, so there are ten independent results, however many windows there are.",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only one thing varied, and are parameters, steps, splits and seeds the same in all arms?",
        "Is there a control whose result you know in advance, such as a gyroscope that belongs to another window?",
        "Is each person tested by a model that has never met them, and is the interval taken over people?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "Does the gyroscope raise the accuracy on people held out, at the same number of parameters?",
        "prediction": "Yes, by 3 to 10 points; the second encoder alone brings nothing.",
        "varied": "What the second encoder gets: the gyroscope, or the accelerometer once more.",
        "held fixed": "Both encoders and the head, steps, learning rate, the person left out and the seeds.",
        "control": "A gyroscope of another window, drawn at random: no better than the accelerometer once more.",
        "measured": "Accuracy on each of the ten people, mean of three seeds; Student interval of the ten differences.",
        "would change my mind": "An interval of the differences that includes 0: then ten people are too few.",
    }
