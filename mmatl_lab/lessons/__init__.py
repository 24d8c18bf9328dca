"""One folder per lesson: `recipe.py` (its systems), `exercises.py`, `demo.py`, and its notebook.

A lesson is a folder here and `notebooks/NN_<name>.ipynb`; nothing else lists it. Importing this module imports none.
One that trains nothing has no systems in its recipe, and may be without a demo.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .. import paths
from ..spelling import unknown
from .exercise import check, hint, solution
from .opening import opening
from .progress import predict, progress
from .quiz import quiz
from .recipe import Option, Recipe, System
from .record import reset_progress
from .results import Report, Result

__all__ = [
    "Lesson",
    "Option",
    "Recipe",
    "Report",
    "Result",
    "System",
    "check",
    "get",
    "hint",
    "names",
    "opening",
    "predict",
    "progress",
    "quiz",
    "reset_progress",
    "solution",
]


@dataclass(frozen=True)
class Lesson:
    """A lesson; its modules are imported when they are asked for."""

    name: str

    @property
    def notebook(self) -> Path:
        """The lesson's notebook.

        Raises:
            FileNotFoundError: when there is none.
        """
        found = _notebook(self.name)
        if found is None:
            raise FileNotFoundError(
                f"the lesson {self.name!r} has no notebook at "
                f"{paths.notebooks() / f'NN_{self.name}.ipynb'}: reinstall the package, "
                "or add the notebook with a two-digit number in place of NN"
            )
        return found

    @property
    def has_notebook(self) -> bool:
        return _notebook(self.name) is not None

    @property
    def number(self) -> int:
        """The number in the notebook's name: the lesson's place in the course."""
        return int(self.notebook.name[:2])

    @property
    def title(self) -> str:
        """The claim that the lesson shows."""
        return self.recipe.title

    @property
    def trains(self) -> bool:
        """Whether there is anything to train and to evaluate."""
        return bool(self.recipe.systems)

    @property
    def has_demo(self) -> bool:
        return find_spec(f"{__name__}.{self.name}.demo") is not None

    @property
    def recipe(self) -> Recipe:
        return self._module("recipe").RECIPE

    @property
    def exercises(self) -> ModuleType:
        return self._module("exercises")

    @property
    def demo(self) -> ModuleType:
        return self._module("demo")

    def _module(self, part: str) -> ModuleType:
        return importlib.import_module(f"{__name__}.{self.name}.{part}")


def names() -> list[str]:
    """Names of the lessons in the order of the course; a lesson whose notebook is missing comes last."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return sorted(found, key=lambda name: (getattr(_notebook(name), "name", "~"), name))


def get(name: str) -> Lesson:
    """The lesson called `name`, such as `"clip"`; its notebook's name, `"03_clip"`, serves too.

    Raises:
        ValueError: for an unknown name, with the known one that it may be a misspelling of.
    """
    known = names()
    if name in known:
        return Lesson(name)
    if name[:2].isdigit() and name[3:] in known:
        return Lesson(name[3:])
    raise ValueError(unknown("lesson", name, known))


def _notebook(name: str) -> Path | None:
    return next(iter(sorted(paths.notebooks().glob(f"[0-9][0-9]_{name}.ipynb"))), None)
