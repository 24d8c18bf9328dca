"""The systems of the lesson: each method on each task, trained by plain SGD, as the papers have it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmatl_lab.lessons.recipe import Option, System
from mmatl_lab.lessons.results import Result
from mmatl_lab.models.balanced import METHODS, Balanced, BalancedConfig, build
from mmatl_lab.training import Run

from .examples import Examples, Task
from .tasks import EVALUATION_SEED, SOURCES, load

STEPS = {"digits": 600, "smartwatch": 300, "scenes3": 600, "clip": 300}
FETCHED_STEPS = 1_000
LR = 0.05


class Size(NamedTuple):
    """Of a preset: D of each modality's features, the hidden layer of its encoder, the batch, and how much of STEPS."""

    dim: int
    hidden_dim: int
    batch_size: int
    length: float


SIZES = {"quick": Size(32, 64, 64, 0.1), "full": Size(32, 64, 64, 1), "gpu": Size(128, 256, 256, 2)}
RATES = {  # where it is not LR: the study's choices on validation data
    ("digits", "normal"): 0.1,
    ("digits", "ogm"): 0.1,
    ("digits", "qmf"): 0.025,
    ("smartwatch", "normal"): 0.025,
    ("smartwatch", "independent"): 0.025,
    ("smartwatch", "mla"): 0.025,
    ("smartwatch", "ogm_ge"): 0.1,
    ("smartwatch", "qmf"): 0.025,
    ("scenes3", "mla"): 0.1,
    ("scenes3", "qmf"): 0.025,
    ("clip", "normal"): 0.1,
    ("clip", "ogm"): 0.1,
    ("clip", "ogm_ge"): 0.1,
    ("clip", "qmf"): 0.025,
}
OGM_ALPHA = 0.3
NAMES = {
    "normal": "joint",
    "independent": "independent",
    "ogm": "OGM",
    "ogm_ge": "OGM-GE",
    "qmf": "QMF",
    "mla": "MLA",
}


@dataclass(frozen=True)
class BalancedSettings:
    num_steps: int
    model: BalancedConfig
    batch_size: int = SIZES["full"].batch_size
    lr: float = LR
    data: str = "digits"


