"""The recorded trainings and the tables of the lesson."""

import pytest

from mmatl_lab.lessons.balanced_learning import study
from mmatl_lab.lessons.balanced_learning.recipe import PROMISED, RECIPE
from mmatl_lab.lessons.balanced_learning.systems import STEPS
from mmatl_lab.lessons.balanced_learning.tasks import load
from mmatl_lab.lessons.balanced_learning.traces import CONTRASTS, EVERY, describe_traces, own, recorded, traced


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("method", ["normal", "independent"])
def test_a_recorded_training_has_every_look_of_the_full_one(method, contrast):
    trace = recorded("digits", method, contrast)
    assert len(trace.steps) == STEPS["digits"] // EVERY
    assert all(len(v) == len(trace.steps) for curves in trace.curves.values() for v in curves.values())


@pytest.mark.parametrize("method", ["normal", "independent", "mla"])
def test_the_trainings_on_frozen_features_are_recorded(method):
    trace = recorded("clip", method)
    assert set(own(trace)) == {"image", "text"} and len(trace.steps) == STEPS["clip"] // EVERY


@pytest.mark.parametrize("method", ["normal", "independent", "ogm", "qmf", "mla"])
def test_a_training_begins_as_it_was_recorded(method):
    looks = own(recorded("digits", method))
    for name, values in own(traced("digits", method, load("digits"), num_steps=EVERY + 1)).items():
        assert values[0] == pytest.approx(looks[name][0], abs=0.01)


def test_the_description_leaves_the_fused_answer_out():
    found = {"joint training": recorded("digits", "normal")}
    assert "image" in describe_traces(found) and "fused" not in describe_traces(found)


@pytest.mark.parametrize("data", study.SEEDS)
def test_the_table_has_the_differences_of_the_study(data):
    frame = study.results()
    rows = {tuple(row[:2]): row[2] for row in study.compared(frame, data).rows}
    gain = study.gain(frame, data, "mla", "independent").value
    assert rows["MLA − independent", "fused"] == f"{100 * gain:+.1f}"
    chosen = study.gain(frame, data, "mla", "normal", "weighted@clean", "test_fused").value
    assert rows["MLA (chosen weights) − joint", "fused"] == f"{100 * chosen:+.1f}"
    assert len(rows) == len(study.compared(frame, data).rows)


def test_what_the_others_add_is_fused_minus_the_strongest_alone():
    for row in study.contributions(study.results()).rows:
        strongest, fused, added = float(row[2].split()[1]), float(row[3]), float(row[4])
        assert added == pytest.approx(100 * (fused - strongest), abs=0.11)


def test_the_worst_cases_name_task_damage_and_rival():
    table = study.worst_cases(RECIPE.evaluate_all({}))
    assert {row[:2] for row in table.rows} == {(data, kind) for data in PROMISED for kind in ("noise", "gaps")}
    assert all((row[6] != "") == (row[1] == "noise") for row in table.rows)
