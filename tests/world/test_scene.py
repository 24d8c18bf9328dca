from itertools import permutations, product

import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.world import (
    CAPTION_WORDS,
    SHAPES,
    captions,
    describe,
    hard_negatives,
    held_out_combinations,
    sample_scenes,
    scene_of,
    swap_places,
)
from mmatl_lab.world.scene import RADII

from .reading import is_true, objects_of, parse

FIELDS = ("shape", "colour", "size", "motion", "x", "y", "angle", "mask")


def equal(a, b):
    return all(torch.equal(getattr(a, f), getattr(b, f)) for f in FIELDS)


@pytest.mark.parametrize("parts", [(60, 40), (1, 99), (7, 13, 80), (100,)])
def test_same_seed_same_data_whatever_the_batch_split(parts):
    whole = sample_scenes(100, generator=seeded(3))
    generator = seeded(3)
    start = 0
    for n in parts:
        assert equal(sample_scenes(n, generator=generator), whole[start : start + n])
        start += n


def test_seeds_do_not_collide():
    draws = {
        tuple(torch.rand(4, generator=seeded(*numbers)).tolist()) for numbers in [(1, 2), (2, 1), (12,), (1,), (2,)]
    }
    assert len(draws) == 5


def test_factors_are_uniform_and_independent():
    scenes = sample_scenes(40_000, 1, generator=seeded(0))
    for name, n in {"shape": 8, "colour": 8, "size": 3, "motion": 8, "row": 2, "column": 2}.items():
        share = torch.bincount(getattr(scenes, name)[:, 0], minlength=n) / len(scenes)
        assert (share - 1 / n).abs().max() < 0.014, name
    pairs = torch.bincount(scenes.shape[:, 0] * 8 + scenes.colour[:, 0], minlength=64) / len(scenes)
    assert (pairs - 1 / 64).abs().max() < 0.004


def test_objects_stand_apart_and_inside():
    scenes = sample_scenes(2_000, 4, generator=seeded(1))
    radius = torch.tensor([0.24, 0.34, 0.46])[scenes.size]
    assert ((scenes.x.abs() + radius) <= 1.0001).all() and ((scenes.y.abs() + radius) <= 1.0001).all()
    # Neighbours may touch but not hide: their quarters do not overlap.
    touch = (scenes.x[:, :, None] - scenes.x[:, None]).abs().maximum((scenes.y[:, :, None] - scenes.y[:, None]).abs())
    touch = touch - radius[:, :, None] - radius[:, None, :] + 9 * torch.eye(4)
    assert touch.min() > -1e-5
    cells = scenes.row * 2 + scenes.column
    assert all(len(set(row)) == 4 for row in cells.tolist())


def test_held_out_combinations_hold_out_every_shape_and_colour_once():
    held_out = held_out_combinations()
    assert (held_out.sum(0) == 1).all() and (held_out.sum(1) == 1).all()
    scenes = sample_scenes(5_000, generator=seeded(2), combinations=~held_out)
    assert not held_out[scenes.shape, scenes.colour][scenes.mask].any()
    scenes = sample_scenes(500, generator=seeded(2), combinations=held_out)
    assert held_out[scenes.shape, scenes.colour][scenes.mask].all()


def arrangements():
    """Scenes of two equal or different objects in every pair of quarters, of one in each quarter, and of three."""
    star, ring = {"shape": "star", "colour": "red"}, {"shape": "ring", "colour": "blue"}
    quarters = [{"x": x, "y": y} for x in (-0.5, 0.5) for y in (-0.5, 0.5)]
    pairs = [
        (a | p, b | q) for a, b in ((star, ring), (ring, star), (star, star)) for p, q in permutations(quarters, 2)
    ]
    rest = [(star | p,) for p in quarters] + [(star | p, ring | q, star | r) for p, q, r in permutations(quarters, 3)]
    return [scene_of(*objects) for objects in pairs + rest]


def all_captions(scene):
    """Everything that captions say of a scene, parsed."""
    many = scene[torch.zeros(60, dtype=torch.long)]
    texts = Tokenizer(CAPTION_WORDS).decode(captions(many, generator=seeded(0)))
    return [parse(text) for text in texts]


def test_scenes_share_a_caption_class_exactly_where_each_others_captions_are_all_true():
    scenes = arrangements()
    objects, told = [objects_of(scene, 0) for scene in scenes], [all_captions(scene) for scene in scenes]
    shared = 0
    for i, j in product(range(len(scenes)), repeat=2):
        fits = all(is_true(objects[i], caption) for caption in told[j])
        fits_back = all(is_true(objects[j], caption) for caption in told[i])
        assert (scenes[i].caption_class == scenes[j].caption_class).item() == (fits and fits_back), (i, j)
        if any(is_true(objects[i], caption) for caption in told[j]):
            assert scenes[i].contents == scenes[j].contents
        shared += i < j and fits and fits_back
    assert shared > 50


