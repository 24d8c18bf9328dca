"""Scenes: the factors from which every image, caption, sound, video and sensor trace is computed.

A scene has 1 to 4 objects. Each has a shape, a colour, a size and a motion (drawn uniformly from eight, eight, three
and eight values), a position and an angle. A modality depends on these factors and on nothing else. So the best
accuracy that any model can reach is known exactly (``mmatl_lab.world.ceilings``).

A scene is made from one row of uniform numbers of a CPU generator. The same seed gives the same scenes on any device,
and drawing 100 scenes at once gives the same as drawing 60 and then 40.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .batch import Batch

SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring", "crescent")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "medium", "large")
MOTIONS = ("still", "left", "right", "up", "down", "circle", "bounce", "grow")

RADII = (0.24, 0.34, 0.46)  # of the three sizes, in units of half the image's width
MAX_OBJECTS = 4
GRID = 2  # objects stand in different quarters of the picture, so that they never hide one another
_MAX_ANGLE = torch.pi / 6
_UNIFORMS = 1 + GRID * GRID + 6 * MAX_OBJECTS  # numbers drawn per scene, whatever is done with them


@dataclass(frozen=True)
class Scenes(Batch):
    """A batch of scenes as tensors of shape (B, K); ``mask`` is True where there is an object.

    shape, colour, size, motion: indices into SHAPES, COLOURS, SIZES, MOTIONS (int64). x, y: centre in [-1, 1], x to the
    right and y upwards. angle: radians, counter-clockwise, in [-pi/6, pi/6].
    """

    shape: Tensor
    colour: Tensor
    size: Tensor
    motion: Tensor
    x: Tensor
    y: Tensor
    angle: Tensor
    mask: Tensor

    @property
    def count(self) -> Tensor:
        """(B,) number of objects."""
        return self.mask.sum(1)

    @property
    def row(self) -> Tensor:
        """(B, K) row of the object's quarter: 0 top, 1 bottom."""
        return (self.y < 0).long()

    @property
    def column(self) -> Tensor:
        """(B, K) column of the object's quarter: 0 left, 1 right."""
        return (self.x >= 0).long()

    @property
    def contents(self) -> Tensor:
        """(B,) int64, equal where the same objects are shown; a single object must also stand in the same quarter.

        No caption is true of two scenes with different contents, so a gallery of such scenes has one right answer for
        each query.
        """
        base = len(SHAPES) * len(COLOURS) * len(SIZES) + 1
        kinds = self._kinds.sort(1, descending=True).values
        kinds = torch.nn.functional.pad(kinds, (0, MAX_OBJECTS - kinds.shape[1]))  # unused columns change nothing
        key = (kinds * base ** torch.arange(MAX_OBJECTS, device=kinds.device)).sum(1)
        quarter = (self.row * GRID + self.column)[:, 0]
        return key * GRID * GRID + torch.where(self.count == 1, quarter, 0)

    @property
    def caption_class(self) -> Tensor:
        """(B,) int64, equal exactly where the same captions are true: scenes of one class are no negatives of another.

        A caption names all objects, in any order. It tells the quarter of a single object, and for two objects one of
        the relations that hold between their quarters (above or below, left or right). So a class is the contents and,
        of two objects, the direction from one to the other. Two objects that look the same have no direction, only an
        axis: 'a red star above a red star' says the same as 'below'. Captions of more objects tell no places.

        A caption of one class can be true of a scene of another where the first has one relation and the second has
        two: 'A above B' also holds where A stands above and to the left of B.
        """
        if self.mask.shape[1] < 2:
            return self.contents * 9
        down, right = (place[:, 1] - place[:, 0] for place in (self.row, self.column))  # -1, 0 or 1
        order = (self._kinds[:, 0] - self._kinds[:, 1]).sign()  # the direction is told from the greater kind
        down, right = (torch.where(order == 0, step.abs(), step * order) for step in (down, right))
        return self.contents * 9 + torch.where(self.count == 2, 3 * (down + 1) + right + 1, 0)

    @property
    def _kinds(self) -> Tensor:
        """(B, K) int64: 1 to 192 for each combination of shape, colour and size; 0 where there is no object."""
        return self.mask * ((self.shape * len(COLOURS) + self.colour) * len(SIZES) + self.size + 1)

    def __repr__(self) -> str:
        first = ""
        if len(self):
            factors = zip(*(getattr(self, name)[0, : self.count[0]].tolist() for name in ("size", "colour", "shape")))
            first = ", ".join(f"{SIZES[s]} {COLOURS[c]} {SHAPES[k]}" for s, c, k in factors)
        if len(self) == 1:
            return f"Scenes(1: {first})"
        return f"Scenes({len(self)} with up to {self.shape.shape[1]} objects, the first: {first or 'none'})"


