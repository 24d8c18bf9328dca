"""What an evaluation found: metrics beside their controls and ceilings, and whether each target was met."""

import html
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field


def joined(measured: Iterable[tuple[dict, dict, dict]]) -> tuple[dict, dict, dict]:
    """The (metrics, controls, ceilings) of several models as those of one report; their names differ."""
    metrics, controls, ceilings = ({k: v for part in column for k, v in part.items()} for column in zip(*measured))
    return metrics, controls, ceilings


def target(value: float, *, at_least: float | None = None, at_most: float | None = None) -> dict:
    """A promised number and whether it was kept.

    Args:
        value: what was measured.
        at_least: the smallest value that meets the target.
        at_most: the largest value that meets it.

    Returns:
        `{"value", "at_least" or "at_most", "met"}`.

    Raises:
        ValueError: unless exactly one of `at_least` and `at_most` is given.
    """
    if (at_least is None) == (at_most is None):
        raise ValueError(f"a target has one bound, got at_least={at_least} and at_most={at_most}: give one of them")
    value = float(value)
    if at_least is not None:
        return {"value": value, "at_least": float(at_least), "met": value >= at_least}
    return {"value": value, "at_most": float(at_most), "met": value <= at_most}


@dataclass
class Report:
    """The result of `recipe.evaluate`: one object for the notebook, the command line and the checkpoint's card.

    Every dictionary maps a name to a number. A metric `x` has its 95 % interval beside it as `x_low` and `x_high`,
    its control and its ceiling under the same name `x`, and so has its target, made by `target(...)`.

    Raises:
        ValueError: for a number that is not finite (JSON has no form for it).
    """

    lesson: str
    preset: str
    seconds: float
    metrics: dict[str, float]
    controls: dict[str, float] = field(default_factory=dict)
    ceilings: dict[str, float] = field(default_factory=dict)
    targets: dict[str, dict] = field(default_factory=dict)

    def __post_init__(self):
        self.seconds = float(self.seconds)
        for group in ("metrics", "controls", "ceilings"):
            setattr(self, group, {name: float(value) for name, value in getattr(self, group).items()})
            _check_finite(group, getattr(self, group))
        _check_finite("targets", {name: t["value"] for name, t in self.targets.items()})

    @property
    def met(self) -> bool:
        """True when every target is met."""
        return all(t["met"] for t in self.targets.values())

    def to_dict(self) -> dict:
        """`{"lesson", "preset", "seconds", "metrics", "controls", "ceilings", "targets"}` of plain values."""
        return {
            "lesson": self.lesson,
            "preset": self.preset,
            "seconds": round(self.seconds, 3),
            "metrics": dict(self.metrics),
            "controls": dict(self.controls),
            "ceilings": dict(self.ceilings),
            "targets": {name: dict(t) for name, t in self.targets.items()},
        }

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict()` as text: what `--json` prints."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """The table: metric, value, 95 % interval, control, ceiling, target; an empty string where there is none."""
        bounds = {f"{name}{end}" for name in self.metrics for end in ("_low", "_high")} & set(self.metrics)
        names = [name for name in self.metrics if name not in bounds]
        names += [name for name in self.targets if name not in self.metrics]
        return [
            (
                name,
                _number(self.metrics.get(name, self.targets.get(name, {}).get("value"))),
                self._interval(name),
                _number(self.controls.get(name)),
                _number(self.ceilings.get(name)),
                _verdict(self.targets.get(name)),
            )
            for name in names
        ]

    def _interval(self, name: str) -> str:
        low, high = self.metrics.get(f"{name}_low"), self.metrics.get(f"{name}_high")
        return "" if low is None or high is None else f"{_number(low)} … {_number(high)}"

    def table(self) -> str:
        """The same table as plain text, columns that hold nothing left out."""
        rows = [_HEAD, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
        kept = [i for i in range(len(_HEAD)) if any(row[i] for row in rows[1:])]
        lines = ["  ".join(row[i].ljust(widths[i]) for i in kept).rstrip() for row in rows]
        return "\n".join([self._title(), *lines])

    def _title(self) -> str:
        return f"{self.lesson}, preset {self.preset}, {self.seconds:.1f} s"

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        rows = self.rows()
        kept = [i for i in range(len(_HEAD)) if any(row[i] for row in rows)]
        colours = {"✔": "#009E73", "✘": "#D55E00"}  # Okabe–Ito; the sign says the same without colour

        def cell(text: str) -> str:
            style = f' style="color:{colours[text[0]]};font-weight:bold"' if text[:1] in colours else ""
            return f"<td{style}>{html.escape(text)}</td>"

        head = "".join(f"<th>{_HEAD[i]}</th>" for i in kept)
        body = "".join("<tr>" + "".join(cell(row[i]) for i in kept) + "</tr>" for row in rows)
        return (
            f"<table><caption>{html.escape(self._title())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


_HEAD = ("metric", "value", "95 % interval", "control", "ceiling", "target")


def _check_finite(group: str, numbers: dict[str, float]) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(
                f"the {group} of a report are finite numbers, got {name}={value}: report what failed "
                "as a share or a count instead"
            )


def _number(value: float | None) -> str:
    """Three decimals for shares, none for counts, powers of ten where three decimals would hide the value."""
    if value is None:
        return ""
    if value == int(value) and abs(value) < 1e6 and abs(value) > 1:
        return f"{value:.0f}"
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def _verdict(t: dict | None) -> str:
    if t is None:
        return ""
    bound = f"≥ {_number(t['at_least'])}" if "at_least" in t else f"≤ {_number(t['at_most'])}"
    return f"{'✔ met' if t['met'] else '✘ missed'}, {bound}"
