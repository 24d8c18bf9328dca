"""The demo's measurement under noise: ceilings, the table made beforehand, bad dials. No model is trained."""

import re

import pytest

from mmatl_lab.lessons import page_html
from mmatl_lab.lessons.why_multimodal import (
    demo_noise,
    demo_sarcasm,
    dials,
    noise_table,
    sarcasm,
)
from mmatl_lab.seeding import seeded
from mmatl_lab.world.sarcasm import (
    NOISE,
    ceiling,
    sample_utterances,
)

from .reading import drawn, forget, rows, sentences


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
