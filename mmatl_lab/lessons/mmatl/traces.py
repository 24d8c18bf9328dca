"""What happens inside a training of MMATL: the discriminator's loss, what a fresh probe reads, and the task.

    python -m mmatl_lab.lessons.mmatl.traces

records the trainings that the notebook compares and writes ``assets/results/mmatl_traces.json``.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab import paths
from mmatl_lab.metrics.probe import fresh_probe
from mmatl_lab.models.mmatl import MMATL

from . import study
from .systems import MMATLSettings, accuracies, alignment_losses, codes, make_system
from .tasks import Task

FILE = "results/mmatl_traces.json"
LOOKS = 12  # of a training
PROBE_STEPS = 200  # of the probes on the way; those of the tables train three times as long
KEPT = 150  # events whose codes are kept, for the maps
GAMES = {  # title: one of `study.METHODS`
    "no alignment": "none_continuous",
    "weak discriminator": "weak",
    "gradient reversal and MMD": "reversal_mmd_continuous",
    "binary codes, no alignment": "none",
    "binary codes, aligned": "reversal_mmd",
}
MAPPED = "binary codes, aligned"  # whose codes are kept for the maps


class Trace:
    """Looks at a model while it trains: ``trace(0)`` before the first step, and ``trace(steps done)`` after each step.

    A fresh probe is trained at each look, on codes of the training part, and scored on the validation part.

    Attributes:
        steps: at which it looked.
        curves: ``"L_dis"``, ``"probe"``, ``"task"`` (mean accuracy of the modalities alone), a number for each step.
        latents: codes (n, N, D) of the same events at each look.
    """

    def __init__(self, model: MMATL, task: Task, num_steps: int, *, looks: int = LOOKS):
        self.model, self.task = model, task
        self.wanted = {round(num_steps * (k / (looks - 1)) ** 1.5) for k in range(looks)}  # more of them early
        self.steps: list[int] = []
        self.curves: dict[str, list[float]] = defaultdict(list)
        self.latents: list[Tensor] = []

    def __call__(self, done: int) -> None:
        if done not in self.wanted:
            return
        training = self.model.training
        self.steps.append(done)
        fit, test = (codes(self.model, part) for part in (self.task.train, self.task.validation))
        hits = fresh_probe(fit.unbind(1), test.unbind(1), steps=PROBE_STEPS)
        alone = accuracies(self.model, self.task.validation)
        alone.pop("fused")
        self.curves["L_dis"].append(alignment_losses(self.model, self.task.validation)["L_dis"])
        self.curves["probe"].append(hits.float().mean().item())
        self.curves["task"].append(sum(alone.values()) / len(alone))
        self.latents.append(test[:KEPT])
        self.model.train(training)


class Recorded(NamedTuple):
    """A `Trace` that the package carries."""

    steps: list[int]
    curves: Mapping[str, list[float]]
    latents: list[Tensor]


def recorded(title: str) -> Recorded:
    """One of `GAMES`, as ``python -m mmatl_lab.lessons.mmatl.traces`` recorded it with the settings of ``full``.

    Raises:
        KeyError: a training that was not recorded.
    """
    found = json.loads(paths.asset(FILE).read_text(encoding="utf-8"))[title]
    return Recorded(found["steps"], found["curves"], [torch.tensor(e).float() for e in found["latents"]])


def traced(title: str, task: Task, *, data: str = "scenes2", num_steps: int | None = None, seed: int = 0) -> Trace:
    """Train one of `GAMES` on a task and look on; None takes as many steps as the study."""
    settings = study.settings(data, GAMES[title])
    return traced_by(replace(settings, num_steps=num_steps or settings.num_steps), task, seed)


def traced_by(settings: MMATLSettings, task: Task, seed: int = 0) -> Trace:
    system = make_system(settings.data, settings)
    model = system.make(settings, seed=seed)
    trace = Trace(model, task, settings.num_steps)
    run = system.run(model, settings, seed=seed, save=False, quiet=True)
    trace(0)
    system.fit(run, settings, task=task, look=lambda step: trace(step + 1))
    return trace


def record() -> dict[str, dict]:
    """Every game of `GAMES` on the scenes, rounded for the file; codes of `MAPPED` alone, which are ±1."""
    from .tasks import load

    found = {}
    for title in GAMES:
        trace = traced(title, load("scenes2"))
        curves = {name: [round(x, 4) for x in values] for name, values in trace.curves.items()}
        kept = trace.latents if title == MAPPED else []
        found[title] = {"steps": trace.steps, "curves": curves, "latents": [e.int().tolist() for e in kept]}
    return found


if __name__ == "__main__":
    (paths.bundle() / "assets" / FILE).write_text(json.dumps(record()) + "\n", encoding="utf-8")
