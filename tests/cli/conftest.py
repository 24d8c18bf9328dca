"""A command line in this process, and a lesson that costs nothing."""

import json
import os
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mmatl_lab import cli, lessons
from mmatl_lab.lessons.results import Report, Result
from mmatl_lab.training.checkpoint import save_checkpoint, unfinished_path


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, capsys):
    """`run("train", "clip")` is `mmatl-lab train clip`: its exit code and what it printed."""

    for name in (
        "GRADIO_TEMP_DIR",
        "GRADIO_RUN_HISTORY",
        "no_proxy",
        "NO_PROXY",
    ):  # a demo sets them; the next test has them as they were
        monkeypatch.setenv(name, os.environ.get(name, ""))

    def call(*words) -> Answer:
        monkeypatch.setattr("sys.argv", ["mmatl-lab", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        return Answer(end.value.code or 0, printed.out, printed.err)

    return call


class Recipe:
    """What a recipe promises; it keeps how it was called."""

    minutes = {"shipped": 2, "quick": 0.5, "full": 4, "gpu": 8}
    presets = ("quick", "full", "gpu")
    checkpoints = ("toy_small", "toy_large")

    def __init__(self):
        self.calls, self.steps = [], 10  # steps done, of 10

    def train(self, preset, *, folder, resume=False, seed=0, only=None):
        self.calls.append(("train", preset, folder, resume, seed, only))
        print("training talks")
        made = {name: folder / f"{name}.safetensors" for name in self.checkpoints if only in (None, name)}
        folder.mkdir(exist_ok=True)
        if self.steps < 10:
            made = {name: unfinished_path(path) for name, path in made.items()}
        for path in made.values():
            card = {
                "step": self.steps,
                "settings": {"num_steps": 10},
                "seconds": 2.0,
                "training": {"loss": 0.5, "gap": None},
                "metrics": {"accuracy": 0.75},
            }
            save_checkpoint(path, {}, card)
        return made

    def configured(self, words):
        if "size" not in words:
            raise ValueError(f"training 'toy' takes no option --{next(iter(words))}: it has --size")
        self.calls.append(("configured", words))
        return self

    def evaluate(self, *, folder=None, device="auto", write=False):
        self.calls.append(("evaluate", folder))
        print("evaluation talks")
        result = Result("accuracy", "toys told apart", 0.9, control=0.1, ceiling=1.0, at_least=0.8)
        return Report("toy", "full", 1.5, (result,))


@pytest.fixture
def toy(monkeypatch):
    """The only lesson there is."""
    lesson = SimpleNamespace(
        name="toy", number=7, title="Toys can be told apart", recipe=Recipe(), trains=True, has_demo=True
    )

    def get(name):
        if name != "toy":
            raise ValueError(f"no lesson is called {name!r}: did you mean 'toy'? The lessons are toy")
        return lesson

    monkeypatch.setattr(lessons, "names", lambda: ["toy"])
    monkeypatch.setattr(lessons, "get", get)
    return lesson
