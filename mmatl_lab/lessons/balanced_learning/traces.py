"""What happens inside a training: each modality's accuracy, each encoder's gradient, who is ahead, what P protects."""

import copy
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from mmatl_lab import paths
from mmatl_lab.models.balanced import MLA, Balanced, modulation
from mmatl_lab.seeding import drawn_from, seeded
from mmatl_lab.viz.style import look

from .examples import Examples, Task
from .systems import LR, BalancedSettings, accuracies, draw, make_system, settings_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "results/balanced_learning_traces.json"
EVERY = 20  # steps from one look to the next
CONTRASTS = (0.2, 0.5, 1.0)  # of the pictures of the digits
TITLES = {
    "accuracy": "accuracy on validation data",
    "gradient": "gradient norm of the encoder",
    "ratio": "discrepancy ratio ρ",
}


class Trace:
    """Looks at a model while it trains: ``trace(step)`` after each step, as ``fit(..., look=trace)`` does.

    Attributes:
        steps: at which it looked. curves: ``curves["accuracy"]["image"]`` and so on, a number for each of them;
            ``"gradient"`` is the mean norm of an encoder's gradient since the last look, before SGD uses it.
    """

    def __init__(self, model: Balanced, validation: Examples, *, every: int = EVERY):
        self.model, self.validation, self.every = model, validation, every
        self.steps: list[int] = []
        self.curves: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._norms: dict[str, list[Tensor]] = defaultdict(list)
        for name, encoder in model.encoders.items():
            last = [p for p in encoder.parameters() if p.requires_grad][-1]  # of the last layer: once a backward
            last.register_post_accumulate_grad_hook(lambda p, name=name: self._norms[name].append(p.grad.norm()))

    @torch.no_grad()
    def __call__(self, step: int) -> None:
        if step % self.every:
            return
        self.steps.append(step)
        for name, value in accuracies(self.model, self.validation).items():
            self.curves["accuracy"][name].append(value)
        device = next(self.model.parameters()).device
        logits = self.model({name: x.to(device) for name, x in self.validation.views.items()}).logits
        ratio = modulation(logits, self.validation.label.to(device), 1.0).ratio
        for name, rho in zip(self.model.modalities, ratio.tolist()):
            self.curves["ratio"][name].append(rho)
            self.curves["gradient"][name].append(torch.stack(self._norms.pop(name)).mean().item())
        self.model.train()


class Recorded(NamedTuple):
    """The curves of a `Trace` that the package carries."""

    steps: list[int]
    curves: Mapping[str, Mapping[str, list[float]]]


def recorded(data: str, method: str, contrast: float = CONTRASTS[0]) -> Recorded:
    """What ``python -m mmatl_lab.lessons.balanced_learning.traces`` recorded, with the settings of ``full``.

    ``contrast`` is that of the digits' pictures.

    Raises:
        KeyError: a training that was not recorded.
    """
    return Recorded(**json.loads(paths.asset(FILE).read_text(encoding="utf-8"))[_key(data, method, contrast)])


def _key(data: str, method: str, contrast: float) -> str:
    return f"{data} {method} {contrast:g}" if data == "digits" else f"{data} {method}"


def traced(data: str, method: str, task: Task, *, seed: int = 0, **changes) -> Trace:
    """Train a method on a task and look on; all methods have one learning rate, so that they can be compared.

    ``changes`` are arguments of `settings_of`, such as ``preset="quick"``.
    """
    settings = settings_of(data, method, **({"lr": LR} | changes))
    return traced_by(make_system(data, method), settings, task, seed)


def traced_by(system, settings: BalancedSettings, task: Task, seed: int) -> Trace:
    model = system.make(settings, seed=seed)
    trace = Trace(model, task.validation)
    run = system.run(model, settings, seed=seed, save=False, quiet=True)
    system.fit(run, settings, task=task, look=trace)
    return trace


def plot_traces(traces: "Mapping[str, Trace | Recorded]", what: str = "accuracy") -> "Figure":
    """One panel for each training, with a curve for each modality."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(traces), figsize=(3.4 * len(traces) + 0.8, 3), sharey=True, squeeze=False)
    for ax, (title, trace) in zip(axes[0], traces.items()):
        for name, values in own(trace, what).items():
            ax.plot(trace.steps, values, color=look(name).colour, label=name)
        if what != "accuracy":
            ax.set_yscale("log")
        if what == "ratio":
            ax.axhline(1, color="0.5", lw=1)
            ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
            ax.minorticks_off()
        ax.set(title=title, xlabel="step")
    axes[0, 0].set_ylabel(TITLES[what])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def own(trace: "Trace | Recorded", what: str = "accuracy") -> dict[str, list[float]]:
    """The curve of each modality, without the fused answer's."""
    return {name: values for name, values in trace.curves[what].items() if name != "fused"}


