"""The dials of the notebook: settings of a small training run, and what comes of them."""

from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Table

from ..notes import make_note
from . import scenes

TEMPERATURES = {"learned": None, "1": 1.0, "0.2": 0.2, "0.07": 0.07, "0.02": 0.02, "0.005": 0.005}
BATCH_SIZES = (8, 32, 128, 256)
LOSSES = ("both directions", "image → text only")
COLUMNS = ("setting", "R@1 image → text", "R@1 text → image", "modality gap", "τ at the end")
SHOWN = 8  # runs, the newest


def experiment_dials(num_steps: int):
    """Temperature, batch size, loss and mask as dials, with a button that trains a small model in seconds.

    Returns:
        An ipywidgets box; each run adds a line to the table below it, so that settings can be compared. Headless, for
        pages without a kernel, a note that says which dials there are.
    """
    if headless():
        dials = {"temperature τ": TEMPERATURES, "batch size": BATCH_SIZES, "loss": LOSSES}
        lines = [f"{name}: {' · '.join(map(str, values))}" for name, values in dials.items()]
        return make_note(
            "question", "Four dials and a button", "\n".join([*lines, "equal captions are no negatives: yes · no"])
        )
    import ipywidgets as widgets

    wide = {"style": {"description_width": "9em"}, "layout": widgets.Layout(width="32em")}
    temperature = widgets.SelectionSlider(description="temperature τ", options=list(TEMPERATURES), **wide)
    batch_size = widgets.SelectionSlider(description="batch size", options=BATCH_SIZES, value=128, **wide)
    loss = widgets.ToggleButtons(description="loss", options=LOSSES, style={"description_width": "9em"})
    masked = widgets.Checkbox(description="equal captions are no negatives", value=True, **wide)
    button = widgets.Button(description="Train", button_style="primary", icon="play")
    said = widgets.HTML()
    rows: list[tuple[str, ...]] = []

    def train(_):
        button.disabled, button.description = True, "training …"
        try:
            result = scenes.experiment(
                num_steps,
                temperature=TEMPERATURES[temperature.value],
                batch_size=batch_size.value,
                symmetric=loss.value == LOSSES[0],
                masked=masked.value,
            )
            setting = f"τ {temperature.value}, batch of {batch_size.value}, {loss.value}"
            setting += "" if masked.value else ", equal captions as negatives"
            numbers = (f"{result[name]:.2f}" for name in ("i2t", "t2i", "gap"))
            rows.append((setting, *numbers, f"{result['temperature']:.3f}"))
            said.value = Table(COLUMNS, rows[-SHOWN:])._repr_html_()
        finally:
            button.disabled, button.description = False, "Train"

    button.on_click(train)
    return widgets.VBox([temperature, batch_size, loss, masked, button, said])
