"""An encoder by name, for configs: which class and with which arguments, as a checkpoint's card can hold it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Part:
    """The encoder called ``name`` with its keyword arguments.

    >>> Part("BagOfWords", {"vocab_size": 120}).build(out_dim=64)
    BagOfWords(
      (embed): Embedding(120, 64, padding_idx=0)
    )

    Attributes:
        name: of a class of ``mmatl_lab.nn.encoders``.
        options: its arguments by name: numbers, words, and tuples of them.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, **more: Any) -> nn.Module:
        """The encoder; ``more`` are arguments that are known only where it is used, such as ``out_dim``.

        Raises:
            ValueError: a name that is no encoder's, arguments that it does not take, or one that it needs is missing.
        """
        from mmatl_lab.nn import encoders

        known = {name: cls for name in encoders.__all__ if _is_encoder(cls := getattr(encoders, name))}
        if self.name not in known:
            raise ValueError(f"there is no encoder {self.name!r}: choose one of {', '.join(known)}")
        arguments = {**self.options, **more}
        taken = inspect.signature(known[self.name]).parameters
        if wrong := [name for name in arguments if name not in taken]:
            raise ValueError(f"{self.name} takes {', '.join(taken)}, got {', '.join(wrong)}")
        needed = [name for name, parameter in taken.items() if parameter.default is parameter.empty]
        if missing := [name for name in needed if name not in arguments]:
            raise ValueError(f"{self.name} needs {', '.join(needed)}: give {', '.join(missing)} as well")
        return known[self.name](**arguments)


def _is_encoder(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)
