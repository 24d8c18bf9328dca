"""The errata of attention: each effect, and where it is absent."""

import pytest

from .test_errata import measured


def test_without_values_who_said_what_is_lost_where_both_use_the_same_vectors():
    found = measured("attention-without-values")
    assert found.printed["accuracy_high"] < 0.55 and found.right["accuracy"] > 0.98
    assert found.depends[0].absent == [0.0, 0.6, 0.9]


def test_without_a_residual_each_layer_makes_the_tokens_more_alike():
    (layers,) = measured("attention-without-residual").depends
    assert list(layers.printed[:-1]) == sorted(layers.printed[:-1], reverse=True)
    assert layers.printed[2] < 0.02 and layers.right[2] > 0.9
    assert layers.absent == [0] and layers.printed[0] == pytest.approx(1)
