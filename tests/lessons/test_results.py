"""Results and reports: every number keeps its interval, control, ceiling and target, in JSON, in text and on a page."""

import json
import math

import pytest
import torch

from mmatl_lab.lessons import Report, Result
from mmatl_lab.lessons.results import metrics_of


def report(*more) -> Report:
    r1 = Result("r1", "image → text, of 1,000", 0.991, 0.98, 0.996, "12 galleries", 0.001, 1.0, at_least=0.99)
    return Report("clip", "full", 12.3456, (r1, Result("gap", "modality gap", 0.71, at_most=0.6), *more))


def test_the_json_form_is_exact():
    assert json.loads(report("a sentence").to_json()) == {
        "lesson": "clip", "preset": "full", "seconds": 12.346,
        "metrics": {"r1": 0.991, "r1_low": 0.98, "r1_high": 0.996, "gap": 0.71},
        "controls": {"r1": 0.001}, "ceilings": {"r1": 1.0},
        "targets": {"r1": {"value": 0.991, "at_least": 0.99, "met": True},
                    "gap": {"value": 0.71, "at_most": 0.6, "met": False}},
    }  # fmt: skip


def test_hits_become_a_share_with_an_interval_over_the_items():
    result = Result.from_hits("x", "X", torch.tensor([True] * 90 + [False] * 10), of="scenes", control=0.5)
    assert result.value == pytest.approx(0.9) and result.over == "100 scenes" and result.control == 0.5
    assert result.low == pytest.approx(0.8256, abs=1e-3) and result.high == pytest.approx(0.9448, abs=1e-3)  # Wilson


def test_values_become_a_mean_with_students_interval():
    result = Result.from_values("x", "X", [0.1, 0.2, 0.3], of="people")
    reach = 4.3027 * 0.1 / math.sqrt(3)
    assert (result.value, result.over) == (pytest.approx(0.2), "3 people")
    assert (result.low, result.high) == (pytest.approx(0.2 - reach, abs=1e-4), pytest.approx(0.2 + reach, abs=1e-4))


@pytest.mark.parametrize(
    ("value", "bound", "met"),
    [(0.99, {"at_least": 0.99}, True), (0.98, {"at_least": 0.99}, False), (0.6, {"at_most": 0.6}, True)],
)
def test_a_bound_itself_is_met(value, bound, met):
    result = Result("x", "X", torch.tensor(value, dtype=torch.double), **bound)
    assert result.target == {"value": value, **bound, "met": met}
    assert Report("a", "full", 0, (result,)).met is met


@pytest.mark.parametrize("field", ["value", "low", "control", "ceiling", "at_least"])
def test_numbers_are_finite(field):
    with pytest.raises(ValueError, match=f"x: {field} is nan"):
        Result(**({"name": "x", "label": "X", "value": 0.5} | {field: math.nan}))


def test_a_target_has_one_bound():
    with pytest.raises(ValueError, match="has one bound"):
        Result("x", "X", 0.5, at_least=0, at_most=1)


def test_people_read_labels_and_never_a_key_or_a_power_of_ten():
    text, page = str(report(Result("tiny_thing", "tiny", 7.22e-4))), report()._repr_html_()
    assert "image → text, of 1,000" in text and "✔ met, ≥ 0.990" in text and "✘ missed, ≤ 0.600" in text
    assert "12 galleries" in text and "0.980 to 0.996" in text and "e-04" not in text and "tiny_thing" not in text
    assert "image → text, of 1,000" in page and "✘</b> missed" in page


def test_samples_are_shown_after_the_numbers_and_notes_with_them():
    class Picture:
        def _repr_html_(self):
            return "<img>"

    shown = report(Picture(), Result("r", "held-out style", 0.1, note="the old target was .3"))
    assert len(shown.samples) == 1 and shown["r"].value == 0.1
    assert shown._repr_html_().endswith("<img>") and "held-out style: the old target was .3" in str(shown)
    with pytest.raises(KeyError, match="no result is called 'x': there are r1, gap"):
        report()["x"]


def test_a_card_holds_the_same_numbers():
    assert metrics_of(report().results) == report().to_dict()["metrics"]
