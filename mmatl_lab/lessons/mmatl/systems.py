"""The systems of the lesson: MMATL on each task, and how one is measured."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mmatl_lab.metrics.probe import fresh_probe
from mmatl_lab.models.mmatl import DISCRIMINATORS, MMATL, PLAYERS, MMATLConfig, joint, training_step
from mmatl_lab.training import Run

from ..balanced_learning.tasks import Examples
from ..recipe import System
from ..results import Result
from .features import EVALUATION_SEED, SceneFeatures
from .tasks import DATA, Task, load

PROBE_SEED = 90_518
ALIGNMENT = "gradient_reversal+mmd"  # the best of what was tried, see ``study``
DIM, DISCRIMINATOR_DIM = 6, 64
DIMS = {"digits": 12}  # where six bits are too few for the task
LAMBDAS = {"digits": 0.3}  # where a weight of 1 costs the task points


@dataclass(frozen=True)
class MMATLSettings:
    """How MMATL is trained on a task.

    Attributes:
        lr: of encoders, T and f. discriminator_lr: of D_a and D_t.
        discriminator_steps: updates of the discriminators for one of the others.
        lambda_align: grows from 0 to this. lambda_task, lambda_contrast: weights that stay.
        paired: a row of a batch is one event in all modalities; otherwise each modality draws its own events.
    """

    num_steps: int
    model: MMATLConfig
    batch_size: int = 128
    lr: float = 2e-3
    discriminator_lr: float = 6e-3
    discriminator_steps: int = 3
    lambda_align: float = 1.0
    lambda_task: float = 0.0
    lambda_contrast: float = 0.0
    paired: bool = False
    data: str = "scenes2"


def settings_of(data: str, *, num_steps: int = 600, model: Mapping[str, Any] | None = None, **more) -> MMATLSettings:
    """The settings of a task; ``model`` are fields of the model's config.

    Raises:
        ValueError: an unknown task.
    """
    if data not in DATA:
        raise ValueError(f"there is no data {data!r}: choose one of {', '.join(DATA)}")
    ours = {"alignment": ALIGNMENT, "dim": DIMS.get(data, DIM), "discriminator_dim": DISCRIMINATOR_DIM}
    config = MMATLConfig(DATA[data].encoders, len(DATA[data].classes), **(ours | dict(model or {})))
    return MMATLSettings(num_steps, config, data=data, **({"lambda_align": LAMBDAS.get(data, 1.0)} | more))


def ramp(progress: float) -> float:
    """The weight of alignment on its way from 0 to 1 (Ganin & Lempitsky 2015): the task comes first."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def draw(examples: Examples, settings: MMATLSettings, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """A batch: whole rows and their labels (B,), or, unpaired, rows and labels (B, N) of each modality."""
    n, size = len(examples.label), settings.batch_size
    if settings.paired:
        index = torch.randint(n, (size,), generator=generator)
        return {name: x[index] for name, x in examples.views.items()}, examples.label[index]
    index = torch.randint(n, (len(examples.views), size), generator=generator)  # (N, B)
    return {name: x[rows] for rows, (name, x) in zip(index, examples.views.items())}, examples.label[index].T


def fit(
    run: Run,
    settings: MMATLSettings,
    *,
    mmatl_features: SceneFeatures | None = None,
    task: Task | None = None,
    look: Callable[[int], None] | None = None,
) -> None:
    """The loop of every system.

    Args:
        mmatl_features: the frozen encoders, for scenes.
        task: the data; by default those of the settings, drawn by the run's seed.
        look: is called with the number of each step after it, to look at the model on its way.
    """
    train = (task or load(settings.data, run.seed, mmatl_features)).train

    def next_batch() -> tuple[dict[str, Tensor], Tensor]:
        views, y = draw(train, settings, generator)
        return {name: x[run.shard].to(run.device) for name, x in views.items()}, y[run.shard].to(run.device)

    for step, generator in run:
        training_step(
            run.module,
            run,
            next_batch,
            lambda_align=settings.lambda_align * ramp(step / settings.num_steps),
            lambda_task=settings.lambda_task,
            lambda_contrast=settings.lambda_contrast,
            discriminator_steps=settings.discriminator_steps,
            generator=generator,
        )
        if look:
            look(step)


@torch.no_grad()
def codes(model: MMATL, examples: Examples) -> Tensor:
    """(n, N, D) codes without noise, on the CPU."""
    device = next(model.parameters()).device
    return model.eval().encode({name: x.to(device) for name, x in examples.views.items()}).e.cpu()


@torch.no_grad()
def hits(model: MMATL, examples: Examples) -> dict[str, Tensor]:
    """Which answers are right, (n,) bool: of all modalities together, ``fused``, and of each alone, by its name."""
    device = next(model.parameters()).device
    e = codes(model, examples).to(device)
    answers = {"fused": model.task(model.transfer(e))} | dict(zip(model.modalities, model.alone(e).unbind(1)))
    return {name: z.argmax(1).cpu() == examples.label for name, z in answers.items()}


def accuracies(model: MMATL, examples: Examples) -> dict[str, float]:
    """The share of right answers, by the names of ``hits``."""
    return {name: right.float().mean().item() for name, right in hits(model, examples).items()}


def probe_hits(model: MMATL, task: Task, *, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Whether a fresh probe, trained on the codes of validation, names the modality of the test's: (N n,) bool."""
    generator = torch.Generator().manual_seed(PROBE_SEED + seed)
    fit, test = (codes(model, part) for part in (task.validation, task.test))
    fit, test = (e + noise * torch.randn(e.shape, generator=generator) if noise else e for e in (fit, test))
    return fresh_probe(fit.unbind(1), test.unbind(1), seed=PROBE_SEED + seed)


