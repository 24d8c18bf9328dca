"""What an evaluation found: each number with its interval, control, ceiling and target, and the report of them all."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mmatl_lab.viz.tables import Table, Verdict, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

COLUMNS = ("", "value", "95 % interval", "over", "control", "ceiling", "target")


@dataclass(frozen=True)
class Result:
    """One measured number and what it means.

    Attributes:
        name: key in the JSON form and on the card, such as ``"scenes_i2t_r1"``.
        label: what people read, such as ``"image → text, of 1,000"``.
        value: the number, or the mean of several.
        low, high: ends of its 95 % interval; None where there is none.
        over: what the interval is taken over, such as ``"1,000 scenes"`` or ``"5 seeds"``.
        control: what a model gets that knows nothing (blind, shuffled, constant answer).
        ceiling: the best that any model can get.
        at_least, at_most: the target; at most one of the two.
        note: what has to be said beside the number, such as an old target and why it changed.

    Raises:
        ValueError: for a number that is not finite (JSON has no form for it), or two bounds.
    """

    name: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    over: str = ""
    control: float | None = None
    ceiling: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    def __post_init__(self):
        for field in ("value", "low", "high", "control", "ceiling", "at_least", "at_most"):
            given = getattr(self, field)
            if given is None and field != "value":
                continue
            given = float(given)  # a tensor of one element becomes a number
            if not math.isfinite(given):
                raise ValueError(f"{self.name}: {field} is {given}, a result is made of finite numbers")
            object.__setattr__(self, field, given)
        if self.at_least is not None and self.at_most is not None:
            raise ValueError(f"{self.name}: a target has one bound, got at_least and at_most: give one of them")

    @classmethod
    def from_hits(cls, name: str, label: str, hits: "Tensor | Sequence[float]", *, of: str = "items", **more) -> Self:
        """A share of independent items that were answered rightly, with its Wilson interval over the items.

        Args:
            hits: (n,) 1 or True for a right answer.
            of: what the items are called, for ``over``.
            more: ``control``, ``ceiling``, ``at_least``, ``at_most``, ``note``.
        """
        import torch

        from mmatl_lab.metrics.intervals import wilson

        hits = torch.as_tensor(hits).detach().cpu().double()
        low, high = wilson(hits.sum().item(), len(hits))
        return cls(name, label, hits.mean().item(), low, high, f"{len(hits):,} {of}", **more)

    @classmethod
    def from_values(
        cls, name: str, label: str, values: "Tensor | Sequence[float]", *, of: str = "seeds", bootstrap=False, **more
    ) -> Self:
        """A mean over a few independent draws (seeds, persons, folds, galleries), with Student's interval.

        Args:
            values: (n,) one number a draw.
            of: what the draws are called, for ``over``.
            bootstrap: take the percentile bootstrap instead, for some 30 items or more that are not yes or no.
            more: as in `from_hits`.
        """
        import torch

        from mmatl_lab.metrics import intervals

        values = torch.as_tensor(values).detach().cpu().double()
        low, high = (intervals.bootstrap if bootstrap else intervals.student)(values)
        return cls(name, label, values.mean().item(), low, high, f"{len(values):,} {of}", **more)

    @property
    def target(self) -> dict | None:
        """``{"value", "at_least" or "at_most", "met"}``, or None where nothing was promised."""
        if self.at_least is not None:
            return {"value": self.value, "at_least": self.at_least, "met": self.value >= self.at_least}
        if self.at_most is not None:
            return {"value": self.value, "at_most": self.at_most, "met": self.value <= self.at_most}
        return None

    def row(self) -> tuple:
        """The cells of `COLUMNS`; an empty string where there is nothing."""
        interval = "" if self.low is None else f"{number(self.low)} to {number(self.high)}"
        control, ceiling = (number(x) if x is not None else "" for x in (self.control, self.ceiling))
        return self.label, number(self.value), interval, self.over, control, ceiling, _verdict(self.target)

    def __str__(self) -> str:
        parts = [f"{self.label}: {number(self.value)}"]
        if self.low is not None:
            parts.append(f"[{number(self.low)}, {number(self.high)}]")
        known = (("control", self.control), ("ceiling", self.ceiling))
        parts += [f"{word} {number(x)}" for word, x in known if x is not None]
        return "  ".join([*parts, *([str(_verdict(self.target))] if self.target else [])])


def metrics_of(results: Iterable[Result]) -> dict[str, float]:
    """The numbers of results by name, ends of intervals as ``NAME_low`` and ``NAME_high``: what a card holds."""
    found = {}
    for result in results:
        found[result.name] = result.value
        if result.low is not None:
            found |= {f"{result.name}_low": result.low, f"{result.name}_high": result.high}
    return found


@dataclass(frozen=True)
class Report:
    """The results of a lesson, with samples and tables; it shows itself in a notebook, as text, and as JSON.

    Attributes:
        items: results, and anything else that an evaluation gives to look at or to hear: pictures, sounds, tables.
    """

    lesson: str
    preset: str
    seconds: float
    items: tuple[Any, ...] = ()

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(item for item in self.items if isinstance(item, Result))

    @property
    def samples(self) -> tuple[Any, ...]:
        """What is not a number: pictures, sounds, sentences, tables."""
        return tuple(item for item in self.items if not isinstance(item, Result))

    def __getitem__(self, name: str) -> Result:
        """The result called ``name``."""
        found = next((result for result in self.results if result.name == name), None)
        if found is None:
            raise KeyError(f"no result is called {name!r}: there are {', '.join(r.name for r in self.results)}")
        return found

    @property
    def met(self) -> bool:
        """True when every target is met."""
        return all(result.target["met"] for result in self.results if result.target)

    def to_dict(self) -> dict:
        """``{"lesson", "preset", "seconds", "metrics", "controls", "ceilings", "targets"}`` of plain values."""
        named = {result.name: result for result in self.results}
        return {
            "lesson": self.lesson,
            "preset": self.preset,
            "seconds": round(float(self.seconds), 3),
            "metrics": metrics_of(self.results),
            "controls": {name: r.control for name, r in named.items() if r.control is not None},
            "ceilings": {name: r.ceiling for name, r in named.items() if r.ceiling is not None},
            "targets": {name: r.target for name, r in named.items() if r.target},
        }

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict()` as text: what ``--json`` prints."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def plot(self, names: Sequence[str] | None = None, **options) -> "Figure":
        """Bars of the results called ``names`` (all by default), with intervals, controls and ceilings.

        Args:
            options: as in `mmatl_lab.viz.results.plot_results`.
        """
        from mmatl_lab.viz.results import plot_results

        return plot_results([self[name] for name in names] if names else self.results, **options)

    def table(self) -> Table:
        """All results as a table; columns that hold nothing are left out."""
        return Table(COLUMNS, [result.row() for result in self.results])

    def __str__(self) -> str:
        notes = [f"{result.label}: {result.note}" for result in self.results if result.note]
        return "\n".join([f"{self.lesson}, preset {self.preset}, {self.seconds:.1f} s", str(self.table()), *notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        notes = "".join(f"<li>{html.escape(f'{r.label}: {r.note}')}</li>" for r in self.results if r.note)
        shown = "".join(sample._repr_html_() for sample in self.samples if hasattr(sample, "_repr_html_"))
        return self.table()._repr_html_() + (f"<ul>{notes}</ul>" if notes else "") + shown


def _verdict(target: dict | None) -> Verdict | str:
    if target is None:
        return ""
    sign, bound = ("≥", target["at_least"]) if "at_least" in target else ("≤", target["at_most"])
    return Verdict(target["met"], f"{'met' if target['met'] else 'missed'}, {sign} {number(bound)}")
