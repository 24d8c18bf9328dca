"""The demo's noise: three dials move the exact ceilings of the seven classifiers; do the trained models follow?"""

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import once
from mmatl_lab.metrics.intervals import wilson
from mmatl_lab.viz.style import look
from mmatl_lab.world.sarcasm import ceiling

from . import noise_table
from .demo_sarcasm import label, load
from .dials import NoiseMeasurement
from .noise_table import NOISES, NUM_REMARKS
from .sarcasm import MODALITIES, SUBSETS

COLOURS = {("text", "voice"): look("voice").colour, ("text", "face"): look("face").colour, MODALITIES: "currentColor"}


@once
def measurement() -> NoiseMeasurement:
    return NoiseMeasurement(load("why_sarcasm"), NUM_REMARKS)


def accuracies(voice: float, face: float, ambiguity: float, told: bool) -> dict[tuple[str, ...], float]:
    """Share of the remarks that each classifier gets right; what the table has not is measured, which takes seconds."""
    known = noise_table.table().get((told, round(voice, 2), round(face, 2), round(ambiguity, 2)))
    if known is not None:
        return {views: right / NUM_REMARKS for views, right in zip(SUBSETS, known, strict=True)}
    found = measurement()(voice_noise=voice, face_noise=face, ambiguity=ambiguity, told=told)
    return {views: accuracy for views, (_, accuracy, _) in zip(SUBSETS, found, strict=True)}


@html.answering
def measure(voice: float | None, face: float | None, ambiguity: float | None, told: bool = True) -> str:
    """Accuracy of each trained classifier on remarks of such noise, beside the best that is possible, as HTML.

    Args:
        told: whether the classifiers are told the noises; otherwise they take both for NOISE.
    """
    html.checked_dials({"noise of the voice": voice, "noise of the face": face}, 0, NOISES[-1])
    html.checked_dials({"share of neutral remarks": ambiguity}, 0, 1)
    right = accuracies(voice, face, ambiguity, told)
    best = {views: ceiling(views, voice_noise=voice, face_noise=face, ambiguity=ambiguity) for views in SUBSETS}
    rows = []
    for views in SUBSETS:
        low, high = map(html.percent, wilson(right[views] * NUM_REMARKS, NUM_REMARKS))
        words = f"{html.percent(right[views])} ({low} to {high}), best possible {html.percent(best[views])}"
        rows.append(html.Row(label(views), (right[views], best[views]), words))
    return (
        f"{html.verdict(_sentence(right, best[MODALITIES]))}"
        f"{html.legend('Right answers', ('trained model', 'the best possible, exactly'), '┊ a coin, 50%')}"
        f"{html.bars(rows, low=0.4, coin=True, words='18.5em')}"
        f"<p><small>Models are measured on {NUM_REMARKS:,} remarks. Bars reach from 40% to 100%. The 95% interval is "
        "in brackets: where it contains the best possible, the difference may be chance.</small></p>"
    )


@html.answering
def curves(voice: float | None, face: float | None, ambiguity: float | None, told: bool = True) -> str:
    """The same three accuracies at every noise of the voice; nothing where this was not measured beforehand."""
    known = noise_table.table()
    if None in (voice, face, ambiguity) or (told, NOISES[0], round(face, 2), round(ambiguity, 2)) not in known:
        return ""
    drawn = []
    for views, colour in COLOURS.items():
        found = [accuracies(noise, face, ambiguity, told)[views] for noise in NOISES]
        best = [ceiling(views, voice_noise=noise, face_noise=face, ambiguity=ambiguity) for noise in NOISES]
        drawn += [html.Curve(found, colour), html.Curve(best, colour, "2 4")]
    alt = "Accuracy of three classifiers over the noise of the voice, each beside the best possible."
    keys = html.legend(
        "As the voice gets noisier", [*map(label, COLOURS)], "dotted: best possible", colours=[*COLOURS.values()]
    )
    return keys + html.chart(drawn, alt, x=(0, NOISES[-1]), y=(0.4, 0.6, 0.8, 1), height=220, at=voice, form="{:.0%}")


def _sentence(right: dict[tuple[str, ...], float], best: float) -> str:
    """What the bars show, in words."""
    said = f"With words, voice and face, the best possible accuracy is {html.percent(best)}."
    for view, without in (("voice", ("text", "face")), ("face", ("text", "voice"))):
        if right[without] - right[MODALITIES] > 0.03:
            return (
                f"{said} The model that gets all three is right less often than the one without the {view}: it trusts "
                f"the {view} more than it should."
            )
    return said
