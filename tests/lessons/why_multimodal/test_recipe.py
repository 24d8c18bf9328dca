"""The recipe: ideal models reach the ceilings, nobody is tested by who has met them, shipped models keep their word."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from mmatl_lab import paths
from mmatl_lab.data.smartwatch import EXERCISES, NUM_PERSONS, Windows, load_smartwatch
from mmatl_lab.lessons.why_multimodal import dials, recipe, sarcasm, smartwatch
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run
from mmatl_lab.world.sarcasm import MODALITIES, NOISE, belief, ceiling, sample_utterances, squash

QUICK = recipe.PRESETS["quick"]


# Sarcasm --------------------------------------------------------------------------------------------------------------


class Ideal(nn.Module):
    """Perceives and judges as well as anyone can, by the causes: it takes utterances where others take their views."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(()))
        self.listener = {sarcasm.name_of(modalities): modalities for modalities in sarcasm.SUBSETS}

    def forward(self, utterances):
        perceived = (utterances.valence.float(), squash(utterances.voice), squash(utterances.face))
        beliefs = {name: belief(utterances, modalities) for name, modalities in self.listener.items()}
        logits = {name: torch.stack([1 - p, p], 1).log() for name, p in beliefs.items()}
        return sarcasm.Judgement(dict(zip(MODALITIES, perceived)), logits)


@pytest.fixture
def ideal(monkeypatch):
    monkeypatch.setattr(sarcasm, "show", lambda utterances: utterances)
    return Ideal()


def test_ideal_listeners_are_at_their_ceilings_and_strangers_labels_at_a_coin(ideal):
    metrics, controls, ceilings = sarcasm.evaluate(ideal)
    names = [f"sarcasm_{sarcasm.name_of(modalities)}" for modalities in sarcasm.SUBSETS]
    assert set(ceilings) == set(controls) == {*names, "sarcasm_clear"}
    for name, best in ceilings.items():
        assert metrics[name] == pytest.approx(best, abs=0.015) and controls[name] == pytest.approx(0.5, abs=0.015)
        assert metrics[f"{name}_low"] < metrics[name] <= metrics[f"{name}_high"]
    assert metrics["hears_melody"] == metrics["sees_mouth"] == metrics["reads_valence"] == 1
    assert sum(best == 0.5 for best in ceilings.values()) == 4 and max(ceilings.values()) > 0.99
    assert recipe.report("full", 1.0, (metrics, controls, ceilings)).met


def test_the_noise_curve_has_the_ceiling_of_each_noise_beside_it(ideal):
    noises = (0.2, 0.8, 2.0)
    curve = sarcasm.noise_curve(ideal, noises)
    assert curve["text_voice ceiling"] == [ceiling(("text", "voice"), voice_noise=noise) for noise in noises]
    for name in ("voice_face", "text_voice", "text_face", "text_voice_face"):
        assert curve[name] == pytest.approx(curve[f"{name} ceiling"], abs=0.02)
    assert curve["text_voice"][0] > curve["text_voice"][1] > curve["text_voice"][2]
    # not told, it weighs voice and face as if both had the usual noise, so that a noisier voice leads it astray
    misled = sarcasm.noise_curve(ideal, noises, told=False)
    assert misled["text_voice"] == curve["text_voice"] and misled["text_voice_face"][1] == curve["text_voice_face"][1]
    assert misled["text_voice_face"][2] < curve["text_voice_face"][2] - 0.05


def test_listeners_are_told_the_noises_and_what_they_are_told_is_what_they_go_by():
    model = sarcasm.make_model(QUICK.sarcasm).eval()
    remarks = sample_utterances(6, voice_noise=2.0, generator=seeded(1))
    one, two = model(sarcasm.show(remarks)), model(sarcasm.show(remarks.told(NOISE, NOISE)))
    for name in model.listener:
        assert not torch.equal(one.logits[name], two.logits[name])
    for view in MODALITIES:  # perception is of the view alone
        assert torch.equal(one.perceived[view], two.perceived[view])