def settings_of(
    data: str,
    method: str,
    *,
    preset: str = "full",
    num_steps: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    options: dict[str, Any] | None = None,
) -> BalancedSettings:
    """The settings of a method on a task; ``options`` are the method's own, None is what the preset has.

    Raises:
        ValueError: an unknown task, method or preset.
    """
    for what, name, known in (("data", data, SOURCES), ("method", method, METHODS), ("preset", preset, SIZES)):
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}: choose one of {', '.join(known)}")
    source, size, options = SOURCES[data], SIZES[preset], dict(options or {})
    num_samples, batch_size = source.num_train, batch_size or size.batch_size
    if method in ("ogm", "ogm_ge"):
        options = {"alpha": OGM_ALPHA} | options
    if method == "qmf":
        options |= {"num_samples": num_samples}
    if method == "mla":
        options |= {"steps_per_epoch": max(1, num_samples // batch_size)}
    config = BalancedConfig(method, source.encoders(size.hidden_dim), len(source.classes), size.dim, options)
    lr = RATES.get((data, method), LR) if lr is None else lr
    num_steps = num_steps or round(size.length * STEPS.get(data, FETCHED_STEPS))
    return BalancedSettings(num_steps, config, batch_size, lr, data)


def draw(examples: Examples, n: int, generator: torch.Generator) -> tuple[Tensor, Examples]:
    """Places of n examples, drawn with replacement, and the examples."""
    index = torch.randint(len(examples.label), (n,), generator=generator)
    return index, examples.rows(index)


def fit(
    run: Run, settings: BalancedSettings, *, task: Task | None = None, look: Callable[[int], None] | None = None
) -> None:
    """The loop of every method.

    Args:
        task: the data; by default those of the settings, drawn by the run's seed. The watch's test person is always
            person 0 then.
        look: is called with the number of each step after it, to look at the model on its way.
    """
    train = (task or load(settings.data, 0 if settings.data == "smartwatch" else run.seed)).train
    for step, generator in run:
        index, batch = draw(train, settings.batch_size, generator)
        index, batch = index[run.shard].to(run.device), batch.rows(run.shard).to(run.device)
        run.module.step(run, batch.views, batch.label, index=index, generator=generator)
        if look:
            look(step)


@torch.no_grad()
def accuracies(model: Balanced, examples: Examples) -> dict[str, float]:
    """Accuracy of the fused answer, ``fused``, and of each modality alone, by its name."""
    model.eval()
    device = next(model.parameters()).device
    answer = model({name: x.to(device) for name, x in examples.views.items()})
    label = examples.label.to(device)
    found = {"fused": (model.fuse(answer.logits).argmax(-1) == label).float().mean().item()}
    for name, z in zip(model.modalities, answer.logits):
        found[name] = (z.argmax(-1) == label).float().mean().item()
    return found


def evaluate(data: str, method: str, model: Balanced) -> list[Result]:
    """Accuracy on the test part of seed 0's task."""
    test = load(data).test
    control = test.label.bincount().max().item() / len(test.label)
    device = next(model.parameters()).device
    answer = model({name: x.to(device) for name, x in test.views.items()})
    answers = {"fused": model.fuse(answer.logits)} | dict(zip(model.modalities, answer.logits))
    return [
        Result.from_hits(
            f"{data}_{method}_{name}",
            f"{data}, {NAMES[method]}: {'all modalities' if name == 'fused' else name + ' alone'}",
            z.argmax(-1).cpu() == test.label,
            of="pairs" if data == "digits" else "examples",
            control=control,
        )
        for name, z in answers.items()
    ]


SGD = partial(torch.optim.SGD, lr=LR, momentum=0.9, weight_decay=1e-4)  # Run sets the learning rate of each step


def make_system(data: str, method: str, *, name: str | None = None, **changes) -> System:
    """The system of a method on a task; ``changes`` are arguments of :func:`settings_of` for all its presets."""
    return System(
        name or f"balanced_{data}_{method}",
        {preset: settings_of(data, method, preset=preset, **changes) for preset in SIZES},
        build=build,
        fit=fit,
        evaluate=partial(evaluate, data, method),
        options={"optimizer": lambda settings: SGD, "clip": 1e6},  # a common norm would undo a part of OGM's modulation
        data=SOURCES[data].data,
        reserved=(EVALUATION_SEED,),
    )


OPTIONS = (
    Option("method", "how it is trained", tuple(METHODS)),
    Option("fusion", "how MLA joins the logits at test time", ("fixed", "dynamic")),
    Option("data", "the task", tuple(SOURCES)),
    Option("epochs", "how often the training data are gone through"),
    Option("batch-size", "examples in a step"),
)


def configure(options: Mapping[str, str | int]) -> System:
    """The system that the options of the command line describe: MLA on digits, where nothing else is said.

    Raises:
        ValueError: a fusion for a method that has its own.
    """
    data, method = options.get("data", "digits"), options.get("method", "mla")
    fusion, batch_size = options.get("fusion"), options.get("batch-size")
    if fusion and method != "mla":
        raise ValueError(f"--fusion {fusion} belongs to mla: {method!r} has its own fusion, leave it out")
    changes = {"batch_size": batch_size, "options": {"fusion": fusion} if fusion else {}}
    if "epochs" in options:
        per_epoch = SOURCES[data].num_train // (batch_size or SIZES["full"].batch_size)
        changes["num_steps"] = options["epochs"] * max(1, per_epoch)
    name = f"balanced_{data}_{method}" + (f"_{fusion}" if fusion else "")
    return make_system(data, method, name=name, **changes)
