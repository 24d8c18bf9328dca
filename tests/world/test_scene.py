import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.world import SHAPES, describe, hard_negatives, held_out_combinations, sample_scenes, scene_of

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


def test_meaning_ignores_order_and_padding_and_tells_the_rest_apart():
    star, ring = {"shape": "star", "x": -0.5}, {"shape": "ring", "x": 0.5}
    assert scene_of(star, ring).caption_class == scene_of(ring, star).caption_class
    assert (
        scene_of(star, ring).caption_class != scene_of(star, {"shape": "ring", "x": 0.5, "size": "small"}).caption_class
    )
    assert scene_of(star).caption_class != scene_of(ring).caption_class
    assert scene_of(star).caption_class != scene_of({"shape": "star", "x": 0.5}).caption_class  # another cell
    one = sample_scenes(300, 1, generator=seeded(4))
    padded = sample_scenes(300, (1, 4), generator=seeded(4))
    single = padded.count == 1
    again = padded[single]
    rebuilt = type(again)(**{f: getattr(again, f)[:, :1] for f in FIELDS})
    assert torch.equal(rebuilt.caption_class, again.caption_class)
    assert len(one) == 300


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
        (lambda: scene_of({"x": 3.0}), r"\[-1, 1\]"),
    ],
)
def test_bad_arguments_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_hard_negatives_differ_in_one_factor_of_one_object():
    held_in = ~held_out_combinations()
    scenes = sample_scenes(3_000, generator=seeded(5), combinations=held_in)
    twins = hard_negatives(scenes, combinations=held_in, generator=seeded(6))
    changes = torch.stack(
        [(getattr(scenes, f) != getattr(twins, f)) & scenes.mask for f in ("shape", "colour", "size")]
    )
    assert (changes.sum((0, 2)) == 1).all()
    for name in ("x", "y", "angle", "motion", "mask"):
        assert torch.equal(getattr(scenes, name), getattr(twins, name))
    assert held_in[twins.shape, twins.colour][twins.mask].all()
    assert (changes.sum((1, 2)) / 3_000 - torch.tensor([0.45, 0.23, 0.32])).abs().max() < 0.05
    assert (scenes.caption_class != twins.caption_class).all()
    assert len(scenes + twins) == 6_000
