"""An entry of the ledger, and what its measurement gives."""

import html
from collections.abc import Callable
from dataclasses import dataclass, replace

from mmatl_lab.viz.tables import Table


@dataclass(frozen=True, repr=False)
class Measured:
    """The same numbers under the printed form and under the right one.

    Attributes:
        printed: name to number under the printed form; the interval of `x`, if it has one, is `x_low` and `x_high`.
        right: the same names under the right form.
        sentence: what the numbers say, made from them.
        heading: HTML that a notebook shows above the table: which formulas these are.
    """

    printed: dict[str, float]
    right: dict[str, float]
    sentence: str
    heading: str = ""

    def table(self) -> Table:
        """Name, printed, right; intervals beside their numbers."""
        bounds = {f"{name}{end}" for name in self.printed for end in ("_low", "_high")} & set(self.printed)
        rows = [(name, _value(self.printed, name), _value(self.right, name)) for name in self.printed
                if name not in bounds]  # fmt: skip
        return Table(("", "as printed", "as it should be"), rows)

    def __repr__(self) -> str:
        return f"{self.table()}\n{self.sentence}"

    def _repr_html_(self) -> str:
        return f"{self.heading}{self.table()._repr_html_()}<p>{html.escape(self.sentence)}</p>"


@dataclass(frozen=True, repr=False)
class Erratum:
    """A formula or a piece of code that fails as printed, and the form that works.

    Attributes:
        id: its name on the command line.
        document: `"D1"` and so on.
        title: one sentence that says what fails.
        printed: the printed formula, LaTeX without delimiters.
        right: the right formula.
        source: where the right form stands.
        also: another defect of the same passage that has no number.
    """

    id: str
    document: str
    title: str
    printed: str
    right: str
    source: str
    experiment: Callable[[int], Measured]
    also: str = ""

    def measure(self, seed: int = 0) -> Measured:
        """Run both forms: a few seconds. Experiments with chance in them take five seeds, from `seed` on."""
        return replace(self.experiment(seed), heading=self._repr_html_())

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The entry as plain text."""
        lines = [f"{self.id} ({self.document}): {self.title}", f"  printed  {self.printed}", f"  right    {self.right}",
                 f"  source   {self.source}", *([f"  also     {self.also}"] if self.also else [])]  # fmt: skip
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        also = f"<br>{html.escape(self.also, quote=False)}" if self.also else ""
        return (
            f"<b>{html.escape(self.title, quote=False)}</b> <code>{self.id}</code>"
            f"<br>As printed: $\\displaystyle {html.escape(self.printed, quote=False)}$"
            f"<br>As it should be: $\\displaystyle {html.escape(self.right, quote=False)}$"
            f"<br>{html.escape(self.source)}{also}"
        )

    def _repr_latex_(self) -> str:
        return (
            f"$$\\begin{{aligned}} \\text{{as printed}} \\quad & {self.printed} \\\\ "
            f"\\text{{as it should be}} \\quad & {self.right} \\end{{aligned}}$$"
        )


registered: dict[str, Erratum] = {}


def erratum(id: str, **fields) -> Callable[[Callable[[int], Measured]], Callable[[int], Measured]]:
    """Register the decorated experiment as an entry; `fields` are those of `Erratum`."""

    def register(experiment: Callable[[int], Measured]) -> Callable[[int], Measured]:
        registered[id] = Erratum(id=id, experiment=experiment, **fields)
        return experiment

    return register


def percent(share: float) -> str:
    """A share for a sentence: `46 %`."""
    return f"{100 * share:.0f} %"


def _value(numbers: dict[str, float], name: str) -> str:
    low, high = numbers.get(f"{name}_low"), numbers.get(f"{name}_high")
    interval = "" if low is None else f" ({low:.3g} … {high:.3g})"
    return f"{numbers[name]:.3g}{interval}"
