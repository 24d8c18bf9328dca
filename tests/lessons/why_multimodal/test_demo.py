"""The demo's answers, and the sentence that stands in place of each when it was asked badly. No model is trained."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only fight each other here

import re
from functools import partial
from html import unescape

import pytest
import torch
from torch import nn

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, NUM_PERSONS, load_smartwatch
from mmatl_lab.lessons import page_html
from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.lessons.why_multimodal import (
    demo,
    demo_noise,
    demo_sarcasm,
    demo_watch,
    dials,
    noise_table,
    sarcasm,
    smartwatch,
)
from mmatl_lab.seeding import seeded
from mmatl_lab.world.sarcasm import (
    MODALITIES,
    NOISE,
    belief,
    ceiling,
    draw_faces,
    sample_utterances,
    speak,
    utterance_of,
)

PRAISE, BLAME, NEUTRAL = "wow what a wonderful day", "oh what an awful trip", "this place sure is interesting"


def forget():
    for function in (demo_sarcasm.load, demo_watch.answers, demo_noise.measurement):
        function.forget()


@pytest.fixture
def models(monkeypatch):
    """The demo's models have weights by chance."""
    made = {
        "why_sarcasm": sarcasm.SarcasmClassifiers(sarcasm.SarcasmConfig(16, (8, 8, 8))).eval(),
        "why_smartwatch": smartwatch.WatchClassifiers(smartwatch.WatchConfig(dim=8)).eval(),
    }
    monkeypatch.setattr(Recipe, "load", lambda recipe, name: (made[name], {"name": name}))
    monkeypatch.setattr(noise_table, "table", dict)  # what is measured beforehand is of the shipped model
    forget()
    yield made
    forget()


class Ideal(nn.Module):
    """Classifiers that believe what is right at the noises that they are told; encoders that lose nothing."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Identity() for name in (*MODALITIES, "noise")})
        self.perceive = nn.Linear(1, 1)  # says on which device the model is
        self.classifiers = {
            sarcasm.name_of(modalities): partial(self.judge, modalities) for modalities in sarcasm.SUBSETS
        }

    def judge(self, modalities, x):
        """Logits (n, 2) of sincere and sarcastic: the log-odds are -t Λ, Λ = 2v/σ_v² + 2f/σ_f² of what is given."""
        evidence = sum(
            (
                2 * x[name] / x["noise"][:, i].clamp(min=1e-3) ** 2
                for i, name in enumerate(("voice", "face"))
                if name in modalities
            ),
            torch.zeros(len(x["text"])),
        )
        log_odds = -x["text"] * evidence if "text" in modalities else torch.zeros(len(x["text"]))
        return torch.stack([torch.zeros_like(log_odds), log_odds], 1)


@pytest.fixture
def ideal(monkeypatch):
    raw = {
        "text": lambda u: u.valence.float(),
        "voice": lambda u: u.voice,
        "face": lambda u: u.face,
        "noise": lambda u: torch.stack([u.voice_noise, u.face_noise], 1),
    }
    monkeypatch.setattr(dials, "INPUTS", raw)
    measure = dials.NoiseMeasurement(Ideal(), demo_noise.NUM_REMARKS)
    monkeypatch.setattr(demo_noise, "measurement", lambda: measure)
    monkeypatch.setattr(noise_table, "table", dict)


def words(html: str) -> str:
    """What a reader of the page reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def sentences(html: str) -> list[str]:
    return [words(note) for note in re.findall(r'<p class="note".*?</p>', html, re.S)]


def rows(html: str) -> dict[str, str]:
    """What stands beside the bars, by the name before them."""
    entries = re.findall(r"<li><span>(.*?)</span>.*?<small>(.*?)</small></li>", html)
    return {name: unescape(text) for name, text in entries}


