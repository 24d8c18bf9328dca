"""From a solution to the stub that a learner starts from: the solution minus the lines that are to be written."""

import ast
import inspect
import textwrap
from collections.abc import Callable

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


def source(function: Callable) -> list[str]:
    """Lines of a function without its decorators."""
    text = textwrap.dedent(inspect.getsource(function))
    first = ast.parse(text).body[0].lineno - 1  # the line of `def`: decorators stand before it
    return text.rstrip().split("\n")[first:]


def solution_source(solution: Callable) -> str:
    """The solution as it is shown, without the marks."""
    return "\n".join(line for line in source(solution) if line.strip() not in (BEGIN, END))


def stub(solution: Callable) -> str:
    """The solution with `...` in place of the lines between the marks."""
    lines, inside = [], False
    for line in source(solution):
        if line.strip() == BEGIN:
            lines.append(line.replace(BEGIN, "...  # your code"))
        inside = line.strip() == BEGIN or (inside and line.strip() != END)
        if not inside and line.strip() != END:
            lines.append(line)
    return "\n".join(lines)


def compiled(text: str, like: Callable) -> Callable:
    """The function that `text` defines, with the names that `like` sees."""
    space = dict(like.__globals__)
    exec(compile(text, "<stub>", "exec"), space)
    return space[like.__name__]
