"""A table says the same as HTML and as text, and survives JupyterLab's sanitiser."""

import doctest
import re

import pytest

from mmatl_lab.viz import tables
from mmatl_lab.viz.tables import Bar, Code, Link, Table, Verdict, number


def cells(page: str) -> list[str]:
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall("<td[^>]*>(.*?)</td>", page)]


def test_examples_hold():
    assert doctest.testmod(tables).failed == 0


def test_text_and_html_hold_the_same_cells():
    table = Table(
        ("a", "b", "c", "d"),
        [("x & y", 0.5, Code("run <it>"), Link("here", "there.ipynb")), ("z", 12, Code(""), "plain")],
        title="What < was found",
    )
    page, text = table._repr_html_(), repr(table)
    assert cells(page) == ["x &amp; y", "0.500", "run &lt;it&gt;", "here", "z", "12", "", "plain"]
    assert text.split("\n") == [
        "What < was found",
        "a          b  c         d",
        "x & y  0.500  run <it>  here",
        "z         12            plain",
    ]
    assert '<a href="there.ipynb">here</a>' in page and "What &lt; was found</caption>" in page


def test_columns_that_hold_nothing_are_left_out():
    table = Table(("a", "empty", "b"), [("x", None, 1), ("y", "", 2)])
    assert "empty" not in repr(table) and "empty" not in table._repr_html_()
    assert repr(Table(("a", "b"), [])) == "a  b"


def test_numbers_stand_at_the_right_of_their_column_and_words_at_the_left():
    page = Table(("name", "n"), [("x", 1), ("y", None)])._repr_html_()
    assert re.findall("<td[^>]*text-align:([a-z]+)", page) == ["left", "right"] * 2


def test_a_bar_ends_at_its_value_and_its_ceiling_is_marked():
    page = Bar(0.7, mark=1.0, low=0.4).to_html()
    assert "width:50.0%" in page and re.search('width:100.0%[^"]*border-right:2px dotted', page)
    assert str(Bar(0.7, mark=1.0)) == "0.700 of 1" and str(Bar(0.7)) == "0.700"
    assert "width:0.0%" in Bar(0.1, low=0.4).to_html() and "width:100.0%" in Bar(7).to_html()
    assert "border-right" not in Bar(0.7).to_html()


def test_nothing_is_used_that_the_sanitiser_strips():
    page = Table(("a", "b"), [(Bar(0.7, mark=1.0), Verdict(True, "met")), (Code("x"), Link("y", "z"))])._repr_html_()
    assert "position:" not in page and "currentColor" not in page and "<style" not in page and "class=" not in page


def test_a_verdict_has_a_sign_and_a_colour():
    assert str(Verdict(True, "met, ≥ 0.99")) == "✔ met, ≥ 0.99" and str(Verdict(False, "missed")) == "✘ missed"
    assert "#009E73" in Verdict(True, "met").to_html() and "#D55E00" in Verdict(False, "missed").to_html()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1, "1"), (-3, "-3"), (1000, "1,000"), (0.5, "0.500"), (7.22e-4, "0.0007"), (3.14159, "3.142"),
     (12.345, "12.3"), (123.456, "123"), (1e-7, "0.0000001"), (float("nan"), "none"), (float("inf"), "∞")],
)  # fmt: skip
def test_numbers_are_written_without_powers_of_ten(value, shown):
    assert number(value) == shown


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="expected 2 cells in every row, got 1"):
        Table(("a", "b"), [("x",)])