def drawn(html: str, low: float) -> dict[str, list[float]]:
    """Where the bars end, from their lengths on the page: of the model and of what is exact, by name."""
    ends, coin = {}, (0.5 - low) / (1 - low)
    for name, bars in re.findall(r"<li><span>(.*?)</span>(.*?)</li>", html):
        ends[name] = []
        for left, width in re.findall(r"margin-left: (.+?)%; width: (.+?)%", bars):
            start, end = float(left) / 100, (float(left) + float(width)) / 100
            assert start == pytest.approx(coin, abs=1e-3) or end == pytest.approx(coin, abs=2e-3)  # bars start there
            ends[name].append(low + (1 - low) * (end if start == pytest.approx(coin, abs=1e-3) else start))
    return ends


# --- sarcasm


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


# --- noise


def test_the_ceilings_move_with_the_dials(ideal):
    for noise in ((NOISE, NOISE, 0.0), (0.0, 3.0, 0.25)):
        html = demo_noise.measure(*noise)
        assert sentences(html) == []
        ends, texts = drawn(html, 0.4), rows(html)
        for modalities in sarcasm.SUBSETS:
            best, name = ceiling(modalities, *noise), demo_sarcasm.label(modalities)
            assert ends[name][1] == pytest.approx(best, abs=2e-3)
            assert texts[name].endswith(f"best possible {page_html.percent(best)}")


def test_models_are_measured_and_those_that_know_all_reach_the_ceilings(ideal):
    ends = drawn(demo_noise.measure(NOISE, NOISE, 0.0), 0.4)
    for name, (model, exact) in ends.items():
        assert model == pytest.approx(exact, abs=3 * (0.25 / demo_noise.NUM_REMARKS) ** 0.5), name


def test_an_accuracy_stands_beside_its_interval_and_the_best_possible(ideal):
    for name, text in rows(demo_noise.measure(NOISE, NOISE, 0.0)).items():
        right, low, high, best = map(
            int, re.fullmatch(r"(\d+)% \((\d+)% to (\d+)%\), best possible (\d+)%", text).groups()
        )
        assert low <= right <= high and low - 1 <= best <= high + 1, name  # they know all: what is left is chance


def test_the_table_is_that_of_the_shipped_model():
    known = noise_table.table()
    assert len(known) == 2 * len(noise_table.NOISES) ** 2 * len(noise_table.AMBIGUITIES)
    forget()
    told, voice, face, ambiguity = key = (False, 3.0, NOISE, 0.25)
    measured = demo_noise.measurement()(voice_noise=voice, face_noise=face, ambiguity=ambiguity, told=told)
    assert known[key] == [round(accuracy * noise_table.NUM_REMARKS) for _, accuracy, _ in measured]


def test_a_table_of_another_model_is_not_used(monkeypatch):
    monkeypatch.setattr(noise_table, "checkpoint", lambda: "another")
    noise_table.table.forget()
    assert noise_table.table() == {}
    monkeypatch.undo()
    noise_table.table.forget()


def test_the_curves_are_those_of_the_table_and_of_the_ceilings(monkeypatch):
    keys = noise_table.product((False, True), noise_table.NOISES, noise_table.NOISES, noise_table.AMBIGUITIES)
    known = {key: [round(1000 - 100 * key[1])] * 7 for key in keys}
    monkeypatch.setattr(noise_table, "table", lambda: known)
    curves = re.findall(r'points="(.+?)"', demo_noise.curves(1.0, NOISE, 0.0))
    assert len(curves) == 6
    heights = [[float(point.split(",")[1]) for point in curve.split()] for curve in curves]
    low, high = 220 - page_html.BOTTOM, 8  # 40% and 100%
    for model, exact in zip(heights[::2], heights[1::2]):
        shares = [0.4 + 0.6 * (low - y) / (low - high) for y in model]
        assert shares == pytest.approx([1 - noise / 10 for noise in noise_table.NOISES], abs=2e-3)
        assert exact == sorted(exact) and exact[0] < exact[-1] or len({*exact}) == 1  # never better with more noise
    assert demo_noise.curves(1.0, NOISE, 0.1) == "" == demo_noise.curves(None, NOISE, 0.0)


def test_the_notebooks_dials_say_how_far_from_the_best_possible(ideal):
    table = dials.bars(demo_noise.measurement()(voice_noise=NOISE, face_noise=NOISE, ambiguity=0.0), 1_000)
    assert re.search(r"9\d% right \(9\d% to 9\d%\), the best possible is 96%", repr(table))


