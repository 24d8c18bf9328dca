"""An entry of the ledger, and what its measurement gives."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mmatl_lab.threads import one_thread
from mmatl_lab.viz.tables import Table


class Document(NamedTuple):
    """A text whose formulas are taught: what kind of text it is, and its title. None of them is a published paper."""

    kind: str
    title: str

    def __str__(self) -> str:
        return f"{self.kind} '{self.title}'"


DOCUMENTS = {
    "note": Document("the MMATL note", "MMATL: Multi-Modal Adversarial Transfer Learning"),
    "survey": Document("the formula survey", "Multi-Modal Learning"),
    "guide": Document("the code guide", "Multimodal Learning"),
    "readme": Document("the MLA read-me", "Multimodal Learning with Alternating Unimodal Adaptation"),
    "essay": Document("the essay on fusion", "MultiModal Machine Learning"),
}


@dataclass(frozen=True, repr=False)
class Dependence:
    """How one number changes under both forms with a circumstance, such as a learning rate.

    Attributes:
        on: the circumstance.
        name: of the number, as in `Measured.printed`, or in words.
        values: of the circumstance.
        printed, right: the number at each value, under each form.
    """

    on: str
    name: str
    values: tuple[float, ...]
    printed: tuple[float, ...]
    right: tuple[float, ...]

    @property
    def absent(self) -> list[float]:
        """The values at which the forms differ by less than .01."""
        return [x for x, a, b in zip(self.values, self.printed, self.right, strict=True) if abs(a - b) < 0.01]

    @property
    def sentence(self) -> str:
        """Where the effect does not appear."""
        if not self.absent:
            return f"The difference appears at every {self.on} that was tried."
        where = ", ".join(f"{value:.4g}" for value in self.absent)
        return f"There is no difference (less than .01) where the {self.on} is {where}."


@dataclass(frozen=True, repr=False)
class Measured:
    """The same numbers under the printed form and under the right one.

    Attributes:
        printed: name to number under the printed form; the interval of `x`, if it has one, is `x_low` and `x_high`.
        right: the same names under the right form.
        sentence: what the numbers say, made from them.
        labels: names to read, with the unit; a name without one is read with spaces.
        depends: what the effect depends on, and where it is absent.
        form: what the first form is called: it is inferred where the document prints none.
        heading: HTML that a notebook shows above the table: which formulas these are.
    """

    printed: dict[str, float]
    right: dict[str, float]
    sentence: str
    labels: dict[str, str] = field(default_factory=dict)
    depends: tuple[Dependence, ...] = ()
    form: str = "as printed"
    heading: str = ""

    def label(self, name: str) -> str:
        """The name of a number, to read."""
        return self.labels.get(name) or name.replace("_", " ")

    def table(self) -> Table:
        """Name, printed, right; intervals beside their numbers."""
        bounds = {f"{name}{end}" for name in self.printed for end in ("_low", "_high")} & set(self.printed)
        rows = [(self.label(name), _value(self.printed, name), _value(self.right, name)) for name in self.printed
                if name not in bounds]  # fmt: skip
        return Table(("", self.form, "as it should be"), rows)

    def dependence_table(self, dependence: Dependence) -> Table:
        """The number at each value of the circumstance, under both forms."""
        columns = (dependence.on, *(f"{value:.4g}" for value in dependence.values))
        forms = {self.form: dependence.printed, "as it should be": dependence.right}
        rows = [(form, *map(_number, numbers)) for form, numbers in forms.items()]
        return Table(columns, rows, title=f"{self.label(dependence.name)}:")

    def to_dict(self) -> dict:
        """For JSON: names of numbers are the stable ones, labels with their units stand beside them."""
        depends = [{"on": d.on, "number": self.label(d.name), "values": d.values, "printed": d.printed,
                    "right": d.right, "no_difference_at": d.absent} for d in self.depends]  # fmt: skip
        labels = {name: self.label(name) for name in self.printed if not name.endswith(("_low", "_high"))}
        return {"printed": self.printed, "right": self.right, "labels": labels, "sentence": self.sentence,
                "depends": depends}  # fmt: skip

    def __repr__(self) -> str:
        parts = [f"{self.table()}\n{self.sentence}"]
        parts += [f"{self.dependence_table(one)}\n{one.sentence}" for one in self.depends]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        hidden = f"<!-- {self.form}, as it should be -->\n"  # the line that JupyterLab shows of a folded output
        parts = [hidden, self.heading, self.table()._repr_html_(), f"<p>{html.escape(self.sentence)}</p>"]
        for one in self.depends:
            parts += [self.dependence_table(one)._repr_html_(), f"<p>{html.escape(one.sentence)}</p>"]
        return "".join(parts)


@dataclass(frozen=True, repr=False)
class Erratum:
    """A formula or a piece of code that fails as a document prints it, and the form that works.

    Attributes:
        id: its name on the command line.
        document: the text that prints the form, a key of `DOCUMENTS`.
        title: one sentence that says what fails, and who prints it.
        printed: the printed formula, LaTeX without delimiters.
        right: the right formula.
        symbols: what each letter of both formulas stands for.
        source: the paper that has the right form.
        quoted: what stands in the document, and what is inferred from it.
        also: another defect of the same passage that has no number.
        inferred: whether the document prints no formula, so that `printed` is what its words suggest.
        released: whether `printed` is what the code computes that the document stands with.
    """

    id: str
    document: str
    title: str
    printed: str
    right: str
    symbols: str
    source: str
    experiment: Callable[[int], Measured]
    quoted: str = ""
    also: str = ""
    inferred: bool = False
    released: bool = False

    @property
    def form(self) -> str:
        """What the first form is called."""
        return "as released" if self.released else "as inferred" if self.inferred else "as printed"

    def measure(self, seed: int = 0) -> Measured:
        """Run both forms: a few seconds. Experiments with chance in them take five seeds, from `seed` on.

        The tensors are small. Beside other processes two threads took up to ten times longer than one.
        """
        with one_thread():
            return replace(self.experiment(seed), form=self.form, heading=self._repr_html_())

    def to_dict(self) -> dict:
        """For JSON, without the measurement."""
        names = ("id", "title", "symbols", "quoted", "also", "inferred", "released")
        return {name: getattr(self, name) for name in names} | {
            "printed_in": DOCUMENTS[self.document]._asdict(),
            "printed_formula": self.printed,
            "right_formula": self.right,
            "right_in": self.source,
        }

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The entry as plain text."""
        lines = [f"{self.id}: {self.title}"]
        printed = self.form.removeprefix("as ")
        parts = {f"{printed} in": str(DOCUMENTS[self.document]), printed: self.printed, "right": self.right,
                 "where": self.symbols, "right in": self.source, "quoted": self.quoted, "also": self.also}  # fmt: skip
        return "\n".join(lines + [f"  {name:<12}{text}" for name, text in parts.items() if text])

    def _repr_html_(self) -> str:
        parts = (
            f"{self.form.capitalize()} in {DOCUMENTS[self.document]}: $\\displaystyle {self.printed}$",
            f"As it should be: $\\displaystyle {self.right}$",
            f"Where {self.symbols}",
            f"The right form is in {self.source}",
            self.quoted,
            self.also,
        )
        more = "".join(f"<br>{_linked(html.escape(text, quote=False))}" for text in parts if text)
        return f"<b>{html.escape(self.title, quote=False)}</b> <code>{self.id}</code>{more}"

    def _repr_latex_(self) -> str:
        return (
            f"$$\\begin{{aligned}} \\text{{{self.form}}} \\quad & {self.printed} \\\\ "
            f"\\text{{as it should be}} \\quad & {self.right} \\end{{aligned}}$$"
        )


