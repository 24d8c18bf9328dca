"""The demo's watch: a moment of a recording, and what models take it for that have never met this person."""

import torch
from torch import Tensor

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, RATE, Smartwatch, Windows, load_smartwatch
from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import loader, once
from mmatl_lab.viz.datasets import AXES

from . import smartwatch

load = loader("why_multimodal")
BUILDS = {"accelerometer": "accelerometer alone", "gyroscope": "gyroscope alone", "both": "both together"}


@once
def watch() -> Smartwatch:
    """All recordings, as the watch measured them."""
    return load_smartwatch()


@once
def windows() -> Windows:
    """All windows of all recordings, as models get them: those of left arms mirrored."""
    return smartwatch.windows()


@once
def answers() -> dict[str, Tensor]:
    """P(exercise), (N, 7), of each build for every window."""
    return smartwatch.predict_proba(load("why_smartwatch"), windows())


@once
def recordings() -> dict[tuple[int, int, int], int]:
    """The number of the recording of each person, exercise and arm."""
    data = watch()
    return {
        key: i
        for i, key in enumerate(zip(data.person.tolist(), data.exercise.tolist(), data.arm.tolist(), strict=True))
    }


@html.answering
def recognise(person: str | None, exercise: str | None, arm: str | None, moment: float | None) -> str:
    """Traces of four seconds of a recording, and what each build believes, as HTML.

    Args:
        person: "1" to "10". exercise: one of EXERCISES. arm: one of ARMS.
        moment: from 0, the first window of the recording, to 100, its last.
    """
    html.checked_choices(person, exercise, arm)
    html.checked_dials({"moment": moment}, 0, 100)
    truth = EXERCISES.index(exercise)
    recording = recordings()[int(person) - 1, truth, ARMS.index(arm)]
    rows = (windows().recording == recording).nonzero().squeeze(1)
    place = round(moment / 100 * (len(rows) - 1))
    measured = watch().recordings[recording].unfold(0, smartwatch.LENGTH, smartwatch.HOP).transpose(1, 2)
    return traces(measured, place) + beliefs(rows, place, truth)


def traces(recording: Tensor, place: int) -> str:
    """The window at `place` of a recording (N, T, 6) as two panels of curves; the scale is that of the recording."""
    start, length = place * smartwatch.HOP / RATE, recording.shape[1] / RATE
    panels = []
    for title, channels in (("Accelerometer, m/s²", slice(0, 3)), ("Gyroscope, rad/s", slice(3, 6))):
        top = recording[..., channels].abs().max().ceil().item()
        values = recording[place, :, channels].T.tolist()  # 3 × T
        curves = [html.Curve(*drawn) for drawn in zip(values, AXES, ("", "6 3", "2 2"), strict=True)]
        shown = html.chart(curves, f"Traces: {title}", x=(start, start + length), y=(-top, 0, top))
        panels.append(html.captioned(shown, f"{title}; over seconds of the recording"))
    return f"{''.join(panels)}<p><small>x solid, y dashed, z dotted: the axes of the watch.</small></p>"


@html.answering
def beliefs(rows: Tensor, place: int, truth: int) -> str:
    """What each build takes the window at `place` for, and how many of the recording's windows it gets right."""
    found = [answers()[name][rows] for name in BUILDS]  # each (N, 7)
    now = torch.stack([p[place] for p in found])  # (3, 7)
    taken_for = [
        f"{EXERCISES[i]} ({html.percent(p[i].item())}{', right' if i == truth else ''})"
        for p, i in zip(now, now.argmax(1).tolist(), strict=True)
    ]
    right = [int((p.argmax(1) == truth).sum()) for p in found]
    said = "This is {} to the accelerometer alone, {} to the gyroscope alone, and {} to both together."
    shown = [
        html.Row(("✓ " if i == truth else "") + EXERCISES[i], shares, " · ".join(map(html.percent, shares)))
        for i, shares in enumerate(now.T.tolist())
    ]
    return (
        f"{html.verdict(said.format(*taken_for))}{html.legend('P(exercise)', [*BUILDS.values()])}{html.bars(shown)}"
        f"<p><small>Of the {len(rows)} windows of this recording they get {right[0]}, {right[1]} and {right[2]} right. "
        "None of them has met this person. ✓ marks what was done.</small></p>"
    )
