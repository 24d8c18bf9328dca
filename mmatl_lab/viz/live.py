"""The plot that moves while a model trains: what it measures, its ceiling and its control, and something to look at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from .picture import Picture, animation, coloured_regions, to_png
from .style import BLUE, SEQUENTIAL, VERMILLION, ceiling, control, headless, in_notebook, use_style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class LivePlot:
    """One panel for each metric and one for something that changes, updated in place while a cell trains.

    In a notebook one output is redrawn at most twice a second; under `MMATL_LAB_HEADLESS`, or without a notebook,
    nothing is drawn before the end. `close` leaves the final frame with its alt text.

    Args:
        metrics: keys of the history; each value of a key belongs to the step of the same place in `history["step"]`,
            or to 1, 2, 3, ... where there is no such key. NaN: nothing was measured at that step.
        ceiling: metric -> best reachable value, dotted.
        control: metric -> what a model gets that knows nothing, dashed.
        extra: called with an empty axis at every redraw. What it returns is shown, if it is an array (H, W) or
            (H, W, 3); otherwise it has drawn on the axis itself.
        extra_title: title of its panel.
        limits: values of the array that get the darkest and the lightest colour; default: smallest and largest.
        record: steps at which `record(step)` keeps the extra panel for `animation()`.

    Example:
        >>> plot = LivePlot(ceiling={"accuracy": 1.0}, extra=lambda ax: similarity(model, probe))
        >>> for step in range(1, num_steps + 1):
        ...     history["loss"].append(train_step())
        ...     plot.update(history, step, num_steps)
        >>> plot.close(history)
    """

    def __init__(
        self,
        metrics: Sequence[str] = ("loss", "accuracy"),
        *,
        ceiling: Mapping[str, float] | None = None,
        control: Mapping[str, float] | None = None,
        extra: Callable[[Axes], object] | None = None,
        extra_title: str = "",
        limits: tuple[float, float] | None = None,
        record: Sequence[int] = (),
    ) -> None:
        self.metrics, self.extra, self.extra_title, self.limits = tuple(metrics), extra, extra_title, limits
        self.ceiling, self.control = dict(ceiling or {}), dict(control or {})
        unknown = [name for name in (*self.ceiling, *self.control) if name not in self.metrics]
        if unknown:
            raise ValueError(f"ceiling or control of {unknown[0]!r}, which is not among the metrics {self.metrics}")
        if record and extra is None:
            raise ValueError(
                "record keeps pictures of the extra panel, but extra is None: give a callable, or no record"
            )
        self.wanted = frozenset(record)
        self.recorded: list[tuple[int, np.ndarray]] = []
        self._true_colours = ()  # of the recorded pictures
        self._handle = None
        self._figure = None
        self._next = 0.0

    def update(self, history: Mapping[str, Sequence[float]], step: int, num_steps: int) -> None:
        """Redraws if it is time; cheap to call at every step.

        Args:
            history: metric -> values so far.
            step: steps done.
            num_steps: steps in all, the right end of the axes.
        """
        started = time.monotonic()
        if started < self._next or headless() or not in_notebook():
            return
        from IPython.display import display

        frame = {"text/html": self._picture(history, num_steps, dpi=100).to_html()}
        if self._handle is None:
            self._handle = display(frame, raw=True, display_id=True)
        else:
            self._handle.update(frame, raw=True)
        cost = time.monotonic() - started
        self._next = started + max(0.5, 20 * cost)  # at most 5 % of the training time

    def record(self, step: int) -> None:
        """Keeps the extra panel as it is now, if `step` is one of those asked for and was not kept yet.

        Call it at the start of every step, and once more after the loop with the number of steps.
        """
        if step in self.wanted and step not in (kept for kept, _ in self.recorded):
            self.recorded.append((step, self._extra_alone(step)))

    def close(self, history: Mapping[str, Sequence[float]]) -> None:
        """Draws the final frame, which stays in the notebook with its alt text; without a notebook, prints the text.

        With no step in the history there are no curves: only the extra panel is drawn, if there is one.
        """
        if not any(len(_curve(history, name)[0]) for name in self.metrics):
            self._close_without_curves()
            return
        self._figure = None  # laid out anew: the labels may have grown
        self._leave(self._picture(history, None, dpi=150))

    def _close_without_curves(self) -> None:
        sentence = "No step was trained here, so there are no curves."
        if self.extra is None:
            print(sentence)
        else:
            name = self.extra_title or "The panel"
            figure = self._panel(self.extra_title)
            self._leave(Picture.of(figure, f"{name}, with the model as it is. {sentence}"))

    def _leave(self, picture: Picture) -> None:
        """Show the final picture in place of the last frame."""
        if self._handle is not None:
            self._handle.update(picture)
            self._handle, self._next = None, 0.0  # the next run of the cell gets an output of its own
        elif in_notebook():
            from IPython.display import display

            display(picture)
        else:
            print(picture.alt)

    def alt(self, history: Mapping[str, Sequence[float]]) -> str:
        """A sentence with what the curves did."""
        parts = []
        for name in self.metrics:
            steps, values = _curve(history, name)
            if not len(values):
                continue
            smooth = _smooth(values)
            lines = [
                f"{word} {reference[name]:.3g}"
                for word, reference in (("ceiling", self.ceiling), ("control", self.control))
                if name in reference
            ]
            notes = f" ({', '.join(lines)})" if lines else ""
            parts.append(f"{name} goes from {smooth[0]:.3g} to {smooth[-1]:.3g} by step {steps[-1]:,.0f}{notes}")
        return f"While training, {'; '.join(parts)}." if parts else "Training has not begun: the plot is empty."

    def animation(self, alt: str = "") -> Picture:
        """The recorded pictures of the extra panel as one animation, the last one held.

        Raises:
            ValueError: nothing was recorded.
        """
        if not self.recorded:
            raise ValueError(f"nothing was recorded: call record(step) with one of the steps {sorted(self.wanted)}")
        pictures = [picture for _, picture in self.recorded]
        name = self.extra_title or "The panel"
        alt = alt or f"{name} at steps {', '.join(str(step) for step, _ in self.recorded)}."
        milliseconds = [500] * (len(pictures) - 1) + [2500]
        return animation(pictures, milliseconds, alt, true_colours=self._true_colours)

    def _width(self) -> float:
        return 3.4 * (len(self.metrics) + (self.extra is not None))

    def _picture(self, history: Mapping[str, Sequence[float]], num_steps: int | None, dpi: int) -> Picture:
        png = self._draw(history, num_steps, dpi)
        return Picture(png, self.alt(history), round(self._width() * 100), coloured_regions(self._figure))

    def _draw(self, history: Mapping[str, Sequence[float]], num_steps: int | None, dpi: int) -> bytes:
        from matplotlib.figure import Figure  # not pyplot: the inline backend would show the figure a second time

        if self._figure is None:
            use_style()
            self._figure = Figure(figsize=(self._width(), 3), layout="constrained")
            self._figure.subplots(1, round(self._width() / 3.4), squeeze=False)
        axes = self._figure.axes
        for ax, name in zip(axes, self.metrics, strict=False):
            self._draw_metric(ax, history, name, num_steps)
        if self.extra is not None:
            self._draw_extra(axes[-1], self.extra_title)
        png = to_png(self._figure, dpi=dpi, pil_kwargs={"compress_level": 1})
        self._figure.set_layout_engine("none")  # the places found for the first frame hold: half the time of a frame
        return png

    def _draw_metric(self, ax: Axes, history: Mapping[str, Sequence[float]], name: str, num_steps: int | None) -> None:
        steps, values = _curve(history, name)
        colour = BLUE if name == self.metrics[0] else VERMILLION
        ax.clear()
        ax.plot(steps, values, color=colour, linewidth=1, alpha=0.3)
        if len(values):
            smooth = _smooth(values)
            ax.plot(steps, smooth, color=colour)
            ax.set_title(f"{name} {smooth[-1]:.3g}".capitalize())
        else:
            ax.set_title(name.capitalize())
        ax.set_xlim(0, num_steps or (steps[-1] if len(steps) else 1))
        ax.set_xlabel("step")
        if name in self.ceiling or name in self.control:
            known = [*values, self.ceiling.get(name, 0), self.control.get(name, 0)]
            margin = 0.06 * (max(known) - min(known)) or 0.5
            ax.set_ylim(min(known) - margin, max(known) + margin)
        if name in self.ceiling:
            ceiling(ax, self.ceiling[name])
        if name in self.control:
            control(ax, self.control[name])

    def _draw_extra(self, ax: Axes, title: str) -> None:
        ax.clear()
        returned = self.extra(ax)
        if hasattr(returned, "detach"):
            returned = returned.detach().float().cpu().numpy()
        if isinstance(returned, np.ndarray):
            low, high = self.limits or (None, None)
            ax.imshow(returned, cmap=SEQUENTIAL, vmin=low, vmax=high, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(title)

    def _extra_alone(self, step: int) -> np.ndarray:
        """The extra panel by itself as (H, W, 3) uint8, for the animation."""
        figure = self._panel(f"{self.extra_title}, step {step}".removeprefix(", "))
        figure.canvas.draw()
        self._true_colours = coloured_regions(figure)
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()

    def _panel(self, title: str) -> Figure:
        """The extra panel as a figure of its own."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        use_style()
        figure = Figure(figsize=(3.2, 3.4), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        self._draw_extra(figure.subplots(), title.capitalize())
        return figure


def _curve(history: Mapping[str, Sequence[float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(history.get(name, ()), dtype=float)
    steps = np.asarray(history.get("step", range(1, len(values) + 1)), dtype=float)[: len(values)]
    measured = ~np.isnan(values)
    return steps[measured], values[measured]


def _smooth(values: np.ndarray, window: int = 20) -> np.ndarray:
    """Mean of the last 20 values at each point, so that one batch's luck does not show as progress."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(0, end - window)
    return (total[end] - total[start]) / (end - start)