def test_training_shows_all_noises_and_its_ceiling_is_that_of_the_ideal_listener():
    remarks = sarcasm.training_utterances(20_000, generator=seeded(2))
    low, high = sarcasm.TRAINING_NOISES
    for noise in (remarks.voice_noise, remarks.face_noise):
        assert noise.min() >= low and noise.max() <= high
        assert noise.log().mean() == pytest.approx(math.log(low * high) / 2, abs=0.03)
    right = ((belief(remarks) > 0.5) == remarks.sarcastic).float().mean().item()
    assert sarcasm.training_ceiling() == pytest.approx(right, abs=0.01)


def test_a_listener_has_only_the_views_of_its_name():
    model = sarcasm.make_model(QUICK.sarcasm).eval()
    views, others = (sarcasm.show(sample_utterances(6, generator=seeded(i))) for i in (1, 2))
    whole = model(views).logits
    assert list(whole) == [sarcasm.name_of(modalities) for modalities in sarcasm.SUBSETS]
    for modalities in sarcasm.SUBSETS:
        name = sarcasm.name_of(modalities)
        for view in MODALITIES:
            changed = model(views | {view: others[view]}).logits[name]
            assert torch.allclose(changed, whole[name], atol=1e-6) == (view not in modalities)


def test_perceiving_is_taught_without_what_is_meant_and_without_neutral_words():
    utterances = sample_utterances(200, ambiguity=0.5, generator=seeded(3))
    right = {"text": 30.0 * utterances.valence, "voice": squash(utterances.voice), "face": squash(utterances.face)}
    assert sarcasm.perception_loss(right, utterances) < 1e-6
    neutral = utterances.valence == 0
    assert 0.3 < neutral.float().mean() < 0.7
    right["text"] = torch.where(neutral, torch.randn(200), right["text"])
    assert sarcasm.perception_loss(right, utterances) < 1e-6
    liars = replace(utterances, meant=-utterances.meant, sarcastic=~utterances.sarcastic)
    wrong = {view: torch.randn(200) for view in MODALITIES}
    assert sarcasm.perception_loss(wrong, liars) == sarcasm.perception_loss(wrong, utterances) > 1


@pytest.mark.slow
def test_fusions_are_compared_on_the_same_vectors_and_seeds_repeat():
    model = sarcasm.make_model(replace(QUICK.sarcasm, width=24))
    one, two = (sarcasm.compare_fusions(model, 2, seeds=seeds) for seeds in ((5,), (4, 5)))
    assert list(one) == [*sarcasm.FUSIONS, "adding answers"]
    assert all(values == two[name][1:] for name, values in one.items())
    with pytest.raises(ValueError, match="concat, add, product"):
        sarcasm.make_fusion("average", (8, 8))


# Smartwatch -----------------------------------------------------------------------------------------------------------


class Tattler(nn.Module):
    """Always names the exercise whose number is that of the person it was built without."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(()))

    def forward(self, views, left_out):
        n = len(views["gyroscope"])
        logits = torch.zeros(smartwatch.TRIES, n, len(EXERCISES))
        logits[..., left_out % len(EXERCISES)] = 9.0
        return dict.fromkeys(smartwatch.BUILDS, logits)


def test_everyone_is_judged_by_those_who_have_not_met_them():
    data = smartwatch.windows()
    for probability in smartwatch.answers(Tattler(), data).values():
        assert torch.equal(probability.argmax(1), data.person % len(EXERCISES))
    for person in range(NUM_PERSONS):
        met = data.person[smartwatch.draw(data, person, 5_000, generator=seeded(person))].unique().tolist()
        assert met == [p for p in range(NUM_PERSONS) if p != person]


def test_a_sensor_is_its_own_three_axes():
    data = smartwatch.windows()
    trace = data.sensor[:8].clone()
    views = smartwatch.show(trace)
    trace[..., 3:] = 0
    silent = smartwatch.show(trace)
    assert torch.equal(views["accelerometer"], silent["accelerometer"])
    assert not torch.equal(views["gyroscope"], silent["gyroscope"])
    model = smartwatch.make_model(SMALL).eval()
    before, after = model(views, 0), model(silent, 0)
    assert torch.equal(before["accelerometer"], after["accelerometer"])
    for build in ("gyroscope", "side_by_side", "both"):
        assert not torch.equal(before[build], after[build])


def test_only_both_at_once_know_how_the_sensors_move_against_each_other():
    """Gyroscopes played backwards are the same by themselves."""
    trace = smartwatch.windows().sensor[:8].clone()
    views = smartwatch.show(trace)
    trace[..., 3:] = trace[..., 3:].flip(1)
    turned = smartwatch.show(trace)
    for view in smartwatch.SENSORS:
        torch.testing.assert_close(turned[view], views[view], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(turned["both"], views["both"], atol=0.1)


def test_recordings_of_a_person_count_the_same_however_long():
    recording = torch.tensor([0] * 6 + [1] * 2 + list(range(2, 11)))
    person = torch.tensor([0] * 8 + list(range(1, 10)))
    data = Windows(torch.zeros(17, 4, 6), torch.zeros(17, dtype=torch.long), person, recording)
    hits = torch.cat([torch.ones(6), torch.zeros(2), torch.ones(9)])
    assert smartwatch.by_person(hits, data).tolist() == [0.5] + [1.0] * 9


SMALL = smartwatch.SmartwatchPreset(2, batch_size=16, width=8)


@pytest.mark.slow
def test_a_recogniser_learns_from_its_own_nine_people_alone(tmp_path):
    """Without one person's recordings, those who must not meet that person come out the same."""

    def trained(data):
        model = smartwatch.make_model(SMALL)
        smartwatch.fit(Run(model, "watch", 2, lr=1e-3, clip=1e6, save=False, precision="32-true"), data, SMALL)
        return model.recogniser

    whole = smartwatch.windows()
    changed = whole.sensor.clone()
    changed[whole.person == 3] = 5.0
    one, two = trained(whole), trained(whole._replace(sensor=changed))
    for name in one:
        same = all(torch.equal(a, b) for a, b in zip(one[name].parameters(), two[name].parameters()))
        assert same == name.startswith("3_"), name


