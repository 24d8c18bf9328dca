"""The demo's answers on remarks, and the sentence in place of each that was asked badly. No model is trained."""

import re

import pytest
import torch

from mmatl_lab.lessons import page_html
from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.lessons.why_multimodal import (
    demo_noise,
    demo_sarcasm,
    demo_watch,
    sarcasm,
)
from mmatl_lab.world.sarcasm import (
    belief,
    draw_faces,
    speak,
    utterance_of,
)

from .reading import drawn, forget, rows, sentences, words

PRAISE, BLAME, NEUTRAL = "wow what a wonderful day", "oh what an awful trip", "this place sure is interesting"


def test_the_bars_are_what_each_model_and_the_ideal_classifier_believe(models):
    html = demo_sarcasm.judge(PRAISE, -0.4, -0.7)
    utterance = utterance_of(PRAISE, -0.4, -0.7)
    found = sarcasm.predict_proba(models["why_sarcasm"], utterance)
    expected = {
        demo_sarcasm.label(modalities): (found[sarcasm.name_of(modalities)], modalities)
        for modalities in sarcasm.SUBSETS
    }
    assert rows(html) == {
        name: f"{model.item():.0%} · ideal {belief(utterance, modalities).item():.0%}"
        for name, (model, modalities) in expected.items()
    }
    for name, ends in drawn(html, 0).items():
        model, modalities = expected[name]
        assert ends == pytest.approx([model.item(), belief(utterance, modalities).item()], abs=2e-3)


def test_those_that_can_only_guess_are_shown_as_such(models):
    html = demo_sarcasm.judge(PRAISE, -1, -1)
    tell, guess = html.split("these can only guess")
    assert list(rows(tell)) == ["words + voice", "words + face", "words + voice + face"]
    assert list(rows(guess)) == ["words", "voice", "face", "voice + face"]
    assert all(text.endswith("ideal 50%") for text in rows(guess).values())
    assert not any(text.endswith("ideal 50%") for text in rows(tell).values())


def test_models_that_are_sure_of_neutral_words_are_shown_to_be_wrong(models, monkeypatch):
    for p, remark, told in ((0.9, NEUTRAL, True), (0.6, NEUTRAL, False), (0.9, PRAISE, False)):
        found = {sarcasm.name_of(modalities): torch.tensor([p]) for modalities in sarcasm.SUBSETS}
        monkeypatch.setattr(sarcasm, "predict_proba", lambda model, utterance, found=found: found)
        said = sentences(demo_sarcasm.judge(remark, -1, -1))
        assert [sentence.startswith("Some models are sure all the same") for sentence in said] == [True] * told


@pytest.mark.parametrize(
    ("remark", "tone", "face", "says"),
    [
        (PRAISE, -1, -1, "The words praise, the voice falls and the face frowns. Both contradict the words."),
        (BLAME, 1, 1, "The words blame, the voice rises and the face smiles. Both contradict the words."),
        (PRAISE, 1, 1, "Both agree with the words. The ideal classifier is more than 99% sure that it is meant."),
        (PRAISE, -1, 0, "the face stays straight. The voice alone contradicts the words. The ideal classifier is 96%"),
        (BLAME, 0, -1, "the voice stays level and the face frowns. The face alone agrees with the words."),
        (PRAISE, -1.5, 1, "The voice contradicts the words, the face does not; the voice is stronger."),
        (BLAME, -1, 1.5, "The face contradicts the words, the voice does not; the face is stronger."),
        (PRAISE, 1.5, -1, "The face contradicts the words, the voice does not; the voice is stronger."),
        (PRAISE, -1, 1, "Voice and face say opposite things, equally strongly: nobody can tell."),
        (PRAISE, 0, 0, "Neither voice nor face takes a side: nobody can tell."),
        (NEUTRAL, -1, -1, "The words are neutral, the voice falls and the face frowns. Neutral words leave nothing"),
        ("great awful food", -1, -1, "Praise and blame cancel out, so there is nothing to contradict"),
    ],
)
def test_a_sentence_says_what_happens(remark, tone, face, says):
    utterance = utterance_of(remark, tone, face)
    said, p = demo_sarcasm.sentence(utterance), belief(utterance).item()
    assert says in said
    assert ("nobody can tell" in said) == (p == 0.5)
    assert ("sure of sarcasm" in said) == (p > 0.5) and ("sure that it is meant" in said) == (p < 0.5)


