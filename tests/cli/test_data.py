"""`mmatl-lab data`: what it tells of the data sets, and the pictures it draws."""

import subprocess
import sys

import pytest
from PIL import Image

from mmatl_lab.data import packed
from mmatl_lab.viz import datasets

NAMES = packed.names()
KEYS = ["name", "title", "megabytes", "counts", "licences", "sources", "folder"]


def test_list_names_every_set_with_its_size_and_licences(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    answer = run("data", "list")
    assert answer.code == 0 and "mmatl-lab data show NAME" in answer.err
    lines = answer.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == NAMES
    assert any("140 recordings, 10 people, 7 exercises" in line and "BSD-3-Clause" in line for line in lines)


def test_listing_is_quick():
    look = "import sys; sys.argv[1:] = ['data', 'list']; from mmatl_lab import cli\ntry: cli.main()\nfinally: "
    look += "print([name for name in ('torch', 'matplotlib', 'numpy') if name in sys.modules], file=sys.stderr)"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    assert found.returncode == 0 and found.stderr.splitlines()[-1] == "[]"


def test_help_names_the_commands(run):
    assert " data " in run("--help").out
    answer = run("data", "--help")
    assert answer.code == 0 and "list" in answer.out and "show" in answer.out


def test_list_as_json_is_one_object(run):
    listed = run("data", "list", "--json").json["data"]
    assert [fact["name"] for fact in listed] == NAMES
    assert all(list(fact) == KEYS for fact in listed)
    assert sum(fact["megabytes"] for fact in listed) < 7.3
    assert all(fact["sources"] and fact["licences"] and fact["counts"] for fact in listed)


def test_show_tells_all_and_draws_into_the_folder_of_runs(run, monkeypatch, tmp_path):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    answer = run("data", "show", "clipart")
    assert answer.code == 0
    path = tmp_path / "data" / "clipart.png"
    assert f"picture   {path}" in answer.out and "licence   Public domain" in answer.out
    assert Image.open(path).size > (800, 400)


@pytest.mark.parametrize("name", NAMES)
def test_every_set_has_a_picture(name):
    import matplotlib.pyplot as plt

    figure = getattr(datasets, name)()
    assert len(figure.axes) >= 14
    assert all(ax.images or ax.lines for ax in figure.axes)
    plt.close(figure)


def test_show_writes_where_it_is_told(run, tmp_path):
    fact = run("data", "show", "emoji", "--out", tmp_path / "new" / "a.png", "--json").json
    assert list(fact) == [*KEYS, "picture"]
    assert fact["picture"] == str(tmp_path / "new" / "a.png") and (tmp_path / "new" / "a.png").exists()
    assert run("data", "show", "emoji", "--out", tmp_path, "--json").json["picture"] == str(tmp_path / "emoji.png")


def test_an_unknown_name_is_one_sentence_with_the_nearest(run):
    answer = run("data", "show", "smartwach")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("mmatl-lab: no data set is called 'smartwach': did you mean 'smartwatch'?")
    assert run("data", "show").code == 2


def test_what_cannot_be_written_is_a_sentence(run, tmp_path):
    (tmp_path / "file").touch()
    answer = run("data", "show", "emoji", "--out", tmp_path / "file" / "a.png")
    assert answer.code == 1 and answer.out == "" and len(answer.err.splitlines()) == 1