def test_above_is_not_below():
    star, ring = {"shape": "star", "x": -0.5, "y": 0.5}, {"shape": "ring", "x": -0.5, "y": -0.5}
    scene, other = scene_of(star, ring), swap_places(scene_of(star, ring))
    assert [describe(s)[0].split()[4] for s in (scene, other)] == ["above", "below"]
    assert scene.caption_class != other.caption_class


def test_classes_do_not_depend_on_padding():
    padded = sample_scenes(900, (1, 4), generator=seeded(4))
    for count in (1, 2, 3):
        some = padded[padded.count == count]
        tight = type(some)(**{f: getattr(some, f)[:, :count] for f in FIELDS})
        assert torch.equal(tight.caption_class, some.caption_class) and torch.equal(tight.contents, some.contents)


def test_indexing_and_moving():
    scenes = sample_scenes(10, generator=seeded(0))
    assert len(scenes[3]) == 1 and len(scenes[2:5]) == 3 and equal(scenes[-1], scenes[9:10])
    assert len(scenes[torch.tensor([1, 1, 2])]) == 3
    with pytest.raises(IndexError):
        scenes[10]
    assert sum(1 for _ in scenes) == 10  # iteration ends
    assert equal(scenes.to("cpu"), scenes)
    assert SHAPES[scenes.shape[0, 0]] in describe(scenes[0])[0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sample_scenes(1, 5, generator=seeded(0)), "between 1 and 4"),
        (lambda: sample_scenes(1, (3, 2), generator=seeded(0)), "between 1 and 4"),
        (lambda: sample_scenes(1, combinations=torch.zeros(8, 8, dtype=torch.bool), generator=seeded(0)), "no shape"),
        (lambda: scene_of(), "1 to 4 objects"),
        (lambda: scene_of({"shape": "blob"}), "circle, square"),
        (lambda: scene_of({"form": "star"}), "got form"),
        (
            lambda: hard_negatives(sample_scenes(1, generator=seeded(0)), swapped=2, generator=seeded(0)),
            "between 0 and 1",
        ),
        (lambda: scene_of({"x": 3.0}), r"\[-1, 1\]"),
    ],
)
def test_bad_arguments_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_swapping_places_swaps_quarters_and_nothing_else():
    scenes = sample_scenes(500, (1, 3), generator=seeded(7))
    swapped = swap_places(scenes)
    two = scenes.count > 1
    for name in ("row", "column"):
        before, after = getattr(scenes, name), getattr(swapped, name)
        assert torch.equal(before[two][:, :2].flip(1), after[two][:, :2])
        assert torch.equal(before[~two], after[~two]) and torch.equal(before[:, 2:], after[:, 2:])
    room = 1 - torch.tensor(RADII)[scenes.size]
    assert ((swapped.x.abs() <= room + 1e-6) & (swapped.y.abs() <= room + 1e-6))[scenes.mask].all()
    back = swap_places(swapped)
    for name in FIELDS:
        assert torch.allclose(getattr(back, name).float(), getattr(scenes, name).float(), atol=1e-6)
    single = sample_scenes(5, 1, generator=seeded(8))
    assert equal(swap_places(single), single)


@pytest.mark.parametrize("swapped", [0.0, 0.4, 1.0])
def test_no_caption_is_true_of_a_scene_and_of_its_hard_negative(swapped):
    scenes = sample_scenes(1_000, (1, 3), generator=seeded(9))
    others = hard_negatives(scenes, swapped=swapped, generator=seeded(10))
    for a, b in ((scenes, others), (others, scenes)):
        texts = Tokenizer(CAPTION_WORDS).decode(captions(a, generator=seeded(11)))
        assert not any(is_true(objects_of(b, i), parse(text)) for i, text in enumerate(texts))
    assert (scenes.caption_class != others.caption_class).all()
    moved = (scenes.x != others.x).any(1) | (scenes.y != others.y).any(1)
    assert torch.equal(moved & (scenes.count != 2), torch.zeros(1_000, dtype=torch.bool))
    assert moved[scenes.count == 2].float().mean() == pytest.approx(swapped, abs=0.06)


def test_hard_negatives_differ_in_one_factor_of_one_object():
    held_in = ~held_out_combinations()
    scenes = sample_scenes(3_000, generator=seeded(5), combinations=held_in)
    negatives = hard_negatives(scenes, combinations=held_in, generator=seeded(6))
    changes = torch.stack(
        [(getattr(scenes, f) != getattr(negatives, f)) & scenes.mask for f in ("shape", "colour", "size")]
    )
    assert (changes.sum((0, 2)) == 1).all()
    for name in ("x", "y", "angle", "motion", "mask"):
        assert torch.equal(getattr(scenes, name), getattr(negatives, name))
    assert held_in[negatives.shape, negatives.colour][negatives.mask].all()
    assert (changes.sum((1, 2)) / 3_000 - torch.tensor([0.45, 0.23, 0.32])).abs().max() < 0.05
    assert (scenes.caption_class != negatives.caption_class).all()
    assert len(scenes + negatives) == 6_000
