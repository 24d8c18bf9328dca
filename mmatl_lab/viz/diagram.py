"""Diagrams of models: boxes and arrows, with the tensor's shape on each arrow, and a check of these shapes.

A lesson says what flows into what; the layers, from left to right, and all places follow from it:

>>> d = Diagram("CLIP", "Pictures and sentences become vectors of one space, and all pairs of them are compared.")
>>> image, text = d.input("image", "(B, 3, 32, 32)"), d.input("text", "(B, L)")
>>> u = d.box("ImageCNN", image, out="(B, D)", module="image_encoder")
>>> v = d.box("TextTransformer", text, out="(B, D)", module="text_encoder")
>>> similarity = d.box("u · v / τ", u, v, out="(B, B)")

The picture is an SVG on a transparent ground whose words stand on grounds of their own, so that it can be read on white
and on black. Its letters are those of the reader's system.
"""

import base64
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .style import ALIASES, MODALITIES, look

if TYPE_CHECKING:
    from torch import Tensor, nn

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', 'DejaVu Sans', sans-serif"
NAME, SHAPE = 14, 12.5  # pixels: letters in boxes and on arrows
LINE = "#808080"  # arrows: 4 : 1 on white and 5 : 1 on black
INK = "#1A1A1A"
NEUTRAL = "#6B7280"
GAP, BEND, PAD = 16, 26, 4  # pixels: between boxes above each other, where arrows turn, beside a shape


@dataclass(eq=False)
class Node:
    """A box, or (`kind="pass"`) the place where a long arrow passes a layer.

    Attributes:
        out: the shape that leaves it, such as "(B, D)"; "" for none.
        modality: whose colours it has; "" for grey.
        module: path of the module in the model whose output this is, such as "image_encoder".
        output: attribute or key of what the model returns.
    """

    kind: str
    name: str
    sources: tuple["Node", ...] = ()
    out: str = ""
    modality: str = ""
    module: str = ""
    output: str = ""
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        return 14.0 if self.kind == "pass" else 22 + 18 * (self.name.count("\n") + 1)


