"""The demo's watch: a moment of a recording, and what models take it for that have never met this person."""

import torch
from torch import Tensor

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, RATE, Smartwatch, Windows, load_smartwatch
from mmatl_lab.lessons.pages import answering, note, once
from mmatl_lab.viz.datasets import AXES

from . import smartwatch
from .demo_parts import load, percent

WIDTH, HEIGHT, LEFT = 480, 120, 34  # of a panel of traces, and where its curves begin
BUILDS = {"accelerometer": "accelerometer alone", "gyroscope": "gyroscope alone", "both": "both together"}
CSS = """
.traces { width: 100%; background: #fff; border-radius: 6px; border: 1px solid var(--border-color-primary); }
.traces { margin-top: 6px; } .traces text { font: 12px sans-serif; fill: #333; }
.accelerometer { background: #2b8cc4; } .gyroscope { background: #b5548a; }
.both { background: var(--body-text-color); }
.bars .three { height: 30px; } .three .gyroscope { top: 11px; } .three .accelerometer { top: 2px; }
.three .both { top: 20px; }
"""


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


@answering
def recognise(person: str | None, exercise: str | None, arm: str | None, moment: float | None) -> str:
    """Traces of four seconds of a recording, and what each build believes, as HTML.

    Args:
        person: "1" to "10". exercise: one of EXERCISES. arm: one of ARMS.
        moment: from 0, the first window of the recording, to 100, its last.
    """
    if None in (person, exercise, arm):
        raise ValueError("a control is empty: choose a person, an exercise and an arm")
    if moment is None or not 0 <= moment <= 100:
        raise ValueError("the moment must be a number from 0 to 100: move its slider")
    truth = EXERCISES.index(exercise)
    recording = recordings()[int(person) - 1, truth, ARMS.index(arm)]
    rows = (windows().recording == recording).nonzero().squeeze(1)
    place = round(moment / 100 * (len(rows) - 1))
    measured = watch().recordings[recording].unfold(0, smartwatch.LENGTH, smartwatch.HOP).transpose(1, 2)
    drawn = traces(measured, place)
    try:
        return drawn + _beliefs(rows, place, truth)
    except (ValueError, OSError) as error:  # there are no classifiers
        return drawn + note(error)


def traces(recording: Tensor, place: int) -> str:
    """The window at `place` of a recording (N, T, 6) as two panels of curves; the scale is that of the recording."""
    start, length = place * smartwatch.HOP / RATE, recording.shape[1] / RATE
    panels = []
    for title, channels in (("accelerometer, m/s²", slice(0, 3)), ("gyroscope, rad/s", slice(3, 6))):
        top = recording[..., channels].abs().max().ceil().item()
        values = recording[place, :, channels]  # (T, 3)
        x = torch.linspace(LEFT, WIDTH, len(values))
        y = HEIGHT * (1 - values / top) / 2
        curves = "".join(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}" points="'
            + " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y[:, axis].tolist(), strict=True))
            + '"/>'
            for axis, (colour, dash) in enumerate(zip(AXES, ("none", "6 3", "2 2"), strict=True))
        )
        middle = f'<path d="M{LEFT} {HEIGHT / 2}H{WIDTH}" stroke="#bbb"/>'
        marks = "".join(
            f'<text x="{LEFT - 4}" y="{y}" text-anchor="end">{value:g}</text>'
            for value, y in ((top, 11), (0, HEIGHT / 2 + 4), (-top, HEIGHT - 2))
        )
        panels.append(
            f'<figure><svg class="traces" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="traces: {title}">'
            f"{middle}{marks}{curves}</svg><figcaption>{title.capitalize()}</figcaption></figure>"
        )
    axes = "x solid, y dashed, z dotted"
    below = f"Seconds {start:.0f} to {start + length:.0f} of the recording; {axes}, in the axes of the watch."
    return f"{''.join(panels)}<p><small>{below}</small></p>"


def _beliefs(rows: Tensor, place: int, truth: int) -> str:
    """What each build takes the window at `place` for, and how many of the recording's windows it gets right."""
    found = {name: answers()[name][rows] for name in BUILDS}  # each (N, 7)
    taken_for = []
    for p in found.values():
        guess = int(p[place].argmax())
        taken_for.append(f"{EXERCISES[guess]} ({percent(p[place, guess].item())}{', right' if guess == truth else ''})")
    right = [int((p.argmax(1) == truth).sum()) for p in found.values()]
    sentence = "This is {} to the accelerometer alone, {} to the gyroscope alone, and {} to both together."
    legend = "".join(f'<span><i class="{name}"></i>{who}</span>' for name, who in BUILDS.items())
    entries = []
    for i, exercise in enumerate(EXERCISES):
        shares = {name: p[place, i].item() for name, p in found.items()}
        bars = "".join(f'<i class="{name}" style="left: 0; width: {p:.1%}"></i>' for name, p in shares.items())
        name = f"<b>✓</b> {exercise}" if i == truth else exercise
        track = f'<span class="track three" aria-hidden="true">{bars}</span>'
        entries.append(f"<li><span>{name}</span>{track}<small>{' · '.join(map(percent, shares.values()))}</small></li>")
    return (
        f'<p class="verdict">{sentence.format(*taken_for)}</p><p class="legend">{legend}</p>'
        f'<ol class="bars">{"".join(entries)}</ol>'
        f"<p><small>Of the {len(rows)} windows of this recording they get {right[0]}, {right[1]} and {right[2]} right. "
        "None of them has met this person. ✓ marks what was done.</small></p>"
    )
