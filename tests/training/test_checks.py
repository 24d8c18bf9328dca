"""What training refuses before it begins."""

import pytest

from mmatl_lab.training import check_seed


def test_a_seed_kept_for_evaluation_is_refused():
    assert check_seed(3, (10_000, 10_001)) == 3
    with pytest.raises(ValueError, match="seed 10001 is kept for evaluation: training with it would see the test data"):
        check_seed(10_001, (10_000, 10_001))


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)])
def test_what_is_no_seed_is_refused(seed, error):
    with pytest.raises(error, match="seed"):
        check_seed(seed, ())