def test_a_view_noisier_than_the_model_was_told_makes_it_worse_and_is_named(ideal):
    for told in (True, False):
        assert "trusts" not in demo_noise.measure(NOISE, NOISE, 0.0, told)
    for view, noises in {"voice": (3.0, NOISE), "face": (NOISE, 3.0)}.items():
        assert "trusts" not in demo_noise.measure(*noises, 0.0, True)
        assert f"it trusts the {view} more than it should" in demo_noise.measure(*noises, 0.0, False)


def test_a_modality_is_encoded_once_for_each_setting_of_its_dial(models):
    model = models["why_sarcasm"]
    encoded = []
    for name, encoder in model.encoders.items():
        encoder.register_forward_hook(lambda *_, name=name: encoded.append(name))
    measure = dials.NoiseMeasurement(model, 50)
    found = [measure(voice_noise=v, face_noise=f, ambiguity=0) for v, f in ((0.5, 0.5), (0.5, 1.0), (1.0, 0.5))]
    assert sorted(encoded) == ["face"] * 2 + ["noise"] * 3 + ["text"] + ["voice"] * 2 and found[0] != found[1]


@pytest.mark.parametrize("told", [True, False])
def test_what_is_put_together_from_parts_is_what_the_model_says_of_the_whole(models, told):
    noise = {"voice_noise": 0.3, "face_noise": 2.0, "ambiguity": 0.35}
    utterances = sample_utterances(200, **noise, generator=seeded(sarcasm.EVALUATION_SEED, 5))
    judged = sarcasm.judge(models["why_sarcasm"], utterances if told else utterances.told(NOISE, NOISE))
    found = dials.NoiseMeasurement(models["why_sarcasm"], 200)(**noise, told=told)
    assert [accuracy for _, accuracy, _ in found] == pytest.approx(
        [sarcasm.accuracy(judged.logits[sarcasm.name_of(subset)], utterances).item() for subset in sarcasm.SUBSETS]
    )


@pytest.mark.parametrize(
    ("dials", "says"),
    [
        ((None, 1, 0), "The noise of the voice must be a number from 0 to 3: move its slider."),
        ((1, -2, 0), "The noise of the face must be a number from 0 to 3"),
        ((1, 1, 7), "The share of neutral remarks must be a number from 0 to 1"),
    ],
)
def test_dials_that_make_no_sense_get_a_sentence(models, dials, says):
    (sentence,) = sentences(demo_noise.measure(*dials))
    assert sentence.startswith(says)


# --- the watch


@pytest.mark.parametrize("chosen", [("1", "abduction", "right", 0), ("10", "upright row", "left", 100)])
def test_each_build_says_what_it_believes_about_the_window(models, chosen):
    person, exercise, arm, moment = chosen
    html = demo_watch.recognise(*chosen)
    data, watch = smartwatch.windows(), load_smartwatch()
    mine = (data.person == int(person) - 1) & (data.exercise == EXERCISES.index(exercise))
    rows = (mine & (watch.arm[data.recording] == ARMS.index(arm))).nonzero().squeeze(1)
    found = {name: p[rows] for name, p in smartwatch.predict_proba(models["why_smartwatch"], data).items()}
    place = 0 if moment == 0 else -1
    shown = rows_of_watch(html)
    for i, name in enumerate(EXERCISES):
        texts = [page_html.percent(found[build][place, i].item()) for build in demo_watch.BUILDS]
        assert shown[("✓ " if name == exercise else "") + name] == " · ".join(texts)
    counts = [int((found[build].argmax(1) == EXERCISES.index(exercise)).sum()) for build in demo_watch.BUILDS]
    assert (
        f"Of the {len(rows)} windows of this recording they get {counts[0]}, {counts[1]} and {counts[2]} right" in html
    )
    named = re.search(r"This is (.+?) \(.+?\) to the accelerometer alone, (.+?) \(.+?\) to the gyroscope", html)
    assert list(named.groups()) == [EXERCISES[found[build][place].argmax()] for build in smartwatch.SENSORS]


