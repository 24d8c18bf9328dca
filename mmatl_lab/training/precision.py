"""In which numbers a run computes: float32, or bfloat16 where it is safe (``torch.autocast``)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = ("auto", "32-true", "bf16-mixed")


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """A context in which matrix products and convolutions compute in bfloat16, or one that changes nothing."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16-mixed" else nullcontext()


class Autocast:
    """A module whose every method computes under autocast and gives float32, not ``forward`` alone.

    Its parts do so, too: ``run.model.generator(z)``, ``run.model.sample(x)``. Whatever else is asked of it, such as
    its parameters, is the module's.
    """

    def __init__(self, module: nn.Module, context: Callable[[], AbstractContextManager]):
        object.__setattr__(self, "_module", module)
        object.__setattr__(self, "_context", context)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._context():
            out = self._module(*args, **kwargs)
        return as_float32(out)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, nn.Module):
            return Autocast(found, self._context)
        if isinstance(found, MethodType) and not hasattr(nn.Module, name):
            return self._method(found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._module, name, value)

    def __getitem__(self, name: Any) -> "Autocast":
        return Autocast(self._module[name], self._context)

    def __repr__(self) -> str:
        return repr(self._module)

    def _method(self, method: MethodType) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._context():
                out = method(*args, **kwargs)
            return as_float32(out)

        return call


def as_float32(out: Any) -> Any:
    """``out`` with its bfloat16 tensors, also those in tuples, lists and dicts, as float32."""
    if isinstance(out, Tensor):
        return out.float() if out.dtype == torch.bfloat16 else out
    if isinstance(out, tuple | list):
        items = [as_float32(item) for item in out]
        return type(out)(*items) if hasattr(out, "_fields") else type(out)(items)
    if isinstance(out, Mapping):
        return {key: as_float32(value) for key, value in out.items()}
    return out
