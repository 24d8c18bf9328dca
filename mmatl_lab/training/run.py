r"""The helper of the visible training loop: it brings everything around the loop, and leaves the loop to be read.

    run = Run(model, name="clip_scenes", num_steps=600, lr=2e-3)
    for step, generator in run:
        scenes = sample_scenes(256, generator=generator)[run.shard]
        out = run.model(render(scenes).to(run.device), captions(scenes).to(run.device))
        run.step(clip_loss(*out, gather=run.gather))

The data of a step come from ``generator``, which depends on the seed and the step alone. So a run that was killed goes
on from its last checkpoint to the same weights, bit for bit on a CPU, as one that was not.
"""

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmatl_lab import paths
from mmatl_lab.seeding import seeded

from .checkpoint import save_checkpoint
from .checks import as_number, check_loss, check_metrics
from .distributed import make_adamw, make_fabric
from .hardware import machine
from .interrupt import StopSignals
from .progress import Plot, Progress, duration, reading, recent
from .resume import load_state, save_state
from .schedule import learning_rate

PRECISIONS = ("auto", "32-true", "bf16-mixed")


class Run:
    """Trains ``model`` with AdamW, step by step, in a loop that you write.

    Iterating gives ``(step, generator)``; each turn of the loop calls :meth:`step` once. Leave the loop early with
    :meth:`stop`, Ctrl-C or the notebook's stop button: it ends after the step, is saved, and can go on later (``break``
    ends it too, but saves nothing). The model is in training mode inside the loop and in evaluation mode after it.

    Under ``torchrun`` every process makes the same ``Run``: each takes its rows of the global batch (:attr:`shard`),
    negatives are gathered with :meth:`gather`, and DistributedDataParallel averages the gradients.

    Args:
        model: moved to the device in place; use :attr:`model` in the loop and your own ``model`` after it.
        name: files are ``folder/NAME.safetensors`` (weights and card), ``folder/NAME.json`` (the card for people),
            ``folder/NAME.state.safetensors`` (to resume from) and ``folder/logs/NAME`` (CSV and TensorBoard).
        num_steps: length of the run and of its schedule.
        lr, schedule: peak and course of the learning rate, see :func:`learning_rate`.
        weight_decay: on matrices and convolution kernels only, never on biases, norms or a temperature.
        clip: largest norm of the gradient.
        seed: of the data and, through torch's global generator, of dropout.
        folder: default ``$MMATL_LAB_RUNS`` or ``./runs``.
        resume: go on from ``folder/NAME.state.safetensors`` if it is there.
        save: False writes nothing at all, for experiments of seconds.
        save_every: seconds between two checkpoints, at least; 0 writes one in every step.
        device: "auto", "cuda", "mps" or "cpu".
        precision: "32-true", "bf16-mixed", or "auto": bf16 where the device has instructions for it.
        memory_format: such as ``torch.channels_last`` for convolutions.
        plot: one live plot or several, see :class:`~mmatl_lab.training.progress.Plot`.
        ceiling, control: best reachable and meaningless value of a metric by name, shown beside it.
        card: more for the card: recipe, preset, data hash, command.
        quiet: True prints no sentence and shows no bar, for the small trainings behind a dial.

    Attributes:
        model: the module with precision and DistributedDataParallel around it.
        history: ``{"step": [...], "loss": [...], metric: [...]}``, lists of one length; NaN where nothing was given.
        done, stopped, seconds: steps done; whether it ended early; time in the loop, with that before a resume.
        device, precision, rank, world_size, is_main: where and how it runs; ``is_main`` on the process that writes.
        path, state_path: the files of weights and card, and of what a resume needs.

    Raises:
        ValueError: for a setting that is none of those above.
        CheckpointError: when ``resume`` finds a checkpoint that is damaged or belongs to other settings.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        num_steps: int,
        *,
        lr: float = 1e-3,
        schedule: str = "cosine",
        weight_decay: float = 0.05,
        clip: float = 1.0,
        seed: int = 0,
        folder: Path | str | None = None,
        resume: bool = False,
        save: bool = True,
        save_every: float = 30.0,
        device: str = "auto",
        precision: str = "auto",
        memory_format: torch.memory_format = torch.preserve_format,
        plot: Plot | Sequence[Plot] = (),
        ceiling: Mapping[str, float] | None = None,
        control: Mapping[str, float] | None = None,
        card: Mapping[str, Any] | None = None,
        quiet: bool = False,
    ):
        if num_steps < 1:
            raise ValueError(f"num_steps is {num_steps}: give at least 1")
        if precision not in PRECISIONS:
            raise ValueError(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
        self.name, self.num_steps, self.seed, self.clip, self.card = name, num_steps, seed, clip, card or {}
        self.quiet = quiet
        self.settings = {"num_steps": num_steps, "seed": seed, "lr": lr, "schedule": schedule}
        self.settings |= {"weight_decay": weight_decay, "clip": clip}
        self.learning_rates = [learning_rate(step, num_steps, lr, schedule) for step in range(num_steps)]
        self.ceiling, self.control = ceiling or {}, control or {}
        self.done, self.stopped, self.seconds, self.history = 0, False, 0.0, {"step": [], "loss": []}
        folder = Path(folder or paths.runs())
        self.path, self.state_path = folder / f"{name}.safetensors", folder / f"{name}.state.safetensors"
        self.save_every, self._next_save = save_every, 0.0
        self._writes, self._kept = save, False  # kept: state_path holds a state of this run
        self._first, self._turn = 0, None  # step that the loop began with, step whose turn it is
        self._plots = tuple(plot) if isinstance(plot, Sequence) else (plot,)

        computer = machine(device)
        self.precision = ("bf16-mixed" if computer.bf16 else "32-true") if precision == "auto" else precision
        self.fabric = make_fabric(computer, self.precision)
        self.device, self.rank, self.world_size = self.fabric.device, self.fabric.global_rank, self.fabric.world_size
        self.is_main = self.rank == 0
        self._module = model.to(self.device, memory_format=memory_format)
        self.model, self.optimizer = self.fabric.setup(model, make_adamw(model, weight_decay))
        if resume and self.state_path.is_file():
            self._load_state()
            self._say(f"{name} goes on from step {self.done} of {num_steps}")
        elif resume:
            self._say(f"nothing to resume at {self.state_path}: {name} starts at step 0")

    # The loop ---------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[tuple[int, torch.Generator]]:
        log_folder = self.path.parent / "logs" / self.name if self._writes else None
        on_cpu = (
            self.device.type == "cpu"
        )  # where torch.manual_seed would spend a third of a millisecond on other devices
        seed_torch = torch.default_generator.manual_seed if on_cpu else torch.manual_seed
        self._signals = StopSignals()
        known = (self.name, self.history, self.learning_rates, self._plots, log_folder)
        self._progress = Progress(*known, silent=self.quiet or not self.is_main)
        self.stopped, self._first, self._started = False, self.done, time.monotonic() - self.seconds
        self._module.train()
        with self._signals, self._progress:
            while self.done < self.num_steps and not self.stopped:
                self._turn = self.done
                seed_torch(seeded(self.seed, self.done, 1 + self.rank).initial_seed())  # dropout
                yield self.done, seeded(self.seed, self.done)
                if self.done == self._turn:
                    raise RuntimeError(f"run.step(loss) was not called in step {self.done}: call it once in each turn")
            self._module.eval()
            self._save_state()
            self.save()
        self._say(self.summary() + (f"; saved as {self.path}" if self._writes else ""))

    def step(self, loss: Tensor, **metrics: Tensor | float) -> None:
        """One step of training: backward, clip, check, save if it is time, learning rate, update, show and log.

        Args:
            loss: scalar, of this process's rows (processes are averaged).
            metrics: numbers to show and log, such as ``accuracy=...``; the first is the one that matters.

        Raises:
            FloatingPointError: when loss or gradient are not finite. The model is put back to its last good weights,
                those of the last checkpoint, so that what you hold after the error is usable.
            TypeError, RuntimeError: when it is called with something else, or not once in each turn of the loop.
        """
        if self._turn != self.done:
            raise RuntimeError("run.step(loss) belongs into `for step, generator in run:`, once in each turn")
        check_loss(loss)
        check_metrics(metrics)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.clip, error_if_nonfinite=False)
        # One exchange with the other processes and one wait for the device; all processes then decide the same.
        row = [loss, norm, self._signals.received, *metrics.values()]
        row = torch.stack([as_number(value, self.device) for value in row])
        loss, norm, stop, *values = self.fabric.all_reduce(row, reduce_op="mean").tolist()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._give_up(f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}")
        if time.monotonic() >= self._next_save:
            self._save_in_time()  # now, since this step has just shown that the weights are good
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rates[self.done]
        self.optimizer.step()
        if hasattr(self._module, "after_update"):  # such as CLIP, which keeps its temperature within bounds
            self._module.after_update()
        self._record({"step": self.done, "loss": loss, **dict(zip(metrics, values, strict=True))})
        self.stopped = stop > 0 and self.done < self.num_steps

    def stop(self) -> None:
        """End the loop after this step (with several processes, after the next), as Ctrl-C does."""
        self._signals.received = True
        self.stopped = self.world_size == 1 and self.done < self.num_steps

    # Several processes ------------------------------------------------------------------------------------------------

    @property
    def shard(self) -> slice:
        """This process's rows of the global batch: every ``world_size``-th, from its rank on."""
        return slice(self.rank, None, self.world_size)

    def gather(self, x: Tensor) -> Tensor:
        """Rows of all processes in the order of the global batch, (B, ...) -> (world * B, ...), with gradients.

        ``run.gather(batch[run.shard])`` equals ``batch``.

        Raises:
            ValueError: in the first step, when the processes have different numbers of rows.
        """
        if self.world_size == 1:
            return x
        if self.done == self._first:  # all processes check in the first step, so that none waits for another forever
            rows = self.fabric.all_gather(torch.tensor(len(x), device=self.device)).tolist()
            if len(set(rows)) > 1:
                raise ValueError(f"the processes have {rows} rows: make the batch a multiple of {self.world_size}")
        return self.fabric.all_gather(x, sync_grads=True).transpose(0, 1).flatten(0, 1)  # from (world, B, ...)

    # What is kept -----------------------------------------------------------------------------------------------------

    def save(self, metrics: Mapping[str, float] | None = None, *, dtype: torch.dtype | None = None) -> Path:
        """Write weights and card to :attr:`path` and return it; the end of the loop does it once, without ``metrics``.

        Args:
            metrics: for the card, measured after training.
            dtype: as in :func:`save_checkpoint`.
        """
        if self._writes and self.is_main:
            training = {name: recent(column) for name, column in self.history.items() if name != "step"}
            card = {**self.card, **self._about(), "training": training, "metrics": metrics or {}}
            save_checkpoint(self.path, self._module, card, dtype=dtype)
        self.fabric.barrier()
        return self.path

    def _about(self) -> dict[str, Any]:
        where = {"device": str(self.device), "precision": self.precision, "processes": self.world_size}
        return {"name": self.name, "step": self.done, "seconds": self.seconds, "settings": self.settings, **where}

    def _save_state(self) -> None:
        if self._writes and self.is_main:
            save_state(self.state_path, self._module, self.optimizer, self._about() | {"history": self.history})
        self._kept = self._writes

    def _save_in_time(self) -> None:
        start = time.monotonic()
        try:
            self._save_state()
        except OSError as error:
            if not self._kept:  # a folder that cannot be written to shows in the first step, not after the training
                raise
            warnings.warn(f"{error}; the training goes on", stacklevel=3)
        pause = 20 * (time.monotonic() - start)  # so that checkpoints take at most 5 % of the time
        self._next_save = time.monotonic() + (max(self.save_every, pause) if self.save_every else 0.0)

    def _load_state(self) -> None:
        card = load_state(self.state_path, self._module, self.optimizer, self.settings)
        self.done, self.seconds, self.history, self._kept = card["step"], card["seconds"], card["history"], True

    def _give_up(self, what: str) -> None:
        failed, kept = self.done, f" (kept in {self.state_path})" if self._kept else ""
        if self._kept:
            self._load_state()
        self._module.eval()
        self._signals.close()
        self._progress.close()
        raise FloatingPointError(
            f"the {what} at step {failed} of {self.num_steps}: what was learned since step {self.done} is lost, and "
            f"the model has its weights of then{kept}; use a smaller lr than {self.settings['lr']:g}, or look at the "
            f"data of seeded({self.seed}, {failed})"
        )

    # What is seen -----------------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """One sentence made from the numbers."""
        far = f"step {self.done} of {self.num_steps}"
        words = [f"{self.name}: {far} in {duration(self.seconds)}"]
        if self.stopped:
            words = [f"{self.name} stopped at {far}; the model is usable; resume=True goes on"]
        if self.done:
            words.append(f"loss {self.history['loss'][0]:.3f} → {recent(self.history['loss']):.3f}")
        return "; ".join(words + [self._reading(name) for name in list(self.history)[2:]])

    def __repr__(self) -> str:
        where = f"{self.device}, {self.precision}, {self.world_size} process{'es' * (self.world_size > 1)}"
        return f"Run({self.summary()}; on {where})"

    def _record(self, row: dict[str, float]) -> None:
        for name, value in row.items():
            self.history.setdefault(name, [math.nan] * self.done).append(value)
        self.done += 1
        for column in self.history.values():
            column.extend([math.nan] * (self.done - len(column)))
        self.seconds = time.monotonic() - self._started
        self._progress.step(self.history, ", ".join(self._reading(name) for name in list(self.history)[1:3]))

    def _reading(self, name: str) -> str:
        return reading(name, self.history[name], self.ceiling, self.control)

    def _say(self, sentence: str) -> None:
        if self.is_main and not self.quiet:
            print(sentence, flush=True)
