"""Every exercise of every lesson: its stub, its solution, the mistakes it names and the answers it accepts.

The known mistakes of an exercise are wrong answers themselves. Beside them, ``<lesson>/answers.py`` holds WRONG, by
exercise, pieces of the message with the function that must get it, and RIGHT, by exercise, functions that must pass.
"""

import doctest
import inspect
import runpy
import time
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab import lessons
from mmatl_lab.lessons import check
from mmatl_lab.lessons.exercise import exercises

EXERCISES = {lesson: exercises(lesson) for lesson in lessons.names()}
ANSWERS = {"WRONG": {}, "RIGHT": {}}
for lesson, found in EXERCISES.items():
    if found:
        bank = runpy.run_path(str(Path(__file__).with_name(lesson) / "answers.py"))
        for kind, answers in ANSWERS.items():
            answers.update(bank[kind])
ALL = [exercise for found in EXERCISES.values() for exercise in found]
CHECKED = [exercise for exercise in ALL if not exercise.open]
MISTAKES = [(exercise, mistake) for exercise in CHECKED for mistake in exercise.mistakes]
WRONG = [(id, *wrong) for id, answers in ANSWERS["WRONG"].items() for wrong in answers]
RIGHT = [(id, right) for id, answers in ANSWERS["RIGHT"].items() for right in answers]
SEEDS = range(4)

each = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.id)
each_checked = pytest.mark.parametrize("exercise", CHECKED, ids=lambda exercise: exercise.id)


def run(source):
    """What a learner's cell defines."""
    space = {"torch": torch, "F": F, "Tensor": torch.Tensor}
    exec(compile(source, "<cell>", "exec"), space)
    return space


@pytest.mark.parametrize("lesson", [lesson for lesson, found in EXERCISES.items() if found])
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


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_a_known_mistake_gets_its_own_sentence(exercise, mistake):
    function = mistake.function
    if mistake.wraps:
        function = partial(function, exercise.base or exercise.solution)
    for seed in SEEDS:
        verdict = check(exercise.id, function, seed=seed)
        assert verdict.status == "wrong" and mistake.sentence in verdict.message, (seed, verdict.message)
        assert "Also:" not in verdict.message and "bugs are left" not in verdict.message


@pytest.mark.parametrize(("id", "message", "function"), WRONG)
def test_another_wrong_answer_is_rejected_with_its_mistake(id, message, function):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.status == "wrong" and message in verdict.message, (seed, verdict.message)


@pytest.mark.parametrize(("id", "function"), RIGHT)
def test_another_right_answer_is_accepted(id, function):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.passed, (seed, verdict.message)


@each_checked
def test_what_no_solution_does_is_rejected(exercise):
    def raises(*_):
        raise KeyError("image")

    def remembers(*case):
        memory.append(exercise.solution(*case))
        return memory[0]

    def writes(*case):
        result = exercise.solution(*case)
        next(x for x in case if isinstance(x, torch.Tensor)).logical_not_()
        return result

    memory = []
    check(exercise.id, remembers, seed=0)
    assert check(exercise.id, raises).status == "error"
    assert check(exercise.id, lambda *_: None).status == "not attempted"
    assert check(exercise.id, lambda *_: object()).status == "wrong"
    assert check(exercise.id, lambda *_: torch.zeros(())).status == "wrong"
    assert check(exercise.id, lambda *_: memory[0], seed=1).status == "wrong"
    assert "writes into a tensor" in check(exercise.id, writes).message


@each_checked
def test_the_solution_in_parts_is_the_solution(exercise):
    if exercise.base is not None:
        assert {check(exercise.id, exercise.base, seed=seed).status for seed in SEEDS} == {"passed"}


@each_checked
def test_code_to_mend_has_as_many_bugs_as_it_says(exercise):
    if exercise.start is not None:
        told = check(exercise.id, lambda *case: exercise.start(*case)).message
        assert told.startswith("3 bugs are left.") and "hree bugs" in exercise.task


@each_checked
def test_enough_mistakes_are_known(exercise):
    assert len({mistake.sentence for mistake in exercise.mistakes}) >= 6
    assert len(ANSWERS["RIGHT"][exercise.id]) >= 3


@each_checked
def test_a_check_takes_less_than_two_seconds(exercise):
    for function in (exercise.solution, ANSWERS["WRONG"][exercise.id][-1][1]):  # the last one is not recognised
        check(exercise.id, function)  # what the first call imports is not counted
        started = time.process_time()
        check(exercise.id, function)
        assert time.process_time() - started < 2
