"""The half of a run that has to do with its numbers: taken in, checked, put into the history, said in a sentence."""

import math
from collections.abc import Mapping
from typing import Any

from .progress import duration, reading, recent


class Shown:
    """What :class:`~mmatl_lab.training.Run` measures and says."""

    def _read(self) -> None:
        """Take in what the updates measured, and stop at the first that is not finite."""
        for step, names, (loss, norm, stop, pace, *metrics) in self._readings.read():
            if not (math.isfinite(loss) and math.isfinite(norm)):
                self._give_up(step, f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}")
            losses = [loss] * (len(names) - len(metrics))
            for name, value in zip(names, losses + metrics, strict=True):
                self._rows.setdefault(step, {}).setdefault(name, []).append(value)
            self._asked = self._asked or stop > 0
            if self._look_every:
                turns = self._look_every / pace if pace else 1
                self._next_look = step + max(1, min(1000, int(turns)))

    def _settle(self) -> None:
        """Move the rows of whole steps into the history; several updates of a step give their mean."""
        for step in [step for step in self._rows if step < self.done]:
            row = {name: sum(values) / len(values) for name, values in self._rows.pop(step).items()}
            for name, value in {"step": step, **row}.items():
                self.history.setdefault(name, [math.nan] * step).append(value)
            for column in self.history.values():
                column.extend([math.nan] * (step + 1 - len(column)))

    def _show(self) -> None:
        """Show the steps that are done."""
        self._settle()
        self._progress.step(self.history, ", ".join(self._reading(name) for name in list(self.history)[1:3]))

    def _give_up(self, failed: int, what: str) -> None:
        self.done, self._open = failed, False
        self._show()
        if self._kept:
            self._load_state()
        kept = f" (kept in {self.state_path})" if self._kept else ""
        self.module.eval()
        self._signals.close()
        self._progress.close()
        raise FloatingPointError(
            f"the {what} at step {failed} of {self.num_steps}: what was learned since step {self.done} is lost, and "
            f"the model has its weights of then{kept}; use a smaller lr than {self.settings['lr']}, or look at the "
            f"data of seeded({self.seed}, {failed})"
        )

    def _show_loaded(self) -> None:
        """One sentence, and the plots without a curve: what there is to see of a run that trains nothing."""
        self._say(self.summary())
        for plot in () if self.quiet or not self.is_main else self._plots:
            plot.close(self.history)

    def summary(self) -> str:
        """One sentence made from the numbers."""
        if self.loaded is not None:
            return self._about_loaded(self.loaded)
        far = f"step {self.done} of {self.num_steps}"
        words = [f"{self.name}: {far} in {duration(self.seconds)}"]
        if self.stopped:
            words = [f"{self.name} stopped at {far}; the model is usable; resume=True goes on"]
        for name, column in list(self.history.items())[1:]:
            if not column:
                continue
            loss = name.endswith("loss")
            words.append(f"{name} {column[0]:.3f} → {recent(column):.3f}" if loss else self._reading(name))
        return "; ".join(words)

    def _about_loaded(self, card: Mapping[str, Any]) -> str:
        """The sentence for weights of an earlier training: how long it was, and the numbers of its last steps."""
        took = f"{card.get('step', 0):,} steps in {duration(card.get('seconds', 0.0))}"
        ends = [f"{name} {value:.3f}" for name, value in card.get("training", {}).items() if value is not None]
        return "; ".join([f"{self.name}: the weights of an earlier training are loaded ({took})", *ends])

    def __repr__(self) -> str:
        where = f"{self.device}, {self.precision}, {self.world_size} process{'es' * (self.world_size > 1)}"
        return f"Run({self.summary()}; on {where})"

    def _reading(self, name: str) -> str:
        return reading(name, self.history[name], self.ceiling, self.control)

    def _say(self, sentence: str) -> None:
        if self.is_main and not self.quiet:
            print(sentence, flush=True)
