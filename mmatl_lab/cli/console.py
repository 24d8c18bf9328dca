"""What every command shares: where words go, where the JSON object goes, how a command ends with a sentence."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import typer


def first_process() -> bool:
    """True in the process that speaks: rank 0 under torchrun, and always without it."""
    return os.environ.get("RANK", "0") == "0"


def say(text: str = "") -> None:
    """Print a line of words to stderr, in rank 0 only: stdout is for results."""
    if first_process():
        print(text, file=sys.stderr, flush=True)


def fail(sentence: str, code: int = 1) -> NoReturn:
    """End the command with one sentence: code 2 for what was asked, 1 for what went wrong on the way."""
    say(f"mmatl-lab: {sentence}")
    raise typer.Exit(code)


def show(text: str) -> None:
    """Print a result to stdout, in rank 0 only."""
    if first_process():
        print(text, flush=True)


@contextlib.contextmanager
def results_only(as_json: bool) -> Iterator[None]:
    """Inside, nothing but the command's own result can reach stdout.

    Under `--json` whatever the lesson prints goes to stderr; processes other than rank 0 print nothing at all.
    """
    if first_process() and not as_json:
        yield
    else:
        with contextlib.ExitStack() as stack:
            target = sys.stderr if first_process() else stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(target))
            yield
