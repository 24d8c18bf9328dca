"""Changed pictures still show the same thing, each by its own numbers alone."""

import pytest
import torch

from mmatl_lab.data.augment import NUMBERS, Augmentation, augment, edges, line_drawing
from mmatl_lab.data.emoji import load_emoji, on_background

NOTHING = Augmentation(rotate=0, scale=0, shift=0, flip=0, grey=0, gain=0, hue=0, drawing=0, background=0)


@pytest.fixture(scope="module")
def pictures():
    rgba = load_emoji().images[0, ::100].float() / 255  # (16, 4, 32, 32)
    rgba[:, :3] *= rgba[:, 3:]
    return rgba


def numbers(n, seed=0):
    return torch.rand(n, NUMBERS, generator=torch.Generator().manual_seed(seed))


def test_no_change_gives_the_picture_on_white(pictures):
    straight = pictures.clone()
    straight[:, :3] = (straight[:, :3] / straight[:, 3:].clamp(min=1e-6)).clamp(0, 1)
    out = augment(pictures, NOTHING, numbers(len(pictures)))
    torch.testing.assert_close(out, on_background(straight), atol=1e-4, rtol=0)


def test_every_result_is_a_picture(pictures):
    for seed in range(5):
        out = augment(pictures, Augmentation(rotate=180, scale=2, gain=1, hue=1, drawing=0.5), numbers(16, seed))
        assert out.shape == (16, 3, 32, 32) and out.min() >= 0 and out.max() <= 1


def test_a_row_depends_on_its_own_numbers_alone(pictures):
    u = numbers(len(pictures))
    whole = augment(pictures, Augmentation(), u)
    torch.testing.assert_close(augment(pictures[1::2], Augmentation(), u[1::2]), whole[1::2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["affine", "flip", "grey", "gain", "hue", "drawing", "background"])
def test_each_change_changes_and_can_be_left_out(pictures, name):
    u = numbers(len(pictures))
    everything = Augmentation(flip=0.5, hue=0.5)
    assert not torch.equal(augment(pictures, everything, u), augment(pictures, everything.without(name), u))
    only = NOTHING.__class__(**{field: getattr(everything, field) for field in vars(NOTHING)})
    for other in ("affine", "flip", "grey", "gain", "hue", "drawing", "background"):
        only = only if other == name else only.without(other)
    assert not torch.equal(augment(pictures, only, u), augment(pictures, NOTHING, u))
    assert torch.equal(augment(pictures, only.without(name), u), augment(pictures, NOTHING, u))


def test_mirror_is_exact_and_moving_moves(pictures):
    u = torch.full((len(pictures), NUMBERS), 0.5)
    plain = augment(pictures, NOTHING, u)
    mirrored = augment(pictures, Augmentation(**{**vars(NOTHING), "flip": 1.0}), u)
    torch.testing.assert_close(mirrored, plain.flip(3), atol=1e-4, rtol=0)
    u[:, 3] = 1.0  # by the whole shift, an eighth of 32 pixels
    moved = augment(pictures, Augmentation(**{**vars(NOTHING), "shift": 0.125}), u)
    torch.testing.assert_close(moved[..., :-4], plain[..., 4:], atol=1e-4, rtol=0)
    assert (moved[..., -4:] == 1).all()  # what comes in is background


def test_grey_takes_all_colours_and_hue_keeps_greys(pictures):
    u = torch.full((len(pictures), NUMBERS), 0.9)
    u[:, 0] = 0.5
    grey = augment(pictures, Augmentation(**{**vars(NOTHING), "grey": 1.0}), u)
    assert (grey.amax(1) - grey.amin(1)).max() < 1e-3
    only_grey = pictures.clone()
    only_grey[:, :3] = only_grey[:, :3].mean(1, keepdim=True)
    turned = augment(only_grey, Augmentation(**{**vars(NOTHING), "hue": 1.0}), u)
    torch.testing.assert_close(turned, augment(only_grey, NOTHING, u), atol=1e-5, rtol=0)


def test_a_line_drawing_has_dark_lines_where_the_picture_has_edges():
    disc = torch.zeros(1, 4, 32, 32)
    disc[:, 0, 8:24, 8:24] = 1
    disc[:, 3, 8:24, 8:24] = 1
    assert (edges(disc)[0, 0] > 0).sum() == 18 * 18 - 4 - 14 * 14  # two pixels wide, without the outer corners
    drawing = line_drawing(disc, torch.tensor([[0.0, 1.0, 0.0]]))  # strong lines, not coloured in
    line = edges(disc) > 0
    assert drawing[:, :3][line.expand(-1, 3, -1, -1)].max() == 0 and drawing[:, 3:][line].min() == 1
    assert (drawing[0, :, 16, 16] == 1).all() and (drawing[0, :, 0, 0] == 0).all()
    coloured = line_drawing(disc, torch.tensor([[0.0, 1.0, 0.9]]))
    assert coloured[0, :, 16, 16].tolist() == [1, 0, 0, 1]
