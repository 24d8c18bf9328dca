"""Wrong answers of any kind get their mistake's sentence, or one that says how they differ."""

import pytest
import torch
from torch import nn

from mmatl_lab.lessons.attempt import Attempt, Wrong
from mmatl_lab.lessons.diagnose import Trial, output, read_mistakes
from mmatl_lab.lessons.differences import as_answer, difference, same

X = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.9]])


def told(function, solution, *mistakes, case=(X,), **options):
    """The sentence that the learner's function gets; None when it is right."""
    cases = case if isinstance(case, list) else [case]
    try:
        Trial(Attempt(function), solution, read_mistakes(*mistakes), "the numbers", **options).compare(*cases)
    except Wrong as error:
        return str(error)


def softmax(x, temperature=1.0):
    return (x / temperature).softmax(1)


MISTAKES = ("Wrong axis.", lambda x, temperature=1.0: (x / temperature).softmax(0),
            "Per cent.", lambda solve, *case, **named: 100 * solve(*case, **named),
            "Multiplied.", lambda solve, x, temperature=1.0: solve(x, 1 / temperature))  # fmt: skip


def test_one_mistake_and_two():
    case = (X, 0.5)
    assert told(lambda x, t: softmax(x, t), softmax, *MISTAKES, case=case) is None
    assert told(lambda x, t: softmax(x, 1 / t), softmax, *MISTAKES, case=case) == "Multiplied."
    assert told(lambda x, t: 100 * softmax(x, 1 / t), softmax, *MISTAKES, case=case) == "Per cent. Also: Multiplied."
    assert told(lambda x, t: 100 * (x / t).softmax(0), softmax, *MISTAKES, case=case) == "Wrong axis. Also: Per cent."


def test_cases_can_be_keyword_arguments():
    case = {"x": X, "temperature": 2.0}
    assert told(softmax, softmax, *MISTAKES, case=case) is None
    assert told(lambda x, temperature: 100 * softmax(x, temperature), softmax, *MISTAKES, case=case) == "Per cent."


def test_cases_that_are_judged_together_tell_mistakes_apart():
    mistakes = ("Square.", lambda x: x**2, "Twice.", lambda x: 2 * x)
    assert told(lambda x: x + x, lambda x: x, *mistakes, case=(2.0,)) == "Square."
    assert told(lambda x: x + x, lambda x: x, *mistakes, case=[(2.0,), (3.0,)]) == "Twice."


def in_parts(x, axis=1, scale=1.0):
    return scale * x.softmax(axis)


def test_parts_of_the_solution_can_be_wrong_together():
    mistakes = ("Axis.", dict(axis=0), "Scale.", dict(scale=2), "Minus.", lambda solve, x: -solve(x))
    options = dict(base=in_parts, together=3)
    assert told(lambda x: 2 * x.softmax(0), softmax, *mistakes, **options) == "Axis. Also: Scale."
    assert told(lambda x: -2 * x.softmax(0), softmax, *mistakes, **options) == "Axis. Also: Scale. Also: Minus."
    assert told(lambda x: -2 * x.softmax(0), softmax, *mistakes, bug_hunt=True, **options) == "3 bugs are left. Axis."
    assert told(lambda x: -x.softmax(1), softmax, *mistakes, bug_hunt=True, **options) == "One bug is left. Minus."


def test_a_mistake_without_a_sentence_is_told_to_the_author():
    with pytest.raises(TypeError, match="expected a sentence"):
        read_mistakes(lambda x: x)


@pytest.mark.parametrize(
    ("wrong", "piece"),
    [
        (lambda r: 2 * r, "every entry of the numbers is 2 times too large (at [0, 0] yours is 0.4, expected 0.2)"),
        (lambda r: r / 3, "3 times too small"),
        (lambda r: -r, "would be right with the opposite sign"),
        (lambda r: 1 - r, "1 minus the numbers"),
        (lambda r: 1 / r, "1 divided by the numbers"),
        (lambda r: r + 0.25, "is 0.25 too large"),
        (lambda r: r.T, "The shape of the numbers is (3, 2), expected (2, 3): transpose it"),
        (lambda r: r.reshape(-1), "expected (2, 3): the numbers are right"),
        (lambda r: r.expand(4, 2, 3) / 4, "the sum over axis 0 is missing"),
        (lambda r: r.flip(1), "each row of the numbers would be right in the opposite order"),
        (lambda r: r.flip(0), "in the opposite order (sorted the other way)"),
        (lambda r: (r > 0.4).float(), "takes only the values 0 and 1"),
        (lambda r: 0 * r, "takes only the value 0"),
        (lambda r: r + torch.tensor([0, 0, 0.1]), "2 of 6 entries of the numbers differ; at [0, 2] yours is 0.4,"),
        (lambda r: r / 0 * 0, "6 of 6 numbers in the numbers are not finite"),
    ],
)
def test_what_is_not_recognised_is_described(wrong, piece):
    assert piece in told(lambda x: wrong(x), lambda x: x)