class Diagram:
    """A model as boxes and arrows; shown by being the last line of a cell.

    Args:
        name: of the model.
        alt: what a person would learn from the picture, for those who do not see it.
    Raises:
        ValueError: `alt` is empty.
    """

    def __init__(self, name: str, alt: str) -> None:
        if not alt.strip():
            raise ValueError("the alt text is empty: say in a sentence what flows into what")
        self.name, self.alt = name, alt
        self.nodes: list[Node] = []

    def input(self, name: str, shape: str, *, modality: str = "") -> Node:
        """What comes in. It has the look of its modality, which is its name unless another is given."""
        modality = modality or (name if name in MODALITIES or name in ALIASES else "")
        return self._add(Node("input", name, out=shape, modality=modality))

    def box(self, name: str, *sources: Node, out: str = "", modality: str = "", module: str = "", output: str = ""):
        """A step that takes what leaves `sources`; it has their modality's look if they have one together.

        Args:
            name: what it is; "\\n" begins a second line, in smaller letters.
            out: the shape that leaves it.
            module, output: where `check_diagram` finds the tensor of this shape: what a module of the model gives, or a
                part of what the model returns.
        Raises:
            ValueError: no sources, or a source of another diagram.
        """
        strange = [source for source in sources if source not in self.nodes]
        if not sources or strange:
            raise ValueError(f"{name!r} needs inputs or boxes of this diagram as sources, got {len(sources)} of them")
        shared = {source.modality for source in sources}
        modality = modality or (shared.pop() if len(shared) == 1 else "")
        layer = 1 + max(source.layer for source in sources)
        return self._add(Node("box", name, sources, out, modality, module, output, layer))

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def to_svg(self) -> str:
        """The picture; wide as it needs to be, at most 700 pixels for letters of 12 pixels in a notebook."""
        layers, arrows = _layered(self.nodes)
        width, height = _placed(layers)
        parts = [_arrow(path, place) for path, place in _ports(arrows)]
        parts += [_drawn(node) for layer in layers for node in layer if node.kind != "pass"]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" font-family="{FONT}" text-anchor="middle">'
            f"<title>{html.escape(self.name)}</title><desc>{html.escape(self.alt)}</desc>{''.join(parts)}</svg>"
        )

    def _repr_html_(self) -> str:
        svg = self.to_svg()
        source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
        width = re.search(r'width="(\d+)"', svg)[1]
        return f'<img alt="{html.escape(self.alt)}" width="{width}" style="max-width:100%" src="{source}">'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "image/svg+xml": self.to_svg(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"{self.name}: {self.alt}"


def check_diagram(
    diagram: Diagram,
    model: "nn.Module",
    inputs: "Mapping[str, Tensor]",
    forward: Callable[[], Any] | None = None,
    values: "Mapping[str, Tensor] | None" = None,
) -> dict[str, int]:
    """Runs the model and compares the shapes on the arrows with those of the real tensors. For tests.

    A number on an arrow must be the size; a letter stands for one size throughout, and 2D for twice that of D.

    Args:
        inputs: name of an input of the diagram -> tensor.
        forward: runs the model; default: `model(*inputs.values())`. What it returns is searched for `output`.
        values: name of a box -> tensor, for what is computed outside the model.
    Returns:
        The size of each letter.
    Raises:
        ValueError: a shape that differs, or one that nothing says where to find.
    """
    import torch

    seen: dict[str, Tensor] = dict(values or {})
    hooks = [
        model.get_submodule(node.module).register_forward_hook(
            lambda module, args, out, name=node.module: seen.setdefault(name, _first(out))
        )
        for node in diagram.nodes
        if node.module
    ]
    try:
        with torch.no_grad():
            returned = forward() if forward is not None else model(*inputs.values())
    finally:
        for hook in hooks:
            hook.remove()
    sizes: dict[str, int] = {}
    for node in diagram.nodes:
        if not node.out:
            continue
        if node.kind == "input":
            tensor = inputs.get(node.name)
        elif node.output:
            tensor = returned[node.output] if isinstance(returned, Mapping) else getattr(returned, node.output)
        else:
            tensor = seen.get(node.module or node.name)
        if tensor is None:
            raise ValueError(f"nothing gives the shape of {node.name!r}: name its module or output, or use values")
        _bind(node, tuple(tensor.shape), sizes)
    return sizes


def _first(out: Any) -> "Tensor":
    """The tensor that a module gives, or the first of several."""
    while not hasattr(out, "shape"):
        out = next(iter(out.values() if isinstance(out, Mapping) else out))
    return out


def _bind(node: Node, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    """Compares one shape; letters that were not met before get their size."""
    words = [word for word in re.split(r"[(),\s]+", node.out) if word]
    fits = len(words) == len(shape)
    for word, size in zip(words, shape):
        factor, letter = re.fullmatch(r"(\d*)(.*)", word).groups()
        factor = int(factor or 1)
        fits &= factor * (sizes.setdefault(letter, size // factor) if letter else 1) == size
    if not fits:
        known = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
        raise ValueError(f"the diagram says that {node.name!r} gives {node.out}, the model gives {shape} ({known})")


# --- places


def _layered(nodes: list[Node]) -> tuple[list[list[Node]], list[list[Node]]]:
    """Nodes by layer, in the order that crosses fewest arrows, and the way of each arrow, one node a layer."""
    layers: list[list[Node]] = [[] for _ in range(1 + max(node.layer for node in nodes))]
    for node in nodes:
        layers[node.layer].append(node)
    arrows = []
    for node in nodes:
        for source in node.sources:
            between = [Node("pass", "", layer=n) for n in range(source.layer + 1, node.layer)]
            for passing in between:
                layers[passing.layer].append(passing)
            arrows.append([source, *between, node])
    before: dict[Node, list[Node]] = {}
    after: dict[Node, list[Node]] = {}
    for path in arrows:
        for a, b in pairwise(path):
            before.setdefault(b, []).append(a)
            after.setdefault(a, []).append(b)
    for sweep in range(6):  # each layer in the order of what it is joined to
        joined, order = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for fixed, layer in pairwise(order):
            rank = {node: n for n, node in enumerate(fixed)}
            near = {node: [rank[other] for other in joined.get(node, [])] or [n] for n, node in enumerate(layer)}
            mean = {node: sum(ranks) / len(ranks) for node, ranks in near.items()}
            layer.sort(key=mean.__getitem__)
    for layer in layers:
        _stack(layer, [0.0] * len(layer))
    for sweep in range(12):  # each node as near as it can be to the height of what it is joined to
        joined, order = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for layer in order[1:]:
            near = [[other.y for other in joined.get(node, [])] or [node.y] for node in layer]
            _stack(layer, [sum(ys) / len(ys) for ys in near])
    return layers, arrows


def _stack(layer: list[Node], wanted: list[float]) -> None:
    """Heights in the layer's order that do not touch, with the same mean as the wanted ones."""
    bottom = float("-inf")
    for node, y in zip(layer, wanted):
        node.y = max(y, bottom + node.height / 2)
        bottom = node.y + node.height / 2 + GAP
    shift = sum(wanted) / len(layer) - sum(node.y for node in layer) / len(layer)
    for node in layer:
        node.y += shift


def _placed(layers: list[list[Node]]) -> tuple[float, float]:
    """Gives every node its place and width; returns the size of the picture."""
    x = 1.0
    for n, layer in enumerate(layers):
        width = max(_box_width(node) for node in layer)
        shapes = max((_width(node.out, SHAPE) for node in layer if node.out), default=0)
        for node in layer:
            node.x, node.width = x, width
        last = n == len(layers) - 1
        x += width + (shapes + 2 * PAD + 12 if shapes else 0) + (0 if last else BEND)
    top = min(node.y - node.height / 2 for layer in layers for node in layer) - 2
    for layer in layers:
        for node in layer:
            node.y -= top
    return x + 1, max(node.y + node.height / 2 for layer in layers for node in layer) + 2


def _box_width(node: Node) -> float:
    if node.kind == "pass":
        return 0
    first, *others = node.name.split("\n")
    return max(_width(first, NAME, bold=True), *(_width(line, SHAPE) for line in others), 0) + 18


@cache
def _width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that a line needs in DejaVu Sans, which is wider than what systems have for their own words."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return TextPath((0, 0), text, size=size, prop=font).get_extents().width if text.strip() else 0.0


# --- drawing


def _ports(arrows: list[list[Node]]) -> list[tuple[list[Node], float]]:
    """Each arrow's way and the height at which it enters its box: several enter one below the other."""
    found = []
    for path in arrows:
        target = path[-1]
        entering = sorted((other for other in arrows if other[-1] is target), key=lambda other: other[-2].y)
        n, step = entering.index(path), min(12, (target.height - 16) / max(1, len(entering) - 1))
        found.append((path, target.y + step * (n - (len(entering) - 1) / 2)))
    return found


def _arrow(path: list[Node], entry: float) -> str:
    """A line from a box, behind its shape, that bends before each layer it comes to, and ends in a point."""
    x, y = path[0].x + path[0].width, path[0].y
    d = f"M{x:.1f} {y:.1f}"
    for node in path[1:]:
        end = node.y if node.kind == "pass" else entry
        tip = node.x - (5 if node is path[-1] else 0)
        bend = node.x - BEND
        d += f"H{bend:.1f}C{bend + BEND / 2:.1f} {y:.1f} {tip - BEND / 2:.1f} {end:.1f} {tip:.1f} {end:.1f}"
        y = end
    x = path[-1].x
    point = f'<path d="M{x:.1f} {y:.1f}l-9 -4.5v9z" fill="{LINE}"/>'
    return f'<path d="{d}" fill="none" stroke="{LINE}" stroke-width="1.8"/>{point}'


def _drawn(node: Node) -> str:
    colour = look(node.modality).colour if node.modality else NEUTRAL
    tall, top = node.height, node.y - node.height / 2
    radius = tall / 2 if node.kind == "input" else 8
    first, *others = node.name.split("\n")
    middle = node.x + node.width / 2
    words = [(first, NAME, "600"), *((line, SHAPE, "400") for line in others)]
    lines = "".join(
        f'<text x="{middle:.1f}" y="{node.y + 5 + 18 * (k - (len(words) - 1) / 2):.1f}" font-size="{size}" '
        f'font-weight="{weight}" fill="{INK}">{html.escape(word)}</text>'
        for k, (word, size, weight) in enumerate(words)
    )
    box = (
        f'<rect x="{node.x:.1f}" y="{top:.1f}" width="{node.width:.1f}" height="{tall:.1f}" rx="{radius:.1f}" '
        f'fill="{_tint(colour)}" stroke="{colour}" stroke-width="1.8"/>'
    )
    return box + lines + (_shape(node) if node.out else "")


def _shape(node: Node) -> str:
    """The shape that leaves a box, right beside it, on a ground that hides the arrow behind it."""
    width = _width(node.out, SHAPE) + 2 * PAD
    x, y = node.x + node.width + 6, node.y
    return (
        f'<path d="M{x - 6:.1f} {y:.1f}h6" stroke="{LINE}" stroke-width="1.8"/>'
        f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="{width:.1f}" height="20" rx="5" fill="#E5E7EB"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 4.5:.1f}" font-size="{SHAPE}" fill="{INK}">'
        f"{html.escape(node.out)}</text>"
    )


def _tint(colour: str) -> str:
    """The colour in four fifths of white."""
    parts = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - 0.2 * (255 - part)):02X}" for part in parts)
