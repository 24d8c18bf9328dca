"""`mmatl-lab tune LESSON`: settings are drawn, trained and scored on validation data, and bad trials stop early.

A recipe says what is searched, see :mod:`mmatl_lab.lessons.search`.

Optuna (Akiba et al. 2019, arXiv:1907.10902) draws the settings with its tree-structured Parzen estimator and stops a
trial whose score on the way lies below the median of earlier trials. The trials are kept in an SQLite file: a search
that was stopped goes on, and several processes can work on it together.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmatl_lab.viz.tables import Table, number

from .recipe import Models, Recipe
from .search import Range, changed, field_of

if TYPE_CHECKING:
    import optuna
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import nn

    from mmatl_lab.training import Run

NUM_LOOKS = 5  # scores of a trial, the last one after its end
FIRST_TRIALS = 5  # run to their end and are drawn at random
FILE = "tune.db"


class Tuning:
    """The search of a lesson, with the trials that are in its file.

    Args:
        recipe: with a search space.
        preset: whose settings are varied.
        folder: the file is ``folder/tune.db``.
        seed: of the training in every trial, and of what is drawn. Each seed has trials of its own.

    Raises:
        ValueError: the recipe has no search space, a field of it is not in the settings, or optuna is missing.
    """

    def __init__(self, recipe: Recipe, preset: str, folder: Path, seed: int = 0):
        if recipe.search is None:
            raise ValueError(
                f"the lesson {recipe.lesson!r} names no search space: give its Recipe search=Search(...), or take one "
                "of the lessons that have one"
            )
        self.recipe, self.preset, self.seed = recipe, preset, seed
        self.search = recipe.search
        self.system = recipe.system(self.search.system)
        self.settings = self.system.settings(preset)
        self.path = Path(folder) / FILE
        for name in self.search.space:
            field_of(self.settings, name)
        self.study = self._open()

    def run(self, num_trials: int) -> None:
        """Go on until ``num_trials`` trials are finished, those of other processes and earlier calls included.

        Raises:
            KeyboardInterrupt: it was stopped; the unfinished trial does not count.
        """
        import optuna

        while (done := len(self.finished)) < num_trials:
            trial, start = self.study.ask(), time.monotonic()
            # By its number: a search that goes on draws as if never stopped, and two processes do not draw alike.
            self.study.sampler = _sampler(self.seed, trial.number)
            values = {name: _suggest(trial, name, domain) for name, domain in self.search.space.items()}
            try:
                score, state = self._train(trial, values), optuna.trial.TrialState.COMPLETE
            except (optuna.TrialPruned, FloatingPointError):  # bad settings both
                score, state = None, optuna.trial.TrialState.PRUNED
            except BaseException:
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
                raise
            self.study.tell(trial, score, state)
            told = "stopped early" if score is None else f"score {number(score)}"
            told += f" with {_words(values)} ({time.monotonic() - start:.0f} s)"
            print(f"trial {done + 1} of {num_trials}: {told}", flush=True)

    def _train(self, trial: "optuna.Trial", values: Mapping[str, Any]) -> float:
        """The score of a model that is trained with `values`.

        Raises:
            optuna.TrialPruned: its score on the way was below the median.
        """
        import optuna

        settings = changed(self.settings, values)
        model = self.system.make(settings, seed=self.seed)
        run = self.system.run(model, settings, seed=self.seed, save=False, quiet=True)
        pruned = False

        def look(number: int) -> None:
            nonlocal pruned
            trial.report(self._score(model), number)
            if trial.should_prune():
                pruned = True
                run.stop()

        self.system.fit(_Watched(run, look), settings, **self.recipe._needed(self.system, Models(self.recipe)))
        if pruned:
            raise optuna.TrialPruned
        if run.stopped:
            raise KeyboardInterrupt
        return self._score(model)

    def _score(self, model: "nn.Module") -> float:
        """The score in evaluation mode; afterwards each part is in the mode in which it was."""
        import torch

        modes = {module: module.training for module in model.modules()}
        model.eval()
        with torch.no_grad():
            score = float(self.search.score(model))
        for module, training in modes.items():
            module.training = training
        if not math.isfinite(score):
            raise FloatingPointError(f"the score is {score}")
        return score

    def _open(self) -> "optuna.Study":
        optuna = _optuna()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():  # two processes that make the tables at once would disturb each other
            with tempfile.TemporaryDirectory(dir=self.path.parent) as folder:
                _storage(new := Path(folder) / FILE).engine.dispose()
                try:
                    os.link(new, self.path)
                except FileExistsError:
                    pass
        name = f"{self.system.name}, preset {self.preset}, seed {self.seed}"
        pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=1)
        return optuna.create_study(
            storage=_storage(self.path), study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
        )

    # What was found ---------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> list["optuna.trial.FrozenTrial"]:
        """The trials that ran to their end or were stopped early for their score."""
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))

    @property
    def complete(self) -> list["optuna.trial.FrozenTrial"]:
        """The trials that ran to their end."""
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    @property
    def best(self) -> Any:
        """The settings of the best trial, ready for ``System.trained``.

        Raises:
            ValueError: no trial has run to its end.
        """
        return changed(self.settings, self._best().params)

    def _best(self) -> "optuna.trial.FrozenTrial":
        if not self.complete:
            raise ValueError(f"no trial of {self.system.name} has run to its end: ask for more trials")
        return self.study.best_trial

    def frame(self) -> "DataFrame":
        """One row a finished trial: its number, its settings, its ``score``, NaN where it was stopped early."""
        from pandas import DataFrame

        columns, scores = ["trial", *self.search.space, "score"], {t.number: t.value for t in self.complete}
        rows = [(t.number, *t.params.values(), scores.get(t.number, math.nan)) for t in self.finished]
        return DataFrame(rows, columns=columns)

    def importance(self) -> dict[str, float]:
        """The share of the score's variance that each setting explains (fANOVA, Hutter et al. 2014), largest first.

        Empty where there are fewer than `FIRST_TRIALS` complete trials, one setting, or no variance.
        """
        if len(self.complete) < FIRST_TRIALS or len({t.value for t in self.complete}) < 2:
            return {}
        optuna = _optuna()
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        return optuna.importance.get_param_importances(self.study, evaluator=evaluator)

    def table(self, rows: int = 5) -> Table:
        """The best trials."""
        best = sorted(self.complete, key=lambda t: -t.value)[:rows]
        cells = [(t.number, *map(_cell, t.params.values()), number(t.value)) for t in best]
        return Table(("trial", *self.search.space, self.search.about), cells)

    def figures(self) -> dict[str, "Figure"]:
        """``importance`` and ``contour``, as far as there are enough trials for them."""
        from mmatl_lab.viz.tuning import plot_contour, plot_importance

        importance = self.importance()
        found = {"importance": plot_importance(importance)} if importance else {}
        names = [n for n in importance if isinstance(self.search.space[n], Range)][:2]
        if len(names) == 2:
            logarithmic = [self.search.space[n].log for n in names]
            found["contour"] = plot_contour(self.frame(), *names, log=logarithmic, label=self.search.about)
        return found

    def to_dict(self) -> dict[str, Any]:
        """``{"lesson", "system", "preset", "finished", "stopped_early", "best", "score", "importance"}``, for JSON."""
        best, finished = self._best(), self.finished
        return {
            "lesson": self.recipe.lesson,
            "system": self.system.name,
            "preset": self.preset,
            "finished": len(finished),
            "stopped_early": len(finished) - len(self.complete),
            "best": best.params,
            "score": best.value,
            "importance": self.importance(),
        }


class _Watched:
    """A run whose loop is looked at `NUM_LOOKS` − 1 times on its way, after steps at equal distances."""

    def __init__(self, run: "Run", look: Callable[[int], None]):
        self._run, self._look = run, look
        self._places = {run.num_steps * k // NUM_LOOKS: k for k in range(1, NUM_LOOKS)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def __iter__(self) -> Iterator:
        for step, generator in self._run:
            yield step, generator
            if step + 1 in self._places:
                self._look(self._places[step + 1])


def _suggest(trial: "optuna.Trial", name: str, domain: Range | tuple) -> Any:
    if isinstance(domain, Range):
        return trial.suggest_float(name, domain.low, domain.high, log=domain.log)
    return trial.suggest_categorical(name, domain)


def _sampler(seed: int, number: int) -> "optuna.samplers.BaseSampler":
    from mmatl_lab.seeding import seeded

    of_trial = seeded(seed, number).initial_seed() % 2**32
    return _optuna().samplers.TPESampler(seed=of_trial, n_startup_trials=FIRST_TRIALS)


def _storage(path: Path) -> "optuna.storages.RDBStorage":
    waiting = {"connect_args": {"timeout": 60}}  # seconds that a process waits for another one's entry
    return _optuna().storages.RDBStorage(f"sqlite:///{path.resolve().as_posix()}", engine_kwargs=waiting)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ValueError("tuning needs optuna, which is missing: `pip install 'mmatl-lab[tune]'`") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in values.items())
