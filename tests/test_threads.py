"""The number of threads follows the machine, unless it was set."""

import pytest
import torch

from mmatl_lab import threads
from mmatl_lab.threads import Threads, calm_threads, candidates


@pytest.fixture
def four(monkeypatch):
    """A torch with four threads, which measures what the test says; a clock that the test moves."""
    before, found = torch.get_num_threads(), [4]

    def fastest(counts):
        clock.now += 0.05
        torch.set_num_threads(found[0])
        return found[0]

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "time", clock)
    monkeypatch.setattr(threads, "fastest", fastest)
    monkeypatch.setattr(threads, "_measured", (-float("inf"), 0))
    torch.set_num_threads(4)
    yield clock, found
    torch.set_num_threads(before)


def test_candidates_are_halves():
    assert candidates(1) == [1] and candidates(2) == [2, 1] and candidates(12) == [12, 6, 3, 1]


def test_a_slow_step_asks_anew_and_a_free_core_is_found_again(four):
    clock, found = four
    with calm_threads() as now:
        for _ in range(30):
            clock.now += 0.2
            now.tick()
        assert now.now == torch.get_num_threads() == 4
        found[0] = 1
        clock.now += 0.3  # a little slower: nothing is asked
        now.tick()
        assert now.now == 4
        clock.now += 2.0
        now.tick()
        assert now.now == torch.get_num_threads() == 1
        found[0] = 4
        for _ in range(20):
            clock.now += 0.6
            now.tick()
        assert now.now == 4
    assert torch.get_num_threads() == 4


def test_a_measurement_holds_for_some_seconds(four):
    clock, found = four
    found[0] = 2
    for wait, expected in ((1.0, 2), (20.0, 1)):
        with calm_threads():
            assert torch.get_num_threads() == expected or expected == 1
        found[0] = 1
        clock.now += wait
        with calm_threads():
            assert torch.get_num_threads() == expected


def test_a_number_that_was_set_is_kept(four, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    four[1][0] = 1
    with calm_threads() as now:
        assert torch.get_num_threads() == now.now == 4
    monkeypatch.delenv("OMP_NUM_THREADS")
    with calm_threads(adapt=False):
        assert torch.get_num_threads() == 4


def test_measuring_gives_one_of_the_numbers():
    before = torch.get_num_threads()
    assert threads.fastest([1]) == 1
    torch.set_num_threads(before)
    assert Threads(1, adapt=True).now == 1
