"""One way to make a table: HTML for a notebook, a saved page and a demo, plain text for a terminal.

A cell is text, a number, or one of the kinds below. Styles are inline and take the colours of the page, so that a table
reads the same in light and dark, and in a notebook that is not trusted (JupyterLab then strips `position`, and colours
named `currentColor`, from its HTML).

>>> Table(("model", "accuracy", ""), [("text", 0.52, Bar(0.52, mark=0.5)), ("all", 0.91, Bar(0.91, mark=0.95))])
model  accuracy
text      0.520  0.520 of 0.500
all       0.910  0.910 of 0.950
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .style import BLUE, GREEN, VERMILLION

GREY_ON_BOTH = "#8884"  # a veil of grey, seen on white and on black


@dataclass(frozen=True)
class Link:
    """Text that leads to `address`."""

    text: str
    address: str

    def __str__(self) -> str:
        return self.text

    def to_html(self) -> str:
        return f'<a href="{html.escape(self.address)}">{html.escape(self.text)}</a>'


@dataclass(frozen=True)
class Code:
    """Text in the letters of code, such as a command."""

    text: str

    def __str__(self) -> str:
        return self.text

    def to_html(self) -> str:
        return f"<code>{html.escape(self.text)}</code>" if self.text else ""


@dataclass(frozen=True)
class Verdict:
    """Whether a target was met, by sign and colour, and what the target was."""

    met: bool
    text: str

    def __str__(self) -> str:
        return f"{'✔' if self.met else '✘'} {self.text}"

    def to_html(self) -> str:
        sign, colour = ("✔", GREEN) if self.met else ("✘", VERMILLION)
        return f'<b style="color:{colour}">{sign}</b> {html.escape(self.text)}'


@dataclass(frozen=True)
class Bar:
    """A bar from `low` to `value` on a track that ends at `high`; a dotted line marks `mark`, such as a ceiling.

    Args:
        value: where the bar ends; what lies outside `low` and `high` is drawn at their border.
        mark: where the dotted line stands; None draws none.
        low, high: ends of the track.
        text: the bar in words; default: `"0.520 of 0.600"`.
    """

    value: float
    mark: float | None = None
    low: float = 0.0
    high: float = 1.0
    text: str = ""

    def __str__(self) -> str:
        return self.text or number(self.value) + (f" of {number(self.mark)}" if self.mark is not None else "")

    def to_html(self) -> str:
        height = "height:1em;"
        bar = f'<div style="width:{self._percent(self.value)};{height}background:{BLUE}"></div>'
        if self.mark is not None:  # a right border, moved up over the bar: `position` would not survive
            over = f"width:{self._percent(self.mark)};{height}margin-top:-1em;border-right:2px dotted {VERMILLION}"
            bar += f'<div style="{over}"></div>'
        track = f'<div style="width:12em;{height}background:{GREY_ON_BOTH}">{bar}</div>'
        return f'<div title="{html.escape(str(self))}">{track}</div>'

    def _percent(self, value: float) -> str:
        return f"{100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))):.1f}%"


Cell = str | int | float | None | Link | Code | Verdict | Bar


@dataclass(frozen=True)
class Table:
    """A table that shows itself: as HTML in a notebook, as text elsewhere.

    Columns whose cells are all empty are left out. Numbers stand at the right of their column.

    Args:
        columns: their names; "" for none.
        rows: a cell for each column; None is empty.
        title: above the table.
    Raises:
        ValueError: a row has another number of cells than there are columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"expected {len(self.columns)} cells in every row, got {len(row)}: {tuple(row)}")

    def __repr__(self) -> str:
        kept = self._kept()
        lines = [[self.columns[i] for i in kept], *([_text(row[i]) for i in kept] for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(kept))]
        right = [self._numeric(i) for i in kept]
        text = "\n".join(
            "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right)).rstrip()
            for line in lines
        )
        return f"{self.title}\n{text}" if self.title else text

    def _repr_html_(self) -> str:
        kept = self._kept()
        styles = [f' style="text-align:{"right" if self._numeric(i) else "left"};vertical-align:middle"' for i in kept]
        head = "".join(f'<th scope="col"{s}>{html.escape(self.columns[i])}</th>' for i, s in zip(kept, styles))
        body = "".join(
            "<tr>" + "".join(f"<td{s}>{_html(row[i])}</td>" for i, s in zip(kept, styles)) + "</tr>"
            for row in self.rows
        )
        title = f'<caption style="text-align:left">{html.escape(self.title)}</caption>' if self.title else ""
        # JupyterLab shows the first line of a folded output: it should tell nothing
        return f"<table><!-- a table -->\n{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _kept(self) -> list[int]:
        filled = [i for i in range(len(self.columns)) if any(_text(row[i]) for row in self.rows)]
        return filled if self.rows else list(range(len(self.columns)))

    def _numeric(self, i: int) -> bool:
        cells = [row[i] for row in self.rows if row[i] not in (None, "")]
        return bool(cells) and all(isinstance(cell, (int, float)) for cell in cells)


def number(value: float) -> str:
    """A number to be read: whole ones as they are, others with three decimals, small ones with one digit; no powers.

    >>> [number(x) for x in (1000, 12.0, 0.98765, 0.000722, 12345.6, 0.0)]
    ['1,000', '12', '0.988', '0.0007', '12,346', '0']
    """
    if not math.isfinite(value):
        return "none" if math.isnan(value) else f"{'−' if value < 0 else ''}∞"
    if value == round(value):
        return f"{value:,.0f}"
    digits = -math.floor(math.log10(abs(value)))  # decimals until the first digit; -1 for tens
    return f"{value:,.{max(0, digits + 2) if digits < 0 else min(9, max(3, digits))}f}"


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return number(cell) if isinstance(cell, (int, float)) else str(cell)


def _html(cell: Cell) -> str:
    return cell.to_html() if hasattr(cell, "to_html") else html.escape(_text(cell))
