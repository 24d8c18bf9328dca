"""Config dataclasses as plain values: what a checkpoint's card says of its model, and the way back."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")


def to_dict(config: Any) -> dict[str, Any]:
    """A dataclass as JSON can hold it: nested dataclasses become dictionaries, tuples become lists.

    Raises:
        TypeError: for anything but an instance of a dataclass, or a value that JSON has no form for.
    """
    if not is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"a config is an instance of a dataclass, got {config!r}")
    return {field.name: _plain(getattr(config, field.name), field.name) for field in fields(config)}


def from_dict(cls: type[C], values: Mapping[str, Any]) -> C:
    """The dataclass that `to_dict` wrote: lists become the tuples, and dictionaries the dataclasses, of its type hints.

    Raises:
        ValueError: for fields that `cls` does not have, or needs and is not given: a config of another class.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"the config of {cls.__name__} is a dictionary, got {type(values).__name__}")
    known = {field.name: field for field in fields(cls)}
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise ValueError(f"{cls.__name__} has no field {name!r}, so this is the config of another model: {meant}")
    needed = [name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise ValueError(f"the config of {cls.__name__} lacks {', '.join(missing)}: it belongs to another model")
    hints = get_type_hints(cls)
    return cls(**{name: _typed(hints[name], value) for name, value in values.items()})


def _plain(value: Any, name: str) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"the field {name!r} holds a {type(value).__name__}: a config holds numbers, words and tuples")


def _typed(hint: Any, value: Any) -> Any:
    """`value` in the type that `hint` asks for, where JSON knows only lists and dictionaries."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return value if value is None else _typed(next(kind for kind in inner if kind is not type(None)), value)
    if is_dataclass(hint) and isinstance(value, Mapping):
        return from_dict(hint, value)
    if isinstance(value, Mapping):  # options of a part: lists in it were tuples
        item = inner[1] if len(inner) == 2 else Any
        return {key: _typed(item, entry) for key, entry in value.items()}
    if isinstance(value, list):
        item = inner[0] if inner else Any
        return tuple(_typed(item, entry) for entry in value)
    return value
