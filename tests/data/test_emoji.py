"""The emoji data set: complete, licensed, and split so that nothing held out can leak."""

import hashlib

import pytest
import torch

from mmatl_lab.data.emoji import (
    NUM_TEST,
    NUM_VALIDATION,
    STYLES,
    TEST_STYLE,
    TRAINED_STYLES,
    VALIDATION_STYLE,
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


def test_the_style_of_choices_is_trained_on_and_the_style_of_the_test_is_not():
    assert VALIDATION_STYLE in TRAINED_STYLES and TEST_STYLE not in TRAINED_STYLES
    assert {*TRAINED_STYLES, TEST_STYLE} == set(STYLES)


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


@pytest.mark.parametrize("seed", range(4))
def test_split_is_complete_in_the_groups_proportions_and_stable(emoji, seed):
    split = emoji.split(seed)
    assert len(split.test) == len(split.one_by_one) == NUM_TEST and len(split.validation) == NUM_VALIDATION
    for whole in ([split.train, split.validation, split.unseen], [split.seen, split.unseen]):
        assert torch.equal(torch.cat(whole).sort().values, torch.arange(len(emoji)))
    assert all(torch.equal(part, again) for part, again in zip(split, load_emoji().split(seed), strict=True))
    assert not torch.equal(emoji.split(seed + 1).test, split.test)
    for part in (split.validation, split.test, split.one_by_one):
        for group in set(emoji.groups):
            share = sum(emoji.groups[i] == group for i in part.tolist()) / len(part)
            assert abs(share - emoji.groups.count(group) / len(emoji)) < 2 / len(part)  # families span two groups


@pytest.mark.parametrize("seed", range(4))
def test_no_family_crosses_the_border_of_validation_or_test(emoji, seed):
    split = emoji.split(seed)
    train, validation, test = (set(emoji.families[part].tolist()) for part in split[:3])
    assert not train & validation and not (train | validation) & test
    pictures = {part: {p.numpy().tobytes() for p in emoji.images[:3, part].flatten(0, 1)} for part in split[:3]}
    assert not pictures[split.train] & pictures[split.validation]
    assert not pictures[split.test] & (pictures[split.train] | pictures[split.validation])


@pytest.mark.parametrize("seed", range(4))
def test_drawn_one_by_one_about_a_quarter_has_a_relative_among_the_seen(emoji, seed):
    split = emoji.split(seed)
    related = split.unseen[torch.isin(emoji.families[split.unseen], emoji.families[split.seen])]
    assert torch.isin(related, split.one_by_one).all() and not torch.isin(related, split.test).any()
    assert 0.15 < len(related) / NUM_TEST < 0.5
    by_name = [emoji.index(name) for name in ("firefighter", "man firefighter", "woman firefighter")]
    assert len(set(emoji.families[by_name].tolist())) == 1


def test_the_split_of_every_machine_is_this_one(emoji):
    def digest(part):
        return hashlib.sha256(" ".join(emoji.names[i] for i in part.tolist()).encode()).hexdigest()[:16]

    split = emoji.split(0)
    assert digest(split.one_by_one) == "4735ff9b5993c2c4"
    assert (digest(split.test), digest(split.validation)) == ("690066b4d6b3f7d6", "bce83e7ad94bb796")


def test_tokenizer_knows_only_words_of_its_concepts(emoji):
    seen, unseen = emoji.split(0).seen, emoji.split(0).unseen
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
