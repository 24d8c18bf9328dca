"""Exercises with checks that name the mistake: `check("clip.1", fn)`, `hint("clip.1", 2)`, `solution("clip.1")`.

An exercise is registered in `lessons/<name>/exercises.py` by a decorator on its solution. The stub is the solution
minus the lines between `# BEGIN SOLUTION` and `# END SOLUTION`, so the two cannot fall out of step.
"""

import doctest
import inspect
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from mmatl_lab.spelling import unknown

from . import record
from . import stub as stubs
from .attempt import Attempt, NotAttempted, Raised, Wrong, blank, same_code
from .notes import Note, code_block, make_note

if TYPE_CHECKING:
    from .diagnose import Mistake


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: `"<lesson>.<number>"`.
        task: one to three sentences, Markdown.
        minutes: how long a learner needs.
        difficulty: 1 to 3.
        solution: the function; its docstring is the stub's, with the expected output as a doctest.
        hints: from a nudge to nearly the answer.
        cases: `cases(generator)` yields what the function is tried on, one after the other: a tuple of arguments, a
            dict of keyword arguments, or a list of these that is judged together.
        answer: what the function returns, in the learner's words, such as `"the similarity matrix"`.
        passed: what the learner reads when all is right.
        checker: `checker(trial, generator)` in place of `cases`, where more than answers is looked at; it raises
            `Wrong`, and may return what is said in place of `passed`. Without either, the exercise is open.
        using, view: how an answer is got and seen; see `Trial`.
        start: the function that the learner starts from, where that is not the solution minus lines: code with bugs, or
            ``empty_plan`` for an open experiment.
        rubric: for an open exercise, the questions by which you judge your own answer.
        mistakes, base, together: the known mistakes; see `mistakes`.
    """

    id: str
    title: str
    task: str
    minutes: int
    difficulty: int
    solution: Callable
    hints: tuple[str, ...]
    cases: Callable | None = None
    answer: str = "your answer"
    passed: str = "Right."
    checker: Callable | None = None
    using: Callable | None = None
    view: Callable | None = None
    start: Callable | None = None
    rubric: tuple[str, ...] = ()
    mistakes: "tuple[Mistake, ...]" = ()
    base: Callable | None = None
    together: int = 2

    @property
    def open(self) -> bool:
        """Whether the learner judges the answer, as there is no check."""
        return self.cases is None and self.checker is None

    def judge(self, attempt: Attempt, generator) -> str:
        """What the learner reads when the answers to fresh inputs are right.

        Raises:
            Wrong, NotAttempted, Raised: when they are not.
        """
        from .diagnose import Trial

        trial = Trial(
            attempt,
            self.solution,
            self.mistakes,
            self.answer,
            base=self.base,
            using=self.using,
            view=self.view,
            together=self.together,
            bug_hunt=self.start is not None,
        )
        if self.checker is not None:
            return self.checker(trial, generator) or self.passed
        for case in self.cases(generator):
            trial.compare(*(case if isinstance(case, list) else [case]))
        return self.passed

    @property
    def name(self) -> str:
        """Name of the function that the learner writes."""
        return self.solution.__name__

    @property
    def solution_source(self) -> str:
        return stubs.solution_source(self.solution)

    @property
    def stub(self) -> str:
        """Source that the learner starts from."""
        if self.start is None:
            return stubs.stub(self.solution)
        return "\n".join(stubs.source(self.start)).replace(self.start.__name__, self.name, 1)

    @property
    def expected(self) -> str:
        """The example of the docstring with its output."""
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(self.solution) or "")
        return "\n".join(f">>> {e.source}{e.want}".rstrip() for e in examples)

    @property
    def markdown(self) -> str:
        """The text cell above the stub."""
        dots = "●" * self.difficulty + "○" * (3 - self.difficulty)
        title = self.title if self.title.endswith("?") else f"{self.title}."
        return f"**Exercise {self.id}** · {self.minutes} min · {dots} **{title}** {self.task}"

    @property
    def cell(self) -> str:
        """The code cell: the stub and its check."""
        return f'{self.stub}\n\n\ncheck("{self.id}", {self.name})'


@dataclass(frozen=True)
class Verdict:
    """What a check found; shows itself in a notebook and as text.

    Attributes:
        status: `"passed"`, `"wrong"`, `"error"` (the function raised), `"open"` (yours to judge) or `"not attempted"`.
        seed: repeats the check's random inputs: `check(id, fn, seed=seed)`; None where none were drawn.
    """

    id: str
    title: str
    status: str
    message: str
    seed: int | None = None

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def _note(self) -> Note:
        foot = "" if self.seed is None else f"The same inputs again: seed={self.seed}"
        return make_note(self.status, f"{self.id} {self.title}: {_WORDS[self.status]}", self.message, foot)

    def __repr__(self) -> str:
        return repr(self._note())

    def _repr_html_(self) -> str:
        return self._note()._repr_html_()


_registry: dict[str, Exercise] = {}
_WORDS = {
    "passed": "passed",
    "wrong": "not yet",
    "error": "your function raised an error",
    "open": "yours to judge",
    "not attempted": "not attempted",
}


def exercise(id: str, title: str, **fields) -> Callable[[Callable], Callable]:
    """Register the decorated solution, which stays as it is, as an exercise; `fields` are those of `Exercise`."""

    def register(solution: Callable) -> Callable:
        _registry[id] = Exercise(id=id, title=title, solution=solution, **fields)
        return solution

    return register


def mistakes(solution: Callable, *items, base: Callable | None = None, together: int = 2) -> None:
    """Register the known mistakes of the exercise with this solution.

    Args:
        items: sentences, each followed by the functions that make the mistake; see ``diagnose``.
        base: what `solve` is for these functions: the solution in parts; default: the solution.
        together: how many mistakes made at once are looked for.
    """
    from .diagnose import read_mistakes

    found = next(e for e in _registry.values() if e.solution is solution)
    _registry[found.id] = replace(found, mistakes=tuple(read_mistakes(*items)), base=base, together=together)


def judged_together(cases: Callable, draws: int = 3) -> Callable:
    """``cases`` drawn several times and judged as one: what single cases do not tell apart, all of them do."""
    return lambda generator: [[case for _ in range(draws) for case in cases(generator)]]


def empty_plan() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": ...,
        "prediction": ...,
        "varied": ...,
        "held fixed": ...,
        "control": ...,
        "measured": ...,
        "would change my mind": ...,
    }


def exercises(lesson: str) -> list[Exercise]:
    """The exercises of a lesson, in the order of their numbers."""
    if not any(id.startswith(f"{lesson}.") for id in _registry):
        import_module("mmatl_lab.lessons").get(lesson).exercises  # noqa: B018, importing them registers them
    found = [e for id, e in _registry.items() if id.startswith(f"{lesson}.")]
    return sorted(found, key=lambda e: int(e.id.rpartition(".")[2]))


def find(id: str) -> Exercise:
    """The exercise called `id`.

    Raises:
        ValueError: for an unknown one, with the nearest known.
    """
    known = {e.id: e for e in exercises(str(id).partition(".")[0])}
    if id not in known:
        raise ValueError(unknown("exercise", id, known))
    return known[id]


def check(id: str, function: Callable | None = None, *, seed: int | None = None) -> Verdict:
    """Check your function on fresh random inputs.

    Args:
        id: the exercise, such as `"clip.1"`.
        function: your function itself, without parentheses.
        seed: repeats earlier inputs; by default they are new each time.

    Returns:
        What was found. Whatever your function does, this does not raise.

    Raises:
        ValueError: for an unknown exercise.
    """
    exercise = find(id)
    seed = secrets.randbelow(10**6) if seed is None else seed
    verdict = _judge(exercise, function, seed)
    if verdict.status != "not attempted":
        record.add("check", id, verdict.status)
    return verdict


def hint(id: str, number: int = 1) -> Note:
    """Hint `number` of an exercise, counted from 1; a number beyond the last gives the last."""
    exercise = find(id)
    number = min(max(int(number), 1), len(exercise.hints))
    record.add("hint", id, number)
    return make_note("hint", f"{id} hint {number} of {len(exercise.hints)}", exercise.hints[number - 1])


def solution(id: str) -> Note:
    """One solution of an exercise; others can be as right."""
    exercise = find(id)
    record.add("solution", id)
    return code_block(f"{id} {exercise.title}: a solution", exercise.solution_source)


def _judge(exercise: Exercise, function, seed: int) -> Verdict:
    import torch

    from mmatl_lab.seeding import drawn_from

    def verdict(status: str, message: str, seed: int | None = None) -> Verdict:
        return Verdict(exercise.id, exercise.title, status, message, seed)

    call = f'check("{exercise.id}", {exercise.name})'
    verb = "Write" if exercise.start is None else "Change"
    start = f'{verb} `{exercise.name}`, then run this cell again; `hint("{exercise.id}")` helps.'
    if blank(function):
        return verdict("not attempted", start)
    if not callable(function):
        return verdict(
            "wrong",
            f"Give the function itself, without parentheses: `{call}`; this is of type {type(function).__name__}.",
        )
    if same_code(function, stubs.compiled(exercise.stub, exercise.solution)):
        return verdict("not attempted", start)
    attempt = Attempt(function, seed=seed)
    with drawn_from(seed):  # the notebook's own random numbers go on as if nothing had been checked
        try:
            if exercise.open:
                plan = attempt()
                empty = [key for key, value in plan.items() if blank(value)] if isinstance(plan, dict) else []
                left = [f"Still to write: {', '.join(empty)}."] if empty else []
                questions = [f"· {question}" for question in exercise.rubric]
                return verdict("open", "\n".join([*left, "Ask of your answer:", *questions]))
            return verdict("passed", exercise.judge(attempt, torch.Generator().manual_seed(seed)), seed)
        except NotAttempted as error:
            return verdict("not attempted", str(error) or start)
        except Wrong as error:
            return verdict("wrong", str(error), seed)
        except Raised as error:
            return verdict("error", str(error), seed)
        except Exception as error:  # an answer that the check itself cannot digest must not stop the notebook
            return verdict(
                "wrong", f"The check cannot read what your function returns ({type(error).__name__}: {error})."
            )