def _linked(text: str) -> str:
    """The text with a link on each doi and on each arXiv number."""
    text = re.sub(r"\bdoi:(10\.[^\s,;:]+)", r'<a href="https://doi.org/\1">\g<0></a>', text)
    return re.sub(r"\barXiv:(\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1">\g<0></a>', text)


registered: dict[str, Erratum] = {}


def erratum(id: str, **fields) -> Callable[[Callable[[int], Measured]], Callable[[int], Measured]]:
    """Register the decorated experiment as an entry; `fields` are those of `Erratum`.

    Raises:
        ValueError: for a document that is not in `DOCUMENTS`.
    """
    if fields["document"] not in DOCUMENTS:
        raise ValueError(f"no document is called {fields['document']!r}: choose one of {', '.join(DOCUMENTS)}.")

    def register(experiment: Callable[[int], Measured]) -> Callable[[int], Measured]:
        registered[id] = Erratum(id=id, experiment=experiment, **fields)
        return experiment

    return register


def percent(share: float) -> str:
    """A share for a sentence: `46 %`."""
    return f"{100 * share:.0f} %"


def _value(numbers: dict[str, float], name: str) -> str:
    low, high = numbers.get(f"{name}_low"), numbers.get(f"{name}_high")
    interval = "" if low is None else f" ({_number(low)} … {_number(high)})"
    return f"{_number(numbers[name])}{interval}"


def _number(value: float) -> str:
    if 0 < abs(value) < 1e-4:
        return "<.0001" if value > 0 else ">-.0001"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
