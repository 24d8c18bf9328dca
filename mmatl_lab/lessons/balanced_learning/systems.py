"""The systems of the lesson: each method on each task, trained by plain SGD, as the papers have it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mmatl_lab.lessons.recipe import Option, System
from mmatl_lab.lessons.results import Result
from mmatl_lab.models.balanced import METHODS, Balanced, BalancedConfig, build
from mmatl_lab.training import Run

from .tasks import EVALUATION_SEED, SOURCES, Examples, Task, load

DIM = 32  # of each modality's features
STEPS = {"digits": 600, "smartwatch": 300, "scenes3": 600, "clip": 300}
FETCHED_STEPS = 1_000
BATCH_SIZE = 64
LR = 0.05
FASTER = dict.fromkeys(  # trained at 0.1 by default: the study's choice on validation data
    [
        ("digits", "normal"),
        ("digits", "ogm"),
        ("smartwatch", "independent"),
        ("smartwatch", "normal"),
        ("smartwatch", "ogm_ge"),
        ("scenes3", "mla"),
        ("scenes3", "ogm_ge"),
    ],
    0.1,
)
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
    batch_size: int = BATCH_SIZE
    lr: float = LR
    data: str = "digits"


def settings_of(
    data: str,
    method: str,
    *,
    num_steps: int | None = None,
    batch_size: int = BATCH_SIZE,
    lr: float | None = None,
    options: dict[str, Any] | None = None,
) -> BalancedSettings:
    """The settings of a method on a task; ``options`` are the method's own.

    Raises:
        ValueError: an unknown task or method.
    """
    if data not in SOURCES:
        raise ValueError(f"there is no data {data!r}: choose one of {', '.join(SOURCES)}")
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}: choose one of {', '.join(METHODS)}")
    source, options = SOURCES[data], dict(options or {})
    num_samples = source.num_train
    if method in ("ogm", "ogm_ge"):
        options = {"alpha": OGM_ALPHA} | options
    if method == "qmf":
        options |= {"num_samples": num_samples}
    if method == "mla":
        options |= {"steps_per_epoch": max(1, num_samples // batch_size)}
    config = BalancedConfig(method, source.encoders, len(source.classes), DIM, options)
    lr = FASTER.get((data, method), LR) if lr is None else lr
    return BalancedSettings(num_steps or STEPS.get(data, FETCHED_STEPS), config, batch_size, lr, data)


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
        rows = run.shard
        views = {name: x[rows].to(run.device) for name, x in batch.views.items()}
        label = batch.label[rows].to(run.device)
        run.module.step(run, views, label, index=index[rows].to(run.device), generator=generator)
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


def make_system(data: str, method: str, full: BalancedSettings | None = None, *, name: str | None = None) -> System:
    """The system of a method on a task; ``full`` replaces the settings that are its own."""
    full = full or settings_of(data, method)
    quick = BalancedSettings(min(60, full.num_steps), full.model, full.batch_size, full.lr, data)
    gpu = BalancedSettings(4 * full.num_steps, full.model, 4 * full.batch_size, full.lr, data)
    return System(
        name or f"balanced_{data}_{method}",
        {"quick": quick, "full": full, "gpu": gpu},
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
    batch_size, fusion = options.get("batch-size", BATCH_SIZE), options.get("fusion")
    if fusion and method != "mla":
        raise ValueError(f"--fusion {fusion} belongs to mla: {method!r} has its own fusion, leave it out")
    steps = None
    if "epochs" in options:
        steps = options["epochs"] * max(1, SOURCES[data].num_train // batch_size)
    method_options = {"fusion": fusion} if fusion else {}
    full = settings_of(data, method, num_steps=steps, batch_size=batch_size, options=method_options)
    system = make_system(data, method, full, name=f"balanced_{data}_{method}" + (f"_{fusion}" if fusion else ""))
    asked_for_length = steps is not None or "batch-size" in options
    return replace(system, presets=dict.fromkeys(system.presets, full)) if asked_for_length else system
