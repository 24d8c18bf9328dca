"""The sarcasm half of lesson 01: ideal classifiers reach the ceilings, and each uses only what its name says."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from mmatl_lab.lessons.why_multimodal import experiments, sarcasm
from mmatl_lab.lessons.why_multimodal.recipe import RECIPE
from mmatl_lab.lessons.why_multimodal.sarcasm import SARCASM, SarcasmConfig
from mmatl_lab.seeding import seeded
from mmatl_lab.world.sarcasm import MODALITIES, NOISE, belief, ceiling, sample_utterances, squash

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell

QUICK = SARCASM.presets["quick"]


class Ideal(nn.Module):
    """Perceives and judges as well as anyone can, by the causes: it takes utterances where others take their inputs."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(()))
        self.classifiers = {sarcasm.name_of(subset): subset for subset in sarcasm.SUBSETS}

    def forward(self, utterances):
        perceived = (utterances.valence.float(), squash(utterances.voice), squash(utterances.face))
        beliefs = {name: belief(utterances, subset) for name, subset in self.classifiers.items()}
        logits = {name: torch.stack([1 - p, p], 1).log() for name, p in beliefs.items()}
        return sarcasm.Judgement(dict(zip(MODALITIES, perceived)), logits)


@pytest.fixture
def ideal(monkeypatch):
    monkeypatch.setattr(sarcasm, "model_inputs", lambda utterances: utterances)
    return Ideal()


def test_ideal_classifiers_are_at_their_ceilings_and_the_labels_of_others_at_a_coin(ideal):
    results = {result.name: result for result in sarcasm.evaluate(ideal)}
    names = [*(f"sarcasm_{sarcasm.name_of(subset)}" for subset in sarcasm.SUBSETS), "sarcasm_clear"]
    assert set(results) == {*names, *sarcasm.PERCEIVED}
    for result in map(results.get, names):
        assert result.value == pytest.approx(result.ceiling, abs=0.015) and result.target["met"]
        assert result.control == pytest.approx(0.5, abs=0.015) and result.low <= result.value <= result.high
    assert all(results[name].value == 1 for name in sarcasm.PERCEIVED)
    ceilings = [results[name].ceiling for name in names]
    assert sum(best == 0.5 for best in ceilings) == 4 and max(ceilings) > 0.99


def test_the_noise_curve_has_the_ceiling_of_each_noise_beside_it(ideal):
    noises = (0.2, 0.8, 2.0)
    curve = experiments.noise_curve(ideal, noises)
    assert curve["text_voice ceiling"] == [ceiling(("text", "voice"), voice_noise=noise) for noise in noises]
    for name in ("voice_face", "text_voice", "text_face", "text_voice_face"):
        assert curve[name] == pytest.approx(curve[f"{name} ceiling"], abs=0.02)
    assert curve["text_voice"][0] > curve["text_voice"][1] > curve["text_voice"][2]
    # not told, it weighs voice and face as if both had the usual noise, so that a noisier voice leads it astray
    misled = experiments.noise_curve(ideal, noises, told=False)
    assert misled["text_voice"] == curve["text_voice"] and misled["text_voice_face"][1] == curve["text_voice_face"][1]
    assert misled["text_voice_face"][2] < curve["text_voice_face"][2] - 0.05


def test_classifiers_use_the_noise_that_they_are_told():
    model = SARCASM.make(QUICK).eval()
    remarks = sample_utterances(6, voice_noise=2.0, generator=seeded(1))
    one, two = model(sarcasm.model_inputs(remarks)), model(sarcasm.model_inputs(remarks.told(NOISE, NOISE)))
    for name in model.classifiers:
        assert not torch.equal(one.logits[name], two.logits[name])
    for name in MODALITIES:  # perception depends on the modality alone
        assert torch.equal(one.perceived[name], two.perceived[name])


def test_training_shows_all_noises_and_its_ceiling_is_that_of_the_ideal_classifier():
    remarks = sarcasm.training_utterances(20_000, generator=seeded(2))
    low, high = sarcasm.TRAINING_NOISES
    for noise in (remarks.voice_noise, remarks.face_noise):
        assert noise.min() >= low and noise.max() <= high
        assert noise.log().mean() == pytest.approx(math.log(low * high) / 2, abs=0.03)
    right = ((belief(remarks) > 0.5) == remarks.sarcastic).float().mean().item()
    assert sarcasm.training_ceiling() == pytest.approx(right, abs=0.01)


def test_a_classifier_has_only_the_modalities_of_its_name():
    model = SARCASM.make(QUICK).eval()
    inputs, others = (sarcasm.model_inputs(sample_utterances(6, generator=seeded(i))) for i in (1, 2))
    whole = model(inputs).logits
    assert list(whole) == [sarcasm.name_of(subset) for subset in sarcasm.SUBSETS]
    for subset in sarcasm.SUBSETS:
        name = sarcasm.name_of(subset)
        for modality in MODALITIES:
            changed = model(inputs | {modality: others[modality]}).logits[name]
            assert torch.allclose(changed, whole[name], atol=1e-6) == (modality not in subset)


def test_perceiving_is_taught_without_what_is_meant_and_without_neutral_words():
    utterances = sample_utterances(200, ambiguity=0.5, generator=seeded(3))
    right = {"text": 30.0 * utterances.valence, "voice": squash(utterances.voice), "face": squash(utterances.face)}
    assert sarcasm.perception_loss(right, utterances) < 1e-6
    neutral = utterances.valence == 0
    assert 0.3 < neutral.float().mean() < 0.7
    right["text"] = torch.where(neutral, torch.randn(200), right["text"])
    assert sarcasm.perception_loss(right, utterances) < 1e-6
    liars = replace(utterances, meant=-utterances.meant, sarcastic=~utterances.sarcastic)
    wrong = {name: torch.randn(200) for name in MODALITIES}
    assert sarcasm.perception_loss(wrong, liars) == sarcasm.perception_loss(wrong, utterances) > 1


@pytest.mark.slow
def test_fusions_are_compared_on_the_same_vectors_and_seeds_repeat():
    model = SARCASM.make(replace(QUICK, model=SarcasmConfig(24)))
    one, two = (experiments.compare_fusions(model, 2, seeds=seeds) for seeds in ((5,), (4, 5)))
    assert list(one) == [*sarcasm.FUSIONS, "adding answers"]
    assert all(values == two[name][1:] for name, values in one.items())
    with pytest.raises(ValueError, match="concat, add, product"):
        sarcasm.make_fusion("average", (8, 8))


def test_the_loop_of_the_notebook_trains_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    monkeypatch.setitem(SARCASM.presets, "quick", replace(QUICK, num_steps=3, batch_size=8))
    exec(cell_with("why_multimodal", "import matplotlib"), space := {})
    space |= {"SARCASM": SARCASM, "sarcasm": sarcasm}
    space["choice"].choose("quick")
    cell = cell_with("why_multimodal", "run = SARCASM.run(")
    assert same_weights(trained_by_cell(cell, space, "model"), SARCASM.trained(SARCASM.settings("quick")))
    shipped = loaded_by_cell(cell, space, "run", "model")
    assert same_weights(shipped, RECIPE.load("why_sarcasm")[0])
