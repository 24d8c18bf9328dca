"""From a wrong answer to its mistake: each known mistake is made on the same inputs, and the one that gives the same
answer is named.

A mistake is a sentence and a function that makes it, of the same signature as the solution. One whose first parameter
is called `solve` gets the right solution to work with, and is also looked for together with each other mistake: there
`solve` makes the other one.

>>> mistakes = read_mistakes("You returned per cent.", lambda solve, hits: 100 * solve(hits))
>>> mistakes[0].sentence, mistakes[0].wraps
('You returned per cent.', True)
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from .attempt import Attempt, NotAttempted, Raised, Wrong
from .differences import as_answer, difference, same

Case = tuple | dict  # of positional or of keyword arguments


@dataclass(frozen=True)
class Mistake:
    """A known mistake.

    Attributes:
        sentence: what the learner reads.
        function: makes the mistake; called as the solution is, with `solve` in front where `wraps` is true.
        parts: names of the keyword arguments that the mistake gives to the solution in parts.
    """

    sentence: str
    function: Callable
    parts: frozenset[str] = frozenset()

    @property
    def wraps(self) -> bool:
        return next(iter(inspect.signature(self.function).parameters), "") == "solve"


def read_mistakes(*items: str | Callable | dict) -> list[Mistake]:
    """Sentences, each followed by the functions that make the mistake.

    A dict in place of a function stands for keyword arguments with which the solution in parts makes the mistake.

    Raises:
        TypeError: when no sentence comes first, or something else stands there.
    """
    found, sentence = [], None
    for item in items:
        if isinstance(item, str):
            sentence = item
        elif sentence is None or not (callable(item) or isinstance(item, dict)):
            raise TypeError(f"expected a sentence, then the functions that make the mistake, got {item!r}")
        else:
            parts = item if isinstance(item, dict) else {}
            found.append(Mistake(sentence, _with_parts(parts) if parts else item, frozenset(parts)))
    return found


def made_together(base: Callable, mistakes: list[Mistake], most: int) -> Iterator[tuple[list[str], Callable]]:
    """Sentences and function of each set of up to `most` mistakes, smallest first.

    At most one of a set does not wrap: it stands in place of the solution, so none of the set changes a part of that.
    No two of a set change the same part.
    """
    for number in range(1, most + 1):
        for made in combinations(mistakes, number):
            plain = [m for m in made if not m.wraps]
            sentences = list(dict.fromkeys(m.sentence for m in made))
            parts = [name for m in made for name in m.parts]
            if len(plain) > 1 or (plain and parts) or len(sentences) < number or len(parts) > len(set(parts)):
                continue
            function = plain[0].function if plain else base
            for mistake in sorted(made, key=lambda m: not m.parts):  # only the solution in parts takes parts
                function = partial(mistake.function, function) if mistake.wraps else function
            yield sentences, function


class Trial:
    """A learner's function beside the solution and the known mistakes. Calling it calls the learner's function.

    Args:
        attempt: the learner's function.
        solution: the right one.
        mistakes: the known mistakes.
        answer: what the function returns, in the learner's words, such as `"the similarity matrix"`.
        base: what `solve` is for mistakes; by default the solution. Give the solution in parts, with keyword arguments
            that put mistakes into it, where the mistakes are bugs in single lines.
        using: `using(function, *case)` gives the answer to compare, where it is not what the function returns:
            of a step of training, the weights; of a function that makes a model, the output of the model.
        view: applied to an answer of the right shape before it is compared, such as `torch.softmax`.
        together: how many mistakes made at once are looked for.
        bug_hunt: the function held bugs at first: say how many are left.
    """

    def __init__(
        self,
        attempt: Attempt,
        solution: Callable,
        mistakes: list[Mistake],
        answer: str,
        *,
        base: Callable | None = None,
        using: Callable | None = None,
        view: Callable | None = None,
        together: int = 2,
        bug_hunt: bool = False,
    ):
        self.attempt, self.solution, self.mistakes, self.answer = attempt, solution, mistakes, answer
        self.base, self.using, self.view = base or solution, using or _call, view
        self.together, self.bug_hunt = together, bug_hunt

    def __call__(self, *args, **kwargs):
        return self.attempt(*args, **kwargs)

    def compare(self, *cases: Case, answer: str | None = None) -> None:
        """Return when the learner's answers to all `cases` are right.

        The cases are judged together, so that mistakes which look alike on one of them are told apart.

        Args:
            answer: the answer in the learner's words, where it differs from that of the exercise.

        Raises:
            Wrong: with the sentences of the smallest set of known mistakes that gives the learner's answers, or with
                how they differ from the right ones.
        """
        what = answer or self.answer
        given = [self._run(self.attempt, case) for case in cases]
        right = [self._run(self._harmless(self.solution), case) for case in cases]
        right = [as_answer(r, what, r) for r in right]
        given = [self._seen(as_answer(g, what, r), r) for g, r in zip(given, right)]
        expected = [self._seen(r, r) for r in right]
        if same(given, expected):
            return
        for sentences, function in made_together(self.base, self.mistakes, self.together):
            if self._gives(function, cases, given, right):
                raise Wrong(self._told(sentences))
        if len(cases) > 1 and all(getattr(x, "ndim", None) == 0 for x in given + expected):
            import torch

            raise Wrong(difference(torch.stack(given), torch.stack(expected), what))
        raise Wrong(next(difference(g, r, what) for g, r in zip(given, expected) if not same(g, r)))

    def _run(self, function: Callable, case: Case):
        return self.using(function, **case) if isinstance(case, dict) else self.using(function, *case)

    def _harmless(self, function: Callable) -> Attempt:
        return Attempt(function, seed=self.attempt.seed)

    def _seen(self, answer, right):
        """What is compared of an answer. A single number may come in a tensor of any shape."""
        if getattr(right, "ndim", None) == 0 and answer.numel() == 1:
            answer = answer.reshape(())
        fits = self.view and getattr(answer, "shape", None) == getattr(right, "shape", None)
        return self.view(answer) if fits else answer

    def _gives(self, function: Callable, cases: tuple[Case, ...], given: list, right: list) -> bool:
        """Whether the mistake gives the learner's answers to all cases."""
        harmless = self._harmless(function)
        try:
            for case, answer, r in zip(cases, given, right):
                if not same(self._seen(as_answer(self._run(harmless, case), self.answer, r), r), answer):
                    return False
        except (Wrong, Raised, NotAttempted, RuntimeError):  # a mistake that these inputs do not let anyone make
            return False
        return True

    def _told(self, sentences: list[str]) -> str:
        if not self.bug_hunt:
            return " Also: ".join(sentences)
        left = "One bug is" if len(sentences) == 1 else f"{len(sentences)} bugs are"
        return f"{left} left. {sentences[0]}"


def _call(function: Callable, *args, **kwargs):
    return function(*args, **kwargs)


def _with_parts(parts: dict) -> Callable:
    return lambda solve, *args, **kwargs: solve(*args, **{**kwargs, **parts})


def output(module, *inputs):
    """Output of a module that the learner's function made, for `using`, with the same numbers in its parameters always.

    So two modules of one architecture give the same, however they were initialised, as long as their parameters are
    defined in the same order.

    Raises:
        Wrong: when it is no module.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise Wrong(f"Return a module, `torch.nn.Module`: your function returns a {type(module).__name__}.")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / max(parameter.shape[-1:] or [1]) ** 0.5)
        return module.eval()(*inputs)
