"""The dials of the notebook: how noisy the voice and the face are, how many remarks have neutral words."""

from functools import partial

import torch
from torch import Tensor

from mmatl_lab.lessons.page_html import percent
from mmatl_lab.lessons.pages import once
from mmatl_lab.metrics.intervals import wilson
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Bar, Table
from mmatl_lab.world.sarcasm import MODALITIES, NOISE, Utterances, ceiling, sample_utterances

from .sarcasm import EVALUATION_SEED, INPUTS, SUBSETS, SarcasmClassifiers, accuracy, name_of, parts_of


class NoiseMeasurement:
    """Accuracies of a model's classifiers on the same ``n`` remarks, however noisy their voices and faces are made.

    Turning one dial changes the input of one modality and nothing else (``sample_utterances``). So each modality is
    encoded once for each setting of its dial; what is left to do for a new combination is a few milliseconds.
    """

    def __init__(self, model: SarcasmClassifiers, n: int = 1_000):
        self.model, self.n = model.eval(), n
        self.vectors = {name: once(partial(self._vectors, name)) for name in MODALITIES}

    def __call__(
        self, *, voice_noise: float, face_noise: float, ambiguity: float, told: bool = True
    ) -> list[tuple[str, float, float]]:
        """(modalities, accuracy, exact ceiling) of each classifier; not told, they go by NOISE for both."""
        utterances = self._utterances(voice_noise, face_noise, ambiguity)
        known = {"text": ambiguity, "voice": voice_noise, "face": face_noise}
        with torch.no_grad():
            vectors = {name: self.vectors[name](round(float(value), 2)) for name, value in known.items()}
            vectors["noise"] = self._encode("noise", utterances if told else utterances.told(NOISE, NOISE))
            logits = {name: classify(vectors) for name, classify in self.model.classifiers.items()}
        right = {name: accuracy(z.cpu(), utterances).item() for name, z in logits.items()}
        exact = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": ambiguity}
        return [
            (" + ".join(modalities), right[name_of(modalities)], ceiling(modalities, **exact)) for modalities in SUBSETS
        ]

    def _utterances(self, voice_noise: float, face_noise: float, ambiguity: float) -> Utterances:
        dials = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": ambiguity}
        return sample_utterances(self.n, **dials, generator=seeded(EVALUATION_SEED, 5))

    def _vectors(self, name: str, dial: float) -> Tensor:
        """(n, D) of a modality whose dial stands at ``dial``: the noise of voice or face, the ambiguity of the text."""
        dials = {"text": (NOISE, NOISE, dial), "voice": (dial, NOISE, 0.0), "face": (NOISE, dial, 0.0)}
        return self._encode(name, self._utterances(*dials[name]))

    @torch.no_grad()
    def _encode(self, name: str, utterances: Utterances) -> Tensor:
        device = next(self.model.parameters()).device
        return torch.cat([self.model.encoders[name](INPUTS[name](part.to(device))) for part in parts_of(utterances)])


def noise_dials(model: SarcasmClassifiers):
    """Noises of voice and face, share of neutral remarks, and whether the classifiers are told: dials and bars.

    Returns:
        An ipywidgets box. Each bar is what was measured on 1,000 new remarks, its mark the exact ceiling. Headless, for
        pages without a kernel, the bars as they stand where training was.
    """
    measure = NoiseMeasurement(model)
    if headless():
        return bars(measure(voice_noise=NOISE, face_noise=NOISE, ambiguity=0.0), measure.n)
    import ipywidgets as widgets

    wide = {"description_width": "9em"}
    noise = {"min": 0.0, "max": 3.0, "step": 0.1, "value": NOISE, "continuous_update": False, "style": wide}
    voice = widgets.FloatSlider(description="noise of the voice", **noise)
    face = widgets.FloatSlider(description="noise of the face", **noise)
    neutral = widgets.FloatSlider(
        description="neutral remarks", min=0.0, max=1.0, step=0.1, value=0.0, continuous_update=False, style=wide
    )
    told = widgets.Checkbox(description=f"tell them the noises (or else they take both for {NOISE})", value=True)
    told.layout.width, told.indent = "30em", False
    said = widgets.HTML()

    def draw(_=None):
        noises = {"voice_noise": voice.value, "face_noise": face.value, "ambiguity": neutral.value}
        said.value = bars(measure(**noises, told=told.value), measure.n)._repr_html_()

    for dial in (voice, face, neutral, told):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([voice, face, neutral, told, said])


def bars(rows: list[tuple[str, float, float]], n: int) -> Table:
    """A bar from 40 % to 100 % for each classifier measured on ``n`` remarks, and a mark where its ceiling is."""
    entries = []
    for modalities, right, best in rows:
        low, high = map(percent, wilson(right * n, n))
        bar = Bar(right, mark=best, low=0.4, text=percent(right))
        entries.append(
            (modalities, bar, f"{percent(right)} right ({low} to {high}), the best possible is {percent(best)}")
        )
    return Table(("modalities", "", f"of {n:,} remarks, with the 95% interval"), entries)
