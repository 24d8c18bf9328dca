"""The emoji half of the CLIP lesson: what training may see, and what is measured."""

import pytest
import torch
from torch import nn

from mmatl_lab import paths
from mmatl_lab.data.emoji import STYLES, TRAINED_STYLES, load_emoji
from mmatl_lab.lessons.clip import emoji, scenes
from mmatl_lab.lessons.clip.emoji import EMOJI, EmojiSettings, emoji_config
from mmatl_lab.lessons.clip.recipe import RECIPE
from mmatl_lab.models.clip import CLIP, clip_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.live import LivePlot

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell


@pytest.fixture(scope="module")
def data():
    return load_emoji()


@pytest.fixture(scope="module")
def part(data):
    return emoji.training_part(data, data.split(), emoji.tokenizer(data))


def test_training_sees_no_unseen_concept_and_not_the_new_style(data, part):
    split = data.split()
    seen, test = split.seen, split.test
    assert not torch.isin(seen, split.unseen).any()
    assert part.pictures.shape == (3, len(seen), 4, 32, 32) and len(part.tokens) == len(seen)
    training = {hash(picture.numpy().tobytes()) for picture in part.pictures.flatten(0, 1)}
    held_out = torch.cat([data.images[:3, test].flatten(0, 1), data.style("openmoji")]).float() / 255
    held_out[:, :3] *= held_out[:, 3:]
    shared = [i for i, picture in enumerate(held_out) if hash(picture.numpy().tobytes()) in training]
    assert not shared


def test_a_batch_pairs_each_picture_with_its_own_words(data, part):
    preset = EmojiSettings(1, batch_size=32, augmentation=emoji.Augmentation(*[0] * 9), dropped_words=0)
    images, tokens = emoji.make_batch(part, preset, generator=seeded(3))
    assert images.shape == (32, 3, 32, 32) and len(tokens.unique(dim=0)) == 32
    seen = data.split().seen
    pictures = torch.stack([emoji.on_background(data.style(style)[seen]) for style in TRAINED_STYLES])
    for image, row in zip(images[:8], tokens[:8], strict=True):
        concept = (part.tokens == row).all(1).nonzero()[0, 0]
        assert (pictures[:, concept] - image).abs().amax((1, 2, 3)).min() < 0.01


def test_a_process_takes_its_rows_of_the_batch(part):
    preset = EmojiSettings(1, batch_size=8)
    whole = emoji.make_batch(part, preset, generator=seeded(5))
    for rank in range(2):
        rows = emoji.make_batch(part, preset, generator=seeded(5), rows=slice(rank, None, 2))
        for a, b in zip(rows, whole, strict=True):
            torch.testing.assert_close(a, b[rank::2])


def test_dropping_words_keeps_one_at_least():
    tokens = torch.tensor([[3, 4, 5, 0], [6, 0, 0, 0]])
    u = torch.tensor([[0.1, 0.9, 0.5, 1.0], [0.1, 0.9, 0.9, 0.9]])
    assert emoji.drop_words(tokens, u, 0.6).tolist() == [[0, 4, 0, 0], [6, 0, 0, 0]]
    assert emoji.drop_words(tokens, u, 0.95).tolist() == [[0, 4, 0, 0], [6, 0, 0, 0]]
    assert emoji.drop_words(tokens, u, 0.0).tolist() == tokens.tolist()


class Oracle(nn.Module):
    """Looks the concept up in a table of pictures or words: what a perfect model would answer."""

    def __init__(self, table):
        super().__init__()
        self.table = {key: i for i, key in enumerate(table)}
        self.vectors = nn.Parameter(torch.randn(len(table), 64, generator=torch.Generator().manual_seed(0)))

    def forward(self, x):
        x = x if x.is_floating_point() else x.sort().values  # words have no order
        return self.vectors[[self.table[row.numpy().tobytes()] for row in x]]


def test_a_perfect_model_reaches_the_ceiling_and_its_controls_do_not(data):
    tokens = data.tokens(emoji.tokenizer(data)).sort().values
    keys = [row.numpy().tobytes() for row in tokens]
    first = [keys.index(key) for key in keys]  # concepts with the same words share a vector
    text = Oracle(list(dict.fromkeys(keys)))
    place = {i: text.table[keys[i]] for i in first}
    pictures = {}
    for style in STYLES:
        for i, picture in enumerate(emoji.on_background(data.style(style))):
            pictures[picture.numpy().tobytes()] = place[first[i]]
    image = Oracle([])
    image.table, image.vectors = pictures, text.vectors
    results = {result.name: result for result in emoji.evaluate(CLIP(image, text))}
    for result in results.values():
        # a tie of equal words counts as lost, not as half
        assert result.ceiling - 0.03 < result.value <= result.ceiling + 1e-6
        assert result.low <= result.value <= result.high and result.control < 0.1
    assert 0.9 < results["emoji_unseen_concepts_r1"].ceiling < 1
    assert results["emoji_unseen_style_r1"].control > 0.03


def test_refitted_words_solve_the_ridge_regression(data, part):
    """Oracle: what is left of the targets is orthogonal to the words, but for the penalty: Xᵀ(Y - X W) = λ W."""
    few = emoji.TrainingPart(part.pictures[:, :40], part.tokens[:40])
    model = CLIP.from_config(emoji_config((8, 16, 16), 16)).eval()
    with torch.no_grad():
        style = [emoji.on_background(data.style(name)[data.split().seen[:40]]) for name in TRAINED_STYLES]
        targets = torch.stack([model.encode_image(x) for x in style]).mean(0) + model.encode_text(few.tokens)
    emoji.refit_words(model, few, ridge=0.5)
    weight = model.text_encoder.embed.weight.detach()
    words = torch.zeros(40, len(weight)).scatter_(1, few.tokens, 1.0).index_fill_(1, torch.tensor(0), 0.0)
    x = words / words.norm(dim=1, keepdim=True)
    torch.testing.assert_close(x.T @ (targets - x @ weight), 0.5 * weight, atol=1e-4, rtol=1e-4)
    assert weight[0].eq(0).all()


def test_the_vocabulary_of_the_config_is_that_of_the_data(data):
    assert len(emoji.tokenizer(data)) == emoji.VOCAB_SIZE


def test_the_loop_of_the_notebook_trains_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    small = EmojiSettings(3, batch_size=16, model=emoji_config((8, 16, 16), 16))
    exec(cell_with("clip", "import matplotlib"), space := {})
    cell = cell_with("clip", "emoji_run = EMOJI.run(")
    data = load_emoji()
    split = data.split()
    part = emoji.training_part(data, split, emoji.tokenizer(data, split))
    names = {"emoji_settings": small, "part": part, "clip_loss": clip_loss, "EMOJI": EMOJI, "emoji": emoji}
    names |= {"LivePlot": LivePlot, "paths": paths, "scenes": scenes}
    space["choice"].choose("quick")
    model = trained_by_cell(cell, space | names, "emoji_model")
    assert same_weights(model, EMOJI.trained(small))
    names["emoji_settings"] = EMOJI.settings("shipped")
    shipped = loaded_by_cell(cell, space | names, "emoji_run", "emoji_model")
    assert same_weights(shipped, RECIPE.load("clip_emoji")[0])
