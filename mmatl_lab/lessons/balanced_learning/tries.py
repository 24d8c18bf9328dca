"""What else was tried to bring MLA two points ahead of joint training, judged on validation data alone.

    python -m mmatl_lab.lessons.balanced_learning.tries

trains joint training and MLA in each way and writes ``assets/results/balanced_learning_tries.json``.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mmatl_lab.models.balanced.fusion import fixed_fusion
from mmatl_lab.training import Study
from mmatl_lab.viz.tables import Table

from .calibration import best_weights
from .systems import accuracies, make_system, settings_of
from .tasks import DATA, SOURCES, load

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "balanced_learning_tries"
METHODS = ("normal", "mla")
SEEDS = {"digits": (0, 1), "smartwatch": (0, 5)}
WAYS: Mapping[str, Mapping[str, Any]] = {  # by name: what differs from the study's training
    "as in the study": {},
    "half as long": {"length": 0.5},
    "twice as long": {"length": 2.0},
    "without momentum": {"momentum": 0.0, "lr": 10.0},
    "weight decay .01": {"weight_decay": 1e-2},
    "half as wide": {"width": 0.5},
    "twice as wide": {"width": 2.0},
    "P takes in the batch first": {"options": {"order": "current"}},
}


def cell(data: str, method: str, way: str, seed: int) -> dict[str, float]:
    """Train once; on validation data the fused accuracy, with weights chosen there, and of the starved modality."""
    changes, task = WAYS[way], load(data, seed)
    options = changes.get("options", {}) if method == "mla" else {}
    settings = settings_of(data, method, options=options)
    width, lr = changes.get("width", 1.0), settings.lr * changes.get("lr", 1.0)
    model = replace(
        settings.model, dim=round(settings.model.dim * width), encoders=SOURCES[data].encoders(round(64 * width))
    )
    num_steps = round(settings.num_steps * changes.get("length", 1.0))
    optimizer = partial(
        torch.optim.SGD,
        lr=lr,
        momentum=changes.get("momentum", 0.9),
        weight_decay=changes.get("weight_decay", 1e-4),
    )
    trained = make_system(data, method).trained(
        replace(settings, model=model, num_steps=num_steps, lr=lr),
        seed=seed,
        needed={"task": task},
        optimizer=optimizer,
    )
    found = accuracies(trained, task.validation)
    with torch.no_grad():
        z = trained(task.validation.views).logits
    weights = best_weights(z, task.validation.label)
    chosen = (fixed_fusion(z, weights).argmax(-1) == task.validation.label).float().mean().item()
    return {"fused": found["fused"], "chosen": chosen, "weak": found[DATA[data].weak]}


def study() -> Study:
    grids = [{"data": [data], "method": METHODS, "way": WAYS, "seed": seeds} for data, seeds in SEEDS.items()]
    return Study(NAME, cell, grids)


def table(frame: "DataFrame") -> Table:
    """MLA minus joint training, in points, both fused with weights chosen on the same data; and what joint reaches."""
    means = frame.groupby(["data", "method", "way"])["chosen"].mean()
    rows = []
    for way in WAYS:
        cells = []
        for data in SEEDS:
            joint, mla = (means[data, method, way] for method in METHODS)
            cells.append(f"{100 * (mla - joint):+.1f} ({joint:.3f})")
        rows.append((way, *cells))
    return Table(("training", *(f"{data}: MLA − joint (joint)" for data in SEEDS)), rows)


if __name__ == "__main__":
    study().ship()
