import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.world import COLOURS, SHAPES, SIZES, render, sample_scenes, scene_of
from mmatl_lab.world.image import BACKGROUND, RGB, coverage


def test_shape_range_and_batch_independence():
    scenes = sample_scenes(64, generator=seeded(0))
    images = render(scenes)
    assert images.shape == (64, 3, 32, 32) and images.min() >= 0 and images.max() <= 1
    one_by_one = torch.cat([render(scenes[i]) for i in range(64)])
    assert torch.allclose(images, one_by_one, atol=1e-6)


def test_every_scene_shows_its_colour_and_only_where_it_is():
    for shape in SHAPES:
        for colour in COLOURS:
            scene = scene_of({"shape": shape, "colour": colour, "size": "large", "x": 0.5, "y": 0.5})
            alpha = coverage(scene, 64)[0, 0]
            image = render(scene, 64)[0]
            inside = alpha == 1
            assert inside.sum() > 50, shape
            assert torch.allclose(image[:, inside].mean(1), torch.tensor(RGB[colour]), atol=1e-5)
            ground = torch.tensor(BACKGROUND)[:, None].expand(3, int((alpha == 0).sum()))
            assert torch.allclose(image[:, alpha == 0], ground, atol=1e-5)
            assert alpha[:, :24].sum() == 0 and alpha[40:].sum() == 0  # upper right: y points upwards


def test_area_does_not_depend_on_resolution_nor_on_position():
    """Anti-aliasing: the covered area is that of the shape, at any size of the picture and any sub-pixel position."""
    for shape in SHAPES:
        areas = []
        for size in (32, 48, 64, 256):
            for x in (0.0, 0.013, 0.021):
                scene = scene_of({"shape": shape, "size": "large", "x": x, "y": 0.007, "angle": 0.2})
                areas.append(coverage(scene, size).mean().item())
        assert max(areas) / min(areas) < 1.06, shape


def test_sizes_are_ordered_and_shapes_differ():
    areas = [coverage(scene_of({"size": size}), 64).sum() for size in SIZES]
    assert areas[0] * 1.5 < areas[1] and areas[1] * 1.5 < areas[2]
    pictures = torch.cat([render(scene_of({"shape": shape, "size": "small"})) for shape in SHAPES]).flatten(1)
    distance = torch.cdist(pictures, pictures) + 9 * torch.eye(len(SHAPES))
    assert distance.min() > 0.3  # even the smallest size tells all shapes apart at 32 pixels


def test_rotation_turns_counter_clockwise():
    turned = coverage(scene_of({"shape": "triangle", "size": "large", "angle": 0.5}), 128)[0, 0]
    highest = (turned.sum(1) > 0).nonzero()[0]
    tip = turned[highest].flatten().argmax()
    assert 128 * (0.5 - 0.5 * 0.46) < tip < 60  # the tip, upright at column 64, has moved to the left


def test_later_objects_cover_earlier_ones_and_masked_ones_are_not_drawn():
    red, blue = {"colour": "red", "size": "large"}, {"colour": "blue", "size": "large"}
    both = scene_of(red, blue)
    solid = coverage(both)[0, 0] == 1
    assert torch.equal(render(both)[0, :, solid], render(scene_of(blue))[0, :, solid])
    hidden = type(both)(**{**both.__dict__, "mask": torch.tensor([[True, False]])})
    assert torch.equal(render(hidden), render(scene_of(red)))


def test_noise_is_seeded_and_has_its_width():
    scene = sample_scenes(200, 1, generator=seeded(0))
    a = render(scene, noise=0.02, generator=seeded(1), background=(0.5, 0.5, 0.5))
    assert torch.equal(a, render(scene, noise=0.02, generator=seeded(1), background=(0.5, 0.5, 0.5)))
    clean = render(scene, background=(0.5, 0.5, 0.5))
    corner = (a - clean)[clean == 0.5]
    assert 0.0195 < corner.std() < 0.0205
    gradient = torch.linspace(0, 1, 32).expand(3, 32, 32)
    assert torch.equal(render(scene, background=gradient)[0, :, 0], gradient[:, 0]) or scene.y[0, 0] > 0.6


@pytest.mark.parametrize("bad", [{"size": 4}, {"noise": 0.1}, {"noise": -1.0, "generator": seeded(0)}])
def test_bad_arguments(bad):
    with pytest.raises(ValueError):
        render(sample_scenes(1, generator=seeded(0)), **bad)
