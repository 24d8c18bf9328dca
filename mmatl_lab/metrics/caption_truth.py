r"""Whether a caption is true: since the world's captions can be read and its scenes are known, this is exact.

BLEU and its relatives count words that a caption shares with references. They cannot know that one wrong word makes it
false. Here each object that a caption mentions is compared with the scene's objects:

- objects: every object is named with its size, colour and shape, and none that is not there;
- relation: what is said of the place (one object) or of the relation (two) holds;
- attributes: the share of sizes, colours and shapes that are right;
- hallucinated: objects whose shape is not in the scene (CHAIR: Rohrbach et al. 2018, arXiv:1809.02156);
- coverage: the share of the scene's shapes that are mentioned.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.world.phrases import attributes as attributes_of
from mmatl_lab.world.reading import Reading, read_caption
from mmatl_lab.world.scene import Scenes

MOST = 6  # mentioned objects that are compared; a caption with more is wrong in any case


class CaptionTruth(NamedTuple):
    """What is true of each caption, (B,) each.

    exact: bool, a sentence of the grammar with objects and relation right. objects, relation, grammatical: bool.
    attributes: in [0, 1], the share that is right of three an object, of the scene's or of the mentioned objects, where
    there are more of these. mentioned, hallucinated: int64, numbers of objects. coverage: in [0, 1].
    """

    exact: Tensor
    objects: Tensor
    relation: Tensor
    grammatical: Tensor
    attributes: Tensor
    mentioned: Tensor
    hallucinated: Tensor
    coverage: Tensor

    def summary(self) -> dict[str, float]:
        """Means over the captions, and CHAIR: ``chair_i``, the share of the mentioned objects that are hallucinated,
        and ``chair_s``, the share of the captions with one."""
        names = ("exact", "objects", "relation", "grammatical", "attributes", "coverage")
        found = {name: getattr(self, name).double().mean().item() for name in names}
        found["chair_i"] = (self.hallucinated.sum() / self.mentioned.sum().clamp(min=1)).item()
        found["chair_s"] = (self.hallucinated > 0).double().mean().item()
        return found


def caption_truth(scenes: Scenes, captions: Sequence[str]) -> CaptionTruth:
    """Each caption compared with its scene.

    Raises:
        ValueError: another number of captions than of scenes.
    """
    if isinstance(captions, str) or len(captions) != len(scenes):
        raise ValueError(f"each scene needs one caption, got {len(scenes)} scenes and {len(captions)} captions.")
    kinds, rows, columns = attributes_of(scenes).tolist(), scenes.row.tolist(), scenes.column.tolist()
    found = []
    for i, (text, count) in enumerate(zip(captions, scenes.count.tolist())):
        places = list(zip(rows[i], columns[i]))[:count]
        found.append(_compare(read_caption(text), [tuple(kind) for kind in kinds[i][:count]], places))
    bools, floats, ints = (torch.bool, torch.float64, torch.int64)
    types = (bools, bools, bools, bools, floats, ints, ints, floats)
    columns = zip(*found) if found else [()] * len(types)
    return CaptionTruth(*(torch.tensor(column, dtype=dtype) for column, dtype in zip(columns, types)))


def _compare(said: Reading, objects: list[tuple], places: list[tuple]) -> tuple:
    objects_right = sorted(said.objects) == sorted(objects)
    shared = (Counter(o[2] for o in said.objects if o[2] >= 0) & Counter(o[2] for o in objects)).total()
    mentioned = sum(o[2] >= 0 for o in said.objects)
    right, matchings = _matchings(said.objects[:MOST], objects)
    relation = len(objects) > 2 or any(_holds(said, matching, places) for matching in matchings)
    return (
        objects_right and relation and said.grammatical,
        objects_right,
        relation,
        said.grammatical,
        right / (3 * max(len(said.objects), len(objects))),
        mentioned,
        mentioned - shared,
        shared / len(objects),
    )


def _matchings(said: Sequence[tuple], objects: list[tuple]) -> tuple[int, list[tuple]]:
    """The most attributes that agree when each mention stands for another object, and all ways that reach this: for
    each mention the object's index, or one that is too large for what stands for none."""
    best, ways = -1, []
    size = max(len(said), len(objects))
    for way in permutations(range(size), len(said)):
        pairs = [(a, objects[k]) for a, k in zip(said, way) if k < len(objects)]
        right = sum(x == y for a, b in pairs for x, y in zip(a, b))
        if right > best:
            best, ways = right, []
        if right == best:
            ways.append(way)
    return best, ways


def _holds(said: Reading, matching: tuple, places: list[tuple]) -> bool:
    """Is what is said of place or relation true, if mention i is object ``matching[i]``?"""
    if len(places) == 1:
        return said.place == places[0]
    if said.relation is None or len(matching) < 2 or max(matching[:2]) >= len(places):
        return False
    (row, column), (row_2, column_2) = places[matching[0]], places[matching[1]]
    return (column < column_2, column > column_2, row < row_2, row > row_2)[said.relation]
