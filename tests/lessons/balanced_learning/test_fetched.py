"""The papers' data sets as tasks, on miniature copies in their published formats."""

import pytest
import torch

from mmatl_lab.lessons.balanced_learning import tasks
from mmatl_lab.lessons.balanced_learning.fetched import WORDS, vector
from mmatl_lab.lessons.balanced_learning.recipe import RECIPE
from mmatl_lab.lessons.balanced_learning.systems import configure
from mmatl_lab.lessons.balanced_learning.tasks import FETCHED, SOURCES

from ...data.miniatures import write_cremad, write_food101, write_iemocap, write_mvsa

CLIPS = tuple(f"{actor}_DFA_{code}_XX" for actor in range(1001, 1006) for code in ("ANG", "DIS", "NEU"))


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A miniature copy of each data set where the loaders look for them."""
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    tasks.load.cache_clear()
    write_cremad(tmp_path / "data/cremad", CLIPS)
    write_food101(tmp_path / "data/food101", number=20)
    write_mvsa(tmp_path / "data/mvsa", {str(i): "negative,neutral" for i in range(1, 41)})
    write_iemocap(tmp_path / "data/iemocap")
    yield tmp_path
    tasks.load.cache_clear()


@pytest.mark.parametrize("name", FETCHED)
def test_a_fetched_task_has_the_modalities_of_its_source_and_trains(copies, name):
    source, task = SOURCES[name], tasks.load(name)
    for part in task:
        assert {m: x.shape[1] for m, x in part.views.items()} == dict(source.modalities)
        assert all(len(x) == len(part.label) > 0 and x.isfinite().all() for x in part.views.values())
        assert part.label.max() < len(source.classes)
    for method in ("normal", "mla", "qmf"):
        system = configure({"data": name, "method": method})
        settings = system.settings("quick")
        model = system.trained(settings.__class__(2, settings.model, 4, settings.lr, name), seed=0, needed={})
        assert system.evaluate(model)


def test_the_data_options_name_every_task_and_say_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    tasks.load.cache_clear()
    for name in FETCHED:
        assert RECIPE.configured({"data": name})
        with pytest.raises(FileNotFoundError, match="put it there"):
            tasks.load(name)


def test_words_are_counted_once_and_padding_is_not():
    x = vector(torch.tensor([[5, 5, WORDS + 7, 0], [0, 0, 0, 0]]), "text")
    assert x.nonzero().tolist() == [[0, 5], [0, 7]] and x.max() == 1
