import math

import pytest
import torch

from mmatl_lab import errata
from mmatl_lab.errata import essay
from mmatl_lab.nn.fusion import Add


@pytest.fixture(scope="module")
def measured():
    return errata.get("addition-widths").measure()


def test_few_widths_can_be_added_and_most_of_these_by_repeating(measured):
    equal, with_a_single_number = 64, 2 * 63
    assert measured.printed["widths_that_add"] == (equal + with_a_single_number) / 64**2
    assert measured.right["widths_that_add"] == 1.0
    assert "66 % of these" in measured.sentence


def test_a_single_number_is_repeated_without_an_error():
    text, second = torch.randn(3, 8), torch.randn(3, 1)
    assert torch.equal(essay.printed_addition([text, second]), text + second.expand(3, 8))
    with pytest.raises(RuntimeError):
        essay.printed_addition([text, torch.randn(3, 2)])
    with pytest.raises(ValueError, match="cannot be added"):
        Add([8, 1])  # the library's own does not repeat


def test_what_repeating_costs(measured):
    name, best = "accuracy", essay.best_of_the_sum()
    assert measured.printed[name] == pytest.approx(best, abs=0.003)
    assert measured.printed[f"{name}_high"] < 0.9 and measured.right[f"{name}_low"] > 0.99


def test_no_head_can_do_better_on_the_sum():
    """The ceiling's formula against its Bayes classifier: the sign of the sum of all numbers."""
    g = torch.Generator().manual_seed(0)
    for n in (1, 2, 8):
        e, v = torch.randn(200_000, n, generator=g), torch.randn(200_000, 1, generator=g)
        share = ((e + v).sum(1).sign() == v[:, 0].sign()).float().mean().item()
        assert share == pytest.approx(essay.best_of_the_sum(n), abs=4 * math.sqrt(0.25 / 200_000))


def test_what_is_inferred_is_said(measured):
    """The document has a heading and no formula: nothing may be shown as printed."""
    entry = errata.get("addition-widths")
    assert "inferred" in entry.summary() and "printed" not in entry.summary().lower()
    assert "(quoted)" in entry.title and "(inferred)" in entry.title
    assert "as inferred" in str(measured) and "as printed" not in str(measured)
    assert "As printed" not in measured._repr_html_() and "without text" in measured._repr_html_()


def test_repeating_costs_little_in_wide_vectors_and_beside_small_numbers(measured):
    widths, sizes = measured.depends
    assert widths.absent == [4096] and sizes.absent == [0.01]
    g = torch.Generator().manual_seed(0)
    e, v = 0.1 * torch.randn(200_000, 8, generator=g), torch.randn(200_000, 1, generator=g)
    share = ((e + v).sum(1).sign() == v[:, 0].sign()).float().mean().item()
    assert share == pytest.approx(sizes.printed[sizes.values.index(0.1)], abs=0.002)


def test_it_repeats_itself_and_depends_on_its_seed():
    assert (
        essay._learn(essay.printed_addition, 3)
        == essay._learn(essay.printed_addition, 3)
        != essay._learn(essay.printed_addition, 4)
    )
