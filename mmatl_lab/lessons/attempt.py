"""A learner's function, called so that whatever it does becomes a sentence: it may be empty, wrong, slow, or raise."""

import linecache
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType


class NotAttempted(Exception):
    """The function is still the stub."""


class Wrong(Exception):
    """The answer is wrong; the message names the mistake in the learner's terms."""


class Raised(Exception):
    """The learner's function raised; the message gives type, text and the line of that function."""


class Attempt:
    """The learner's function with the same signature.

    Each call gets copies of its tensors, so that a function that writes into its inputs cannot spoil the comparison.

    Args:
        function: what the learner wrote.
        seconds: time that all calls together may take; longer ones are stopped (only in the main thread of systems
            that have SIGALRM).

    Raises:
        NotAttempted: the call returns `...`, None, NotImplemented (or containers of those alone), or raises
            NotImplementedError.
        Raised: the call raises anything else.
        Wrong: the call changes a tensor it was given, or takes too long.
    """

    def __init__(self, function: Callable, seconds: float = 10.0):
        self.function, self.seconds, self.left = function, seconds, seconds

    def __call__(self, *args):
        import torch

        copies = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
        started = time.monotonic()
        try:
            with _time_limit(self.left):
                result = self.function(*copies)
        except NotImplementedError as error:
            raise NotAttempted from error
        except _TimeUp as error:
            raise Wrong(
                f"Your function was stopped after {self.seconds:.0f} s; on these small inputs it should take "
                "milliseconds: look for a loop that does not end."
            ) from error
        except (Exception, SystemExit) as error:
            raise Raised(describe(error, self.function)) from error
        finally:
            self.left = max(self.left - (time.monotonic() - started), 0.01)
        if blank(result):
            raise NotAttempted(
                ""
                if result is not None
                else "Your function returns None. If you have written it, its `return` line is missing."
            )
        for given, used in zip(args, copies, strict=True):
            if isinstance(given, torch.Tensor) and not torch.equal(given, used):
                raise Wrong(
                    "Your function writes into a tensor it is given: make a new tensor, "
                    "`x = x / n` in place of `x /= n`, `masked_fill` in place of `masked_fill_`."
                )
        return result


def blank(result) -> bool:
    """True for what a stub returns: `...`, None, NotImplemented, or a container of nothing else."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return len(result) > 0 and all(blank(r) for r in result)
    return result is None or result is ... or result is NotImplemented


def describe(error: BaseException, function: Callable) -> str:
    """`TypeError: … (line 3 of your similarity_matrix: `return image @ txt`)`."""
    text = str(error).strip().split("\n")[0]
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    code = _code(function)
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if code is not None and frame.f_code.co_filename == code.co_filename
    ]
    if frames:
        frame, line = frames[-1]
        source = linecache.getline(frame.f_code.co_filename, line).strip()
        what += f" (line {line - frame.f_code.co_firstlineno + 1} of your {frame.f_code.co_name}"
        return f"{what}: `{source}`)" if source else f"{what})"
    if isinstance(error, TypeError):
        what += ": keep the names and the number of arguments of the stub"
    return what


def same_code(function: Callable, other: Callable) -> bool:
    """True when both functions do the same instructions with the same names and constants, wherever they stand."""
    a, b = _code(function), _code(other)
    return a is not None and b is not None and _fingerprint(a) == _fingerprint(b)


def _code(function: Callable) -> CodeType | None:
    return getattr(function, "__code__", None)


def _fingerprint(code: CodeType) -> tuple:
    constants = [_fingerprint(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, tuple(constants)


class _TimeUp(BaseException):
    """Not an Exception, so that `except Exception` in a learner's loop does not swallow it."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise _TimeUp

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
