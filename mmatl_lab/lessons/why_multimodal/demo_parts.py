"""What the tabs of the demo share: the models, names of classifiers, bars that compare two numbers of each."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from mmatl_lab.lessons.pages import loader

from .sarcasm import SUBSETS

load = loader("why_multimodal")
CSS = """
.stage { display: flex; flex-wrap: wrap; gap: 16px; }
.stage > :last-child { flex: 1 1 240px; }
.stage > :last-child img { width: 100%; height: 204px; }
audio { width: 100%; height: 40px; display: block; margin-bottom: 12px; }
.verdict { font-size: 17px; line-height: 1.4; margin: 0 0 .5em; min-height: 2.8em; }
.group { font-weight: 600; margin: .9em 0 .2em; }
.legend { display: flex; flex-wrap: wrap; gap: .1em 1.2em; margin-top: .5em; }
.legend i { display: inline-block; width: 1em; height: .6em; border-radius: 2px; margin-right: .4em; }
.model { background: #2b8cc4; } .exact { background: #e69f00; }
.bars li { display: grid; grid-template-columns: 11.5em 1fr 9.5em; gap: 0 .8em; align-items: center; margin: .25em 0; }
.bars small { font-variant-numeric: tabular-nums; white-space: nowrap; }
.track { position: relative; height: 22px; border-radius: 4px;
  background: color-mix(in srgb, var(--body-text-color) 8%, transparent); }
.track i { position: absolute; height: 8px; min-width: 3px; border-radius: 2px; }
.track .model { top: 2px; } .track .exact { top: 12px; }
.track u { position: absolute; top: -2px; bottom: -2px; border-left: 2px dotted var(--body-text-color); }
@media (max-width: 560px) {
  .bars li { grid-template-columns: 1fr auto; gap: .1em .6em; margin: .5em 0; }
  .bars .track { grid-row: 2; grid-column: 1 / -1; }
}
"""
CAN_TELL = tuple(modalities for modalities in SUBSETS if "text" in modalities and len(modalities) > 1)
CAN_GUESS = tuple(modalities for modalities in SUBSETS if modalities not in CAN_TELL)


class Row(NamedTuple):
    """A bar of the trained model above one of what is exact."""

    label: str
    model: float
    exact: float
    text: str


def label(modalities: Iterable[str]) -> str:
    """``"words + voice"`` of ``("text", "voice")``."""
    return " + ".join("words" if view == "text" else view for view in modalities)


def percent(p: float) -> str:
    """``"97%"``; what is not certain is never rounded to certainty."""
    return "<1%" if 0 < p < 0.005 else ">99%" if 0.995 < p < 1 else f"{p:.0%}"


def bars(rows: Sequence[Row], low: float = 0.0) -> str:
    """Bars between `low` and 1 that start from a coin's 1/2, which is marked; as HTML."""

    def place(p: float) -> float:
        return (p - low) / (1 - low)

    def bar(kind: str, p: float) -> str:
        left, right = sorted((place(max(p, low)), place(0.5)))
        return f'<i class="{kind}" style="left: {left:.1%}; width: {right - left:.1%}"></i>'

    entries = []
    for row in rows:
        drawn = bar("model", row.model) + bar("exact", row.exact)
        track = f'<span class="track" aria-hidden="true">{drawn}<u style="left: {place(0.5):.1%}"></u></span>'
        entries.append(f"<li><span>{escape(row.label)}</span>{track}<small>{escape(row.text)}</small></li>")
    return f'<ol class="bars">{"".join(entries)}</ol>'
