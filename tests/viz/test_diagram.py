"""Diagrams: nothing on them overlaps, everything can be read, and the shapes are those of the model."""

import random
import re
import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from mmatl_lab.viz.diagram import LINE, Diagram, check_diagram

SVG = "{http://www.w3.org/2000/svg}"


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every box and every shape."""
    found = []
    for rect in ET.fromstring(svg).iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def points(d: str) -> list[tuple[float, float]]:
    """Places along an arrow, close to each other."""
    words = re.findall(r"[MHC]|-?[\d.]+", d)
    found, k = [], 0
    while k < len(words):
        command, numbers = words[k], []
        k += 1
        while k < len(words) and words[k] not in "MHC":
            numbers.append(float(words[k]))
            k += 1
        if command == "M":
            found.append((numbers[0], numbers[1]))
        elif command == "H":
            x, y = found[-1]
            found += [(x + (numbers[0] - x) * t / 40, y) for t in range(1, 41)]
        else:
            (x0, y0), (x1, y1, x2, y2, x3, y3) = found[-1], numbers
            for t in (t / 40 for t in range(1, 41)):
                a, b, c, e = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                found.append((a * x0 + b * x1 + c * x2 + e * x3, a * y0 + b * y1 + c * y2 + e * y3))
    return found


def overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def any_diagram(seed: int) -> Diagram:
    """Inputs, then boxes that take one to three of what was there before, so that arrows pass layers."""
    chance = random.Random(seed)
    d = Diagram("any", "Something flows somewhere.")
    nodes = [d.input(chance.choice(["image", "text", "x"]), "(B, 3, 32, 32)") for _ in range(chance.randint(1, 4))]
    for n in range(chance.randint(2, 8)):
        sources = chance.sample(nodes, min(len(nodes), chance.randint(1, 3)))
        name = chance.choice(["a", "Encoder", "two\nlines of it"])
        nodes.append(d.box(name, *sources, out="(B, D)" if n % 3 else ""))
    return d


@pytest.mark.parametrize("seed", range(40))
def test_boxes_shapes_and_arrows_do_not_touch_what_they_do_not_belong_to(seed):
    d = any_diagram(seed)
    svg = d.to_svg()
    placed = rectangles(svg)
    assert not any(overlap(a, b) for n, a in enumerate(placed) for b in placed[:n])
    width, height = (float(ET.fromstring(svg).get(name)) for name in ("width", "height"))
    assert all(0 <= x0 and 0 <= y0 and x1 <= width and y1 <= height for x0, y0, x1, y1 in placed)
    arrows = re.findall(rf'<path d="([^"]*)" fill="none" stroke="{LINE}"', svg)
    assert len(arrows) == sum(len(node.sources) for node in d.nodes)
    for arrow in arrows:
        way = points(arrow)
        (x, y), (end, target) = way[0], way[-1]
        own = [r for r in placed if r[1] <= y <= r[3] and abs(r[0] - x) < 8]  # the shape that leaves its box
        own += [r for r in placed if r[1] <= target <= r[3] and abs(r[0] - end) < 8]  # the box it leads to
        for px, py in way[1:]:
            assert not any(r[0] + 0.2 < px < r[2] - 0.2 and r[1] < py < r[3] for r in placed if r not in own)


def test_a_modality_colours_what_comes_from_it_alone():
    d = Diagram("two", "Two become one.")
    image, text = d.input("image", "(B, 3)"), d.input("words", "(B, 4)")
    u = d.box("Linear", image)
    both = d.box("Concat", u, text)
    assert (u.modality, text.modality, both.modality) == ("image", "words", "")
    assert d.input("x", "(B,)").modality == "" and d.input("x", "(B,)", modality="audio").modality == "audio"


def test_it_is_an_image_with_alt_text_and_letters_of_12_pixels_or_more():
    d = Diagram('a < "b"', 'From "a" to <b>.')
    d.box("f", d.input("x & y", "(B, D)"), out="(B,)")
    svg, page = d.to_svg(), d._repr_html_()
    root = ET.fromstring(svg)  # is well-formed
    assert root.find(f"{SVG}title").text == 'a < "b"' and root.find(f"{SVG}desc").text == 'From "a" to <b>.'
    assert 'alt="From &quot;a&quot; to &lt;b&gt;."' in page and "position" not in page
    assert min(float(text.get("font-size")) for text in root.iter(f"{SVG}text")) >= 12
    assert repr(d) == 'a < "b": From "a" to <b>.'
    assert set(d._repr_mimebundle_()) == {"text/html", "image/svg+xml", "text/plain"}


def test_what_makes_no_diagram_gets_a_sentence():
    with pytest.raises(ValueError, match="alt text is empty"):
        Diagram("x", " ")
    d = Diagram("x", "X.")
    with pytest.raises(ValueError, match="'f' needs inputs or boxes of this diagram"):
        d.box("f")
    with pytest.raises(ValueError, match="'f' needs inputs or boxes of this diagram"):
        d.box("f", Diagram("y", "Y.").input("x", "(B,)"))


# --- shapes


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        u = self.encode(x)
        return {"logits": self.head(torch.cat([u, u], 1))}


def drawn(encoded="(B, D)", twice="(B, 2D)", logits="(B, 5)", **where) -> Diagram:
    d = Diagram("model", "From x to logits.")
    u = d.box("Encoder", d.input("x", "(B, 3)"), out=encoded, module="encode")
    d.box("Linear", d.box("twice", u, out=twice, **where), out=logits, output="logits")
    return d


def test_the_shapes_of_a_diagram_are_those_of_the_model():
    model, x = Model(), torch.zeros(2, 3)
    twice = {"twice": torch.zeros(2, 16)}
    assert check_diagram(drawn(), model, {"x": x}, values=twice) == {"B": 2, "D": 8}
    for wrong in ({"encoded": "(B, 9)"}, {"twice": "(B, 3D)"}, {"logits": "(B, D)"}, {"logits": "(B, D, 1)"}):
        with pytest.raises(ValueError, match=r"the diagram says that .* the model gives \("):
            check_diagram(drawn(**wrong), model, {"x": x}, values=twice)
    with pytest.raises(ValueError, match="nothing gives the shape of 'twice'"):
        check_diagram(drawn(), model, {"x": x})
    assert not any(module._forward_hooks for module in model.modules())