def describe_traces(traces: "Mapping[str, Trace | Recorded]", what: str = "accuracy") -> str:
    """Where each curve of `plot_traces` starts, is after a third of the steps, and ends: its alt text."""
    said = []
    for title, trace in traces.items():
        third = len(trace.steps) // 3
        curves = (f"{k} {v[0]:.3g}, {v[third]:.3g} and {v[-1]:.3g}" for k, v in own(trace, what).items())
        said.append(f"{title}: {'; '.join(curves)}")
    title = TITLES[what][0].upper() + TITLES[what][1:]
    return f"{title} at first, after a third of the steps and at the end. {'. '.join(said)}."


def forgetting(
    model: MLA, task: Task, num_steps: int = 200, *, batch_size: int = 64, lr: float = 0.5, seed: int = 0
) -> dict[str, list[float]]:
    """How the first modality fares while the shared head learns the second one alone, with and without P.

    The second modality's encoder is a fresh one, so its features have nothing to do with the classes that the head
    knows. The encoders stand still: only the head learns, and only it can forget. P has taken in the first modality's
    features over one epoch. Plain SGD without momentum, on two copies of the head.

    Returns:
        Accuracy on validation data after each step, of both modalities: ``"picture, with P"``, ``"sound, with P"``,
        ``"picture, without P"`` and ``"sound, without P"``.
    """
    first, second = model.modalities[:2]
    found: dict[str, list[float]] = {}
    model = copy.deepcopy(model)
    with drawn_from(seed):
        for layer in model.encoders[second].modules():
            if isinstance(layer, torch.nn.Linear):
                layer.reset_parameters()
    with torch.no_grad():
        seen = model.encode(first, task.train.views)
        validation = {name: model.encode(name, task.validation.views) for name in (first, second)}
        new = model.encode(second, task.train.views)
    projection = protecting(seen, batch_size)
    for title, P in (("with P", projection), ("without P", torch.eye(projection.shape[0]))):
        head = model.head(first)
        W, b = head.weight.detach().clone(), head.bias.detach().clone()
        accuracy = {name: [] for name in (first, second)}
        for step in range(num_steps):
            index, _ = draw(task.train, batch_size, seeded(seed, step))
            h, label = new[index], task.train.label[index]
            p = (h @ W.T + b).softmax(-1)
            residual = (p - torch.nn.functional.one_hot(label, len(b))) / len(label)  # (B, C)
            W -= lr * (residual.T @ h) @ P.T
            for name, values in accuracy.items():
                right = (validation[name] @ W.T + b).argmax(-1) == task.validation.label
                values.append(right.float().mean().item())
        found |= {f"picture, {title}": accuracy[first], f"sound, {title}": accuracy[second]}
    return found


def protecting(features: Tensor, batch_size: int = 64) -> Tensor:
    """P after one epoch of batches of these features, (D, D)."""
    from mmatl_lab.models.balanced import GradientModification
    from mmatl_lab.models.balanced.projection import alpha_at

    modification = GradientModification(features.shape[1])
    batches = features.split(batch_size)
    for i, h in enumerate(batches):
        modification.see(h.mean(0), alpha_at(i / len(batches)))
    return modification.P


def record() -> dict[str, dict]:
    """The trainings of the notebook that are looked at."""
    from . import tasks

    wanted = [("digits", method, CONTRASTS[0]) for method in ("ogm", "qmf", "mla")]
    wanted += [("digits", method, contrast) for contrast in CONTRASTS for method in ("normal", "independent")]
    wanted += [("clip", method, CONTRASTS[0]) for method in ("normal", "independent", "mla")]
    found = {}
    for data, method, contrast in wanted:
        task = tasks.digits(contrast=contrast) if data == "digits" else tasks.load(data)
        trace = traced(data, method, task)
        curves = {
            what: {name: [round(x, 5) for x in values] for name, values in by_name.items()}
            for what, by_name in trace.curves.items()
        }
        found[_key(data, method, contrast)] = {"steps": trace.steps, "curves": curves}
    return found


if __name__ == "__main__":
    (paths.bundle() / "assets" / FILE).write_text(json.dumps(record()) + "\n", encoding="utf-8")
