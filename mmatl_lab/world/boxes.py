r"""Boxes around objects, and referring expressions that single out one of four.

A box is (x0, y0, x1, y1) in [0, 1]: left, top, right and bottom edge as shares of the picture's width and height, y
*downwards* from the top left corner as pixels are counted (a scene's own y points upwards).

The scene is drawn first, then its target, uniformly among the four objects, and only then the words. So nothing in the
picture tells which object is meant: without the words, one in four is the best that is possible, exactly. The four are
of different kinds out of two shapes, two colours and three sizes, so that a single word seldom suffices.

===========  ==========================================  =========================================================
type         example                                     what fits
===========  ==========================================  =========================================================
attributes   the small red star                          what has them
size         the largest ring                            of what has the attributes, the one larger than all others
side         the left star, the red object at the top    what has them and stands in that half
relation     the star left of the red circle             what has them and stands in the other half than the circle
neighbour    the star next to the red circle             what has them and stands beside, above or below, not across
===========  ==========================================  =========================================================

Every expression is minimal: leave out any size, colour or shape, "largest", the side or the relation, and it no longer
fits its target alone; leave out a part of the landmark ("the red circle"), and there is more than one. Which object the
landmark is matters to "next to", where in 7 of 10 another landmark would single out another object. To the other
relations it does not: if just one star is left of the circle, it is the leftmost star, whatever the circle.
"""

import math
from functools import cache
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from .phrases import SUBSETS, WORDING, Grammar, Phrase, attributes, draw, matches
from .scene import COLOURS, MAX_OBJECTS, RADII, SHAPES, SIZES, Scenes, arrange

EXPRESSION_TYPES = ("attributes", "size", "side", "relation", "neighbour")
_TEMPLATES = {
    "attributes": ("the {1}",),
    "size largest": ("the largest {1}", "the biggest {1}"),
    "size smallest": ("the smallest {1}",),
    "side left": ("the left {1}", "the {1} on the left"),
    "side right": ("the right {1}", "the {1} on the right"),
    "side top": ("the top {1}", "the upper {1}", "the {1} at the top"),
    "side bottom": ("the bottom {1}", "the lower {1}", "the {1} at the bottom"),
    "relation left": ("the {1} left of the {2}", "the {1} to the left of the {2}"),
    "relation right": ("the {1} right of the {2}", "the {1} to the right of the {2}"),
    "relation above": ("the {1} above the {2}", "the {1} over the {2}"),
    "relation below": ("the {1} below the {2}", "the {1} under the {2}"),
    "neighbour": ("the {1} next to the {2}",),
}
_GRAMMAR = Grammar(*_TEMPLATES.values())
_TYPE = torch.tensor([EXPRESSION_TYPES.index(name.split()[0]) for name in _TEMPLATES])
_NUM_ALONE = 7  # templates without a landmark; of the others there is one region for each landmark
_REGION_TEMPLATE = torch.cat(
    [torch.arange(_NUM_ALONE), torch.arange(_NUM_ALONE, len(_TEMPLATES)).repeat_interleave(MAX_OBJECTS)]
)
_UNIFORMS = 8 + WORDING + 3 * 2 * 2 + MAX_OBJECTS * 5


class Expressions(NamedTuple):
    """Referring expressions, one for each scene of a batch."""

    tokens: Tensor  # (B, L) int64, places in QUESTION_WORDS, 0 after the last word
    box: Tensor  # (B, 4) around the object that is meant
    target: Tensor  # (B,) int64, which of the scene's objects it is
    type: Tensor  # (B,) int64, places in EXPRESSION_TYPES


