"""The learner's function is called with copies of whatever it is given, and cannot spoil or stop anything."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from mmatl_lab.lessons.attempt import Attempt, Raised, Shared, Wrong, copied


def endless(x):
    while True:
        try:
            x = x + 1
        except Exception:
            pass


def test_an_endless_loop_is_stopped():
    started = time.monotonic()
    with pytest.raises(Wrong, match="stopped after 0 s"):
        Attempt(endless, seconds=0.2)(torch.ones(1))
    assert time.monotonic() - started < 2


def test_all_calls_share_the_time():
    def slow(x):
        time.sleep(0.15)
        return x

    attempt = Attempt(slow, seconds=0.25)
    attempt(torch.ones(1))
    with pytest.raises(Wrong, match="stopped"):
        attempt(torch.ones(1))


def test_raised_keeps_the_cause():
    with pytest.raises(Raised) as caught:
        Attempt(lambda x: x.no_such_thing)(torch.ones(1))
    assert isinstance(caught.value.__cause__, AttributeError)


@dataclass(frozen=True)
class Batch:
    image: torch.Tensor
    words: list


class Pair(NamedTuple):
    image: torch.Tensor
    text: torch.Tensor


def ones():
    return torch.ones(2)


@pytest.mark.parametrize(
    ("given", "write"),
    [
        ({"image": {"left": ones()}}, lambda x: x["image"]["left"].add_(1)),
        ([ones(), ones()], lambda x: x[1].zero_()),
        ((ones(), (ones(),)), lambda x: x[1][0].mul_(3)),
        (Batch(ones(), []), lambda x: x.image.neg_()),
        (Pair(ones(), ones()), lambda x: x.text.neg_()),
        ({"image": ones()}, lambda x: x.pop("image")),
        (["a", "dog"], lambda x: x.append("end")),
        (["a", "dog"], lambda x: x.reverse()),
        ([ones()], lambda x: x.__setitem__(0, None)),
        (Batch(ones(), ["dog"]), lambda x: x.words.clear()),
        (torch.nn.Linear(2, 2), lambda x: torch.nn.init.zeros_(x.weight)),
    ],
)
def test_writing_into_an_input_is_told_at_any_depth_and_does_no_harm(given, write):
    before = copied(given)
    for attempt, case in [
        (Attempt(lambda x: (write(x), 1)[1]), (given,)),
        (Attempt(lambda *, x: (write(x), 1)[1]), {}),
    ]:
        with pytest.raises(Wrong, match="writes into|changes"):
            attempt(*case, **({} if case else {"x": given}))
    Attempt(lambda x: 1)(given)
    if not isinstance(given, torch.nn.Module):
        assert repr(given) == repr(before)


def test_copies_keep_their_types():
    given = {"b": Batch(ones(), ["dog"]), "p": Pair(ones(), ones()), "none": None, "nan": float("nan")}
    assert repr(Attempt(lambda x: x)(given)) == repr(given)
    assert torch.nn.Linear(2, 2).weight.requires_grad and copied(torch.nn.Linear(2, 2)).weight.requires_grad


def test_what_is_shared_may_be_changed():
    model = torch.nn.Linear(2, 2)
    Attempt(lambda m: torch.nn.init.zeros_(m.weight) is not None)(Shared(model))
    assert not model.weight.any()


def test_gradients_flow_to_the_inputs():
    x = ones().requires_grad_()
    Attempt(lambda x: (x**2).sum())(x).backward()
    assert x.grad.tolist() == [2, 2]


def test_each_call_sees_the_same_random_numbers():
    generator = torch.Generator().manual_seed(3)
    attempt = Attempt(lambda generator: torch.randn(3, generator=generator) + torch.rand(3))
    assert torch.equal(attempt(generator), attempt(generator))
    assert torch.equal(attempt(generator), Attempt(attempt.function)(generator=generator))
