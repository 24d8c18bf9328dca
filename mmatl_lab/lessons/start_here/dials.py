"""The dials of the tour: an object and the noise of its views; whatever is set is drawn, played and judged."""

import html

from mmatl_lab.seeding import seeded
from mmatl_lab.viz.picture import Picture
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.video import Video
from mmatl_lab.viz.views import NOISE, views_figure, views_of
from mmatl_lab.world import COLOURS, MOTIONS, SHAPES, SIZES, ceilings, scene_of

PIXELS = 32  # what models see
ENLARGED = 4  # times, in the player
START = {"shape": "ring", "colour": "purple", "size": "large", "motion": "circle"}
CHOICES = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "motion": MOTIONS}


class Exhibit:
    """A scene in all its views: a figure, a player with picture and sound, and what the trace can tell.

    Args:
        noise: 0 to 1, as in ``viz.views.views_of``.
        factors: shape, colour, size and motion of the object, by name.

    Raises:
        ValueError: what ``world.scene_of`` refuses.
    """

    def __init__(self, *, noise: float = 0.0, **factors: str):
        import matplotlib.pyplot as plt

        scene = scene_of(factors | {"x": -0.45, "y": 0.4})
        views = views_of(scene, size=PIXELS, noise=noise, generator=seeded(0))
        self.alt = f"{views.text}, motion {factors['motion']}, noise {noise:g}: seen, read, heard, felt and watched."
        figure = views_figure(views)
        self.picture = Picture.of(figure, self.alt)
        plt.close(figure)
        large = views.video.repeat_interleave(ENLARGED, -1).repeat_interleave(ENLARGED, -2)
        self.video = Video(large, views.audio, alt=f"The {factors['shape']} moves, with its sound.", width=256)
        self.sentence = _told_by_the_trace(noise)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        data, metadata = self.picture._repr_mimebundle_()
        player = self.video._repr_mimebundle_()["text/html"]
        data["text/html"] += f"<p>{html.escape(self.sentence)}</p>{player}"
        data["text/plain"] = f"{self.alt}\n{self.sentence}"
        return data, metadata


def _told_by_the_trace(noise: float) -> str:
    """The ceiling of naming the motion from the trace alone."""
    if noise == 0:
        best = ceilings.accuracy("motion", ["sensor"])
    else:
        best = ceilings.sensor_accuracy(noise * NOISE["sensor"], num_samples=2000, generator=seeded(1)).value
    return f"At this noise the best possible model names the motion from the trace alone in {best:.0%} of all scenes."


def scene_dials():
    """Shape, colour, size, motion and noise as dials above the views that they make.

    Returns:
        An ipywidgets box. Headless, for pages without a kernel, one setting of them, frozen.
    """
    if headless():
        return Exhibit(noise=0.1, **START)
    import ipywidgets as widgets

    dials = {
        name: widgets.Dropdown(description=name, options=names, value=START[name]) for name, names in CHOICES.items()
    }
    wide = widgets.Layout(width="28em")
    noise = widgets.FloatSlider(
        description="noise", min=0, max=1, step=0.05, value=0.1, continuous_update=False, layout=wide
    )
    shown = widgets.HTML()

    def draw(_=None):
        exhibit = Exhibit(noise=noise.value, **{name: dial.value for name, dial in dials.items()})
        shown.value = exhibit._repr_mimebundle_()[0]["text/html"]

    for dial in (*dials.values(), noise):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([widgets.HBox(list(dials.values())), noise, shown])