# Both -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [sarcasm, smartwatch], ids=["sarcasm", "smartwatch"])
def test_weights_depend_on_the_seed_alone(part):
    preset = QUICK.sarcasm if part is sarcasm else SMALL
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a, b, c = (part.make_model(preset, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert any(not torch.equal(a[key], c[key]) for key in a)


@pytest.mark.slow
def test_train_evaluate_and_load_the_quick_preset(tmp_path):
    files = recipe.train("quick", folder=tmp_path)
    assert list(files) == list(recipe.CHECKPOINTS) and all(path.is_file() for path in files.values())
    card = json.loads(files["why_smartwatch"].with_suffix(".json").read_text())
    assert card["data"]["smartwatch"] == load_smartwatch().data_hash and card["preset"] == "quick"
    found = recipe.evaluate("quick", folder=tmp_path)
    assert found.lesson == "why_multimodal" and found.targets == {}  # seconds of training promise nothing
    for name in ("sarcasm_text", "sarcasm_voice", "sarcasm_face", "sarcasm_voice_face"):
        assert found.metrics[name] == pytest.approx(0.5, abs=0.02)
    for name, control in found.controls.items():
        chance = 0.5 if name.startswith("sarcasm") else 1 / len(EXERCISES)
        assert control == pytest.approx(chance, abs=0.02 if chance == 0.5 else 0.08)
    assert found.metrics["watch_both"] > found.controls["watch_both"] + 0.05


def test_unknown_names_get_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="why_sarcasm, why_smartwatch"):
        recipe.train("quick", folder=tmp_path, only="why_not")
    with pytest.raises(ValueError, match="quick, full, gpu"):
        recipe.preset("huge")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(paths.asset(f"checkpoints/{name}.safetensors").exists() for name in recipe.CHECKPOINTS),
    reason="the checkpoints are not trained yet",
)
def test_what_is_shipped_meets_its_targets_and_gives_the_numbers_of_its_cards():
    found = recipe.evaluate()
    assert found.met, found.table()
    for name in recipe.CHECKPOINTS:
        _, card = recipe.load(name)
        assert card["command"] == f"mmatl-lab train why_multimodal --preset full --seed 0 --only {name}"
        for metric, value in card["metrics"].items():
            assert found.metrics[metric] == pytest.approx(value, abs=0.01)  # bfloat16 weights, another machine


def test_the_ceilings_of_the_dials_are_marked_and_said():
    shown = dials.bars([("text", 0.5, 0.5), ("all", 0.7, 1.0)])
    assert shown._repr_html_().count("border-right") == 2 and repr(shown).endswith("0.70 of 1.00")
