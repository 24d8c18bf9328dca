"""How a learner's answer differs from the right one: whether they are the same, and a sentence where they are not."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .attempt import Wrong


def same(value, right) -> bool:
    """Equal up to the rounding of float32, at any depth of lists and dicts; inf equals inf and nan equals nan."""
    if isinstance(right, Tensor):
        return isinstance(value, Tensor) and value.shape == right.shape and bool(_close(value, right).all())
    if isinstance(right, dict):
        return right.keys() == value.keys() and all(same(value[key], right[key]) for key in right)
    if isinstance(right, (list, tuple)):
        return len(value) == len(right) and all(map(same, value, right))
    return value == right


def as_answer(value, what: str, right=0.0):
    """`value` in the form of the right answer: numbers become tensors of doubles on the CPU, without gradient.

    Args:
        right: the right answer: a tensor or number, text, or a list, tuple, dict, NamedTuple or dataclass of these.

    Raises:
        Wrong: when `value` is of another kind.
    """
    if isinstance(right, str):
        if not isinstance(value, str):
            raise Wrong(f"Return {what} as a string: your function returns {_kind(value)}.")
        return value
    fields = _fields(right)
    if isinstance(fields, dict):
        given = _fields(value)
        if not isinstance(given, dict):
            raise Wrong(f"Return {what} as {_kind(right)}: your function returns {_kind(value)}.")
        for names, word in ((fields.keys() - given.keys(), "lacks"), (given.keys() - fields.keys(), "has too many:")):
            if names:
                raise Wrong(f"Your answer {word} {', '.join(map(repr, sorted(names, key=str)))}.")
        return {key: as_answer(given[key], f"`{key}` of {what}", fields[key]) for key in fields}
    if isinstance(right, (list, tuple)) and not all(isinstance(x, (int, float)) for x in right):
        if not isinstance(value, (list, tuple)):
            raise Wrong(f"Return {what} as {_kind(right)}: your function returns {_kind(value)}.")
        if len(value) != len(right):
            start = f" (yours: {_short(value)})" if all(isinstance(x, str) for x in value) else ""
            raise Wrong(f"Not right yet: the length of {what} is {len(value)}, expected {len(right)}{start}.")
        return [as_answer(a, f"entry {i} of {what}", b) for i, (a, b) in enumerate(zip(value, right))]
    try:
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"Return {what} as a tensor: your function returns {_kind(value)}.") from error


def difference(value, right, what: str) -> str:
    """A sentence on how `value`, in the form of `as_answer`, differs from `right`."""
    if isinstance(right, dict):
        key = next(key for key in right if not same(value[key], right[key]))
        return difference(value[key], right[key], f"`{key}` of {what}")
    if isinstance(right, list):
        place = next(i for i, pair in enumerate(zip(value, right)) if not same(*pair))
        return difference(value[place], right[place], f"entry {place} of {what}")
    if isinstance(right, str):
        return f"Not right yet: {what} should be {_short(right)}, yours is {_short(value)}."
    if value.shape != right.shape:
        return _other_shape(value, right, what)
    if not value.isfinite().all() and right.isfinite().all():
        bad = int((~value.isfinite()).sum())
        return (
            f"{bad} of {value.numel()} numbers in {what} are not finite (inf or nan): "
            "look for a division by zero or an exponential that overflows."
        )
    wrong = ~_close(value, right)
    pattern = next(_patterns(value, right), "") if value.numel() > 1 else ""
    if right.ndim == 0:
        where = f"yours is {float(value):.4g}, expected {float(right):.4g}"
    else:
        place = tuple(wrong.nonzero()[0].tolist())
        at = ", ".join(map(str, place))
        where = f"at [{at}] yours is {float(value[place]):.4g}, expected {float(right[place]):.4g}"
    if pattern:
        return f"Not right yet: {pattern.format(what)} ({where})."
    if right.ndim == 0:
        return f"Not right yet: {what} should be {float(right):.4g}, yours is {float(value):.4g}."
    return f"Not right yet: {int(wrong.sum())} of {wrong.numel()} entries of {what} differ; {where}."


def _patterns(value: Tensor, right: Tensor) -> Iterator[str]:
    """What is cheap to test for: sign, factor, offset, transposition, order, too few different numbers."""
    tests: list[tuple[str, Callable[[], Tensor]]] = [
        ("{} would be right with the opposite sign", lambda: -right),
        ("you return 1 minus {}", lambda: 1 - right),
        ("you return 1 divided by {}", lambda: 1 / right),
        ("{} would be right after a transposition", lambda: right.mT),
        ("{} would be right in the opposite order (sorted the other way)", lambda: right.flip(0)),
        ("each row of {} would be right in the opposite order (sorted the other way)", lambda: right.flip(-1)),
    ]
    for sentence, other in tests:
        if (right.ndim >= 2 or "transposition" not in sentence) and same(value, other()):
            yield sentence
    large = right.abs() > 1e-3
    ratio, offset = (
        (value[large] / right[large]).median() if large.any() else torch.tensor(1.0),
        (value - right).median(),
    )
    if ratio != 0 and ratio.isfinite() and same(value, ratio * right):
        small = 0 < ratio.abs() < 1
        times = f"{float(1 / ratio if small else ratio):.4g}"
        yield f"every entry of {{}} is {times} times too {'small' if small else 'large'}"
    if offset.isfinite() and same(value, right + offset):
        yield f"every entry of {{}} is {abs(float(offset)):.4g} too {'large' if offset > 0 else 'small'}"
    if right.ndim and same(_sorted_rows(value), _sorted_rows(right)):
        yield "{} would be right in another order" if right.ndim == 1 else "the rows of {} are right, in another order"
    few = value.unique().tolist()
    if len(few) <= 3 < right.unique().numel():
        yield f"{{}} takes only the value{'s' * (len(few) > 1)} {' and '.join(f'{x:.4g}' for x in few)}"


def _other_shape(value: Tensor, right: Tensor, what: str) -> str:
    told = f"The shape of {what} is {tuple(value.shape)}, expected {tuple(right.shape)}"
    if value.ndim == 2 and same(value.mT, right):
        return f"{told}: transpose it."
    if value.numel() == right.numel() and same(value.reshape(right.shape), right):
        return f"{told}: the numbers are right."
    for axis in range(value.ndim if value.ndim == right.ndim + 1 else 0):
        for name, reduced in (("sum", value.sum(axis)), ("mean", value.mean(axis))):
            if same(reduced, right):
                return f"{told}: the {name} over axis {axis} is missing."
    return f"{told}."


def _sorted_rows(x: Tensor) -> Tensor:
    rows = x.reshape(len(x), -1).tolist()
    return torch.tensor(sorted(rows), dtype=x.dtype)


def _close(value: Tensor, right: Tensor) -> Tensor:
    return torch.isclose(value.double(), right.double(), rtol=2e-4, atol=2e-5, equal_nan=True)


def _fields(value):
    """Dicts, NamedTuples and dataclasses as a dict; anything else as it is."""
    if hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return vars(value)
    return value


def _kind(value) -> str:
    name = type(value).__name__
    return {"str": "a string"}.get(name, f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}")


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]} …"
