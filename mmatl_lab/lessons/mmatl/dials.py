"""The dials of the notebook: what the coins allow, and an attack on seen and heard digits."""

from collections.abc import Mapping

import torch

from mmatl_lab.lessons.pages import once
from mmatl_lab.models.mmatl import MMATL
from mmatl_lab.nn.attacks import pgd
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Bar, Table

from ..balanced_learning.tasks import Examples
from . import unique

TARGETS = {"the picture": ("image",), "the sound": ("audio",), "both": ("image", "audio")}


def coins_table(label: str) -> Table:
    """Exact ceilings of a label of the coins, and what it asks for in bits."""
    bits = unique.information(label)
    rows = [
        ("any codes", Bar(1.0, low=0.5), "1.00"),
        ("aligned codes", Bar(unique.aligned_ceiling(label), low=0.5), f"{unique.aligned_ceiling(label):.2f}"),
        ("bits that both tell", "", f"{bits.redundancy:.2g}"),
        ("bits that only the first tells", "", f"{bits.unique_first:.2g}"),
        ("bits that only both together tell", "", f"{bits.synergy:.2g}"),
    ]
    return Table(("best accuracy from", "", ""), rows, title=f"label: {unique.LABELS[label][1]}")


def coin_dial():
    """A choice of the label: its information in bits, and the exact ceilings with and without alignment.

    Returns:
        An ipywidgets box; headless, the table of the label that only one modality knows.
    """
    if headless():
        return coins_table("unique, nothing shared")
    import ipywidgets as widgets

    choice = widgets.Dropdown(
        options=[(asks, label) for label, (_, asks, _) in unique.LABELS.items()], description="label"
    )
    shown = widgets.HTML(coins_table(choice.value)._repr_html_())

    def draw(change) -> None:
        shown.value = coins_table(change["new"])._repr_html_()

    choice.observe(draw, names="value")
    return widgets.VBox([choice, shown])


class Attack:
    """Accuracy of several models on the same test examples, whatever is attacked, and how strongly."""

    def __init__(self, models: Mapping[str, MMATL], examples: Examples):
        self.models, self.examples = dict(models), examples
        self._measured = once(self._measure)

    def __call__(self, target: str, epsilon: float) -> dict[str, float]:
        """Accuracy of each model under PGD with ten steps.

        Raises:
            ValueError: an unknown target.
        """
        if target not in TARGETS:
            raise ValueError(f"there is nothing called {target!r} to attack: choose one of {', '.join(TARGETS)}.")
        return self._measured(target, round(float(epsilon), 3))

    def _measure(self, target: str, epsilon: float) -> dict[str, float]:
        views, label = self.examples.views, self.examples.label
        found = {}
        for title, model in self.models.items():

            def loss(x, model=model):
                return torch.nn.functional.cross_entropy(model(x).logits, label, reduction="none")

            attacked = pgd(loss, views, epsilon, modalities=TARGETS[target], generator=seeded(7),
                           bounds=dict.fromkeys(views, (0.0, 1.0)))  # fmt: skip
            with torch.no_grad():
                found[title] = (model(attacked).logits.argmax(1) == label).float().mean().item()
        return found


def attack_table(found: Mapping[str, float]) -> Table:
    """A bar for each model, from chance on."""
    rows = [(title, Bar(right, low=0.1), f"{right:.2f}") for title, right in found.items()]
    return Table(("trained", "", "accuracy"), rows)


def attack_dials(models: Mapping[str, MMATL], examples: Examples):
    """What is attacked, and by how much each number may change.

    Returns:
        An ipywidgets box; headless, the table with both modalities attacked at 0.03.
    """
    measure = Attack(models, examples)
    if headless():
        return attack_table(measure("both", 0.03))
    import ipywidgets as widgets

    target = widgets.Dropdown(options=list(TARGETS), value="both", description="attack")
    epsilon = widgets.FloatSlider(value=0.03, min=0, max=0.1, step=0.01, description="ε", continuous_update=False)
    shown = widgets.HTML()

    def draw(_=None) -> None:
        shown.value = attack_table(measure(target.value, epsilon.value))._repr_html_()

    for each in (target, epsilon):
        each.observe(draw, names="value")
    draw()
    return widgets.VBox([widgets.HBox([target, epsilon]), shown])
