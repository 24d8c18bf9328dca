"""The demo's answers, and the sentence that stands in place of each when it was asked badly. No model is trained."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only fight each other here

import re
from html import unescape
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from mmatl_lab.data.emoji import STYLES
from mmatl_lab.lessons.clip import demo, demo_emoji, demo_scenes, emoji, scenes
from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.models.clip import CLIP
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.viz.embedding import pca
from mmatl_lab.world import CAPTION_WORDS, held_out_combinations, render, scene_of

ONE = (*demo.STAR, *demo.NOBODY)  # the menus of one object, and of two
TWO = (*demo.STAR, *demo.CIRCLE)
CONFIGS = {
    "clip_scenes": scenes.clip_config((8, 8, 8), num_layers=1, hidden_dim=16, out_dim=16),
    "clip_emoji": emoji.emoji_config((8, 8, 8), out_dim=16),
}


def forget():
    for function in (demo_scenes.load, demo_scenes.atlas, demo_emoji.lexicon, demo_emoji.drawings):
        function.forget()


@pytest.fixture(scope="module")
def models():
    """Models with weights by chance; the map is a PCA, since UMAP compiles for seconds."""
    torch.manual_seed(0)
    made = {name: CLIP.from_config(config).eval() for name, config in CONFIGS.items()}

    def load(recipe, name) -> tuple[CLIP, dict]:
        return made[name], {"name": name}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "load", load)
        patch.setattr(demo_scenes, "umap_embed", lambda latents: pca(latents.numpy()))
        forget()
        yield SimpleNamespace(load=load)
        forget()


def words(html: str) -> str:
    """What a reader of the page reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def sentences(html: str) -> list[str]:
    return [words(note) for note in re.findall(r'<p class="note".*?</p>', html, re.S)]


# --- scenes


def test_captions_are_ranked_by_the_models_own_probabilities(models):
    given = ["a large red star", "a small blue circle", "a tiny azure disc"]
    html = demo_scenes.ranking("\n".join(given), *ONE, None)
    model = models.load(None, "clip_scenes")[0]
    picture = render(scene_of({"shape": "star", "colour": "red", "size": "large", "x": -0.5, "y": 0.5}))
    with torch.no_grad():
        out = model(picture, Tokenizer(CAPTION_WORDS).encode(given))
        share = (out.image @ out.text.T * out.logit_scale.exp()).softmax(1)[0]
    expected = [f"{given[i]} {share[i]:.1%}" for i in share.argsort(descending=True)]
    assert re.findall(r"a [a-z ]+? \d+\.\d%", words(html)) == expected
    assert sentences(html) == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Nothing was typed: write something, such as 'a small red circle'."),
        (None, "Nothing was typed: write something, such as 'a small red circle'."),
        (" \n\n ", "Nothing was typed: write something, such as 'a small red circle'."),
        ("🔴🔴", "No word is in this text, and signs and emoji are not read: write it in words."),
        ("a red star\n" * 25, "25 captions are more than the 24 compared here: delete some lines."),
        ("a red star\n" * 1000, "The text has 10,999 characters, at most 5,000 are read: shorten it."),
        ("a " * 33, "Line 1 is left out, a text may have 32 words here, got 33; shorten it."),
    ],
)
def test_captions_that_cannot_be_compared_get_a_sentence(models, typed, sentence):
    assert sentences(demo_scenes.ranking(typed, *ONE, None)) == [sentence]


def test_an_unknown_word_names_known_ones_and_the_other_lines_are_ranked(models):
    html = demo_scenes.ranking("a red star\na red sqare\n\n<b>elephant</b>\na blue star", *ONE, None)
    first, second = sentences(html)
    assert first.startswith("Line 2 is left out, unknown word: 'sqare' (did you mean square")
    assert second.startswith("Line 3 is left out, unknown word:") and "'elephant'" in second
    assert html.count("<li") == 2 and "<b>elephant" not in html


