"""The figures of the lesson."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmatl_lab.lessons.results import Result
from mmatl_lab.models.balanced import Balanced
from mmatl_lab.models.balanced.fusion import dynamic_fusion, dynamic_weights, fixed_fusion
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import look

from . import study
from .calibration import Calibration
from .examples import Examples, corrupt
from .tasks import DATA, EVALUATION_SEED

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

SEVERITIES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)


def pairs(examples: Examples, rows: list[int]) -> "Figure":
    """Pictures as the models get them, again with the greys stretched; sounds on the scale of the first row."""
    import matplotlib.pyplot as plt

    wide = 3 * examples.views["audio"].std().item()
    scale = {"vmin": -wide, "vmax": wide}
    figure, axes = plt.subplots(3, len(rows), figsize=(1.4 * len(rows), 4.5), squeeze=False)
    for column, row in enumerate(rows):
        image, sound = examples.views["image"][row].view(14, 14), examples.views["audio"][row].view(20, 20)
        axes[0, column].imshow(image, cmap="gray", **scale)
        axes[1, column].imshow(image, cmap="gray")
        axes[2, column].imshow(sound, cmap="gray", origin="lower", **scale)
        axes[0, column].set_title(str(int(examples.label[row])))
    for ax, name in zip(axes[:, 0], ("picture", "stretched", "sound")):
        ax.set_ylabel(name)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    return figure


def contrasts(found: dict[float, dict[str, float]]) -> "Figure":
    """The picture's own accuracy after each training, by the contrast."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.5, 3))
    for name, line in (("each alone", "--"), ("joint training", "-")):
        ax.plot(list(found), [by_name[name] for by_name in found.values()], ls=line, marker="o", label=name)
    ax.set(xlabel="contrast of the pictures", ylabel="accuracy of the picture", ylim=(0, 1))
    ax.legend()
    return figure


def spectrum(matrices: dict[str, Tensor]) -> "Figure":
    """Eigenvalues of symmetric matrices, from the smallest to the largest."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.5, 3))
    for (title, P), line in zip(matrices.items(), ("-", "--", ":")):
        values = torch.linalg.eigvalsh(P.double()).clamp(min=1e-8)
        ax.plot(range(1, len(P) + 1), values, marker="o", ms=3, ls=line, label=title)
    ax.set(yscale="log", xlabel="direction, from the most protected one", ylabel="what is left of the gradient")
    ax.set_title("Eigenvalues of P")
    ax.legend()
    return figure


def forgetting(found: dict[str, list[float]]) -> "Figure":
    """The curves of `traces.forgetting`: solid with P, dashed without it; the picture blue, the sound green."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    for name, values in found.items():
        colour, line = look("audio" if name.startswith("sound") else "image").colour, "--" if "without" in name else "-"
        ax.plot(range(1, len(values) + 1), values, color=colour, ls=line, label=name)
    ax.set(title="The head learns the sound alone", xlabel="step", ylabel="accuracy on validation data", ylim=(0, 1))
    figure.legend(loc="outside right")
    return figure


@torch.no_grad()
def fusions_in_noise(
    model: Balanced, calibration: Calibration, weights: tuple[float, ...], test: Examples, modality: str
) -> dict[str, list[float]]:
    """Accuracy of each fusion, and of each modality alone, as one modality gets noisier (at SEVERITIES).

    ``weights`` are those of fixed fusion that validation data chose.
    """
    found: dict[str, list[float]] = {}
    for severity in SEVERITIES:
        views = corrupt(test.views, modality, severity, generator=seeded(EVALUATION_SEED, 3))
        z = model(views).logits
        answers = {f"{name} alone": alone for name, alone in zip(model.modalities, z)}
        answers |= {"fixed, equal": fixed_fusion(z, [1.0] * len(z)), "fixed, chosen": fixed_fusion(z, weights)}
        answers["dynamic"] = dynamic_fusion(z)
        answers["calibrated (ours)"] = calibration(views)
        for name, answer in answers.items():
            found.setdefault(name, []).append((answer.argmax(-1) == test.label).float().mean().item())
    return found


def plot_noise(found: dict[str, list[float]], modality: str) -> "Figure":
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    styles = {
        "fixed, equal": ("0.45", "-"),
        "fixed, chosen": ("0.45", ":"),
        "dynamic": ("#D55E00", "-"),
        "calibrated (ours)": ("black", "-"),
    }
    for name, values in found.items():
        colour, line = styles.get(name) or (look(name.removesuffix(" alone")).colour, "--")
        ax.plot(SEVERITIES, values, color=colour, ls=line, marker="o", ms=3, label=name)
    ax.set(xlabel=f"noise added to the {modality}, in units of its own spread", ylabel="accuracy", ylim=(0, 1))
    ax.set_title(f"Fusions of MLA while the {modality} gets noisier")
    figure.legend(loc="outside right")
    return figure


@torch.no_grad()
def trust(model: Balanced, calibration: Calibration, test: Examples, modality: str) -> dict[str, list[float]]:
    """The mean weight of a modality as it gets noisier: dynamic, and its share of what is told when calibrated."""
    place, found = model.modalities.index(modality), {"dynamic": [], "calibrated (ours)": []}
    for severity in SEVERITIES:
        views = corrupt(test.views, modality, severity, generator=seeded(EVALUATION_SEED, 3))
        signs, z = calibration.signs(views)
        found["dynamic"].append(dynamic_weights(z)[place].mean().item())
        found["calibrated (ours)"].append(calibration.say(z, calibration.temperatures(signs))[place].mean().item())
    return found


def methods(frame: "DataFrame", data: str, metric: str = "test_fused") -> list[Result]:
    """One result for each method of the study on a task: the mean over its seeds or persons."""
    names = [name for name in study.METHOD_NAMES if len(study.values(frame, data, name))]
    return [
        Result.from_values(
            f"{data}_{name}", study.METHOD_NAMES[name], study.values(frame, data, name, metric), of=DATA[data].draws
        )
        for name in names
    ]
