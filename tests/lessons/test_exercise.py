import threading
from dataclasses import replace

import pytest
import torch

from mmatl_lab.lessons import check, hint, progress, solution
from mmatl_lab.lessons.attempt import Wrong
from mmatl_lab.lessons.exercise import _registry, exercise, exercises
from mmatl_lab.lessons.notes import make_note


def double_checker(trial, generator):
    x = torch.randn(3, generator=generator)
    if not torch.equal(trial(x), 2 * x):
        raise Wrong(f"Not twice {x[0]:.6f}.")
    return f"Right for {x[0]:.6f}."


@pytest.fixture(autouse=True)
def toy():
    """A lesson of two exercises."""

    @exercise("toy.1", "Twice", task="Double `x`.", minutes=1, difficulty=2, hints=("More.", "Twice."),
              checker=double_checker)  # fmt: skip
    def double(x):
        """Twice x.

        >>> double(torch.ones(1))
        tensor([2.])
        """
        factor = 2
        # BEGIN SOLUTION
        return factor * x
        # END SOLUTION

    def half(x):
        y = factory * x  # noqa: F821, a stub may use what the learner has yet to define
        return y

    @exercise("toy.2", "Open", task="Think.", minutes=1, difficulty=1, hints=("Hm.",), start=half, rubric=("Why?",))
    def think():
        return "because"

    yield double
    for id in ("toy.1", "toy.2"):
        _registry.pop(id)


def test_the_stub_is_the_solution_minus_lines(toy):
    e = exercises("toy")[0]
    assert (
        e.stub
        == '''def double(x):
    """Twice x.

    >>> double(torch.ones(1))
    tensor([2.])
    """
    factor = 2
    ...  # your code'''
    )
    assert e.solution_source == e.stub.replace("...  # your code", "return factor * x")
    assert e.expected == ">>> double(torch.ones(1))\ntensor([2.])"
    assert e.markdown == "**Exercise toy.1** · 1 min · ●●○ **Twice.** Double `x`."
    assert e.cell.endswith('...  # your code\n\n\ncheck("toy.1", double)')


def test_a_title_that_asks_ends_with_its_own_mark():
    asking = replace(exercises("toy")[0], title="How much?")
    assert "**How much?** Double" in asking.markdown


def test_a_stub_can_be_a_function_of_its_own():
    assert exercises("toy")[1].stub.startswith("def think(x):\n    y = factory * x")


class Empty:
    def __call__(self, x):
        raise NotImplementedError


@pytest.mark.parametrize(
    "function",
    [
        *(..., None, (), Empty()),
        *(lambda x: ..., lambda x: None, lambda x: NotImplemented, lambda x: (None, ...), lambda x: {"a": ...}),
    ],
)
def test_what_is_not_attempted_is_said_to_be(function):
    verdict = check("toy.1", function) if function != () else check("toy.1")
    assert verdict.status == "not attempted"
    assert repr(verdict).startswith("○ toy.1 Twice: not attempted")
    assert verdict.seed is None  # a notebook that runs without a learner prints the same each time


def test_the_stub_itself_is_not_attempted_whatever_it_does_when_it_runs():
    space = {}
    exec(compile(exercises("toy")[1].stub, "<cell 7>", "exec"), space)
    assert check("toy.2", space["think"]).status == "not attempted"
    exec(compile(exercises("toy")[1].stub.replace("factory", "factor"), "<cell 7>", "exec"), space)
    assert check("toy.2", space["think"]).status == "error"


def test_a_missing_return_is_suggested():
    def double(x):
        y = 2 * x  # noqa: F841

    assert "its `return` line is missing" in check("toy.1", double).message


def test_right_and_wrong(toy):
    assert check("toy.1", toy).passed
    wrong = check("toy.1", lambda x: 3 * x)
    assert wrong.status == "wrong" and wrong.message.startswith("Not twice")
    assert f"seed={wrong.seed}" in repr(wrong) and repr(wrong).startswith("✘")


def test_inputs_are_fresh_and_a_seed_repeats_them(toy):
    verdicts = [check("toy.1", toy) for _ in range(5)]
    assert len({v.message for v in verdicts}) == 5
    assert check("toy.1", toy, seed=verdicts[0].seed).message == verdicts[0].message


