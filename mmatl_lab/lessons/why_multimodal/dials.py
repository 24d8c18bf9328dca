"""The dials of the notebook: how noisy the voice and the face are, how many remarks have neutral words."""

from mmatl_lab.seeding import seeded
from mmatl_lab.viz.style import headless
from mmatl_lab.viz.tables import Bar, Table
from mmatl_lab.world.sarcasm import NOISE, ceiling, sample_utterances

from .sarcasm import EVALUATION_SEED, SUBSETS, SarcasmClassifiers, accuracies, name_of


def measure(
    model: SarcasmClassifiers,
    *,
    voice_noise: float,
    face_noise: float,
    ambiguity: float,
    told: bool = True,
    n: int = 1_000,
) -> list[tuple[str, float, float]]:
    """(senses, accuracy on ``n`` remarks, exact ceiling) of each classifier; not told, they go by NOISE for both."""
    dials = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": ambiguity}
    utterances = sample_utterances(n, **dials, generator=seeded(EVALUATION_SEED, 5))
    right = accuracies(model, utterances, told=told)
    return [
        (" + ".join(modalities), right[name_of(modalities)], ceiling(modalities, **dials)) for modalities in SUBSETS
    ]


def noise_dials(model: SarcasmClassifiers):
    """Noises of voice and face, share of neutral remarks, and whether the classifiers are told: dials and bars.

    Returns:
        An ipywidgets box. Each bar is what was measured on 1,000 new remarks, its mark the exact ceiling. Headless, for
        pages without a kernel, the bars as they stand where training was.
    """
    if headless():
        return bars(measure(model, voice_noise=NOISE, face_noise=NOISE, ambiguity=0.0))
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
        said.value = bars(measure(model, **noises, told=told.value))._repr_html_()

    for dial in (voice, face, neutral, told):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([voice, face, neutral, told, said])


def bars(rows: list[tuple[str, float, float]]) -> Table:
    """A bar from 40 % to 100 % for each listener, and a mark where its ceiling is."""
    return Table(
        ("senses", "", "accuracy"),
        [(senses, Bar(right, mark=best, low=0.4), f"{right:.2f} of {best:.2f}") for senses, right, best in rows],
    )
