"""What recipes share: a lesson's models are trained, each with its card, loaded again and measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from mmatl_lab import paths
from mmatl_lab.training import load_into, unfinished

Parts = Mapping[str, tuple[ModuleType, Any]]


class Models:
    """The models of a lesson at its presets.

    Args:
        lesson: its name.
        presets: by name.
        parts: of a preset, the models in their order: name of the checkpoint -> (module, part of the preset). The
            module has ``make_model(part)``, ``train(part, folder=, resume=, seed=, card=)`` and ``evaluate(model)``.
    """

    def __init__(self, lesson: str, presets: Mapping[str, Any], parts: Callable[[Any], Parts]):
        self.lesson, self.presets, self.parts = lesson, presets, parts

    def preset(self, name: str) -> Any:
        """The preset called ``name``.

        Raises:
            ValueError: there is none of this name.
        """
        if name not in self.presets:
            raise ValueError(f"there is no preset {name!r}: choose one of {', '.join(self.presets)}.")
        return self.presets[name]

    def train(
        self, preset_name: str, *, folder: Path, resume: bool = False, seed: int = 0, only: str | None = None
    ) -> dict[str, Path]:
        """Train the models and save each with its card.

        Args:
            only: the name of one checkpoint; None trains all.

        Returns:
            The file of each; after a run that was stopped early, of those up to it.

        Raises:
            ValueError: no such preset or checkpoint.
        """
        parts = self.parts(self.preset(preset_name))
        if only is not None and only not in parts:
            raise ValueError(f"there is no checkpoint {only!r} in this lesson: choose one of {', '.join(parts)}.")
        files = {}
        for name, (module, part) in parts.items():
            if only in (None, name):
                command = f"mmatl-lab train {self.lesson} --preset {preset_name} --seed {seed} --only {name}"
                card = {"recipe": self.lesson, "preset": preset_name, "seed": seed, "command": command}
                files[name] = module.train(part, folder=folder, resume=resume, seed=seed, card=card)
                if unfinished(files[name]):  # Ctrl-C means the whole command, not only this model
                    break
        return files

    def load(
        self, name: str, preset_name: str = "full", *, folder: Path | None = None
    ) -> tuple[nn.Module, dict[str, Any]]:
        """A trained model, ready to be used, and its card. ``folder`` None takes the shipped one."""
        path = (
            paths.asset(f"checkpoints/{name}.safetensors") if folder is None else Path(folder) / f"{name}.safetensors"
        )
        module, part = self.parts(self.preset(preset_name))[name]
        model = module.make_model(part)
        where = "" if folder is None else f" --folder {folder}"
        command = f"mmatl-lab train {self.lesson} --preset {preset_name} --only {name}{where}"
        card = load_into(model, path, command=command)
        return model.eval(), card

    def measure(self, preset_name: str = "full", *, folder: Path | None = None) -> list[tuple[dict, dict, dict]]:
        """(metrics, controls, ceilings) of each model on what training never saw; ``folder`` as in ``load``."""
        parts = self.parts(self.preset(preset_name))
        return [module.evaluate(self.load(name, preset_name, folder=folder)[0]) for name, (module, _) in parts.items()]
