from dataclasses import replace

import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.world import (
    EXPRESSION_TYPES,
    QUESTION_WORDS,
    SHAPES,
    SIZES,
    bounding_boxes,
    iou,
    refer,
    referents,
    sample_scenes,
    scene_of,
)
from mmatl_lab.world.image import coverage

from .reading import fitting, meant, objects_of, shortened, take_apart

TOKENIZER = Tokenizer(QUESTION_WORDS)
FIELDS = ("shape", "colour", "size", "motion", "x", "y", "angle", "mask")


@pytest.fixture(scope="module")
def referred():
    return refer(10_000, generator=seeded(0))


@pytest.mark.parametrize("size", [32, 64, 128])
def test_boxes_are_tight_to_the_pixels(size):
    """For every shape and size, at any angle and place: pixels' centres are inside, and not a pixel is to spare."""
    kinds = torch.cartesian_prod(torch.arange(len(SHAPES)), torch.arange(len(SIZES))).repeat(16, 1)
    scenes = sample_scenes(len(kinds), 1, generator=seeded(1))
    u = torch.rand(len(kinds), 3, generator=seeded(2))
    scenes = replace(scenes, shape=kinds[:, :1], size=kinds[:, 1:], x=u[:, :1] - 0.5, y=u[:, 1:2] - 0.5)
    scenes = replace(scenes, angle=(2 * u[:, 2:] - 1) * torch.pi)  # all the way round
    alpha = coverage(scenes, size)[:, 0]
    for i, box in enumerate((bounding_boxes(scenes)[:, 0] * size).tolist()):
        rows, columns = (alpha[i] > 0.5).nonzero().T
        assert box[0] <= columns.min() + 0.5 and columns.max() + 0.5 <= box[2], SHAPES[kinds[i, 0]]
        assert box[1] <= rows.min() + 0.5 and rows.max() + 0.5 <= box[3], SHAPES[kinds[i, 0]]
        rows, columns = (alpha[i] > 0.1).nonzero().T
        spare = [columns.min() - box[0], rows.min() - box[1], box[2] - columns.max() - 1, box[3] - rows.max() - 1]
        assert max(spare) < 1, SHAPES[kinds[i, 0]]


def test_boxes_are_those_of_a_very_fine_picture():
    for shape in SHAPES:
        for angle in (0.0, 0.3, 2.0):
            scene = scene_of({"shape": shape, "size": "large", "x": 0.1, "y": -0.2, "angle": angle})
            rows, columns = (coverage(scene, 512)[0, 0] > 0.5).nonzero().T
            drawn = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 512
            assert (bounding_boxes(scene)[0, 0] - drawn).abs().max() < 2 / 512, (shape, angle)


def test_y_points_down_and_boxes_end_with_the_picture():
    box = bounding_boxes(scene_of({"shape": "circle", "size": "small", "x": -0.5, "y": 0.5}))[0, 0]
    r = 0.92 * 0.24
    assert torch.allclose(box, torch.tensor([0.5 - r, 0.5 - r, 0.5 + r, 0.5 + r]) / 2)  # upper left quarter
    assert bounding_boxes(scene_of({"x": 1.0}))[0, 0, 2] == 1
    some = sample_scenes(50, (1, 4), generator=seeded(3))
    assert ((bounding_boxes(some) == 0).all(-1) == ~some.mask).all()


def test_iou_counts_cells():
    """Boxes with whole corners: the cells of a grid that both have, and that any has."""
    corners = torch.randint(0, 9, (300, 2, 2, 2), generator=seeded(4)).sort(2).values.flatten(2)  # x0, y0, x1, y1
    for a, b in corners.tolist():
        cells = [{(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (a, b)]
        expected = len(cells[0] & cells[1]) / max(1, len(cells[0] | cells[1]))
        assert iou(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected)
    boxes = corners.flatten(0, 1).float()
    pairs = iou(boxes[:, None], boxes[None])
    assert torch.equal(pairs, pairs.T) and pairs[3, 8] == iou(boxes[3], boxes[8])
    real = bounding_boxes(sample_scenes(20, 1, generator=seeded(5)))
    assert torch.allclose(iou(real, real), torch.ones(20, 1))


def test_iou_can_be_learnt_from():
    predicted = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.3, 0.3, 0.3, 0.3]], requires_grad=True)
    iou(predicted, torch.tensor([[0.2, 0.2, 0.6, 0.6], [0.3, 0.3, 0.3, 0.3]])).sum().backward()
    assert predicted.grad.isfinite().all() and (predicted.grad[0] > 0).all()


def test_every_expression_fits_its_target_alone(referred):
    scenes, expressions = referred
    boxes = bounding_boxes(scenes)
    for i, text in enumerate(TOKENIZER.decode(expressions.tokens[:3_000])):
        target = expressions.target[i].item()
        assert meant(objects_of(scenes, i), *take_apart(text)) == [target], text
        assert torch.equal(boxes[i, target], expressions.box[i])