def test_the_stage_shows_the_face_and_plays_the_voice(monkeypatch):
    shown = {}
    monkeypatch.setattr(page_html, "picture_html", lambda picture, alt, *size: shown.update({alt: picture}) or "")
    monkeypatch.setattr(demo_sarcasm, "player", lambda waveform, title: shown.update({title: waveform}) or "")
    utterance = utterance_of(PRAISE, -1, 2)
    heard = words(demo_sarcasm.stage(utterance))
    assert torch.equal(shown["a face, smiling"], draw_faces(utterance, demo_sarcasm.FACE_SIZE)[0])
    (voice,) = [label for label in shown if label.startswith("a voice")]
    assert torch.equal(shown[voice], speak(utterance)[0])
    first, last = map(int, re.search(r"falls from (\d+) to (\d+) Hz", heard).groups())
    assert first / last == pytest.approx((1 + 5**-0.5 / 2) / (1 - 5**-0.5 / 2), rel=0.02)  # b(-1) = -1/√5
    assert "stays at 185 Hz" in demo_sarcasm.stage(utterance_of(PRAISE, 0, 2))


def test_the_spectrogram_shows_the_overtones_of_the_pitch_with_the_lowest_below():
    utterance = utterance_of("wow", 0, 0)
    picture = demo_sarcasm.spectrogram(speak(utterance)[0])
    shade = picture.sum(0).flip(0)  # the lowest first
    hertz = demo_sarcasm.TOP / len(shade)
    middle, pitch = shade[:, shade.shape[1] // 2], utterance.pitch.item()
    for k in range(1, 9):
        assert middle[round(k * pitch / hertz)] > 2 * middle[round((k + 0.5) * pitch / hertz)]
    assert shade[:, 0].max() == shade.min() and picture.min() >= 0 and picture.max() <= 1  # silent at first


@pytest.mark.parametrize(
    ("remark", "tone", "face", "says"),
    [
        ("", 0, 0, "Nothing was typed: write something, such as 'wow great food'."),
        (None, 0, 0, "Nothing was typed"),
        (" \n ", 0, 0, "Nothing was typed"),
        ("?!", 0, 0, "No word is in this text"),
        ("wow elefant food", 0, 0, "Unknown word: 'elefant'; this model knows"),
        ("<b>wow</b>", 0, 0, "Unknown word: 'b'"),
        ("wow " * 9, 0, 0, "A text may have 8 words here, got 9; shorten it."),
        ("wow " * 1000, 0, 0, "The text has 3,999 characters, at most 200 are read: shorten it."),
        (PRAISE, None, 0, "The tone must be a number from -3 to 3: move its slider."),
        (PRAISE, 50, 0, "The tone must be a number from -3 to 3: move its slider."),
        (PRAISE, 0, float("nan"), "The face must be a number from -3 to 3: move its slider."),
    ],
)
def test_what_is_no_remark_gets_one_sentence(remark, tone, face, says):
    html = demo_sarcasm.judge(remark, tone, face)
    (sentence,) = sentences(html)
    assert sentence.startswith(says) and html.count("<p") == 1 and "<b>" not in html


def test_a_missing_checkpoint_is_a_sentence_below_what_needs_none(monkeypatch, models):
    def load(recipe, name):
        raise FileNotFoundError(f"no checkpoint: make it with `mmatl-lab train why_multimodal --only {name}`")

    monkeypatch.setattr(Recipe, "load", load)
    forget()
    html = demo_sarcasm.judge(PRAISE, -1, -1)
    (sentence,) = sentences(html)
    assert "--only why_sarcasm" in sentence and "sure of sarcasm" in html and "<img" in html
    assert sentences(demo_noise.measure(1, 1, 0)) == [sentence]
    felt = demo_watch.recognise("1", "pendulum", "left", 0)
    assert "--only why_smartwatch" in sentences(felt)[0] and "<polyline" in felt