def test_what_is_typed_stays_text(models):
    html = demo_scenes.ranking("<i>a red star</i>", *ONE, None)
    assert "<i>a" not in html and sentences(html)[0].startswith("Line 1 is left out, unknown word: 'i'")
    assert "a red &lt;star&gt;" in demo_scenes.ranking("a red <star>", *ONE, None)


def test_one_caption_alone_is_told_that_it_has_no_rival(models):
    html = demo_scenes.ranking("a red star", *ONE, None)
    assert "100.0%" in html and sentences(html)[0].startswith("One caption alone always gets 100%")


def test_the_preview_says_what_the_model_has_not_seen(models):
    assert sentences(demo_scenes.preview(*ONE, None)) == []
    assert held_out_combinations()[0, 1]  # circle, orange
    orange = demo_scenes.preview("circle", "orange", "small", "top left", *demo.NOBODY, None)
    assert sentences(orange)[0].startswith("The combination orange circle was held out of training")
    crowded = demo_scenes.preview(*demo.STAR, *demo.CIRCLE[:3], demo.STAR[3], None)
    assert "same quarter" in sentences(crowded)[0]
    emptied = demo_scenes.preview(None, *ONE[1:], None)
    assert sentences(emptied)[0].startswith("A menu is empty")


def test_clicking_a_point_draws_a_scene_that_means_the_same(models):
    known = demo_scenes.atlas()
    assert len(known.scenes) == 192 and len(known.frames.pair) == 384
    for index in (0, 77, 150, 191):
        shape, colour, size, _, second, *_, path = demo_scenes.controls_of(known.scenes[index])
        assert f"{size} {colour} {shape}" in known.captions[index]
        assert (second == demo.NONE) == (index < 128) and path is None


def test_a_picture_lands_among_the_scenes(models):
    landed = demo_scenes.landing(*TWO, None)
    assert abs(landed["x"]) <= 1 and abs(landed["y"]) <= 1
    assert len(landed["near"]) == 3 and all(192 <= n < 384 for n in landed["near"])  # captions
    assert demo_scenes.landing(None, *TWO[1:], None) is None


# --- pictures that visitors bring


@pytest.fixture
def pictures(tmp_path):
    photo = Image.effect_noise((90, 40), 80).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    photo.save(tmp_path / "side.jpg", exif=exif)
    photo.convert("P").save(tmp_path / "palette.gif", save_all=True, append_images=[photo.convert("P")])
    photo.convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.effect_noise((500, 500), 80).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "letter.png").write_text("Dear Sir or Madam")
    Image.new("1", (5_000, 5_000)).save(tmp_path / "huge.png")
    return tmp_path