def refer(n: int, *, generator: torch.Generator, device: torch.device | str = "cpu") -> tuple[Scenes, Expressions]:
    """Draw ``n`` scenes of four objects, one of which each is meant, and a minimal expression that fits it alone.

    A type is drawn among those that can single out the target (each makes up 16 to 22 %), then one of its expressions.

    Args:
        generator: a CPU generator (``seeded``); an expression uses up the same count of numbers whatever it is.

    Raises:
        ValueError: a generator that is not on the CPU.
    """
    if generator.device.type != "cpu":
        raise ValueError("generator must be a CPU generator (see seeded), so that a seed means the same on any device.")
    u, wording, kinds, cells, placing = torch.rand(n, _UNIFORMS, generator=generator).split(
        [8, WORDING, 3 * 2 * 2, MAX_OBJECTS, 4 * MAX_OBJECTS], 1
    )
    u = u.T

    # The scene: two shapes, two colours, and four of the twelve kinds that they make.
    shapes, colours = _two(len(SHAPES), u[0], u[1]), _two(len(COLOURS), u[2], u[3])  # (B, 2)
    kind = kinds.argsort(1)[:, :MAX_OBJECTS]
    scenes = arrange(
        shape=shapes.gather(1, kind % 2),
        colour=colours.gather(1, kind // 2 % 2),
        size=kind // 4,
        cell=cells.argsort(1),
        mask=torch.ones(n, MAX_OBJECTS, dtype=torch.bool),
        u=placing.view(n, MAX_OBJECTS, 4),
    )

    # The target, then all that could be said of it: an expression is a region and a set of told attributes.
    rows = torch.arange(n)
    target = (u[4] * MAX_OBJECTS).long()
    objects = attributes(scenes)  # (B, 4, 3)
    told = SUBSETS[:, None]  # (8, 1, 3)
    alike = ((objects[:, :, None, None] == objects[:, None, None]) | ~told).all(-1)  # (B, 4, 8, 4): i told so fits j
    region = _regions(scenes, target)  # (B, G, 4)
    num_fitting = torch.einsum("bgj,bsj->bgs", region.float(), alike[rows, target].float())  # (B, G, 8)
    possible = _minimal(num_fitting) & region[rows, :, target][..., None]
    possible[:, 1:] &= num_fitting[:, :1] > 1  # or the region would not be needed

    # What is said.
    type_of_region = _TYPE[_REGION_TEMPLATE]
    available = [possible[:, type_of_region == k].flatten(1).any(1) for k in range(len(EXPRESSION_TYPES))]
    type = draw(torch.stack(available, 1), u[5])
    possible &= (type_of_region == type[:, None])[..., None]
    chosen = draw(possible.flatten(1), u[6])
    template, first = _REGION_TEMPLATE[chosen // len(SUBSETS)], SUBSETS[chosen % len(SUBSETS)]
    landmark = (chosen // len(SUBSETS) - _NUM_ALONE) % MAX_OBJECTS
    second = SUBSETS[draw(_minimal(alike[rows, landmark].sum(-1)), u[7])] & (template >= _NUM_ALONE)[:, None]
    phrase = Phrase(
        template,
        torch.where(first, objects[rows, target], -1),
        torch.where(second, objects[rows, landmark], -1),
    )
    expressions = Expressions(_GRAMMAR.write(phrase, wording), bounding_boxes(scenes)[rows, target], target, type)
    return scenes.to(device), Expressions(*(t.to(device) for t in expressions))


def _two(n: int, first: Tensor, second: Tensor) -> Tensor:
    """(B, 2) two different numbers below ``n``, from two uniform ones."""
    one = (first * n).long()
    return torch.stack([one, (one + 1 + (second * (n - 1)).long()) % n], 1)


def _regions(scenes: Scenes, target: Tensor) -> Tensor:
    """(B, G, 4) bool: the objects that the attributes are asked of, for each template and each landmark."""
    row, column, size = scenes.row, scenes.column, scenes.size
    own = size.gather(1, target[:, None])
    alone = [torch.ones_like(scenes.mask), size >= own, size <= own, column == 0, column == 1, row == 0, row == 1]
    return torch.cat(
        [torch.stack(alone, 1), *_beside(row[:, None], column[:, None], row[..., None], column[..., None])], 1
    )


def _beside(row: Tensor, column: Tensor, landmark_row: Tensor, landmark_column: Tensor) -> tuple[Tensor, ...]:
    """What stands left of, right of, above, below and next to the landmark, by the quarters of both."""
    return (
        column < landmark_column,
        column > landmark_column,
        row < landmark_row,
        row > landmark_row,
        (row == landmark_row) != (column == landmark_column),
    )


def _minimal(num_fitting: Tensor) -> Tensor:
    """(..., 8) bool from the number of objects that fit each subset of attributes: one fits, and more with any less."""
    minimal = num_fitting == 1
    for i, step in enumerate((4, 2, 1)):  # the subset without attribute i stands so far before
        less = num_fitting[..., (torch.arange(len(SUBSETS)) - step).clamp(min=0)]
        minimal &= ~SUBSETS[:, i] | (less > 1)
    return minimal


def referents(scenes: Scenes, tokens: Tensor) -> Tensor:
    """(B, K) bool: the objects that (B, L) expressions fit, read from the words; a good expression fits one.

    Words that are no expression of this grammar fit none, nor does "the ring left of the star" without a star or with
    several. "The largest ring" fits all of the largest.
    """
    template, first, second = _GRAMMAR.read(tokens)
    objects, row, column, size = attributes(scenes), scenes.row, scenes.column, scenes.size
    fits = matches(objects, first) & scenes.mask
    landmark = matches(objects, second) & scenes.mask
    index = landmark.long().argmax(1, keepdim=True)
    known = (template >= 0) & ((template < _NUM_ALONE) | (landmark.sum(1) == 1))
    most = torch.where(fits, size, -1).amax(1, keepdim=True)
    least = torch.where(fits, size, len(SIZES)).amin(1, keepdim=True)
    alone = [torch.ones_like(fits), size == most, size == least, column == 0, column == 1, row == 0, row == 1]
    regions = torch.stack([*alone, *_beside(row, column, row.gather(1, index), column.gather(1, index))], 1)
    rows = torch.arange(len(scenes), device=scenes.device)
    return fits & regions[rows, template] & known[:, None]


@cache
def _hulls(device: str) -> Tensor:
    """(8, P, 3) discs whose convex hull is that of each shape as ``image`` draws it, (x, y, radius) in object radii."""
    corners = list(product((-1, 1), (-1, 1)))
    turns = [2 * math.pi * i / 5 for i in range(5)]
    horn = math.acos((0.97**2 + 0.5**2 - 0.78**2) / (2 * 0.5 * 0.97))  # where the crescent's two circles meet
    arc = torch.linspace(horn, 2 * math.pi - horn, 64).tolist()
    discs = {
        "circle": [(0, 0, 0.92)],
        "square": [(0.78 * x, 0.78 * y, 0) for x, y in corners],
        "triangle": [(0, 1, 0), (0.775 / 0.866, -0.55, 0), (-0.775 / 0.866, -0.55, 0)],
        "star": [(math.sin(turn), math.cos(turn), 0) for turn in turns],
        "heart": [(0, -0.55 / 0.62, 0), *((x * 0.25 / 0.62, 0.2 / 0.62, math.sqrt(2) / 4 / 0.62) for x in (-1, 1))],
        "cross": [(a * x, b * y, 0) for x, y in corners for a, b in ((0.95, 0.32), (0.32, 0.95))],
        "ring": [(0, 0, 0.95)],
        "crescent": [(0.97 * math.cos(angle), 0.97 * math.sin(angle), 0) for angle in arc],
    }
    most = max(len(row) for row in discs.values())
    return torch.tensor(
        [discs[shape] + discs[shape][:1] * (most - len(discs[shape])) for shape in SHAPES], device=device
    )


def bounding_boxes(scenes: Scenes) -> Tensor:
    """(B, K, 4) boxes of the objects, cut off at the picture's border; all 0 where the mask is False.

    They touch the outlines that ``render`` draws, so they are the same for any size of the picture: the centre of every
    pixel that is covered by more than half lies inside, and no side is further than a pixel from one that is covered by
    more than a tenth (in the very tip of a star no pixel is covered by half).
    """
    px, py, spread = _hulls(str(scenes.device))[scenes.shape].unbind(-1)  # (B, K, P)
    radius = torch.tensor(RADII, device=scenes.device)[scenes.size][..., None]
    cos, sin = scenes.angle.cos()[..., None], scenes.angle.sin()[..., None]
    x, y = scenes.x[..., None] + radius * (cos * px - sin * py), scenes.y[..., None] + radius * (sin * px + cos * py)
    reach = radius * spread
    sides = [(x - reach).amin(-1), (-y - reach).amin(-1), (x + reach).amax(-1), (reach - y).amax(-1)]
    return ((torch.stack(sides, -1) + 1) / 2).clamp(0, 1) * scenes.mask[..., None]


def iou(a: Tensor, b: Tensor) -> Tensor:
    r"""Intersection over union of boxes (..., 4) and (..., 4), broadcast against each other: (...) in [0, 1].

    $$ \mathrm{IoU}(a, b) = \frac{|a \cap b|}{|a| + |b| - |a \cap b|}, $$

    0 where both are empty. All pairs of two lists: ``iou(a[:, None], b[None])``.

    Raises:
        ValueError: a last dimension other than 4.
    """
    if a.shape[-1:] != (4,) or b.shape[-1:] != (4,):
        raise ValueError(f"boxes must be (..., 4), x0, y0, x1, y1, got {tuple(a.shape)} and {tuple(b.shape)}.")
    width, height = (torch.minimum(a[..., i + 2], b[..., i + 2]) - torch.maximum(a[..., i], b[..., i]) for i in (0, 1))
    common = width.clamp(min=0) * height.clamp(min=0)
    union = _area(a) + _area(b) - common
    return common / (union + (union == 0))  # a division by 0 would give gradients that are not numbers


def _area(box: Tensor) -> Tensor:
    """(...) area; a box whose right edge is left of its left one is empty."""
    return (box[..., 2] - box[..., 0]).clamp(min=0) * (box[..., 3] - box[..., 1]).clamp(min=0)
