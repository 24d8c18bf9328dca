"""The watch half of lesson 01: nobody is tested by a classifier that was trained on them."""

import pytest
import torch
from torch import nn

from mmatl_lab import paths
from mmatl_lab.data.smartwatch import EXERCISES, NUM_PERSONS, Windows
from mmatl_lab.lessons.why_multimodal import smartwatch
from mmatl_lab.lessons.why_multimodal.recipe import RECIPE
from mmatl_lab.lessons.why_multimodal.smartwatch import WATCH, WatchConfig, WatchSettings
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.live import LivePlot

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell

SMALL = WatchSettings(2, batch_size=16, model=WatchConfig(8))


class Tattler(nn.Module):
    """Always names the exercise whose number is that of the person it was built without."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(()))

    def forward(self, inputs, held_out_subject):
        n = len(inputs["gyroscope"])
        logits = torch.zeros(smartwatch.NUM_TRAININGS, n, len(EXERCISES))
        logits[..., held_out_subject % len(EXERCISES)] = 9.0
        return dict.fromkeys(smartwatch.BUILDS, logits)


def test_everyone_is_judged_by_those_who_have_not_met_them():
    data = smartwatch.windows()
    for probability in smartwatch.predict_proba(Tattler(), data).values():
        assert torch.equal(probability.argmax(1), data.person % len(EXERCISES))
    for person in range(NUM_PERSONS):
        met = data.person[smartwatch.draw(data, person, 5_000, generator=seeded(person))].unique().tolist()
        assert met == [p for p in range(NUM_PERSONS) if p != person]


def test_a_sensor_is_its_own_three_axes():
    data = smartwatch.windows()
    trace = data.sensor[:8].clone()
    inputs = smartwatch.model_inputs(trace)
    trace[..., 3:] = 0
    silent = smartwatch.model_inputs(trace)
    assert torch.equal(inputs["accelerometer"], silent["accelerometer"])
    assert not torch.equal(inputs["gyroscope"], silent["gyroscope"])
    model = WATCH.make(SMALL).eval()
    before, after = model(inputs, 0), model(silent, 0)
    assert torch.equal(before["accelerometer"], after["accelerometer"])
    for build in ("gyroscope", "side_by_side", "both"):
        assert not torch.equal(before[build], after[build])


def test_only_both_at_once_know_how_the_sensors_move_against_each_other():
    """Gyroscopes played backwards are the same by themselves."""
    trace = smartwatch.windows().sensor[:8].clone()
    inputs = smartwatch.model_inputs(trace)
    trace[..., 3:] = trace[..., 3:].flip(1)
    turned = smartwatch.model_inputs(trace)
    for name in smartwatch.SENSORS:
        torch.testing.assert_close(turned[name], inputs[name], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(turned["both"], inputs["both"], atol=0.1)


def test_recordings_of_a_person_count_the_same_however_long():
    recording = torch.tensor([0] * 6 + [1] * 2 + list(range(2, 11)))
    person = torch.tensor([0] * 8 + list(range(1, 10)))
    data = Windows(torch.zeros(17, 4, 6), torch.zeros(17, dtype=torch.long), person, recording)
    hits = torch.cat([torch.ones(6), torch.zeros(2), torch.ones(9)])
    assert smartwatch.by_person(hits, data).tolist() == [0.5] + [1.0] * 9


@pytest.mark.slow
def test_a_classifier_learns_from_its_own_nine_people_alone(tmp_path):
    """Without one person's recordings, those who must not meet that person come out the same."""

    def trained(data):
        model = WATCH.make(SMALL)
        smartwatch.fit(WATCH.run(model, SMALL, save=False, precision="32-true"), SMALL, data=data)
        return model.classifiers

    whole = smartwatch.windows()
    changed = whole.sensor.clone()
    changed[whole.person == 3] = 5.0
    one, two = trained(whole), trained(whole._replace(sensor=changed))
    for name in one:
        same = all(torch.equal(a, b) for a, b in zip(one[name].parameters(), two[name].parameters()))
        assert same == name.startswith("3_"), name


def test_the_paired_gain_leads_and_says_how_the_build_was_chosen():
    results = smartwatch.evaluate(WATCH.make(SMALL))
    assert results[0].name == "watch_gain_over_accelerometer" and "redesigned" in results[0].note
    by_name = {result.name: result for result in results}
    assert by_name["watch_both"].over == "10 people" and by_name["watch_both"].control < 0.3
    gain = by_name["watch_both"].value - by_name["watch_gyroscope"].value
    assert by_name["watch_gain_over_gyroscope"].value == pytest.approx(gain, abs=1e-6)
    assert "watch_separation_shifted" in by_name


def test_windows_can_begin_later():
    assert torch.equal(smartwatch.windows(start=smartwatch.HOP).sensor[0], smartwatch.windows().sensor[1])


@pytest.mark.slow
def test_the_loop_of_the_notebook_trains_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    monkeypatch.setitem(WATCH.presets, "quick", SMALL)
    exec(cell_with("why_multimodal", "import matplotlib"), space := {})
    space["choice"].choose("quick")
    space |= {"LivePlot": LivePlot, "paths": paths}
    cell = cell_with("why_multimodal", "watch_run = WATCH.run(")
    assert same_weights(trained_by_cell(cell, space, "watch_model"), WATCH.trained(SMALL))
    shipped = loaded_by_cell(cell, space, "watch_run", "watch_model")
    assert same_weights(shipped, RECIPE.load("why_smartwatch")[0])
