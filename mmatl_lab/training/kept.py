"""The half of a run that has to do with its files: weights with their card, and what a resume needs."""

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import save_checkpoint, unfinished_path
from .progress import recent
from .resume import load_state, save_state


class Kept:
    """What :class:`~mmatl_lab.training.Run` writes and reads again."""

    @property
    def path(self) -> Path:
        """The file of weights and card: NAME.safetensors, or NAME.unfinished.safetensors before the last step."""
        finished = self._folder / f"{self.name}.safetensors"
        return finished if self.done == self.num_steps else unfinished_path(finished)

    def save(
        self,
        metrics: Mapping[str, float] | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Path:
        """Write weights and card to :attr:`path` and return it; the end of the loop does it once, without ``metrics``.

        The weights are those of :attr:`ema` where there is one. With several processes all have to call it, since they
        wait for each other here; the first one writes.

        Args:
            metrics: for the card, measured after training.
            notes: for the card, what has to be said beside these numbers, by name.
            dtype: as in :func:`save_checkpoint`.
        """
        if self._writes and self.is_main:
            training = {name: recent(column) for name, column in self.history.items() if name != "step"}
            measured = {"training": training, "metrics": metrics or {}, "notes": notes or {}}
            card = {**self.card, **self._about(), **measured}
            save_checkpoint(self.path, self.ema or self.module, card, dtype=dtype)
            if self.done == self.num_steps:
                for file in (unfinished_path(self.path), unfinished_path(self.path).with_suffix(".json")):
                    file.unlink(missing_ok=True)
        self.fabric.barrier()
        return self.path

    def _warn_of_replacing(self) -> None:
        """Say that a trained file is there, which the end of this run replaces."""
        there = self._folder / f"{self.name}.safetensors"
        if self._writes and self.done < self.num_steps and there.is_file():
            self._say(
                f"{there} holds a trained {self.name}: the end of this run replaces it. To keep it, stop now and "
                "copy it, or give another folder."
            )

    def _about(self) -> dict[str, Any]:
        where = {"device": str(self.device), "precision": self.precision, "processes": self.world_size}
        where |= {"threads": torch.get_num_threads()} if self.device.type == "cpu" else {}
        return {"name": self.name, "step": self.done, "seconds": self.seconds, "settings": self.settings, **where}

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.module} | ({"ema": self.ema} if self.ema else {})

    def _save_state(self, buffers: Mapping[str, Tensor] | None = None) -> None:
        if self._writes and self.is_main:
            card = self._about() | {"history": self.history}
            save_state(self.state_path, self._modules(), self.optimizers, card, buffers)
        self._kept = self._writes

    def _save_in_time(self) -> None:
        start = time.monotonic()
        try:
            self._save_state(self._buffers)
        except OSError as error:
            if not self._kept:  # a folder that cannot be written to shows in the first step, not after the training
                raise
            warnings.warn(f"{error}; the training goes on", stacklevel=4)
        pause = 20 * (time.monotonic() - start)  # so that checkpoints take at most 5 % of the time
        self._next_save = time.monotonic() + (max(self.save_every, pause) if self.save_every else 0.0)

    def _load_state(self) -> None:
        card = load_state(self.state_path, self._modules(), self.optimizers, self.settings)
        self.done, self.seconds, self.history, self._kept = card["step"], card["seconds"], card["history"], True
