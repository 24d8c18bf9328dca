"""The recorded trainings and the tables of the lesson."""

import pytest

from mmatl_lab.lessons.balanced_learning import study
from mmatl_lab.lessons.balanced_learning.recipe import RECIPE
from mmatl_lab.lessons.balanced_learning.systems import STEPS
from mmatl_lab.lessons.balanced_learning.tasks import load
from mmatl_lab.lessons.balanced_learning.traces import CONTRASTS, EVERY, describe_traces, own, recorded, traced


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("method", ["normal", "independent"])
def test_a_recorded_training_has_every_look_of_the_full_one(method, contrast):
    trace = recorded("digits", method, contrast)
    assert len(trace.steps) == STEPS["digits"] // EVERY
    assert all(len(v) == len(trace.steps) for curves in trace.curves.values() for v in curves.values())


@pytest.mark.parametrize("method", ["normal", "independent", "ogm", "mla"])
def test_a_training_begins_as_it_was_recorded(method):
    looks = own(recorded("digits", method))
    for name, values in own(traced("digits", method, load("digits"), EVERY + 1)).items():
        assert values[0] == pytest.approx(looks[name][0], abs=0.01)


def test_the_description_leaves_the_fused_answer_out():
    found = {"joint training": recorded("digits", "normal")}
    assert "image" in describe_traces(found) and "fused" not in describe_traces(found)


def test_the_table_has_the_differences_of_the_study():
    frame = study.results()
    rows = {tuple(row[:3]): row[3] for row in study.compared(frame).rows}
    gain = study.gain(frame, "digits", "mla", "independent").mean
    assert rows["digits", "MLA − independent", "fused"] == f"{100 * gain:+.1f}"
    assert ("smartwatch", "OGM − joint", "fused") not in rows  # was not trained there


def test_the_worst_cases_name_task_damage_and_rival():
    table = study.worst_cases(RECIPE.evaluate_all({}))
    assert {row[:2] for row in table.rows} == {(data, kind) for data in study.SEEDS for kind in ("noise", "gaps")}
    assert all((row[6] != "") == (row[1] == "noise") for row in table.rows)
