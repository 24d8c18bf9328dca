"""The sweep over λ_align: which points no other beats."""

from hypothesis import given
from hypothesis import strategies as st

from mmatl_lab.lessons.mmatl import sweep

share = st.integers(0, 5).map(lambda n: n / 5)


@given(st.lists(st.tuples(share, share), min_size=1, max_size=8))
def test_the_front_is_what_nothing_beats(points):
    def beats(a, b):
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    front = sweep.front(points)
    assert front
    for i, point in enumerate(points):
        assert (i in front) == (not any(beats(other, point) for other in points))


def test_what_is_shipped_has_every_strength_and_the_strongest_costs_the_task():
    frame = sweep.results()
    assert len(frame) == len(sweep.study().configs)
    for data in sweep.TASKS:
        points = sweep.points(frame, data)
        assert [strength for strength, *_ in points] == list(sweep.LAMBDAS)
        accuracy = {strength: accuracy for strength, accuracy, _ in points}
        assert accuracy[10.0] < accuracy[1.0] - 0.05  # too strong an alignment costs the task
