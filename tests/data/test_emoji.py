"""The emoji data set: complete, licensed, and split so that nothing held out can leak."""

import hashlib

import pytest
import torch

from mmatl_lab.data.emoji import (
    NUM_UNSEEN,
    STYLES,
    TRAINED_STYLES,
    load_emoji,
    on_background,
    pixel_neighbours,
    words_of,
)
from mmatl_lab.paths import asset


@pytest.fixture(scope="module")
def emoji():
    return load_emoji()


def test_everything_is_there_in_the_same_number(emoji):
    assert emoji.images.shape == (4, 1586, 4, 32, 32) and emoji.images.dtype == torch.uint8
    assert len(emoji) == len(emoji.characters) == len(emoji.keywords) == len(emoji.groups) == len(emoji.families)
    assert len(set(emoji.characters)) == len(set(emoji.names)) == len(emoji)
    assert all(emoji.words)
    assert not {"flags", "component"} & set(emoji.groups)


def test_no_picture_is_empty_and_hidden_pixels_have_no_colour(emoji):
    alpha = emoji.images[:, :, 3]
    assert (alpha.flatten(2).float().mean(2) > 3).all()  # of 255
    assert emoji.images[:, :, :3].permute(0, 1, 3, 4, 2)[alpha == 0].max() == 0


def test_the_styles_draw_the_same_concept_in_the_same_place(emoji):
    """Nearest neighbours in pixels across styles: chance is 1/1586, a shifted sheet would fall to it."""
    pictures = {style: on_background(emoji.style(style)) for style in STYLES}
    for style in TRAINED_STYLES:
        found = pixel_neighbours(pictures["openmoji"], pictures[style])
        assert 0.03 < (found == torch.arange(len(emoji))).float().mean() < 0.1
    found = pixel_neighbours(pictures["noto"], pictures["twemoji"])
    assert 0.15 < (found == torch.arange(len(emoji))).float().mean() < 0.3


def test_each_source_has_its_licence():
    titles = {
        "noto": "Apache License",
        "twemoji": "Attribution 4.0 International",
        "fluent": "Microsoft Corporation",
        "openmoji": "Attribution-ShareAlike 4.0 International",
        "cldr": "UNICODE LICENSE V3",
        "emojibase": "Miles Johnson",
    }
    for source, title in titles.items():
        assert title in (asset("data/emoji") / f"LICENSE-{source}.txt").read_text(), source


def test_split_is_disjoint_complete_and_stable(emoji):
    seen, unseen = emoji.split(0)
    assert len(unseen) == NUM_UNSEEN
    assert torch.equal(torch.cat([seen, unseen]).sort().values, torch.arange(len(emoji)))
    assert torch.equal(load_emoji().split(0).unseen, unseen)
    assert not torch.equal(emoji.split(1).unseen, unseen)
    for group in set(emoji.groups):
        share = sum(emoji.groups[i] == group for i in unseen.tolist()) / NUM_UNSEEN
        assert abs(share - emoji.groups.count(group) / len(emoji)) < 1 / NUM_UNSEEN


def test_the_split_of_every_machine_is_this_one(emoji):
    names = " ".join(emoji.names[i] for i in emoji.split(0).unseen.tolist())
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "4735ff9b5993c2c4"


@pytest.mark.parametrize("seed", range(5))
def test_unseen_concepts_without_relatives_are_new(emoji, seed):
    split = emoji.split(seed)
    related = emoji.has_relatives(split)
    assert 0.2 < related.float().mean() < 0.5  # about a third is known from a variant
    new = split.unseen[~related]
    assert not set(emoji.families[split.seen].tolist()) & set(emoji.families[new].tolist())
    by_name = [emoji.index(name) for name in ("firefighter", "man firefighter", "woman firefighter")]
    assert len(set(emoji.families[by_name].tolist())) == 1
    new_pictures = {hash(p.numpy().tobytes()) for p in emoji.images[:3, new].flatten(0, 1)}
    assert not new_pictures & {hash(p.numpy().tobytes()) for p in emoji.images[:3, split.seen].flatten(0, 1)}


def test_tokenizer_knows_only_words_of_its_concepts(emoji):
    seen, unseen = emoji.split(0)
    tokenizer = emoji.tokenizer(seen)
    assert set(tokenizer.words[1:]) == {word for i in seen.tolist() for word in emoji.words[i]}
    tokens = emoji.tokens(tokenizer)
    assert tokens.shape[0] == len(emoji)
    for i in (seen[0].item(), seen[-1].item()):
        assert tokenizer.decode(tokens[i : i + 1]) == [" ".join(emoji.words[i])]
        assert torch.equal(tokenizer.encode(" ".join(emoji.words[i]))[0], tokens[i][tokens[i] != 0])
    left_out = set().union(*(emoji.words[i] for i in unseen.tolist())) - set(tokenizer.words)
    assert len(left_out) > 100  # words that no training concept has, so nothing could be learnt about them


def test_words_are_cut_as_the_tokenizer_cuts_them(emoji):
    tokenizer = emoji.tokenizer(torch.arange(len(emoji)))
    for text in ("T-Rex", "“here” button", "eight o’clock", "piñata: 1st PLACE"):
        assert tokenizer.decode(tokenizer.encode(text)) == [" ".join(words_of(text))]


def test_names_and_characters_find_their_concept(emoji):
    assert emoji.index("rocket") == emoji.index("🚀")
    with pytest.raises(ValueError, match="no emoji has the name or character 'rockett'"):
        emoji.index("rockett")
    with pytest.raises(ValueError, match="there is no style 'apple': choose one of noto, twemoji, fluent, openmoji"):
        emoji.style("apple")


def test_background_shines_through_where_the_picture_is_transparent():
    rgba = torch.zeros(2, 4, 1, 3, dtype=torch.uint8)
    rgba[:, 0] = 255
    rgba[..., 1:][:, 3, :, 0] = 51  # a fifth
    rgba[..., 2][:, 3] = 255
    out = on_background(rgba, torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]))
    expected = torch.tensor([[0.0, 0.2, 1.0], [0.0, 0.0, 0.0], [1.0, 0.8, 0.0]])
    torch.testing.assert_close(out[0, :, 0], expected)
    torch.testing.assert_close(out[1, :, 0, 1], torch.tensor([1.0, 0.8, 0.8]))


def test_pixel_neighbours_are_the_nearest():
    g = torch.Generator().manual_seed(0)
    queries, gallery = torch.rand(7, 3, 4, 4, generator=g), torch.rand(9, 3, 4, 4, generator=g)
    expected = torch.cdist(queries.flatten(1), gallery.flatten(1)).argmin(1)
    assert torch.equal(pixel_neighbours(queries, gallery), expected)