def test_squares_transposed_and_rows_in_another_order():
    x = torch.arange(9.0).reshape(3, 3)
    assert "would be right after a transposition" in told(lambda x: x.T, lambda x: x, case=(x,))
    assert "the rows of the numbers are right, in another order" in told(lambda x: x[[1, 0, 2]], lambda x: x, case=(x,))
    assert "would be right in another order" in told(lambda x: x[[1, 0, 2]], lambda x: x, case=(x[0],))


def test_a_single_number_is_given_and_may_have_any_shape():
    assert told(lambda x: x.sum() + 1, torch.sum) == "Not right yet: the numbers should be 2.6, yours is 3.6."
    assert told(lambda x: x.sum().reshape(1, 1), torch.sum) is None
    assert "2 times too large (at [0]" in told(lambda x: 2 * x, lambda x: x, case=[(1.0,), (2.0,)])


def test_answers_of_other_kinds():
    assert (
        told(lambda s: s.upper(), str.lower, case=("Dog",))
        == "Not right yet: the numbers should be 'dog', yours is 'DOG'."
    )
    assert (
        told(lambda s: 3, str.lower, case=("Dog",)) == "Return the numbers as a string: your function returns an int."
    )
    tokens = (lambda s: s.split(), ("a red dog",))
    assert told(lambda s: ["a", "red", "cat"], tokens[0], case=tokens[1]).endswith(
        "entry 2 of the numbers should be 'dog', yours is 'cat'."
    )
    assert "length of the numbers is 2, expected 3 (yours: ['a', 'red'])" in told(
        lambda s: s.split()[:2], tokens[0], case=tokens[1]
    )
    assert told(lambda s: tuple(s.split()), tokens[0], case=tokens[1]) is None
    assert (
        told(lambda s: s, tokens[0], case=tokens[1]) == "Return the numbers as a list: your function returns a string."
    )
    assert told(lambda x: [1, 3], lambda x: [1, 2]).startswith("Not right yet: 1 of 2 entries")


def views(x):
    return {"image": x, "text": [x[0], x[1]]}


def test_dicts_of_tensors():
    assert told(views, views) is None
    assert "every entry of `image` of the numbers is 2 times" in told(lambda x: {**views(x), "image": 2 * x}, views)
    assert "entry 1 of `text` of the numbers" in told(lambda x: {**views(x), "text": [x[0], x[0] + x[1]]}, views)
    assert told(lambda x: {"image": x}, views) == "Your answer lacks 'text'."
    assert told(lambda x: {**views(x), "audio": x}, views) == "Your answer has too many: 'audio'."
    assert told(lambda x: x, views) == "Return the numbers as a dict: your function returns a Tensor."
    doubled = ("Doubled.", lambda x: {"image": 2 * x, "text": [x[0], x[1]]})
    assert told(lambda x: {**views(x), "image": x + x}, views, *doubled) == "Doubled."


def test_modules_are_compared_by_what_they_give():
    def make(dim):
        return nn.Sequential(nn.Linear(dim, 4), nn.ReLU(), nn.Linear(4, 2))

    def using(function, dim, x):
        return output(function(dim), x)

    mistakes = ("No ReLU.", lambda dim: nn.Sequential(nn.Linear(dim, 4), nn.Linear(4, 2)))
    options = dict(case=(3, X), using=using)
    assert told(lambda dim: make(dim), make, *mistakes, **options) is None
    assert told(lambda dim: nn.Sequential(nn.Linear(dim, 4), nn.Linear(4, 2)), make, *mistakes, **options) == "No ReLU."
    assert told(lambda dim: nn.Linear(dim, 4), make, *mistakes, **options).startswith("The shape of the numbers")
    assert told(lambda dim: nn.Linear, make, *mistakes, **options).startswith("Return a module")


def test_the_view_decides_what_counts():
    def large(x):
        return 1e9 * x

    assert told(lambda x: x - 1, lambda x: x, view=torch.Tensor.sign, case=(torch.tensor([5.0, -5.0]),)) is None
    assert told(large, lambda x: x, view=torch.Tensor.sign) is None


def test_infinities_and_nan_are_equal_to_themselves():
    inf, nan = torch.tensor([torch.inf]), torch.tensor([torch.nan])
    assert same(inf, inf) and same(nan, nan) and not same(inf, -inf) and not same(inf, nan)


def test_a_difference_is_always_told():
    for value, right in [(X, X + 1e-3), (X.T, X), (X.sum(), X.mean()), (X[0, :1], X[0, 1:2]), (0 * X, 0 * X + 1)]:
        assert difference(as_answer(value, "x"), as_answer(right, "x"), "x").endswith(".")
