"""The dials of the notebook: noise in the picture and in the voice; what each fusion answers, and whom it trusts."""

import torch
from torch import Tensor

from mmatl_lab.lessons.pages import once
from mmatl_lab.models.balanced import MLA
from mmatl_lab.models.balanced.fusion import dynamic_fusion, dynamic_weights, fixed_fusion
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Bar, Table

from .calibration import Calibration
from .examples import Examples, corrupt
from .tasks import EVALUATION_SEED

FRAMES = ((0.0, 0.0), (0.0, 1.0), (0.0, 3.0))  # noises of picture and voice that a page without a kernel shows


class FusionMeasurement:
    """Accuracy of each fusion of one model on the test pairs, however noisy these are made.

    Args:
        model: MLA on the digits. calibration: of it. weights: of fixed fusion, chosen on validation data.
        test: pairs of a picture and a voice.
    """

    def __init__(self, model: MLA, calibration: Calibration, weights: tuple[float, ...], test: Examples):
        self.model, self.calibration, self.weights, self.test = model, calibration, weights, test
        self._measured = once(self._measure)

    def __call__(self, picture_noise: float, voice_noise: float) -> list[tuple[str, float, float | None]]:
        """(answer, accuracy, mean trust in the voice) of each modality alone and each fusion; None where it has none.

        Args:
            picture_noise, voice_noise: in units of the modality's own spread.
        """
        return self._measured((round(float(picture_noise), 2), round(float(voice_noise), 2)))

    @torch.no_grad()
    def _measure(self, noises: tuple[float, float]) -> list[tuple[str, float, float | None]]:
        views = self.test.views
        for name, noise in zip(("image", "audio"), noises):
            views = corrupt(views, name, noise, generator=seeded(EVALUATION_SEED, 9))
        signs, z = self.calibration.signs(views)
        voice = self.model.modalities.index("audio")
        trust = self.calibration.say(z, self.calibration.temperatures(signs))[voice].mean().item()
        equal = [1.0] * len(z)
        return [
            ("picture alone", self._accuracy(z[1 - voice]), None),
            ("voice alone", self._accuracy(z[voice]), None),
            ("fixed, equal weights", self._accuracy(fixed_fusion(z, equal)), 0.5),
            ("fixed, chosen weights", self._accuracy(fixed_fusion(z, self.weights)), self.weights[voice]),
            ("dynamic", self._accuracy(dynamic_fusion(z)), dynamic_weights(z)[voice].mean().item()),
            ("calibrated (ours)", self._accuracy(self.calibration(views)), trust),
        ]

    def _accuracy(self, answer: Tensor) -> float:
        return (answer.argmax(-1) == self.test.label).float().mean().item()


def fusion_dials(model: MLA, calibration: Calibration, weights: tuple[float, ...], test: Examples):
    """Two noise dials, and a row for each modality alone and each fusion.

    Returns:
        An ipywidgets box; headless, a table of the three settings in FRAMES.
    """
    measure = FusionMeasurement(model, calibration, weights, test)
    if headless():
        return frames(measure)
    import ipywidgets as widgets

    about = {"min": 0.0, "max": 4.0, "step": 0.25, "continuous_update": False, "style": {"description_width": "9em"}}
    picture = widgets.FloatSlider(description="noise of the picture", value=0.0, **about)
    voice = widgets.FloatSlider(description="noise of the voice", value=1.0, **about)
    said = widgets.HTML()

    def draw(_=None):
        said.value = table(measure(picture.value, voice.value))._repr_html_()

    for dial in (picture, voice):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([picture, voice, said])


def table(rows: list[tuple[str, float, float | None]]) -> Table:
    """Accuracy as a bar from chance to 100 %, and the trust in the voice."""
    cells = [
        (name, Bar(right, low=0.1), f"{right:.3f}", "" if trust is None else f"{trust:.2f}")
        for name, right, trust in rows
    ]
    return Table(("answer", "", "accuracy", "trust in the voice"), cells)


def frames(measure: FusionMeasurement) -> Table:
    """Accuracy of each answer at the noises of FRAMES."""
    found = [measure(*noises) for noises in FRAMES]
    names = [name for name, *_ in found[0]]
    rows = [(name, *(f"{rows[i][1]:.3f}" for rows in found)) for i, name in enumerate(names)]
    heads = (f"noise of the voice {voice:g}" for _, voice in FRAMES)
    return Table(("accuracy", *heads), rows)