def test_no_part_of_an_expression_can_be_left_out(referred):
    scenes, expressions = referred
    for i, text in enumerate(TOKENIZER.decode(expressions.tokens[:3_000])):
        objects = objects_of(scenes, i)
        description, way, word, landmark = take_apart(text)
        if way != "plain":
            assert len(fitting(objects, description)) > 1, text
        for shorter in shortened(description):
            others = meant(objects, shorter, way, word, landmark)
            assert len(others) > 1 or (way == "size" and others != [expressions.target[i]]), text
        if landmark:
            assert len(fitting(objects, landmark)) == 1, text
            assert all(len(fitting(objects, shorter)) > 1 for shorter in shortened(landmark)), text


def test_only_next_to_needs_its_landmark(referred):
    """What is left of something is the leftmost; beside another landmark, "next to" often means another object."""
    scenes, expressions = referred
    needed = []
    for i, text in enumerate(TOKENIZER.decode(expressions.tokens[:3_000])):
        objects = objects_of(scenes, i)
        description, way, word, _ = take_apart(text)
        side = {"above": "top", "below": "bottom"}.get(word, word)
        if way == "relation" and word != "next":
            assert meant(objects, description, "side", side) == [expressions.target[i]], text
        elif way == "relation":
            others = [f"{o['size']} {o['colour']} {o['shape']}" for o in objects]
            marked = [meant(objects, description, way, word, other) for other in others]
            needed.append(any(len(found) == 1 and found != [expressions.target[i]] for found in marked))
    assert 0.65 < sum(needed) / len(needed) < 0.8


def test_nothing_in_the_picture_tells_the_target(referred):
    """Neither its number nor its place, its size, or how many others look like it."""
    scenes, expressions = referred
    rows = torch.arange(len(scenes))
    alike = [
        (getattr(scenes, name)[:, :, None] == getattr(scenes, name)[:, None]).sum(2).double()
        for name in ("size", "colour", "shape")
    ]
    for value in (scenes.x.double(), scenes.y.double(), scenes.size.double(), *alike, sum(alike)):
        difference = value[rows, expressions.target] - value.mean(1)
        assert difference.mean().abs() < 4 * difference.std() / len(scenes) ** 0.5
    assert (torch.bincount(expressions.target) / len(scenes) - 1 / 4).abs().max() < 0.018


def test_all_types_occur_about_equally_often_and_scenes_are_of_four_different_objects(referred):
    scenes, expressions = referred
    share = torch.bincount(expressions.type, minlength=len(EXPRESSION_TYPES)) / len(scenes)
    assert share.min() > 0.15 and share.max() < 0.23
    for i, text in enumerate(TOKENIZER.decode(expressions.tokens[:500])):
        _, way, word, _ = take_apart(text)
        name = {"plain": "attributes"}.get(way, "neighbour" if word == "next" else way)
        assert EXPRESSION_TYPES[expressions.type[i]] == name, text
        objects = objects_of(scenes, i)
        assert len({(o["shape"], o["colour"], o["size"]) for o in objects}) == 4
    for factor in ("shape", "colour", "size"):
        values = getattr(scenes, factor)
        assert (torch.bincount(values.flatten()) / values.numel() - 1 / (int(values.max()) + 1)).abs().max() < 0.012


def test_referents_agree_with_another_reading_on_other_scenes(referred):
    scenes, expressions = (referred[0][:2_000], referred[1].tokens[:2_000])
    single = referents(*(referred[0], referred[1].tokens))
    assert torch.equal(single, torch.nn.functional.one_hot(referred[1].target, 4).bool())
    other = sample_scenes(2_000, (1, 4), generator=seeded(6))
    other = replace(other, shape=scenes.shape, colour=scenes.colour.roll(1, 1))  # so that something fits now and then
    found = referents(other, expressions)
    for i, text in enumerate(TOKENIZER.decode(expressions)):
        assert found[i].nonzero()[:, 0].tolist() == meant(objects_of(other, i), *take_apart(text)), text
    assert 0.1 < (found.sum(1) == 1).double().mean() < 0.9


def test_expressions_that_people_type():
    scene = scene_of(
        {"shape": "star", "colour": "red", "size": "large", "x": -0.5, "y": 0.5},
        {"shape": "star", "colour": "blue", "size": "large", "x": 0.5, "y": 0.5},
        {"shape": "ring", "colour": "blue", "size": "small", "x": 0.5, "y": -0.5},
    )

    def found(text):
        return referents(scene, TOKENIZER.encode(text))[0].nonzero()[:, 0].tolist()

    assert found("the star") == found("the biggest thing") == found("the upper object") == [0, 1]
    assert found("The star left of the blue pentagram") == found("the red thing") == [0]
    assert found("the object next to the red star") == [1]
    assert found("the star next to the hoop") == [1]
    assert found("the ring left of the star") == []  # which star?
    assert found("the star left of") == found("a star") == found("the cross") == []


@pytest.mark.parametrize("parts", [(60, 40), (1, 99), (100,)])
def test_same_seed_same_data_whatever_the_batch_split(parts):
    whole, expressions = refer(100, generator=seeded(7))
    generator, start = seeded(7), 0
    for n in parts:
        scenes, part = refer(n, generator=generator)
        rows = slice(start, start + n)
        assert all(torch.equal(getattr(scenes, name), getattr(whole[rows], name)) for name in FIELDS)
        assert all(torch.equal(a, b[rows]) for a, b in zip(part, expressions))
        start += n


def test_bad_arguments_get_a_sentence():
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(4,\)"):
        iou(torch.zeros(2, 3), torch.zeros(4))
