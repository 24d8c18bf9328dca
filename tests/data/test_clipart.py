"""The clip art: complete, of single things on transparent ground, and in words that emoji know."""

import pytest
import torch

from mmatl_lab.data.clipart import load_clipart
from mmatl_lab.data.emoji import load_emoji, on_background


@pytest.fixture(scope="module")
def clipart():
    return load_clipart()


def test_everything_is_there_in_the_same_number(clipart):
    assert 400 <= len(clipart) <= 800
    assert clipart.images.shape == (len(clipart), 4, 32, 32) and clipart.images.dtype == torch.uint8
    assert len(clipart.keywords) == len(clipart.groups) == len(clipart.authors) == len(clipart)
    assert all(clipart.titles) and all(clipart.keywords)
    assert max(clipart.titles.count(title) for title in clipart.titles) <= 3
    assert not any("@" in author for author in clipart.authors)


def test_pictures_are_single_things_on_transparent_ground(clipart):
    alpha = clipart.images[:, 3] > 127
    assert (alpha.flatten(1).float().mean(1) > 0.14).all()
    assert alpha.any(1).flatten(1).float().mean(1).max() == 1  # cut out: as wide or as high as the square
    assert ((alpha.any(1).float().mean(1) > 0.9) | (alpha.any(2).float().mean(1) > 0.9)).float().mean() > 0.95
    hidden = clipart.images[:, :3].permute(0, 2, 3, 1)[clipart.images[:, 3] == 0]
    assert hidden.max() == 0


def test_no_two_pictures_are_the_same(clipart):
    pixels = clipart.images.flatten(1).float()
    distance = torch.cdist(pixels, pixels).fill_diagonal_(float("inf"))
    assert distance.min() > 0


def test_every_picture_has_a_word_that_emoji_have(clipart):
    emoji = load_emoji()
    known = {word for words in emoji.words for word in words}
    assert all(known & set(words) for words in clipart.words)
    tokenizer = emoji.tokenizer(torch.arange(len(emoji)))
    tokens = clipart.tokens(tokenizer)
    assert len(tokens) == len(clipart) and (tokens[:, 0] > 0).all()
    place = clipart.titles.index("apple")
    assert tokenizer.decode(tokens[place : place + 1])[0].startswith("apple")


def test_it_is_another_domain_than_emoji(clipart):
    """The nearest emoji in pixels seldom has the picture's words: what is drawn, not its pixels, must be recognised."""
    emoji = load_emoji()
    gallery = on_background(emoji.style("noto")).flatten(1)
    nearest = torch.cdist(on_background(clipart.images).flatten(1), gallery).argmin(1)
    shared = [set(clipart.words[i]) & set(emoji.words[j]) for i, j in enumerate(nearest.tolist())]
    assert sum(map(bool, shared)) / len(clipart) < 0.2
