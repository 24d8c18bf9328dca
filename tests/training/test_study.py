"""Studies: what is kept, what is computed again, and how methods are compared."""

import json
import math
import os
import signal

import pytest
import torch

from mmatl_lab import paths
from mmatl_lab.metrics.intervals import student
from mmatl_lab.training import Run, Study, paired

GRID = {"method": ["late", "gated"], "seed": range(3)}


class Cell:
    """Counts its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, method, seed):
        self.calls.append((method, seed))
        return {"accuracy": torch.tensor(len(method) + seed / 10), "name": method.upper()}


def test_one_row_a_cell(tmp_path, capsys):
    frame = Study("fusion", Cell(), GRID, folder=tmp_path).run()
    assert list(frame.columns) == ["method", "seed", "accuracy", "name"]
    assert frame[["method", "seed"]].values.tolist() == [[m, s] for m in GRID["method"] for s in GRID["seed"]]
    assert frame.accuracy.tolist() == pytest.approx([4.0, 4.1, 4.2, 5.0, 5.1, 5.2])
    assert capsys.readouterr().out.startswith("fusion: 6 of 6 cells in ")


def test_what_is_on_disk_is_not_computed_again(tmp_path, capsys):
    first, second = Cell(), Cell()
    Study("fusion", first, GRID | {"seed": range(2)}, folder=tmp_path).run()
    frame = Study("fusion", second, GRID, folder=tmp_path).run()
    assert len(first.calls) == 4 and second.calls == [("late", 2), ("gated", 2)] and len(frame) == 6
    assert f"6 of 6 cells in 0 s, 4 of them from {tmp_path / 'fusion'}" in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"version": 2}, {"name": "other"}])
def test_another_version_or_study_computes_anew(tmp_path, change):
    Study("fusion", Cell(), GRID, folder=tmp_path).run()
    again = Cell()
    Study(**{"name": "fusion", "cell": again, "grid": GRID, "folder": tmp_path} | change).run()
    assert len(again.calls) == 6


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\x00", b'{"study": "fusion", "version": 1}'])
def test_a_damaged_cell_is_computed_again(tmp_path, content):
    study = Study("fusion", Cell(), GRID, folder=tmp_path)
    before = study.run()
    study._path({"method": "gated", "seed": 1}).write_bytes(content)
    again = Cell()
    with pytest.warns(UserWarning, match="the cell method='gated', seed=1 at .* is damaged and is computed again"):
        frame = Study("fusion", again, GRID, folder=tmp_path).run()
    assert again.calls == [("gated", 1)] and frame.equals(before)


def test_a_cell_of_another_configuration_is_not_taken(tmp_path):
    study = Study("fusion", Cell(), GRID, folder=tmp_path)
    study.run()
    one, other = ({"method": "late", "seed": seed} for seed in (0, 1))
    study._path(one).write_bytes(study._path(other).read_bytes())
    with pytest.warns(UserWarning, match="damaged"):
        assert study.run().accuracy[0] == pytest.approx(4.0)


def test_ctrl_c_stops_after_the_current_cell_even_inside_a_training(tmp_path, capsys):
    """The training of the cell is not cut short: half of it would be kept as a whole one."""
    steps = []

    def cell(seed):
        model = torch.nn.Linear(2, 1)
        run = Run(model, "cell", 4, save=False, seed=seed)
        for step, _ in run:
            if (seed, step) == (1, 1):
                os.kill(os.getpid(), signal.SIGINT)
            run.step(model(torch.ones(3, 2)).mean())
        steps.append(run.done)
        return {"steps": run.done}

    frame = Study("runs", cell, {"seed": range(4)}, folder=tmp_path).run()
    assert steps == [4, 4] and frame.seed.tolist() == [0, 1]
    out = capsys.readouterr().out
    assert out.startswith("runs: 2 of 4 cells") and "run() again goes on from here" in out and out.count("\n") == 1
    assert Study("runs", cell, {"seed": range(4)}, folder=tmp_path).run().steps.tolist() == [4] * 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_cell_that_raises_names_its_configuration(tmp_path):
    def cell(method, seed):
        if (method, seed) == ("gated", 1):
            raise ValueError("no such gate")
        return {"accuracy": 1.0}

    study = Study("fusion", cell, GRID, folder=tmp_path)
    with pytest.raises(RuntimeError, match="method='gated', seed=1 of the study 'fusion' failed .*no such gate"):
        study.run()
    assert len(study.frame()) == 4


@pytest.mark.parametrize("wrong", [3.0, {"seed": 1.0}, {"accuracy": torch.zeros(2)}, {"accuracy": [1, 2]}])
def test_metrics_that_are_no_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(RuntimeError, match="method='late', seed=0"):
        Study("fusion", lambda **_: wrong, GRID, folder=tmp_path).run()


def test_a_metric_that_is_not_finite_is_kept_as_nan(tmp_path):
    study = Study("fusion", lambda seed: {"loss": math.nan if seed else 0.5}, {"seed": range(2)}, folder=tmp_path)
    for frame in (study.run(), Study.load(study.save(tmp_path / "study.json"))):
        assert frame.loss.isna().tolist() == [False, True]
    json.loads((tmp_path / "study.json").read_text(), parse_constant=pytest.fail)


def test_seeds_are_handed_over_together(tmp_path):
    calls = []

    def cell(method, seeds):
        calls.append((method, seeds))
        return [{"accuracy": seed / 10} for seed in seeds]

    kwargs = {"folder": tmp_path, "seeds_together": True}
    Study("fusion", cell, GRID | {"seed": [1]}, **kwargs).run()
    frame = Study("fusion", cell, GRID, **kwargs).run()
    assert calls == [("late", [1]), ("gated", [1]), ("late", [0, 2]), ("gated", [0, 2])]
    assert frame.accuracy.tolist() == [0.0, 0.1, 0.2] * 2
    with pytest.raises(RuntimeError, match="expected metrics of 3 seeds, got 1"):
        Study("few", lambda method, seeds: [{}], GRID, **kwargs).run()
    with pytest.raises(ValueError, match="no column 'seed'"):
        Study("none", cell, {"method": ["late"]}, **kwargs)


def test_a_list_of_grids_and_a_carried_file(tmp_path):
    grids = [{"method": ["late"], "seed": [0]}, {"method": ["gated"], "seed": [5, 6]}]
    study = Study("fusion", Cell(), grids, folder=tmp_path)
    frame = study.run()
    assert frame.seed.tolist() == [0, 5, 6]
    assert Study.load(study.save(tmp_path / "results" / "fusion.json")).equals(frame)


def test_a_study_is_shipped_when_all_its_cells_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "bundle", lambda: tmp_path)
    monkeypatch.setattr(paths, "asset", lambda relative: tmp_path / "assets" / relative)
    study = Study("fusion", Cell(), {"method": ["late"], "seed": [0, 1]}, folder=tmp_path)
    monkeypatch.setattr(study, "run", lambda: study.frame())  # as after Ctrl-C: no cell is there
    study.ship()
    with pytest.raises(FileNotFoundError, match="no study at"):
        Study.shipped("fusion")
    monkeypatch.undo()
    monkeypatch.setattr(paths, "bundle", lambda: tmp_path)
    monkeypatch.setattr(paths, "asset", lambda relative: tmp_path / "assets" / relative)
    study.ship()
    assert Study.shipped("fusion").equals(study.frame())


def test_wrong_grids_and_files(tmp_path):
    with pytest.raises(ValueError, match="no cells"):
        Study("fusion", Cell(), {"method": []}, folder=tmp_path)
    with pytest.raises(ValueError, match="method='late', seed=0 is in the grid of the study 'fusion' twice"):
        Study("fusion", Cell(), [{"method": ["late"], "seed": [0]}] * 2, folder=tmp_path)
    with pytest.raises(TypeError, match="column 'method' holds a Linear"):
        Study("fusion", Cell(), {"method": [torch.nn.Linear(1, 1)]}, folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no study at .*none\.json"):
        Study.load(tmp_path / "none.json")
    for content in ("[]", "{", '{"cells": 3}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ValueError, match="is no file of a study"):
            Study.load(tmp_path / "bad.json")


# Comparisons --------------------------------------------------------------------------------------------------------


def test_a_difference_is_taken_seed_by_seed(tmp_path):
    values = {"late": [0.3, 0.5, 0.1], "gated": [0.4, 0.7, 0.4]}
    grid = {"method": ["late", "gated"], "seed": [2, 0, 1]}
    frame = Study("f", lambda method, seed: {"accuracy": values[method][seed]}, grid, folder=tmp_path).run()
    found = paired(frame, "accuracy", {"method": "gated"}, {"method": "late"})
    low, high = student([0.1, 0.2, 0.3])
    assert found == pytest.approx((0.2, low, high, 3)) and not found.shown
    reverse = paired(frame, "accuracy", {"method": "late"}, {"method": "gated"})
    assert reverse == pytest.approx((-0.2, -high, -low, 3))


def test_rows_that_do_not_pair_are_refused(tmp_path):
    grids = [{"method": ["late"], "seed": [0, 1]}, {"method": ["gated"], "seed": [0, 2]}]
    frame = Study("f", Cell(), grids, folder=tmp_path).run()
    with pytest.raises(ValueError, match="method='gated' and method='late' have 2 and 2 rows that do not pair"):
        paired(frame, "accuracy", {"method": "gated"}, {"method": "late"})
    with pytest.raises(ValueError, match="no column 'persons': choose one of method, seed"):
        paired(frame, "accuracy", {"method": "gated"}, {"method": "late"}, over="persons")