def alignment_losses(model: MMATL, examples: Examples) -> dict[str, float]:
    """``L_dis`` and ``L_enc``, both sides of the alignment game, by the model's own D_a on held-out codes."""
    device = next(model.parameters()).device
    views = {name: x.to(device) for name, x in examples.views.items()}
    batch = joint.look(model.eval(), views, examples.label.to(device))
    rows = batch._replace(e=batch.e[:500], present=batch.present[:500], y_alone=batch.y_alone[:500])
    return {"L_dis": joint.L_align_dis(model, rows).item(), "L_enc": joint.L_align_enc(model, rows).item()}


def measure(model: MMATL, task: Task, seed: int = 0) -> dict[str, float]:
    """What a study keeps of a trained model: accuracies on the test, L_dis, and what a fresh probe reads."""
    found = {f"accuracy_{name}": value for name, value in accuracies(model, task.test).items()}
    found["accuracy"] = sum(found[f"accuracy_{name}"] for name in model.modalities) / len(model.modalities)
    found |= alignment_losses(model, task.test)
    found["probe"] = probe_hits(model, task, seed=seed).float().mean().item()
    return found


def evaluate(data: str, model: MMATL, *, name: str = "", mmatl_features: SceneFeatures | None = None) -> list[Result]:
    """Accuracy, L_dis, and what a fresh probe reads, on the test part of seed 0's task; ``name`` is the system's."""
    task, N, name = load(data, 0, mmatl_features), len(model.modalities), name or f"mmatl_{data}"
    said = name.removeprefix("mmatl_").replace("_", " ")
    control = task.test.label.bincount().max().item() / len(task.test.label)
    results = []
    for key, right in hits(model, task.test).items():
        label = f"{said}, accuracy: {'all modalities' if key == 'fused' else key + ' alone'}"
        results.append(Result.from_hits(f"{name}_{key}", label, right, of="examples", control=control))
    label = f"{said}, L_dis on held-out codes (ln {N} = {math.log(N):.3f})"
    results.append(Result(f"{name}_L_dis", label, alignment_losses(model, task.test)["L_dis"]))
    label, read = f"{said}, a fresh probe names the modality", probe_hits(model, task)
    results.append(Result.from_hits(f"{name}_probe", label, read, of="codes", control=1 / N))
    return results


def rates(settings: MMATLSettings) -> dict[str, float]:
    """The learning rate of each part."""
    return dict.fromkeys(PLAYERS, settings.lr) | dict.fromkeys(DISCRIMINATORS, settings.discriminator_lr)


ADAM = partial(torch.optim.Adam, betas=(0.5, 0.99))  # a game's gradients turn too fast for a longer memory
OPTIONS = {
    "lr": rates,
    "optimizer": dict.fromkeys((*PLAYERS, *DISCRIMINATORS), ADAM),
    # The players' rates fall to 0 and the discriminators keep theirs: codes that hardly move are judged to the end.
    "schedule": dict.fromkeys(DISCRIMINATORS, "constant"),
    "precision": "32-true",
    "clip": 10.0,
}


def make_system(data: str, full: MMATLSettings | None = None, *, name: str | None = None) -> System:
    """The system of a task; ``full`` replaces its settings."""
    full, name = full or settings_of(data), name or f"mmatl_{data}"
    return System(
        name,
        {
            "quick": replace(full, num_steps=min(40, full.num_steps), batch_size=64),
            "full": full,
            "gpu": replace(full, num_steps=4 * full.num_steps, batch_size=4 * full.batch_size),
        },
        build=MMATL.from_config,
        fit=fit,
        evaluate=partial(evaluate, data, name=name),
        needs=("mmatl_features",) if DATA[data].needs_features else (),
        options=OPTIONS,
        reserved=(EVALUATION_SEED, PROBE_SEED),
    )
