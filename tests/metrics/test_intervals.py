import pytest
import torch

from mmatl_lab.metrics.intervals import bootstrap, student, wilson


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_wilson_is_scipys():
    from scipy.stats import binomtest

    for successes, n in [(0, 10), (3, 10), (10, 10), (999, 1000), (1, 3)]:
        expected = binomtest(successes, n).proportion_ci(0.9, method="wilson")
        assert wilson(successes, n, 0.9) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_student_is_scipys():
    from scipy.stats import t

    values = normal(5)
    expected = t.interval(0.95, 4, loc=values.mean(), scale=values.std() / 5**0.5)
    assert student(values) == pytest.approx(expected)


def coverage(intervals, truth):
    return sum(low <= truth <= high for low, high in intervals) / len(intervals)


def test_wilson_covers_what_it_says():
    draws = torch.binomial(
        torch.full((4000,), 60.0), torch.tensor(0.9).expand(4000), generator=torch.Generator().manual_seed(0)
    )
    assert 0.92 < coverage([wilson(s, 60) for s in draws.tolist()], 0.9) < 0.98


def test_bootstrap_covers_what_it_says_with_enough_items():
    intervals = [bootstrap(row, resamples=400) for row in normal(600, 50)]
    assert 0.90 < coverage(intervals, 0.0) < 0.98


def test_five_seeds_need_student_since_a_bootstrap_covers_too_little():
    runs = normal(1000, 5)
    assert 0.93 < coverage([student(row) for row in runs], 0.0) < 0.97
    assert coverage([bootstrap(row, resamples=300) for row in runs[:400]], 0.0) < 0.88


def test_bootstrap_repeats_itself_and_takes_a_statistic():
    values = normal(200)
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values) != bootstrap(values, generator=torch.Generator().manual_seed(1))
    low, high = bootstrap(values, lambda x: x.median(1).values)
    assert low <= values.median() <= high


def test_bootstrap_of_many_values_goes_in_pieces():
    low, high = bootstrap(normal(200_000), resamples=50)  # 21 resamples at a time
    assert low < 0.01 and high > -0.01 and high - low < 0.02


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilson(5, 4), "got 5 of 4"),
        (lambda: wilson(0, 0), "got 0 of 0"),
        (lambda: wilson(1, 4, confidence=95), "give .95"),
        (lambda: student([1.0]), "two or more"),
        (lambda: bootstrap([1.0, float("nan")]), "finite"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
