"""The demo's noise: three dials move the exact ceilings of the seven classifiers; do the trained models follow?"""

import threading

from mmatl_lab.lessons.pages import answering, once
from mmatl_lab.metrics.intervals import wilson

from .demo_parts import Row, bars, label, load, percent
from .dials import NoiseMeasurement
from .sarcasm import MODALITIES, SUBSETS

NOISIEST = 3.0
NUM_REMARKS = 1_000


@once
def measurement() -> NoiseMeasurement:
    return NoiseMeasurement(load("why_sarcasm"), NUM_REMARKS)


@once
def prepare() -> None:
    """Begin to encode all settings of the dials, beside what visitors ask: about a minute of computing."""

    def encode() -> None:
        try:
            measurement().prepare([i / 10 for i in range(round(10 * NOISIEST) + 1)], [i / 20 for i in range(21)])
        except (ValueError, OSError):  # there is no model: `measure` says so
            pass

    threading.Thread(target=encode, daemon=True).start()


@answering
def measure(voice_noise: float | None, face_noise: float | None, ambiguity: float | None, told: bool = True) -> str:
    """Accuracy of each trained classifier on remarks of such noise, above the best that is possible, as HTML.

    Args:
        told: whether the classifiers are told the noises; otherwise they take both for NOISE.
    """
    if None in (voice_noise, face_noise, ambiguity):
        raise ValueError("a dial is empty: move its slider")
    noise = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": ambiguity}
    measured = measurement()(**noise, told=told)
    right = {modalities: accuracy for modalities, (_, accuracy, _) in zip(SUBSETS, measured, strict=True)}
    best = {modalities: ceiling for modalities, (_, _, ceiling) in zip(SUBSETS, measured, strict=True)}
    rows = [
        Row(
            label(modalities),
            right[modalities],
            best[modalities],
            f"{percent(right[modalities])} · best {percent(best[modalities])}",
        )
        for modalities in SUBSETS
    ]
    low, high = wilson(right[MODALITIES] * NUM_REMARKS, NUM_REMARKS)
    return (
        f'<p class="verdict">{_sentence(right, best[MODALITIES])}</p>'
        '<p class="legend"><span><b>Right answers</b>, from 40% to 100%</span>'
        '<span><i class="model"></i>trained model</span><span><i class="exact"></i>the best possible, exactly</span>'
        f"<span>┊ a coin, 50%</span></p>{bars(rows, low=0.4)}"
        f"<p><small>Models are measured on {NUM_REMARKS:,} remarks: the true accuracy of the one with all three lies "
        f"between {percent(low)} and {percent(high)} (95% interval).</small></p>"
    )


def _sentence(right: dict[tuple[str, ...], float], best: float) -> str:
    """What the bars show, in words."""
    said = f"With words, voice and face, nobody can be right more often than {percent(best)}."
    for view, without in (("voice", ("text", "face")), ("face", ("text", "voice"))):
        if right[without] - right[MODALITIES] > 0.03:
            return (
                f"{said} The model that gets all three is right less often than the one without the {view}: it trusts "
                f"the {view} more than it should."
            )
    return said
