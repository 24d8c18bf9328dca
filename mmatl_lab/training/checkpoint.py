"""Checkpoints: weights and the card that says where they come from, in one safetensors file that is whole or not there.

A card is a dictionary: recipe, preset, seed, step, metrics, a hash of the data, the command that makes the same file
again. Saving adds the format's number, the versions of Python, torch and mmatl_lab, and a SHA-256 of tensors and
card. It is stored as JSON in the header of the file itself, so that weights and card cannot part, and once more beside
it as ``NAME.json`` for people to read.
"""

import contextlib
import glob
import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from mmatl_lab import __version__

SCHEMA = 2


class CheckpointError(ValueError):
    """The file, or what was to be written to it, is no usable checkpoint; the message says what to do."""


class Checkpoint(NamedTuple):
    """Tensors by name, on the CPU, and the card that was saved with them."""

    state: dict[str, Tensor]
    card: dict[str, Any]


def save_checkpoint(
    path: Path | str,
    model: nn.Module | Mapping[str, Tensor],
    card: Mapping[str, Any],
    *,
    dtype: torch.dtype | None = None,
    sidecar: bool = True,
) -> Path:
    """Write weights and card to ``path``, or leave what is there untouched.

    Args:
        path: file to write, ``NAME.safetensors``; its folder is made.
        model: a module, or tensors by name. Tensors that share memory (tied weights) are written once per name.
        card: what there is to know about the weights. NaN becomes null, tensors of one element become numbers.
        dtype: store floating-point tensors as this type, such as ``torch.float16``, to keep a shipped file small.
        sidecar: also write the card to ``NAME.json``.

    Returns:
        The path.

    Raises:
        CheckpointError: when a tensor holds NaN, or overflows in ``dtype``.
        TypeError: when the state holds anything but tensors.
        OSError: when the file cannot be written, with the megabytes needed and free.
    """
    path = Path(path)
    state = model.state_dict() if isinstance(model, nn.Module) else model
    tensors = {name: _storable(name, tensor, dtype) for name, tensor in state.items()}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "mmatl_lab": __version__}
    card = {"versions": versions} | _plain(card) | {"schema": SCHEMA}  # a card that is written anew keeps its versions
    card["sha256"] = _digest(tensors, card)
    write_atomically(path, safetensors.torch.save(tensors, metadata={"card": json.dumps(card, allow_nan=False)}))
    if sidecar:
        write_atomically(path.with_suffix(".json"), json.dumps(card, indent=2, ensure_ascii=False).encode() + b"\n")
    return path


