"""A learner's function, called so that whatever it does becomes a sentence: it may be empty, wrong, slow, or raise."""

import copy
import dataclasses
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


class Shared:
    """An input that the function is meant to change, such as a model in training: handed over itself, not as a copy."""

    def __init__(self, value):
        self.value = value


class Attempt:
    """The learner's function with the same signature.

    Each call gets copies of its inputs (tensors, models, generators, and containers of them), and the same random
    numbers. So a function that writes into its inputs cannot spoil the comparison, and two calls with the same inputs
    give the same.

    Args:
        function: what the learner wrote.
        seconds: time that all calls together may take; longer ones are stopped (only in the main thread of systems
            that have SIGALRM).
        seed: of torch's global random numbers during a call.

    Raises:
        NotAttempted: the call returns `...`, None, NotImplemented (or containers of those alone), or raises
            NotImplementedError.
        Raised: the call raises anything else.
        Wrong: the call changes an input, or takes too long.
    """

    def __init__(self, function: Callable, seconds: float = 10.0, seed: int = 0):
        self.function, self.seconds, self.left, self.seed = function, seconds, seconds, seed

    def __call__(self, *args, **kwargs):
        import torch

        given, used = (args, kwargs), copied((args, kwargs))
        started = time.monotonic()
        try:
            with _time_limit(self.left), torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                result = self.function(*used[0], **used[1])
        except NotImplementedError as error:
            raise NotAttempted from error
        except _TimeUp as error:
            raise Wrong(
                f"Your function was stopped after {self.seconds:.0f} s; on these small inputs it should take "
                "milliseconds: look for a loop that does not end."
            ) from error
        except (Exception, SystemExit) as error:
            raise Raised(sentence_of(error, self.function)) from error
        finally:
            self.left = max(self.left - (time.monotonic() - started), 0.01)
        if blank(result):
            raise NotAttempted(
                ""
                if result is not None
                else "Your function returns None. If you have written it, its `return` line is missing."
            )
        if what := changed(given, used):
            raise Wrong(_WRITES[what])
        return result


_WRITES = {
    "tensor": "Your function writes into a tensor it is given: make a new tensor, "
    "`x = x / n` in place of `x /= n`, `masked_fill` in place of `masked_fill_`.",
    "module": "Your function changes the weights of a model it is given: work on `copy.deepcopy(model)`.",
    "container": "Your function changes a list or dict it is given: change a copy, `list(x)` or `dict(x)`.",
}


def copied(value):
    """A copy of an input: tensors, models and generators at any depth of lists, tuples, dicts and dataclasses."""
    import torch

    match value:
        case Shared():
            return value.value
        case torch.Tensor():
            return value.clone()
        case torch.Generator():
            return torch.Generator(value.device).set_state(value.get_state())
        case torch.nn.Module():
            return copy.deepcopy(value)
        case dict():
            return {key: copied(item) for key, item in value.items()}
        case list():
            return [copied(item) for item in value]
        case tuple():
            items = [copied(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            new = copy.copy(value)
            for field in dataclasses.fields(value):  # by object's own method: the dataclass may be frozen
                object.__setattr__(new, field.name, copied(getattr(value, field.name)))
            return new
    return value


def changed(given, used) -> str:
    """What differs between an input and its copy after the call: `"tensor"`, `"module"`, `"container"`, or `""`."""
    import torch

    if isinstance(given, Shared):
        return ""
    if isinstance(given, torch.Tensor):
        kept = isinstance(used, torch.Tensor) and given.shape == used.shape
        return "" if kept and torch.equal(given.nan_to_num(), used.nan_to_num()) else "tensor"
    if type(given) is not type(used):
        return "container"
    if isinstance(given, torch.nn.Module):
        pairs = zip(given.parameters(), used.parameters())
        return "" if all(torch.equal(a, b) for a, b in pairs) else "module"
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        given, used = vars(given), vars(used)
    if isinstance(given, dict):
        if given.keys() != used.keys():
            return "container"
        given, used = list(given.values()), list(used.values())
    if isinstance(given, (list, tuple)):
        if len(given) != len(used):
            return "container"
        return next(filter(None, map(changed, given, used)), "")
    if isinstance(given, (str, int, float)):
        return "" if given == used or given != given else "container"
    return ""


def blank(result) -> bool:
    """True for what a stub returns: `...`, None, NotImplemented, or a container of nothing else."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return len(result) > 0 and all(blank(r) for r in result)
    return result is None or result is ... or result is NotImplemented


def sentence_of(error: BaseException, function: Callable) -> str:
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
