"""The truth of captions against a second reading of them, and against captions that are broken on purpose."""

import random

import pytest

from mmatl_lab.metrics.caption_truth import caption_truth
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.world import CAPTION_WORDS, COLOURS, SHAPES, SIZES, captions, describe, sample_scenes, scene_of
from mmatl_lab.world.reading import RELATIONS, read_caption
from mmatl_lab.world.text import SYNONYMS

from ..world.reading import is_true, objects_of, parse

TOKENIZER = Tokenizer(CAPTION_WORDS)
RED_STAR = {"shape": "star", "colour": "red", "size": "large", "x": -0.5, "y": 0.5}
BLUE_RING = {"shape": "ring", "colour": "blue", "size": "small", "x": 0.5, "y": -0.5}
TWO = scene_of(RED_STAR, BLUE_RING)
ONE = scene_of(RED_STAR)


@pytest.mark.parametrize("num_objects", [1, 2, 3, 4])
def test_every_caption_of_a_scene_is_true(num_objects):
    scenes = sample_scenes(500, num_objects, generator=seeded(num_objects))
    for i in range(3):
        texts = TOKENIZER.decode(captions(scenes, generator=seeded(num_objects, i)))
        assert caption_truth(scenes, texts).summary() == pytest.approx(
            {"exact": 1, "objects": 1, "relation": 1, "grammatical": 1, "attributes": 1, "coverage": 1}
            | {"chair_i": 0, "chair_s": 0}
        )


@pytest.mark.parametrize("num_objects", [1, 2, 3])
def test_truth_agrees_with_a_second_reading(num_objects):
    """Captions of other scenes, and of the same with one word exchanged for another of its kind."""
    scenes = sample_scenes(400, num_objects, generator=seeded(9, num_objects))
    draw, texts = random.Random(num_objects), []
    alike = [[w for v in values for w in SYNONYMS.get(v, (v,))] for values in (SHAPES, COLOURS, SIZES)]
    for text in TOKENIZER.decode(captions(scenes, generator=seeded(8))):
        said = text.split()
        place = draw.randrange(len(said))
        for kind in alike:
            if said[place] in kind:
                said[place] = draw.choice(kind)
        texts.append(" ".join(said))
    found = caption_truth(scenes, texts)
    expected = [is_true(objects_of(scenes, i), parse(text)) for i, text in enumerate(texts)]
    assert found.exact.tolist() == expected and 0.3 < sum(expected) / 400 < 0.9


def test_reading_a_caption():
    said = read_caption("a wedge that is big and crimson under an ivory... ")
    assert said.objects[0] == (2, 0, 2) and RELATIONS[said.relation] == "below" and not said.grammatical
    said = read_caption("a tiny azure hoop in the upper right")
    assert said == (((0, 4, 6),), None, (0, 1), True)
    assert read_caption("").objects == () and not read_caption("").grammatical


FIRST, SECOND = "a large red star", "a small blue ring"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{FIRST} above {SECOND}", {"exact": 1, "relation": 1}),
        (f"{SECOND} right of {FIRST}", {"exact": 1, "relation": 1}),
        (f"{FIRST} below {SECOND}", {"exact": 0, "objects": 1, "relation": 0, "attributes": 1}),
        (f"{FIRST} above a small blue heart", {"attributes": 5 / 6, "chair_i": 0.5, "chair_s": 1, "coverage": 0.5}),
        (f"a large green star above {SECOND}", {"objects": 0, "attributes": 5 / 6, "chair_i": 0, "relation": 1}),
        (FIRST, {"objects": 0, "relation": 0, "attributes": 0.5, "coverage": 0.5, "chair_i": 0}),
        (f"{FIRST} above above {SECOND}", {"exact": 0, "objects": 1, "relation": 1, "grammatical": 0}),
        (f"{FIRST} above {SECOND} and a green heart", {"objects": 0, "chair_i": 1 / 3, "coverage": 1}),
        (f"{FIRST} above {FIRST}", {"objects": 0, "attributes": 0.5, "chair_i": 0.5, "coverage": 0.5}),
        ("", {"exact": 0, "attributes": 0, "coverage": 0, "chair_i": 0, "chair_s": 0}),
        ("of of the the and" + " star" * 9, {"exact": 0, "grammatical": 0}),
    ],
)
def test_what_is_wrong_is_told_apart(text, expected):
    found = caption_truth(TWO, [text]).summary()
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_place_of_a_single_object():
    right, left_out, wrong = (
        caption_truth(ONE, [f"a large red star{place}"]) for place in (" in the top left", "", " in the top right")
    )
    assert right.exact and not left_out.relation and not wrong.relation and wrong.objects


def test_two_objects_that_look_alike_may_be_told_in_either_order():
    scene = scene_of(RED_STAR, RED_STAR | {"y": -0.5})
    texts = describe(scene) + ["a large red star below a large red star", "a large red star left of a large red star"]
    assert [caption_truth(scene, [text]).exact.item() for text in texts] == [True, True, False]


def test_each_scene_needs_a_caption():
    with pytest.raises(ValueError, match="1 scenes and 2 captions"):
        caption_truth(ONE, ["a", "b"])