def held_out_combinations() -> Tensor:
    """(8, 8) bool, shape by colour: the eight combinations that are held out of training.

    Each shape and each colour occurs in exactly one of them. So training shows every shape and every colour, but never
    these pairs.
    """
    held_out = torch.zeros(len(SHAPES), len(COLOURS), dtype=torch.bool)
    i = torch.arange(len(SHAPES))
    held_out[i, (3 * i + 1) % len(COLOURS)] = True
    return held_out


def sample_scenes(
    n: int,
    num_objects: int | tuple[int, int] = (1, MAX_OBJECTS),
    *,
    combinations: Tensor | None = None,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Scenes:
    """Draw ``n`` scenes.

    Args:
        num_objects: how many objects, or the least and the most (both included, all equally likely).
        combinations: (8, 8) bool, shape by colour, those allowed; None allows all 64.
            Pass ``~held_out_combinations()`` for training.
        generator: a CPU generator (``seeded``). A scene takes the same number of draws whatever the arguments.

    Raises:
        ValueError: numbers of objects outside 1..4, no combination allowed, or a generator that is not on the CPU.
    """
    least, most = (num_objects, num_objects) if isinstance(num_objects, int) else num_objects
    if not 1 <= least <= most <= MAX_OBJECTS:
        raise ValueError(f"num_objects must lie between 1 and {MAX_OBJECTS}, got {num_objects}.")
    if generator.device.type != "cpu":
        raise ValueError("generator must be a CPU generator (see seeded), so that a seed means the same on any device.")
    if combinations is None:
        combinations = torch.ones(len(SHAPES), len(COLOURS), dtype=torch.bool)
    allowed = combinations.flatten().nonzero().squeeze(1).cpu()
    if len(allowed) == 0:
        raise ValueError("combinations allows no shape and colour at all; set at least one entry to True.")

    u = torch.rand(n, _UNIFORMS, generator=generator)
    K = most
    count = least + (u[:, 0] * (most - least + 1)).long()  # (B,)
    cell = u[:, 1 : 1 + GRID * GRID].argsort(1)[:, :K]  # (B, K) different cells
    u = u[:, 1 + GRID * GRID :].view(n, MAX_OBJECTS, 6)[:, :K]  # (B, K, 6)

    combination = allowed[(u[..., 0] * len(allowed)).long()]
    scenes = arrange(
        shape=combination // len(COLOURS),
        colour=combination % len(COLOURS),
        size=(u[..., 1] * len(SIZES)).long(),
        cell=cell,
        mask=torch.arange(K) < count[:, None],
        u=u[..., 2:],
    )
    return scenes.to(device)


def arrange(*, shape: Tensor, colour: Tensor, size: Tensor, cell: Tensor, mask: Tensor, u: Tensor) -> Scenes:
    """Scenes of the given objects, (B, K) each, with random motions, angles and places within their quarters.

    Args:
        cell: the object's quarter, row * GRID + column; different for the objects of a scene.
        u: (B, K, 4) uniform numbers: for the motion, the place in the quarter (x, y) and the angle.
    """
    slack = 0.5 - torch.tensor(RADII)[size]
    return Scenes(
        shape=shape,
        colour=colour,
        size=size,
        motion=(u[..., 0] * len(MOTIONS)).long(),
        x=cell % GRID - 0.5 + (2 * u[..., 1] - 1) * slack,
        y=0.5 - cell // GRID + (2 * u[..., 2] - 1) * slack,
        angle=(2 * u[..., 3] - 1) * _MAX_ANGLE,
        mask=mask,
    )


def swap_places(scenes: Scenes) -> Scenes:
    """The same scenes with the first two objects in each other's quarter: 'A above B' becomes 'B above A'.

    A bag of words cannot tell the two apart; only a model that binds each object to its place can. Objects keep their
    place within the quarter, so that none is cut off. Scenes of one object stay as they are.
    """
    if scenes.mask.shape[1] < 2:
        return scenes
    two = (scenes.count > 1)[:, None]
    moved = {}
    for name, index in (("x", scenes.column), ("y", -scenes.row)):
        step = index[:, :2].flip(1) - index[:, :2]  # quarters are one unit apart
        moved[name] = torch.cat([getattr(scenes, name)[:, :2] + step * two, getattr(scenes, name)[:, 2:]], 1)
    return replace(scenes, **moved)


def hard_negatives(
    scenes: Scenes, *, swapped: float = 0.0, combinations: Tensor | None = None, generator: torch.Generator
) -> Scenes:
    """A hard negative of each scene: nearly the same scene, of which none of its captions is true.

    One object changes in one factor: its shape (half of them), colour or size. Or two objects exchange their places.

    Args:
        swapped: share of the scenes of two different objects that exchange places (``swap_places``), from 0 to 1.
        combinations: as in ``sample_scenes``; where the change would give a combination that is not allowed, the
            object's size changes instead.

    Raises:
        ValueError: ``swapped`` outside [0, 1].
    """
    if not 0 <= swapped <= 1:
        raise ValueError(f"swapped must be a share between 0 and 1, got {swapped}.")
    u = torch.rand(len(scenes), 4, generator=generator).to(scenes.device)
    k = (u[:, 0] * scenes.count).long()[:, None]  # (B, 1) the object that changes
    shape, colour, size = (getattr(scenes, name).gather(1, k) for name in ("shape", "colour", "size"))

    def another(value: Tensor, n: int) -> Tensor:
        return (value + 1 + (u[:, 1:2] * (n - 1)).long()) % n

    kind = u[:, 2:3]
    new_shape = torch.where(kind < 0.5, another(shape, len(SHAPES)), shape)
    new_colour = torch.where((kind >= 0.5) & (kind < 0.75), another(colour, len(COLOURS)), colour)
    if combinations is not None:
        allowed = combinations.to(scenes.device)[new_shape, new_colour]
        new_shape, new_colour = torch.where(allowed, new_shape, shape), torch.where(allowed, new_colour, colour)
    same = (new_shape == shape) & (new_colour == colour)
    new_size = torch.where(same, another(size, len(SIZES)), size)
    changed = replace(
        scenes,
        shape=scenes.shape.scatter(1, k, new_shape),
        colour=scenes.colour.scatter(1, k, new_colour),
        size=scenes.size.scatter(1, k, new_size),
    )
    exchanged = swap_places(scenes)
    differs = (scenes.count == 2) & (exchanged.caption_class != scenes.caption_class)
    swap = (differs & (u[:, 3] < swapped))[:, None]
    pairs = zip(exchanged._columns(), changed._columns(), strict=True)
    return Scenes(*(torch.where(swap, other, factor) for other, factor in pairs))


def scene_of(*objects: dict) -> Scenes:
    """One scene from words: ``scene_of({"shape": "star", "colour": "red", "size": "large", "x": 0.5, "y": 0.0})``.

    The defaults are: circle, red, medium, still, the centre, no angle.

    Raises:
        ValueError: no or too many objects, an unknown word (the known ones are named), a position outside [-1, 1].
    """
    if not 1 <= len(objects) <= MAX_OBJECTS:
        raise ValueError(f"a scene has 1 to {MAX_OBJECTS} objects, got {len(objects)}.")
    words = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "motion": MOTIONS}
    default = {
        "shape": "circle",
        "colour": "red",
        "size": "medium",
        "motion": "still",
        "x": 0.0,
        "y": 0.0,
        "angle": 0.0,
    }
    columns: dict[str, list] = {name: [] for name in default}
    for given in objects:
        if unknown := set(given) - set(default):
            raise ValueError(f"an object has {', '.join(default)}; got {', '.join(sorted(unknown))}.")
        for name, value in (default | given).items():
            if name in words:
                if value not in words[name]:
                    raise ValueError(f"{name} must be one of {', '.join(words[name])}; got {value!r}.")
                value = words[name].index(value)
            elif name != "angle" and not -1 <= value <= 1:
                raise ValueError(f"{name} must lie in [-1, 1], got {value}.")
            columns[name].append(value)
    tensors = {
        name: torch.tensor([values], dtype=torch.long if name in words else torch.float32)
        for name, values in columns.items()
    }
    return Scenes(**tensors, mask=torch.ones(1, len(objects), dtype=torch.bool))
