"""The dials of the notebook: how noisy the voice and the face are, how many remarks have neutral words."""

from mmatl_lab.viz.style import headless
from mmatl_lab.world import seeded
from mmatl_lab.world.sarcasm import NOISE, ceiling, sample_utterances

from .sarcasm import EVALUATION_SEED, SUBSETS, Listeners, accuracies, name_of


def measure(
    model: Listeners, *, voice_noise: float, face_noise: float, ambiguity: float, told: bool = True, n: int = 1_000
) -> list[tuple[str, float, float]]:
    """(senses, accuracy on ``n`` remarks, exact ceiling) of each listener; not told, they go by NOISE for both."""
    dials = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": ambiguity}
    utterances = sample_utterances(n, **dials, generator=seeded(EVALUATION_SEED, 5))
    right = accuracies(model, utterances, told=told)
    return [(" + ".join(given), right[name_of(given)], ceiling(given, **dials)) for given in SUBSETS]


def noise_dials(model: Listeners):
    """Noises of voice and face, share of neutral remarks, and whether listeners are told, as dials; the bars follow.

    Returns:
        An ipywidgets box. Each bar is what was measured on 1,000 new remarks, its mark the exact ceiling. Headless, for
        pages without a kernel, the bars as they stand where training was.
    """
    if headless():
        from IPython.display import HTML

        return HTML(bars(measure(model, voice_noise=NOISE, face_noise=NOISE, ambiguity=0.0)))
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
        said.value = bars(measure(model, **noises, told=told.value))

    for dial in (voice, face, neutral, told):
        dial.observe(draw, names="value")
    draw()
    return widgets.VBox([voice, face, neutral, told, said])


def bars(rows: list[tuple[str, float, float]]) -> str:
    """A table with a bar from 40 % to 100 % for each listener, and a mark where its ceiling is."""
    lines = []
    for senses, accuracy, best in rows:
        left, mark = (100 * min(1.0, max(0.0, (value - 0.4) / 0.6)) for value in (accuracy, best))
        # JupyterLab strips `position` and `currentColor` from a saved page, so the mark is a right edge laid over
        ceiling_mark = f"width:{mark:.1f}%;height:1em;margin-top:-1em;border-right:2px dotted #D55E00"
        lines.append(
            f"<tr><td>{senses}</td><td><div style='width:16em;height:1em;background:#8883'>"
            f"<div style='width:{left:.1f}%;height:100%;background:#0072B2'></div><div style='{ceiling_mark}'></div>"
            f"</div></td><td>{accuracy:.2f}</td><td>of {best:.2f}</td></tr>"
        )
    return f"<table>{''.join(lines)}</table>"
