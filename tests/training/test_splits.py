"""Leave one group out."""

import pytest
import torch

from mmatl_lab.training import folds

GROUPS = ["b", "a", "c", "a", "b", "c", "c"]


@pytest.mark.parametrize("validation", [False, True])
def test_each_group_is_held_out_once_and_no_group_is_in_two_parts(validation):
    found = list(folds(GROUPS, validation=validation))
    assert [fold.held_out for fold in found] == ["a", "b", "c"]
    for fold in found:
        parts = [{GROUPS[i] for i in part.tolist()} for part in (fold.train, fold.validation, fold.test)]
        assert parts[2] == {fold.held_out} and len(parts[1]) == validation
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert sorted(torch.cat(fold[1:]).tolist()) == list(range(7))
    if validation:
        assert len({GROUPS[fold.validation[0]] for fold in found}) == 3


def test_inner_folds_never_touch_the_held_out_group():
    groups = torch.tensor([3, 3, 1, 2, 2, 1])
    for outer in folds(groups):
        for inner in folds(groups, within=outer.train):
            assert outer.held_out not in groups[torch.cat([inner.train, inner.test])].tolist()
            assert sorted(torch.cat([inner.train, inner.test]).tolist()) == sorted(outer.train.tolist())


def test_too_few_groups():
    with pytest.raises(ValueError, match="needs 3 groups or more, got 2"):
        next(folds([1, 1, 2], validation=True))
