"""Notes that show themselves in Jupyter (colour and sign) and as plain text elsewhere."""

import html
import re
from dataclasses import dataclass

# Okabe–Ito colours, readable on light and dark; the sign says the same without colour.
_LOOKS = {
    "passed": ("✔", "#009E73"),
    "wrong": ("✘", "#D55E00"),
    "error": ("⚠", "#D55E00"),
    "missed": ("✘", "#E69F00"),
    "open": ("◇", "#0072B2"),
    "not attempted": ("○", "#888888"),
    "hint": ("?", "#E69F00"),
    "solution": ("=", "#0072B2"),
    "question": ("?", "#0072B2"),
}


@dataclass(frozen=True)
class Note:
    """A sign, a head, a body (HTML and text) and a foot in small print."""

    kind: str
    head: str
    text: str
    html: str
    foot: str = ""

    def __repr__(self) -> str:
        lines = [*(self.text.split("\n") if self.text else []), *([self.foot] if self.foot else [])]
        return "\n".join([f"{_LOOKS[self.kind][0]} {self.head}", *(f"  {line}".rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        sign, colour = _LOOKS[self.kind]
        foot = f'<div style="font-size:smaller;opacity:.7">{html.escape(self.foot)}</div>' if self.foot else ""
        return (
            f'<div style="border-left:4px solid {colour};padding:.3em .8em">'
            f'<b><span style="color:{colour}">{sign}</span> {html.escape(self.head)}</b>{self.html}{foot}</div>'
        )


def make_note(kind: str, head: str, body: str, foot: str = "") -> Note:
    """A note whose body is text; `code` and *stress* are shown as such, and lines stay lines."""

    return Note(kind, head, body, f"<div>{marked(body)}</div>" if body else "", foot)


def marked(text: str) -> str:
    """HTML of text in which `code` and *stress* are shown as such, and lines stay lines."""

    def mark(found: re.Match) -> str:
        return f"<code>{found[1]}</code>" if found[1] else f"<em>{found[2]}</em>"

    return re.sub(r"`([^`]+)`|\*(\w[^*`]*)\*", mark, html.escape(text, quote=False)).replace("\n", "<br>")


def code_block(head: str, source: str) -> Note:
    """A note whose body is Python source."""
    return Note(
        "solution", head, source, f'<pre style="font-family:monospace">{html.escape(source, quote=False)}</pre>'
    )