@pytest.mark.parametrize("name", ["side.jpg", "palette.gif", "cmyk.jpg"])
def test_any_kind_of_picture_is_compared_and_named(models, pictures, name):
    path = str(pictures / name)
    assert sentences(demo_scenes.preview(*ONE, path)) == []
    assert demo_scenes.ranking("a red star\na blue star", *ONE, path).count("<li") == 2
    assert demo_scenes.landing(*ONE, path) is not None
    assert demo_emoji.find_words(path, "all").count("<li") == demo_emoji.NUM_FOUND


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cut.png", "damaged or cut off"),
        ("empty.png", "empty (0 bytes)"),
        ("letter.png", "not a picture"),
        ("huge.png", "5,000 × 5,000 pixels"),
        ("none.png", "there is no picture"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(models, pictures, name, says):
    path = str(pictures / name)
    for html in (demo_scenes.preview(*ONE, path), demo_emoji.find_words(path, "noto")):
        (sentence,) = sentences(html)
        assert says.lower() in sentence.lower() and html.count("<p") == 1
    (sentence,) = sentences(demo_scenes.ranking("a red star", *ONE, path))  # not the same sentence twice
    assert sentence == "There is no picture yet that these captions can be compared with."
    assert demo_scenes.landing(*ONE, path) is None


def test_without_a_picture_no_words_are_looked_for(models):
    assert words(demo_emoji.find_words(None, "noto")) == demo_emoji.NO_PICTURE


# --- emoji


@pytest.mark.parametrize("style", [*STYLES, "all"])
def test_words_find_the_emoji_whose_pictures_are_nearest(models, style):
    html = demo_emoji.find_emoji("a happy cat", style)
    assert sentences(html) == [] and html.count("<li") == demo_emoji.NUM_FOUND
    shown = re.findall(r'alt="(.+?), (\w+)"', html)
    assert {drawn for _, drawn in shown} <= ({style} if style != "all" else set(STYLES))
    data, model = demo_emoji.lexicon().data, models.load(None, "clip_emoji")[0]
    with torch.no_grad():
        text = model.encode_text(demo_emoji.lexicon().tokenizer.encode("happy cat"))[0]
    best = max((emoji.embed(model, data, name) @ text).max().item() for name in (STYLES if style == "all" else [style]))
    assert f"<small>{best:.2f}" in html[: html.index("</li>")]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Nothing was typed"),
        ("🚒", "No word is in this text"),
        ("elefant", "Unknown word: 'elefant' (did you mean elegant or elephant"),
        ("fire " * 33, "A text may have 32 words here, got 33"),
        ("fire " * 2000, "The text has 9,999 characters"),
    ],
)
def test_words_that_find_nothing_get_a_sentence(models, typed, says):
    html = demo_emoji.find_emoji(typed, "noto")
    assert sentences(html)[0].startswith(says) and "<li" not in html


def test_words_it_does_not_know_are_named_and_the_others_used(models):
    html = demo_emoji.find_emoji("the fire engnie", "noto")
    assert sentences(html)[0].startswith("Not every word could be used, unknown word: 'engnie' (did you mean engine")
    assert demo_emoji.find_emoji("fire", "noto") in html


def test_a_word_with_a_hyphen_that_it_does_not_know_is_its_parts(models):
    assert demo_emoji.find_emoji("fire-engine", "noto") == demo_emoji.find_emoji("fire engine", "noto")
    assert "heart-eyes" in demo_emoji.lexicon().tokenizer.words
    assert demo_emoji.find_emoji("heart-eyes", "noto") != demo_emoji.find_emoji("heart eyes", "noto")


# --- without checkpoints


def test_a_missing_checkpoint_is_a_sentence_and_the_other_tab_works(models, monkeypatch, tmp_path):
    def load(recipe, name):
        if name == "clip_scenes":
            raise FileNotFoundError(f"no checkpoint at {tmp_path}: make it with `mmatl-lab train clip --only {name}`")
        return models.load(recipe, name)

    monkeypatch.setattr(Recipe, "load", load)
    forget()
    sentence = sentences(demo_scenes.ranking("a red star", *ONE, None))[0]
    assert "make it with `mmatl-lab train clip --only clip_scenes`" in sentence
    assert demo_scenes.landing(*ONE, None) is None
    assert "<img" in demo_scenes.preview(*ONE, None)
    assert demo_emoji.find_emoji("fire", "noto").count("<li") == demo_emoji.NUM_FOUND
    monkeypatch.undo()
    assert "<li" in demo_scenes.ranking("a red star", *ONE, None)  # made meanwhile: no restart is needed
    forget()


def test_examples_are_of_the_world_and_building_the_page_loads_no_model(monkeypatch):
    monkeypatch.setattr(Recipe, "load", lambda recipe, name: pytest.fail(f"{name} was loaded before anybody looked"))
    forget()
    page = demo.build()
    assert {tab.label for tab in page.blocks.values() if type(tab).__name__ == "Tab"} == {"Scenes", "Emoji"}
    assert "Which words belong to which picture" in str(page.get_config_file())
    for captions, *controls in demo.EXAMPLES.values():
        demo_scenes.picture_of(*controls)
        assert demo_scenes.read_captions(captions)[0]
