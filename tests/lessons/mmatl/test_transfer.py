"""Label transfer: the target's labels are never seen, pairs are pairs, and swapped classes are found."""

from dataclasses import replace

import pytest
import torch

from mmatl_lab.lessons.balanced_learning.tasks import Examples
from mmatl_lab.lessons.mmatl import transfer
from mmatl_lab.lessons.mmatl.systems import make_system
from mmatl_lab.lessons.mmatl.tasks import Task
from mmatl_lab.models.mmatl import UNLABELLED
from mmatl_lab.seeding import seeded


@pytest.fixture
def task() -> Task:
    """Digits in form alone: the first number of each view is the place of its event."""
    g, n = seeded(3), 400
    views = {name: torch.rand(n, size, generator=g) for name, size in (("image", 196), ("audio", 400))}
    for x in views.values():
        x[:, 0] = torch.arange(n)
    part = Examples(views, torch.randint(10, (n,), generator=g))
    return Task(part, part, part)


def draw(task, **changes):
    options = {"known": ("image",), "pairs": False, "generator": seeded(5)} | changes
    labelled = transfer.few(task.train.label, 4, generator=seeded(4))
    views, y = transfer.draw(task.train, labelled, 64, **options)
    places = {name: x[:, 0].long() for name, x in views.items()}
    return places, y, labelled


def test_few_labels_are_as_many_of_each_class_as_there_are():
    label = torch.tensor([0] * 10 + [1] * 3 + [2] * 50)
    places = transfer.few(label, 4, generator=seeded(0))
    assert label[places].bincount().tolist() == [4, 3, 4] and len(places.unique()) == 11
    assert not torch.equal(places, transfer.few(label, 4, generator=seeded(1)))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("known", [("image",), ("image", "audio")])
def test_a_batch_has_labels_of_the_known_modalities_and_of_labelled_examples_alone(task, pairs, known):
    places, y, labelled = draw(task, pairs=pairs, known=known)
    assert y.shape == (64, 2) and (y[:32] == UNLABELLED).all()
    for column, name in enumerate(task.train.views):
        if name in known:
            assert torch.equal(y[32:, column], task.train.label[places[name][32:]])
            assert torch.isin(places[name][32:], labelled).all()
        else:
            assert (y[:, column] == UNLABELLED).all()


def test_pairs_are_of_one_event_and_others_are_not(task):
    together, apart = draw(task, pairs=True)[0], draw(task, pairs=False)[0]
    assert torch.equal(together["image"], together["audio"])
    assert (apart["image"] == apart["audio"]).float().mean() < 0.1


@pytest.mark.parametrize("method", transfer.METHODS)
def test_each_method_trains_on_every_task_that_needs_no_scenes(task, method):
    settings = replace(transfer.settings("digits", method), num_steps=2)
    system = replace(make_system("digits", settings), fit=transfer.fit, needs=())
    known = {"known": ("image",), "labels": 2, "pairs": transfer.METHODS[method].pairs}
    model = system.trained(settings, needed={"task": task, **known})
    counts = transfer.confusion(model, task.test, "audio")
    assert counts.shape == (10, 10) and counts.sum() == 400
    assert torch.equal(counts.sum(1), task.test.label.bincount(minlength=10))


def test_swapped_classes_are_found():
    right = torch.diag(torch.tensor([5, 7, 9]))
    assert transfer.best_permutation(right[:, [1, 0, 2]]) == transfer.best_permutation(right) == 1
    assert transfer.best_permutation(torch.ones(4, 4, dtype=torch.long)) == 0.25


def test_a_confusion_is_read_as_it_was_kept():
    text = "5 0;1 4"
    assert transfer.read_confusion(text).tolist() == [[5, 0], [1, 4]]


def test_every_curve_has_its_ceiling_and_its_control():
    cells = transfer.study().configs
    for data in transfer.DIRECTIONS:
        own = [c for c in cells if c["data"] == data and c["labels"] == transfer.MOST]
        methods = transfer.METHODS if data == "digits" else transfer.ELSEWHERE
        assert {c["method"] for c in own if c["labelled"] == "source"} == set(methods)
        assert any(c["method"] == "none" and c["labelled"] == "both" for c in own)
    assert min(len({c["seed"] for c in cells if c["method"] == m}) for m in transfer.METHODS) >= 5


def test_pairs_carry_labels_over_and_what_is_shipped_has_all_cells():
    frame = transfer.results()
    assert len(frame) == len(transfer.study().configs)
    assert transfer.gain(frame, "digits", "contrast").low > 0.2
    counts = transfer.read_confusion(frame.confusion.dropna().iloc[0])
    assert transfer.best_permutation(counts) == pytest.approx(frame.permuted[frame.confusion.notna()].iloc[0])
