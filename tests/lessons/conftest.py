import importlib
from types import SimpleNamespace

import pytest

from mmatl_lab.lessons import choices, record


@pytest.fixture(autouse=True)
def nothing_done(monkeypatch):
    """Every test begins without progress, and leaves none."""
    monkeypatch.setattr(record, "_unkept", [])
    monkeypatch.setattr(record, "_told", set())


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A kernel that keeps progress on disk: the file, which is not there yet."""
    monkeypatch.delenv("MMATL_LAB_HEADLESS")
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "progress.jsonl"))
    return tmp_path / "progress.jsonl"


@pytest.fixture
def toy_questions(monkeypatch):
    """Two predictions and a quiz of two in place of what the lessons register."""
    monkeypatch.setattr(choices, "_registered", {})
    for module in (choices, importlib.import_module("mmatl_lab.lessons.progress")):
        monkeypatch.setattr(module, "exercises", lambda lesson: [])
    choices.register("predict", "toy.rise", "Rise or $f$?", ("rise", "fall <"), "fall <", "It is heavy.")
    choices.register("predict", "toy.later", "Later?", ("yes", "no"), 1, "Soon.")
    choices.register("quiz", "toy.q1", "How many?", ("one", "two", "three"), "two", "One and one.")
    choices.register("quiz", "toy.q2", "Which?", ("this", "that"), "this", "It is near.")


@pytest.fixture
def live(kept, monkeypatch):
    """A live notebook, as far as widgets ask for one, that keeps progress on disk."""
    import IPython
    import ipywidgets  # noqa: F401  # it keeps the get_ipython that it finds when it is imported: not the one of a test

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