def rows_of_watch(html: str) -> dict[str, str]:
    return {words(name): text for name, text in rows(html).items()}


def test_the_traces_are_those_of_the_window_at_the_scale_of_the_recording():
    data = smartwatch.windows()
    assert load_smartwatch().arm[4] == ARMS.index("left")  # which models get mirrored, and people do not
    recording = load_smartwatch().recordings[4].unfold(0, smartwatch.LENGTH, smartwatch.HOP).transpose(1, 2)
    assert not torch.equal(recording, data.sensor[data.recording == 4])
    html = demo_watch.traces(recording, 3)
    curves = re.findall(r'points="(.+?)"', html)
    assert len(curves) == 6
    for channel, curve in enumerate(curves):
        top = recording[..., 3 * (channel // 3) :][..., :3].abs().max().ceil().item()
        y = torch.tensor([float(point.split(",")[1]) for point in curve.split()])
        low, high = 120 - page_html.BOTTOM, 8
        assert torch.allclose(top * (2 * (low - y) / (low - high) - 1), recording[3, :, channel], atol=top / 400)
        assert html.count(f">{top:g}<") >= 1 and html.count(f">-{top:g}<") >= 1
    assert html.count(">6<") >= 2 and html.count(">10<") >= 2  # seconds


def test_every_recording_can_be_chosen():
    found = demo_watch.recordings()
    assert sorted(found.values()) == list(range(NUM_PERSONS * len(EXERCISES) * len(ARMS)))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ((None, "pendulum", "left", 0), "A menu is empty: choose something in each of them."),
        (("1", None, "left", 0), "A menu is empty"),
        (("1", "pendulum", "left", None), "The moment must be a number from 0 to 100: move its slider."),
        (("1", "pendulum", "left", 101), "The moment must be a number from 0 to 100: move its slider."),
    ],
)
def test_what_chooses_no_window_gets_a_sentence(models, chosen, says):
    (sentence,) = sentences(demo_watch.recognise(*chosen))
    assert sentence.startswith(says)


# --- the page


def test_examples_do_what_their_names_say():
    p = {name: belief(demo_sarcasm.remark(*example)).item() for name, example in demo.EXAMPLES.items()}
    assert p["Meant"] < 0.05 and min(p["Sarcastic"], p["A joke"], p["Poker face"]) > 0.9
    assert 0.5 < p["Torn"] < 0.99 and p["Neutral words"] == 0.5
    assert {demo_sarcasm.remark(remark, 0, 0).valence.item() for remark in demo.REMARKS} == {-1, 0, 1}


def test_the_watchs_examples_do_what_their_names_say():
    """With the shipped models; a share is that of the windows of the recording that are right."""
    forget()
    share = {}
    for name, (person, exercise, arm) in demo.WATCH_EXAMPLES.items():
        recording = demo_watch.recordings()[int(person) - 1, EXERCISES.index(exercise), ARMS.index(arm)]
        rows, truth = smartwatch.windows().recording == recording, EXERCISES.index(exercise)
        found = (demo_watch.answers()[build][rows] for build in demo_watch.BUILDS)
        share[name] = [(p.argmax(1) == truth).float().mean().item() for p in found]
    accelerometer, gyroscope, both = zip(*share.values())
    assert both[0] > max(accelerometer[0], gyroscope[0]) + 0.3
    assert accelerometer[1] > gyroscope[1] + 0.5 and gyroscope[2] > accelerometer[2] + 0.5
    assert both[3] < max(accelerometer[3], gyroscope[3]) - 0.3
    assert max(share["All are fooled"]) < 0.2


def test_building_the_page_loads_no_model(monkeypatch):
    monkeypatch.setattr(Recipe, "load", lambda recipe, name: pytest.fail(f"{name} was loaded before anybody looked"))
    forget()
    tabs = [block.label for block in demo.build().blocks.values() if type(block).__name__ == "Tab"]
    assert tabs == ["Sarcasm", "Noise", "Watch"]
