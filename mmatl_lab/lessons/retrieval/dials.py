"""The dial of the notebook: hubs among random points, from 2 dimensions to 256."""

from mmatl_lab.lessons.pages import once
from mmatl_lab.metrics.nearest import skewness
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Table

from .figures import random_counts

DIMENSIONS = (2, 4, 8, 16, 32, 64, 128, 256)
COLUMNS = ("dimensions", "skewness", "the most popular point is found by", "never found")


def row(dims: int) -> tuple[str, ...]:
    """What random points of so many dimensions find: a line of the table."""
    counts = random_counts(dims)
    return f"{dims}", f"{skewness(counts):.2f}", f"{int(counts.max())} of 1,000", f"{(counts == 0).double().mean():.0%}"


def hub_dial():
    """A slider for the dimension; each setting adds a line, so that they can be compared.

    Returns:
        An ipywidgets box; headless, the table of four settings.
    """
    if headless():
        return Table(COLUMNS, [row(dims) for dims in (2, 8, 32, 128)])
    import ipywidgets as widgets

    measured = once(row)
    slider = widgets.SelectionSlider(description="dimensions", options=DIMENSIONS, continuous_update=False)
    said, rows = widgets.HTML(), {}

    def draw(_=None):
        rows[slider.value] = measured(slider.value)
        said.value = Table(COLUMNS, [rows[dims] for dims in sorted(rows)])._repr_html_()

    slider.observe(draw, names="value")
    draw()
    return widgets.VBox([slider, said])