def load_checkpoint(path: Path | str, *, command: str = "mmatl-lab train LESSON") -> Checkpoint:
    """Read a file of :func:`save_checkpoint`, after checking that it is whole. Nothing in it is ever executed.

    Args:
        path: file to read.
        command: the command that makes this file, for the message when it is missing or damaged.

    Raises:
        FileNotFoundError: when there is no file.
        CheckpointError: when the file is damaged, is something else, or comes from a newer mmatl_lab.
    """
    path = Path(path)
    if not path.is_file():
        begun = unfinished_path(path)
        also = f" ({begun.name} is of a run that was stopped: --resume goes on)" if begun.is_file() else ""
        raise FileNotFoundError(f"no checkpoint at {path}{also}: make it with `{command}`")
    data = path.read_bytes()
    damaged = f"the checkpoint {path} is damaged ({{}}): delete it and make it again with `{command}`"
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        state = safetensors.torch.load(data)
        card = json.loads(header.get("__metadata__", {}).get("card", "null"))
    except (safetensors.SafetensorError, ValueError, KeyError, AttributeError, RuntimeError, TypeError) as error:
        if data[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise CheckpointError(
                f"{path} is a pickle or zip file, which can run code when it is opened and is never loaded here: "
                "read it where you trust it and store its tensors with save_checkpoint"
            ) from None
        raise CheckpointError(damaged.format("it is empty" if not data else f"{len(data):,} bytes")) from error
    if not isinstance(card, dict) or type(card.get("schema")) is not int:
        raise CheckpointError(
            f"{path} holds tensors but no card of mmatl_lab, so nothing says which model they fit: "
            "read it with safetensors and store it with save_checkpoint"
        )
    if card["schema"] > SCHEMA:
        newer = card.get("versions", {}).get("mmatl_lab", "a newer version")
        raise CheckpointError(
            f"{path} was written by mmatl_lab {newer} in format {card['schema']}, and this is {__version__}, which "
            f"reads up to format {SCHEMA}: install mmatl_lab {newer} or later"
        )
    if card["schema"] < SCHEMA:
        raise CheckpointError(
            f"{path} is in format {card['schema']} of an earlier mmatl_lab, and format {SCHEMA} is read: make it again "
            f"with `{command}`"
        )
    if _digest(state, card) != card.get("sha256"):
        raise CheckpointError(damaged.format("its tensors or its card are not the ones that were saved"))
    return Checkpoint(state, card)


def unfinished_path(path: Path) -> Path:
    """Where a run that was stopped early keeps its weights, since ``path`` may hold those of a finished one."""
    return path.with_suffix(".unfinished.safetensors")


def fit_into(model: nn.Module, state: Mapping[str, Tensor], source: Path | str) -> None:
    """Copy ``state`` into ``model``, or say in one sentence, which names ``source``, what does not fit."""
    have = model.state_dict()
    missing, extra = [n for n in have if n not in state], [n for n in state if n not in have]
    other = [n for n in have if n in state and have[n].shape != state[n].shape]
    faults = []
    if missing:
        faults.append(f"it lacks {_some(missing)}")
    if extra:
        faults.append(f"it has {_some(extra)} too many")
    if other:
        there, here = tuple(state[other[0]].shape), tuple(have[other[0]].shape)
        faults.append(f"{_some(other)} has shape {there} in the file and {here} in the model")
    if faults:
        raise CheckpointError(
            f"{source} does not fit this {type(model).__name__}: {'; '.join(faults)}; "
            "build the model with the settings on the checkpoint's card"
        )
    model.load_state_dict(state)


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader, or a crash at any moment, finds the old file or the new one, whole.

    Raises:
        OSError: with the megabytes needed and free; the old file is then untouched and nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _sweep(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name points to it
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        folder = next(parent for parent in path.absolute().parents if parent.is_dir())
        needed, free = len(data) / 1e6, shutil.disk_usage(folder).free / 1e6
        raise OSError(
            f"{path} was not saved ({error.strerror}): it needs {needed:.1f} MB and {free:.1f} MB is free, so what was "
            "there before is untouched: make room, or choose another folder"
        ) from error


def _sweep(path: Path) -> None:
    """Remove what processes left that were killed while they wrote ``path``."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        import psutil  # here, since there is hardly ever anything to remove

        pid = left.name.split(".")[-2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)


def _storable(name: str, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"the state entry {name!r} is a {type(tensor).__name__}: a checkpoint holds tensors only")
    if torch.isnan(tensor).any():
        raise CheckpointError(f"{name!r} holds NaN, so nothing was saved: go back to the last good weights")
    # A copy each: tied weights share memory, which the format has no way to say.
    stored = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    if dtype is None or not stored.is_floating_point():
        return stored
    cast = stored.to(dtype)
    if (torch.isinf(cast) & ~torch.isinf(stored)).any():
        largest = stored.abs().max().item()
        raise CheckpointError(f"{name!r} reaches {largest:.3g}, too large for {dtype}: save with dtype=torch.bfloat16")
    return cast


def _digest(tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps({k: v for k, v in card.items() if k != "sha256"}, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """``value`` as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # a tensor or a numpy number
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _some(names: list[str]) -> str:
    return f"{names[0]!r}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
