import json

import pytest

from mmatl_lab.lessons import Report, target


def report(**changes):
    fields = dict(
        lesson="clip",
        preset="quick",
        seconds=12.3456,
        metrics={"r1": 0.991, "r1_low": 0.98, "r1_high": 0.996, "num_scenes": 1000, "other_low": 0.5},
        controls={"r1": 0.001},
        ceilings={"r1": 1.0},
        targets={"r1": target(0.991, at_least=0.99)},
    )
    return Report(**(fields | changes))


def test_the_json_form_is_exact():
    assert json.loads(report().to_json()) == {
        "lesson": "clip", "preset": "quick", "seconds": 12.346,
        "metrics": {"r1": 0.991, "r1_low": 0.98, "r1_high": 0.996, "num_scenes": 1000, "other_low": 0.5},
        "controls": {"r1": 0.001}, "ceilings": {"r1": 1.0},
        "targets": {"r1": {"value": 0.991, "at_least": 0.99, "met": True}},
    }  # fmt: skip


def test_tensors_become_numbers():
    torch = pytest.importorskip("torch")
    made = report(metrics={"r1": torch.tensor(0.5)}, targets={"r1": target(torch.tensor(0.5), at_most=0.5)})
    assert json.loads(made.to_json())["metrics"] == {"r1": 0.5}
    assert made.targets["r1"] == {"value": 0.5, "at_most": 0.5, "met": True}


@pytest.mark.parametrize(
    ("value", "bound", "met"),
    [(0.99, {"at_least": 0.99}, True), (0.98, {"at_least": 0.99}, False), (0.6, {"at_most": 0.6}, True),
     (0.61, {"at_most": 0.6}, False)],
)  # fmt: skip
def test_a_bound_itself_is_met(value, bound, met):
    assert target(value, **bound)["met"] is met
    assert report(targets={"x": target(value, **bound)}).met is met


@pytest.mark.parametrize("bounds", [{}, {"at_least": 0, "at_most": 1}])
def test_a_target_has_one_bound(bounds):
    with pytest.raises(ValueError, match="has one bound"):
        target(0.5, **bounds)


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": {"x": float("nan")}},
        {"controls": {"x": float("inf")}},
        {"targets": {"x": target(float("nan"), at_least=0)}},
    ],
)
def test_numbers_are_finite(fields):
    with pytest.raises(ValueError, match="finite numbers, got x="):
        report(**fields)


def test_the_table_holds_intervals_beside_their_metric_and_leaves_empty_columns_out():
    lines = report().table().split("\n")
    assert lines[0] == "clip, preset quick, 12.3 s"
    assert lines[2].split() == ["r1", "0.991", "0.980", "…", "0.996", "0.001", "1.000", "✔", "met,", "≥", "0.990"]
    assert [line.split()[0] for line in lines[2:]] == ["r1", "num_scenes", "other_low"]  # no `other`, so no interval
    assert lines[3].split() == ["num_scenes", "1000"]
    assert "ceiling" not in report(ceilings={}).table()


def test_a_missed_target_without_a_metric_is_a_row_of_its_own():
    shown = report(targets={"gap": target(0.7, at_most=0.6)})
    assert "gap" in shown.table() and "✘ missed, ≤ 0.600" in shown.table()


def test_html_escapes_names_and_shows_the_verdict_by_sign_and_colour():
    html = report(metrics={"<b>": 1e-5}, targets={"r1": target(0.991, at_least=0.99)})._repr_html_()
    assert "&lt;b&gt;" in html and "1.00e-05" in html
    assert 'color:#009E73;font-weight:bold">✔ met' in html
