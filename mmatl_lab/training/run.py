r"""The helper of the visible training loop: it brings everything around the loop, and leaves the loop to be read.

    run = Run(model, name="clip_scenes", num_steps=600, lr=2e-3)
    for step, generator in run:
        scenes = sample_scenes(256, generator=generator)[run.shard]
        out = run.model(render(scenes).to(run.device), captions(scenes).to(run.device))
        run.step(clip_loss(*out, gather=run.gather))

``run.step(loss)`` is ``run.backward(loss)`` and ``run.update()``. A method that works between the two, or trains parts
in turns, calls them itself:

    run = Run({"generator": G, "discriminator": D}, "gan", 2000, lr={"generator": 1e-4, "discriminator": 4e-4})
    for step, generator in run:
        real, fake = ..., run.model.generator(noise)
        run.backward(fool_loss(run.model.discriminator(real), run.model.discriminator(fake.detach())))
        run.update("discriminator")
        run.backward(-run.model.discriminator(fake).mean())
        run.update("generator")

The data of a step come from ``generator``, which depends on the seed and the step alone. So a run that was killed goes
on from its last checkpoint to the same weights, bit for bit on a CPU, as one that was not. (With the same number of
threads: set ``OMP_NUM_THREADS``, or the number is chosen by what is fastest, see :mod:`mmatl_lab.threads`.)
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmatl_lab import paths
from mmatl_lab.seeding import seeded
from mmatl_lab.threads import calm_threads

from .checkpoint import Checkpoint, fit_into
from .checks import check_loss, check_metrics
from .distributed import average_gradients, broadcast, make_fabric
from .ema import EMA
from .hardware import machine
from .interrupt import StopSignals
from .kept import Kept
from .optimizers import MakeOptimizer, can_skip, make_parts, settings_of
from .precision import PRECISIONS, Autocast, autocast
from .progress import Plot, Progress
from .readings import LOOK_EVERY, Readings
from .shown import Shown


class Run(Kept, Shown):
    """Trains ``model`` step by step, in a loop that you write.

    Iterating gives ``(step, generator)``; each turn of the loop calls :meth:`step` once, or :meth:`backward`
    and :meth:`update`. Leave the loop early with :meth:`stop`, Ctrl-C or the notebook's stop button: it ends after the
    step, is saved, and can go on later (``break`` ends it too, but saves nothing). The model is in training mode inside
    the loop and in evaluation mode after it. After each update ``after_update()`` of the modules that have it is
    called.

    Under ``torchrun`` every process makes the same ``Run``: each takes its rows of the global batch (:attr:`shard`),
    negatives are gathered with :meth:`gather`, and :meth:`backward` averages the gradients over the processes.

    Args:
        model: a module, or several by name; moved to the device in place. Use :attr:`model` in the loop and your own
            after it.
        name: files are ``folder/NAME.safetensors`` (weights and card), ``folder/NAME.json`` (the card for people),
            ``folder/NAME.state.safetensors`` (to resume from) and ``folder/logs/NAME`` (CSV and TensorBoard). A run
            stopped early writes ``NAME.unfinished.safetensors`` instead, so a finished one is never lost to it.
        num_steps: length of the run and of its schedule.
        lr, schedule: peak and course of the learning rate, see :func:`learning_rate`. ``{part: lr}`` makes an optimizer
            for each named part of the model; several models have one each in any case. ``{part: schedule}`` gives
            parts another course than "cosine".
        optimizer: makes an optimizer from a list of parameters, such as ``torch.optim.SGD``, or one for each part by
            name; None is AdamW. Its learning rate is that of the schedule.
        weight_decay: of AdamW, on matrices and convolution kernels only, never on biases, norms or a temperature.
        clip: largest norm of the gradient of each optimizer's parameters.
        ema: decay of an average of the weights, :attr:`ema`, which is then what the checkpoint holds; see :class:`EMA`.
        seed: of the data and, through torch's global generator, of dropout.
        folder: default ``$MMATL_LAB_RUNS`` or ``./runs``.
        resume: go on from ``folder/NAME.state.safetensors`` if it is there.
        weights: of a finished training, as :func:`load_checkpoint` gives them. The model gets them and is in
            evaluation mode, the loop has no turn, and nothing is written.
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
        model: the module as the loop calls it: every method of it, and of its parts, computes in :attr:`precision`.
        module: the module itself, whose ``p.grad`` may be changed between :meth:`backward` and :meth:`update`; several
            models are ``module.NAME``.
        ema: the averaged copy of the module; None without.
        optimizers: by the name of their part; "" where there is one.
        history: ``{"step": [...], "loss": [...], metric: [...]}``, lists of one length; NaN where nothing was given. On
            a GPU its last quarter of a second is still on the device inside the loop, and it is whole after it.
        done, stopped, seconds: steps done; whether it ended early; time in the loop, with that before a resume.
        loaded: the card of ``weights``; None for a run that trains.
        device, precision, rank, world_size, is_main: where and how it runs; ``is_main`` on the process that writes.
        path, state_path: the files of weights and card, and of what a resume needs.

    Raises:
        ValueError: for a setting that is none of those above.
        CheckpointError: when ``resume`` finds a checkpoint that is damaged or belongs to other settings, or when
            ``weights`` do not fit the model.
    """

    def __init__(
        self,
        model: nn.Module | Mapping[str, nn.Module],
        name: str,
        num_steps: int,
        *,
        lr: float | Mapping[str, float] = 1e-3,
        schedule: str | Mapping[str, str] = "cosine",
        optimizer: MakeOptimizer | Mapping[str, MakeOptimizer] | None = None,
        weight_decay: float = 0.05,
        clip: float = 1.0,
        ema: float | None = None,
        seed: int = 0,
        folder: Path | str | None = None,
        resume: bool = False,
        weights: Checkpoint | None = None,
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
        self.quiet, self.ceiling, self.control = quiet, ceiling or {}, control or {}
        self.done, self.stopped, self.seconds = 0, False, 0.0
        self._folder = Path(folder or paths.runs())
        self.state_path = self._folder / f"{name}.state.safetensors"
        self.save_every, self._next_save = save_every, 0.0
        self.loaded = None if weights is None else weights.card
        self._writes = save and weights is None
        self._kept = False  # whether state_path holds a state of this run
        self._plots = tuple(plot) if isinstance(plot, Sequence) else (plot,)

        computer = machine(device)
        self.precision = ("bf16-mixed" if computer.bf16 else "32-true") if precision == "auto" else precision
        self.fabric = make_fabric(computer)
        self.device, self.rank, self.world_size = self.fabric.device, self.fabric.global_rank, self.fabric.world_size
        self.is_main = self.rank == 0
        module = model if isinstance(model, nn.Module) else nn.ModuleDict(model)
        self.module = module.to(self.device, memory_format=memory_format)
        if weights is not None:
            fit_into(self.module, weights.state, f"the checkpoint of {name}")
            self.module.eval()
            self.done = num_steps
        broadcast(self.module.state_dict().values(), self.fabric)
        self.model = Autocast(module, self.autocast) if self.precision == "bf16-mixed" else module
        self._parts = make_parts(module, lr, optimizer, weight_decay, num_steps, schedule)
        self.optimizers = {name: part.optimizer for name, part in self._parts.items()}
        self._parameters = [parameter for part in self._parts.values() for parameter in part.parameters]
        self._hooks = [m.after_update for m in module.modules() if callable(getattr(m, "after_update", None))]
        self._average = None if ema is None else EMA(module, ema)
        self.ema = self._average and self._average.module

        losses = {f"{name}_loss" for name in self._parts if name}
        self.learning_rates = {f"{part.prefix}lr": part.learning_rates for part in self._parts.values()}
        self._columns = {"step", "loss", "lr", *self.learning_rates, *losses}  # of the log; no metric is called so
        self.history = {"step": []} | ({"loss": []} if "" in self._parts else {})
        self.settings = {"num_steps": num_steps, "seed": seed, "clip": clip, "ema": ema}
        self.settings["schedule"] = dict(schedule) if isinstance(schedule, Mapping) else schedule
        self.settings |= {"lr": dict(lr) if isinstance(lr, Mapping) else lr, "weight_decay": weight_decay}
        self.settings["optimizer"] = {name: settings_of(part.optimizer) for name, part in self._parts.items()}

        self._readings = Readings(self.device, self.world_size)
        # A device that computes while Python goes on is looked at now and then, if updates can be left out without us.
        patient = self.device.type != "cpu" and all(map(can_skip, self.optimizers.values()))
        self._look_every = LOOK_EVERY if patient else 0.0
        self._first, self._open = 0, False  # step that the loop began with; whether a turn of the loop is under way
        if resume and weights is None and self.state_path.is_file():
            self._load_state()
            self._say(f"{name} goes on from step {self.done} of {num_steps}")
        elif resume and weights is None:
            self._say(f"nothing to resume at {self.state_path}: {name} starts at step 0")

    # The loop ---------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[tuple[int, torch.Generator]]:
        if self.loaded is not None:
            self._show_loaded()
            return
        self._warn_of_replacing()
        log_folder = self._folder / "logs" / self.name if self._writes else None
        self._signals = StopSignals()
        known = (self.name, self.history, self.learning_rates, self._plots, log_folder)
        self._progress = Progress(*known, silent=self.quiet or not self.is_main)
        self.stopped, self._first, self._started = False, self.done, time.monotonic() - self.seconds
        self._rows: dict[int, dict[str, list[float]]] = {}  # of steps that are not in the history yet
        self._asked = False  # one of the processes was asked to stop
        self._bad = torch.zeros((), device=self.device)  # 1 from the first update on that was not finite
        self._next_look, self._looked, self._pace = self.done, (self.done, time.monotonic()), 0.0
        self.module.train()
        adapt = self.device.type == "cpu" and self.world_size == 1
        with self._signals, self._progress, calm_threads(adapt) as threads:
            while self.done < self.num_steps and not self.stopped:
                self._begin_turn()
                try:
                    yield self.done, seeded(self.seed, self.done)
                except GeneratorExit:  # break, or an error in the loop
                    if self._open and self._updates:  # not after _give_up, which has put the steps back
                        self._end_turn()
                    raise
                if not self._updates:
                    raise RuntimeError(f"run.step(loss) was not called in step {self.done}: call it once in each turn")
                self._end_turn()
                threads.tick()
            self._read()
            self._show()
            self.module.eval()
            broadcast(self.module.buffers(), self.fabric)  # the processes' statistics of batch norm differ
            self._save_state()
            path = self.save()
        self._say(self.summary() + (f"; saved as {path}" if self._writes else ""))

    def _begin_turn(self) -> None:
        # torch.manual_seed would spend a third of a millisecond on the devices that a CPU run does not use.
        seed_torch = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed_torch(seeded(self.seed, self.done, 1 + self.rank).initial_seed())  # dropout
        self._open, self._updates, self._loss, self._unshared = True, 0, None, False
        self._looking = self.done >= self._next_look
        # A checkpoint holds the turn's beginning, but it waits for the first loss, which shows that the weights are
        # good. Until then the forward pass changes the statistics of batch norm, so these are kept.
        self._due = self._looking and self._writes and time.monotonic() >= self._next_save
        self._buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()} if self._due else {}

    def _end_turn(self) -> None:
        self._open = False
        if self._average:
            self._average.update(self.done)
        self.done += 1
        self.seconds = time.monotonic() - self._started
        if self._looking:
            self._show()
            step, then = self._looked
            self._looked = self.done, time.monotonic()
            if self._look_every:
                self._pace = (self._looked[1] - then) / (self.done - step)
        stop = self._asked or (self.world_size == 1 and self._signals.received)
        self.stopped = stop and self.done < self.num_steps

    def step(self, loss: Tensor, **metrics: Tensor | float) -> None:
        """One step of training, the only one in its turn: :meth:`backward`, then :meth:`update` of everything."""
        if self._open and self._updates:
            raise RuntimeError("run.step(loss) is a whole step: call it once in each turn, or backward and update")
        self.backward(loss)
        self.update(**metrics)

    def backward(self, loss: Tensor, *, more: bool = False, retain_graph: bool = False) -> None:
        """Add the gradient of ``loss`` to ``p.grad``; the first time after an update, all gradients begin anew.

        Args:
            loss: scalar, of this process's rows. Several losses before one update add up: divide each by their number
                for the gradient of a larger batch.
            more: True if another follows before the update, so that processes exchange their gradients only once.
            retain_graph: keep the graph for another backward through it.

        Raises:
            TypeError, RuntimeError: when it is called with something else, or outside the loop.
        """
        if not self._open:
            raise RuntimeError("run.step(loss) belongs into `for step, generator in run:`, once in each turn")
        check_loss(loss)
        if self._loss is None:
            for parameter in self._parameters:
                parameter.grad = None
        loss.backward(retain_graph=retain_graph)
        self._unshared = more
        if not more:
            average_gradients(self._parameters, self.fabric)
        loss = loss.detach()
        self._loss = loss if self._loss is None else self._loss + loss

    def update(self, *names: str, **metrics: Tensor | float) -> None:
        """Clip the gradients, check them, save if it is time, and let the optimizers take their step.

        Args:
            names: of the parts whose optimizers take a step; without any, all do. The gradients of the others are lost.
            metrics: numbers to show and log, such as ``accuracy=...``; the first is the one that matters.

        Raises:
            FloatingPointError: when loss or gradient are not finite. Nothing is updated from then on, and the model is
                put back to its last good weights, those of the last checkpoint, so that what you hold after the error
                is usable. A GPU is asked every quarter of a second, so that the error may come some steps later.
            RuntimeError, TypeError, ValueError: when there is no gradient, no such part, or a metric is no number.
        """
        check_metrics(metrics, self._columns)
        if not self._open or self._loss is None:
            raise RuntimeError("run.update() needs gradients: call run.backward(loss) before it, in each turn")
        unknown = [name for name in names if name not in self._parts]
        if unknown:
            raise ValueError(
                f"no optimizer is called {unknown[0]!r}: choose from {', '.join(filter(None, self._parts))}"
            )
        if self._unshared:
            average_gradients(self._parameters, self.fabric)
        parts = [self._parts[name] for name in names or self._parts]
        norms = [nn.utils.clip_grad_norm_(part.parameters, self.clip) for part in parts]
        if len(norms) > 1:  # that of a part without gradients is on the CPU
            norms = [torch.stack([norm.to(self.device) for norm in norms]).norm()]
        pace = self._pace * self.world_size if self.is_main else 0.0  # so that the mean is that of the main process
        columns = tuple(f"{name}_loss" for name in names) or ("loss",)
        values = [self._loss, norms[0], self._signals.received, pace, *metrics.values()]
        row = self._readings.add(self.done, (*columns, *metrics), values)
        if self._look_every:  # a flag on the device keeps the weights that the first bad step found
            self._bad = torch.maximum(self._bad, 1 - (row[0] + row[1]).isfinite().float())
            for part in parts:
                part.optimizer.found_inf = self._bad
        if self._looking:
            self._read()
        if self._due:
            self._due = False
            self._settle()  # what was read just now belongs to the history that the checkpoint holds
            self._save_in_time()
        for part in parts:
            for group in part.optimizer.param_groups:
                group["lr"] = part.learning_rates[self.done]
            part.optimizer.step()
        with torch.no_grad():
            for hook in self._hooks:
                hook()
        self._updates, self._loss, self._unshared = self._updates + 1, None, False

    def stop(self) -> None:
        """End the loop after this step (with several processes, after the next), as Ctrl-C does."""
        self._signals.received = True

    def autocast(self) -> AbstractContextManager:
        """A context in which code of your own computes in :attr:`precision`, as :attr:`model` does anyway."""
        return autocast(self.device, self.precision)

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