def test_the_notebooks_random_numbers_go_on_undisturbed(toy):
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    check("toy.1", lambda x: torch.rand(3))
    assert torch.equal(torch.rand(4), expected)


def failing(x):
    y = x + 1
    return y.no_such_thing


def test_an_error_is_told_with_the_line_of_the_function():
    verdict = check("toy.1", failing)
    assert verdict.status == "error"
    assert verdict.message == (
        "AttributeError: 'Tensor' object has no attribute 'no_such_thing' "
        "(line 3 of your failing: `return y.no_such_thing`)"
    )


def test_an_error_deep_in_a_library_is_told_with_the_learners_line():
    message = check("toy.1", lambda x: torch.nn.functional.normalize(x, dim=7)).message
    assert message.startswith("IndexError") and "line 1 of your <lambda>" in message


def test_a_changed_signature_is_told():
    assert "keep the names and the number of arguments" in check("toy.1", lambda: 0).message


@pytest.mark.parametrize("value", ["text", object(), 1j, [[1], [1, 2]], float("nan")])
def test_whatever_is_returned_check_does_not_raise(value):
    assert check("toy.1", lambda x: value).status == "wrong"


def test_exit_does_not_end_the_kernel():
    assert check("toy.1", lambda x: exit(3)).status == "error"


def test_the_result_of_a_call_is_not_the_function(toy):
    assert "without parentheses" in check("toy.1", toy(torch.ones(2))).message


def test_writing_into_the_inputs_is_told_and_does_no_harm():
    def double(x):
        x *= 2
        return x

    assert "writes into a tensor" in check("toy.1", double).message


def test_outside_the_main_thread_it_works_without_a_limit(toy):
    found = []
    thread = threading.Thread(target=lambda: found.append(check("toy.1", toy).status))
    thread.start()
    thread.join()
    assert found == ["passed"]


def test_keyboard_interrupt_goes_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("toy.1", interrupted)


def test_hints_and_solutions():
    assert repr(hint("toy.1")) == "? toy.1 hint 1 of 2\n  More."
    assert repr(hint("toy.1", 2)).endswith("Twice.") and repr(hint("toy.1", 9)) == repr(hint("toy.1", 2))
    assert "return factor * x" in repr(solution("toy.1")) and "SOLUTION" not in repr(solution("toy.1"))


def test_unknown_exercises_get_the_nearest():
    for call in (check, hint, solution):
        with pytest.raises(ValueError, match=r"no exercise is called 'toy.11': did you mean 'toy.1'"):
            call("toy.11")
    with pytest.raises(ValueError, match="did you mean 'clip'"):
        check("clap.1")


def test_an_open_exercise_shows_its_rubric():
    verdict = check("toy.2", lambda: "so")
    assert verdict.status == "open" and "· Why?" in repr(verdict)
    half = check("toy.2", lambda: {"question": "Does it grow?", "varied": ..., "control": None})
    assert half.message.startswith("Still to write: varied, control.")


def test_html_has_colour_and_sign_and_escapes():
    html = check("toy.1", lambda x: "<script>")._repr_html_()
    assert "#D55E00" in html and "✘" in html and "<script>" not in html
    assert "<code>double</code>" in check("toy.1", ...)._repr_html_()
    assert (
        "<div><code>2*x*3</code> is <em>one</em> tensor</div>" in make_note("hint", "", "`2*x*3` is *one* tensor").html
    )


def test_progress_counts_tries_and_help_and_remembers_a_pass(toy):
    check("toy.1", ...)
    check("toy.1", toy)
    check("toy.1", lambda x: x)
    hint("toy.1", 1)
    hint("toy.1", 2)
    solution("toy.1")
    text = repr(progress("toy"))
    assert ["toy.1", "Twice", "✔", "passed", "2", "2", "hints,", "solution"] in [
        row.split() for row in text.split("\n")
    ]
    assert ["toy.2", "Open", "○", "not", "attempted", "0"] in [row.split() for row in text.split("\n")]
    assert text.endswith("1 of 1 checked exercises passed.")
