"""Every exercise of every lesson: its stub, its solution, the mistakes it names and the answers it accepts.

A lesson's bank is ``<lesson>/wrong_answers.py`` beside this file: WRONG, by exercise, functions with a piece of the
message that each must get; RIGHT, by exercise, answers that must pass.
"""

import doctest
import inspect
import runpy
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab import lessons
from mmatl_lab.lessons import check
from mmatl_lab.lessons.exercise import exercises

EXERCISES = {lesson: exercises(lesson) for lesson in lessons.names()}
BANKS = {
    lesson: runpy.run_path(str(Path(__file__).with_name(lesson) / "wrong_answers.py"))
    for lesson, found in EXERCISES.items()
    if found
}
ALL = [exercise for found in EXERCISES.values() for exercise in found]
CHECKED = [exercise for exercise in ALL if exercise.checker is not None]
WRONG = [(id, *wrong) for bank in BANKS.values() for id, answers in bank["WRONG"].items() for wrong in answers]
RIGHT = [(id, right) for bank in BANKS.values() for id, answers in bank["RIGHT"].items() for right in answers]
SEEDS = range(8)

each = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.id)
each_checked = pytest.mark.parametrize("exercise", CHECKED, ids=lambda exercise: exercise.id)


def name(value):
    return getattr(value, "__name__", None)


def bank(exercise):
    return BANKS[exercise.id.split(".")[0]]


def run(source):
    """What a learner's cell defines."""
    space = {"torch": torch, "F": F, "Tensor": torch.Tensor}
    exec(compile(source, "<cell>", "exec"), space)
    return space


@pytest.mark.parametrize("lesson", BANKS)
def test_they_are_numbered_and_their_cards_make_sense(lesson):
    found = EXERCISES[lesson]
    assert [e.id for e in found] == [f"{lesson}.{n}" for n in range(1, len(found) + 1)]
    assert all(2 <= len(e.hints) <= 3 and 1 <= e.difficulty <= 3 and 2 <= e.minutes <= 30 for e in found)
    if len(found) > 1:  # from easy to hard; the last one is an open experiment
        assert found[0].difficulty == 1 and found[-1].difficulty == 3 and found[-1].rubric


@each
def test_stub_and_solution_have_one_signature(exercise):
    stub = run(exercise.stub)[exercise.name]
    assert inspect.signature(stub) == inspect.signature(exercise.solution)
    assert inspect.getdoc(stub).startswith(inspect.getdoc(exercise.solution).split("\n")[0].rstrip("."))


@each
def test_the_stub_is_the_solution_minus_lines(exercise):
    if exercise.start is None:
        kept = [line for line in exercise.stub.split("\n") if "# your code" not in line]
        solution = iter(exercise.solution_source.split("\n"))
        assert all(line in solution for line in kept)  # in this order
        assert len(kept) < len(exercise.solution_source.split("\n"))


@each
def test_the_cell_as_it_is_handed_out_is_not_attempted(exercise):
    found = []
    run_in = {"torch": torch, "F": F, "Tensor": torch.Tensor, "check": lambda *args: found.append(check(*args))}
    exec(compile(exercise.cell, "<cell>", "exec"), run_in)
    assert [v.status for v in found] == ["not attempted"]


@each
def test_the_solution_passes_as_a_learner_would_paste_it(exercise):
    pasted = run(exercise.solution_source)[exercise.name]
    assert {check(exercise.id, pasted, seed=seed).status for seed in SEEDS} == {"open" if exercise.rubric else "passed"}


@each
def test_the_expected_output_is_what_the_solution_gives(exercise):
    parser, space = doctest.DocTestParser(), run(exercise.solution_source)
    test = parser.get_doctest(inspect.getdoc(exercise.solution), space, exercise.id, None, 0)
    assert exercise.expected or exercise.start  # an example, unless there is code to start from
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


@pytest.mark.parametrize(("id", "function", "message"), WRONG, ids=name)
def test_a_wrong_answer_is_rejected_with_its_mistake(id, function, message):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.status == "wrong" and message in verdict.message, (seed, verdict.message)


@pytest.mark.parametrize(("id", "function"), RIGHT, ids=name)
def test_another_right_answer_is_accepted(id, function):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.passed, (seed, verdict.message)


@each_checked
def test_the_bank_is_large_enough(exercise):
    assert len({message for _, message in bank(exercise)["WRONG"][exercise.id]}) >= 6
    assert len(bank(exercise)["RIGHT"][exercise.id]) >= 3


@each_checked
def test_a_check_takes_less_than_two_seconds(exercise):
    for function in (exercise.solution, bank(exercise)["WRONG"][exercise.id][-1][0]):
        check(exercise.id, function)  # what the first call imports is not counted
        started = time.process_time()
        check(exercise.id, function)
        assert time.process_time() - started < 2
