"""The dials of the notebook: noise for each view, and a switch to leave it out; all fusions answer side by side."""

from collections.abc import Sequence

import torch

from mmatl_lab.lessons.pages import once
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Bar, Table

from .methods import METHODS
from .views import VIEWS, ViewsFusions, test_views

VIEW_NAMES = {"image": "picture", "text": "caption", "audio": "sound"}


class ViewsMeasurement:
    """What all fusions answer on the same ``n`` fresh scenes, however noisy their views are made."""

    def __init__(self, model: ViewsFusions, n: int = 300):
        self.model, self.n = model.eval(), n
        self._measured = once(self._measure)

    def __call__(self, noise: Sequence[float], there: Sequence[bool]) -> list[tuple[str, float, tuple[float, ...]]]:
        """(fusion, accuracy, mean weights of the three views) of each; no weights where a fusion has none.

        Raises:
            ValueError: all views are left out.
        """
        if not any(there):
            raise ValueError("all three views are left out: switch at least one on.")
        return self._measured((tuple(round(float(z), 2) for z in noise), tuple(bool(x) for x in there)))

    def _measure(self, setting) -> list[tuple[str, float, tuple[float, ...]]]:
        noise, there = (torch.tensor(x).expand(self.n, -1) for x in setting)
        views, present, label = test_views(noise, there)
        device = next(self.model.parameters()).device
        scores = self.model.examine({k: x.to(device) for k, x in views.items()}, present.to(device))
        rows = []
        for name, method in METHODS.items():
            right = (scores.logits[name].argmax(1).cpu() == label).float().mean().item()
            weights = scores.weights.get(name)
            rows.append((method.label, right, tuple(weights.mean(0).tolist()) if weights is not None else ()))
        return rows


def view_dials(model: ViewsFusions):
    """A noise dial and a switch for each view, and a row for each fusion: accuracy, and its own weights of the views.

    Returns:
        An ipywidgets box; headless, the table as it stands with a noisy picture.
    """
    measure = ViewsMeasurement(model)
    if headless():
        return table(measure((1.0, 0.3, 0.3), (True, True, True)))
    import ipywidgets as widgets

    wide = {"description_width": "9em"}
    noises = [
        widgets.FloatSlider(description=f"noise of the {VIEW_NAMES[name]}", min=0.0, max=1.0, step=0.1,
                            value=1.0 if name == "image" else 0.3, continuous_update=False, style=wide)
        for name in VIEWS
    ]  # fmt: skip
    switches = [
        widgets.Checkbox(description=f"{VIEW_NAMES[name]} is there", value=True, indent=False) for name in VIEWS
    ]
    said = widgets.HTML()

    def draw(_=None):
        try:
            rows = measure([dial.value for dial in noises], [switch.value for switch in switches])
        except ValueError as error:
            said.value = str(error)
        else:
            said.value = table(rows)._repr_html_()

    for dial in (*noises, *switches):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([*(widgets.HBox([dial, switch]) for dial, switch in zip(noises, switches)), said])


def table(rows: list[tuple[str, float, tuple[float, ...]]]) -> Table:
    """Accuracy as a bar from chance to 100 %, and the weights of picture, caption and sound."""
    cells = []
    for label, right, weights in rows:
        shares = tuple(f"{w:.2f}" for w in weights) or ("", "", "")
        cells.append((label, Bar(right, low=0.125), f"{right:.2f}", *shares))
    return Table(("fusion", "", "accuracy", *(f"weight: {name}" for name in VIEW_NAMES.values())), cells)
