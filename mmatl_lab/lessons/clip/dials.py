"""The dials of the notebook: settings of a small training run, and what comes of them."""

from . import scenes

TEMPERATURES = {"learned": None, "1": 1.0, "0.2": 0.2, "0.07": 0.07, "0.02": 0.02, "0.005": 0.005}


def experiment_dials(num_steps: int):
    """Temperature, batch size, loss and mask as dials, with a button that trains a small model in seconds.

    Returns:
        An ipywidgets box; each run adds a line below it, so that settings can be compared.
    """
    import ipywidgets as widgets

    wide = {"description_width": "9em"}
    temperature = widgets.SelectionSlider(description="temperature τ", options=list(TEMPERATURES), style=wide)
    batch_size = widgets.SelectionSlider(description="batch size", options=[8, 32, 128, 256], value=128, style=wide)
    loss = widgets.ToggleButtons(description="loss", options=["both directions", "image to text"], style=wide)
    masked = widgets.Checkbox(description="equal captions are no negatives", value=True, style=wide)
    button = widgets.Button(description="Train", button_style="primary", icon="play")
    said = widgets.HTML()
    lines: list[str] = []

    def train(_):
        button.disabled, button.description = True, "training …"
        try:
            result = scenes.experiment(
                num_steps,
                temperature=TEMPERATURES[temperature.value],
                batch_size=batch_size.value,
                symmetric=loss.value == "both directions",
                masked=masked.value,
            )
            setting = f"τ {temperature.value}, batch {batch_size.value}, {loss.value}"
            setting += "" if masked.value else ", equal captions as negatives"
            lines.append(f"{setting}: <b>i2t {result['i2t']:.2f}, t2i {result['t2i']:.2f}</b>, τ at the end "
                         f"{result['temperature']:.3f}")  # fmt: skip
            said.value = "<br>".join(lines[-8:])
        finally:
            button.disabled, button.description = False, "Train"

    button.on_click(train)
    return widgets.VBox([temperature, batch_size, loss, masked, button, said])
