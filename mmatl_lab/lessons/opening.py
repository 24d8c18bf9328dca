"""The switch in a lesson's first code cell: load the shipped models, or train with a preset; and what each takes here.

    choice = opening("clip")                    # shows the switch; running the cell again keeps what was chosen
    settings = SCENES.settings(choice.preset)   # in a cell below, so that a change reaches it
    run = SCENES.run(model, settings, weights=choice.weights(SCENES))

With the shipped models the loop over `run` has no turn, and what follows it works with the loaded weights.
"""

import html
from typing import TYPE_CHECKING

from mmatl_lab.training.hardware import PRESETS, REFERENCE_GFLOPS, SHIPPED, default_preset, machine, speed
from mmatl_lab.viz.reopened import display_live
from mmatl_lab.viz.style import headless, in_notebook

from .notes import Note
from .recipe import Recipe, System

if TYPE_CHECKING:
    from mmatl_lab.training import Checkpoint

WAYS = {
    SHIPPED: "load the shipped models and train none",
    "quick": "train for a moment, to see that everything runs",
    "full": "train what the text describes",
    "gpu": "train larger models, on a GPU with CUDA",
}
AFTERWARDS = "After you change the choice, run the cells below again."
_NOTES = {
    "quick": "With quick the models have hardly learnt anything, so your numbers differ from those in the text.",
    "gpu": "The numbers in the text are those of full. The models of gpu are larger, so your numbers differ a little.",
}
_choices: dict[str, "Choice"] = {}  # by lesson, so that running the first cell again keeps the choice


def opening(lesson: str) -> "Choice":
    """Show the switch of a lesson, and this machine, and give what is chosen.

    At first that is ``$MMATL_LAB_PRESET`` if set, else gpu on a machine with CUDA, else full.

    Raises:
        ValueError: for an unknown lesson, one that trains nothing, or a preset that there is not.
    """
    if lesson not in _choices:
        from mmatl_lab import lessons

        _choices[lesson] = Choice(lessons.get(lesson).recipe, default_preset())
    choice = _choices[lesson]
    if not in_notebook():
        print(choice)
    elif headless():
        from IPython.display import display

        display(choice)
    else:
        display_live(choice.widget(), repr(choice), choice._repr_html_())
    return choice


class Choice:
    """What is chosen in a lesson's first cell: buttons in a live notebook, text where there are none.

    Attributes:
        recipe: of the lesson.
        preset: ``"shipped"``, ``"quick"``, ``"full"`` or ``"gpu"``.
    """

    def __init__(self, recipe: Recipe, preset: str):
        if not recipe.systems:
            raise ValueError(f"the lesson {recipe.lesson!r} trains nothing, so there is nothing to choose")
        self.recipe = recipe
        self.choose(preset)

    def choose(self, preset: str) -> "Choice":
        """Choose without buttons.

        Raises:
            ValueError: when there is no such preset.
        """
        if preset not in WAYS:
            raise ValueError(f"there is no preset {preset!r}: choose one of {', '.join(WAYS)}")
        self.preset = preset
        return self

    @property
    def shipped(self) -> bool:
        """Whether the shipped models are loaded and none is trained."""
        return self.preset == SHIPPED

    def weights(self, system: System) -> "Checkpoint | None":
        """The shipped weights of a system if they are chosen, for ``system.run(..., weights=...)``; else None.

        Raises:
            FileNotFoundError, CheckpointError: there is no usable shipped file.
        """
        return self.recipe.weights(system.name) if self.shipped else None

    def note(self) -> str:
        """What the reader must know where the numbers in the text are not those of this choice; else nothing."""
        here = machine()
        slow = f" This machine has no CUDA ({here.device}), so gpu takes hours." if here.device != "cuda" else ""
        return _NOTES.get(self.preset, "") + (slow if self.preset == "gpu" else "")

    def __repr__(self) -> str:
        return repr(self._note())

    def _repr_html_(self) -> str:
        return self._note()._repr_html_()

    def _note(self) -> Note:
        rows = [("●" if name == self.preset else "○", name, self._minutes(name), WAYS[name]) for name in WAYS]
        text = "\n".join(f"{sign} {name:8} {minutes:>10}   {way}" for sign, name, minutes, way in rows)
        lines = "".join(
            f"<div>{sign} <b>{name}</b> · {minutes} · {html.escape(way)}</div>" for sign, name, minutes, way in rows
        )
        said = "\n".join(filter(None, (self.note(), AFTERWARDS)))
        body = lines + "".join(f"<div>{html.escape(line)}</div>" for line in said.split("\n"))
        return Note("question", "Load or train?", f"{text}\n{said}", body, _about())

    def widget(self):
        """The buttons, and below them what is chosen, what to know about it, and this machine."""
        import ipywidgets

        names = list(WAYS)
        buttons = ipywidgets.ToggleButtons(
            options=[(f"{name} · {self._minutes(name)}", name) for name in names],
            value=self.preset,
            tooltips=[WAYS[name] for name in names],
            style={"button_width": "max-content"},
        )
        said = ipywidgets.HTML(self._said())

        def chosen(change) -> None:
            self.choose(change["new"])
            said.value = self._said()

        buttons.observe(chosen, names="value")
        head = ipywidgets.HTML("<b>Load or train?</b> The minutes are those of the whole notebook on this machine.")
        foot = ipywidgets.HTML(f'<span style="font-size:smaller;opacity:.7">{html.escape(str(machine()))}</span>')
        return ipywidgets.VBox([head, buttons, said, foot])

    def _said(self) -> str:
        """The choice in words, what to know about it, and what to do after changing it."""
        words = [f"<b>{self.preset}</b>: {WAYS[self.preset]}.", self.note(), AFTERWARDS]
        return " ".join(filter(None, words))

    def _minutes(self, preset: str) -> str:
        no_gpu = preset == "gpu" and machine().device != "cuda"
        return "needs CUDA" if no_gpu else duration(minutes(self.recipe, preset))


def minutes(recipe: Recipe, preset: str) -> float:
    """Expected minutes of a lesson's notebook on this machine.

    A recipe states the minutes of a 2-core machine; they are scaled by the measured speed of this processor. Those of
    the preset gpu are the GPU's, and stay.
    """
    slower = 1.0 if preset == "gpu" else REFERENCE_GFLOPS / speed()
    return recipe.minutes[preset] * slower


def duration(minutes: float) -> str:
    """Minutes to the half, or seconds where it is less than one, to read."""
    return f"{round(2 * minutes) / 2:g} min" if minutes >= 1 else f"{60 * minutes:.0f} s"


def stated_minutes(recipe: Recipe) -> str:
    """The minutes as the header of the notebook states them: ``"2 (shipped), 1 (quick), 7 (full), 3 (gpu)"``."""
    return ", ".join(f"{recipe.minutes[name]:g} ({name})" for name in (SHIPPED, *PRESETS))


def _about() -> str:
    return f"Minutes of the whole notebook on this machine: {machine()}."
