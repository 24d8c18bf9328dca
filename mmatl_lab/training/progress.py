"""What is seen and kept of a run while it goes on: bar, live plots, CSV and TensorBoard; none may slow it down."""

import builtins
import contextlib
import importlib.util
import math
import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Protocol

History = dict[str, list[float]]

LOG_EVERY = 2.0  # seconds; each hand-over wakes TensorBoard's writer, which costs more than many rows do
PLOT_EVERY = 2.0  # seconds between two frames of a live plot, at least
PLOT_SHARE = 0.05  # of the time may go into plots


class Plot(Protocol):
    """What :class:`~mmatl_lab.training.Run` draws on: anything with these two methods."""

    def update(self, history: History, step: int, num_steps: int) -> None: ...

    def close(self, history: History) -> None: ...


class Progress:
    """Shows and logs the steps between entering and leaving it.

    Headless (``MMATL_LAB_HEADLESS=1``) there is no bar and a plot shows its last frame only. Where the output is
    neither a terminal nor a notebook there is no bar either.

    Args:
        name: shown before the bar.
        history: of the steps done before; it is logged once more, so that the newest log is whole.
        learning_rates: by column of the log, one for each step of the run.
        plots: live plots; their frames are thinned to one every 2 s and 5 % of the time.
        log_folder: where a CSV and a TensorBoard log begin; None for none.
        silent: True on all processes but one: nothing is shown or logged.
    """

    def __init__(
        self,
        name: str,
        history: History,
        learning_rates: Mapping[str, Sequence[float]],
        plots: Sequence[Plot] = (),
        log_folder: Path | None = None,
        silent: bool = False,
    ):
        self.headless = _headless()
        self._plots = () if silent else plots
        self._loggers = () if silent or log_folder is None else open_loggers(log_folder)
        self._learning_rates, self._history = learning_rates, history
        self._num_steps = len(next(iter(learning_rates.values())))
        self._bar = make_bar(name, self._num_steps, len(history["step"]), silent)
        self._shown = len(history["step"])
        self._logged, self._next_log, self._next_plot = 0, 0.0, time.monotonic() + PLOT_EVERY

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Last frame of the plots, end of the bar and the logs; doing it twice does no harm."""
        self._bar.close()
        self._log()
        for plot in self._plots:
            plot.close(self._history)
        for logger in self._loggers:
            logger.finalize("success")
        self._plots, self._loggers = (), ()

    def step(self, history: History, note: str) -> None:
        """Show that the last steps of ``history`` are done, with ``note`` behind the bar."""
        more = len(history["step"]) - self._shown
        self._history, self._shown = history, len(history["step"])
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(more)
        now = time.monotonic()
        if now >= self._next_log:
            self._log()
            self._next_log = now + LOG_EVERY
        if now >= self._next_plot and not self.headless:
            for plot in self._plots:
                plot.update(history, len(history["step"]), self._num_steps)
            end = time.monotonic()
            self._next_plot = end + max(PLOT_EVERY, (end - now) / PLOT_SHARE)

    def _log(self) -> None:
        """The rows since the last time to CSV and TensorBoard; a full disk ends the log, not the training."""
        rows = range(self._logged, len(self._history["step"]))
        self._logged = rows.stop
        try:
            for index in rows:
                row = {name: values[index] for name, values in self._history.items() if not math.isnan(values[index])}
                step = int(row.pop("step"))
                for logger in self._loggers:
                    logger.log_metrics(row | {name: rates[step] for name, rates in self._learning_rates.items()}, step)
            for logger in self._loggers if rows else ():
                logger.save()
        except OSError as error:
            self._loggers = ()
            warnings.warn(
                f"the log ends before step {rows.stop} ({error.strerror}); the training goes on", stacklevel=4
            )


def make_bar(name: str, total: int, done: int = 0, silent: bool = False):
    """A progress bar with the time left, for a terminal or a notebook; it shows nothing headless or in a file.

    Args:
        name: shown before the bar. total: number of turns. done: of them already.
    """
    page = hasattr(builtins, "__IPYTHON__") and not sys.stdout.isatty()
    if silent or _headless() or not (page or sys.stdout.isatty()):
        return NoBar()
    from tqdm import tqdm

    return tqdm(
        desc=name,
        initial=done,
        total=total,
        file=PageLine() if page else sys.stdout,
        leave=False,
        mininterval=0.25,
        bar_format="{desc} {bar:24} {n_fmt}/{total_fmt}, {remaining} left, {rate_fmt}{postfix}",
    )


class NoBar(contextlib.AbstractContextManager):
    """The bar where none is shown."""

    def __exit__(self, *_) -> None: ...

    def update(self, n: int = 1) -> None: ...

    def set_postfix_str(self, note: str, refresh: bool = True) -> None: ...

    def close(self) -> None: ...


def _headless() -> bool:
    return os.environ.get("MMATL_LAB_HEADLESS") == "1"


class PageLine:
    """A notebook's line that tqdm writes to: redrawn in its place, though plots were shown below it since.

    Printed, the bar would stay where the first plot cut the stream in two, and show the step of that moment for good.
    """

    encoding = "utf-8"  # so that tqdm draws with blocks

    def __init__(self):
        self._handle = None

    def write(self, text: str) -> None:
        from IPython.display import display

        line = {"text/plain": text.strip("\r\n ")}
        if self._handle is None:
            self._handle = display(line, raw=True, display_id=True)
        else:
            self._handle.update(line, raw=True)

    def flush(self) -> None:
        """tqdm asks for it; what is displayed is on its way already."""


def open_loggers(folder: Path) -> list:
    """Fabric's CSV logger and, where tensorboard is installed, its TensorBoard logger, in ``folder/version_N``."""
    from lightning_fabric.loggers import CSVLogger, TensorBoardLogger

    csv = CSVLogger(folder.parent, name=folder.name)
    if importlib.util.find_spec("tensorboard") is None:
        return [csv]
    return [csv, TensorBoardLogger(folder.parent, name=folder.name, version=csv.version)]


def recent(column: Sequence[float]) -> float:
    """Mean of the last 20 numbers that are not NaN; NaN if there are none."""
    return fmean([*islice((x for x in reversed(column) if not math.isnan(x)), 20)] or [math.nan])


def reading(name: str, column: Sequence[float], ceiling: Mapping[str, float], control: Mapping[str, float]) -> str:
    """``accuracy 0.981 (ceiling 1, control 0.004)``."""
    references = [f"{word} {of[name]:.3g}" for word, of in (("ceiling", ceiling), ("control", control)) if name in of]
    return f"{name} {recent(column):.3f}" + (f" ({', '.join(references)})" if references else "")


def duration(seconds: float) -> str:
    """``72 s``, ``4 min 32 s``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
