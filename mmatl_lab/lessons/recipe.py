"""The recipe of a lesson: its systems are trained, saved with their cards, loaded again and evaluated in one way.

A lesson's `recipe.py` declares one `Recipe`; the notebook, the command line, the tests and the shipped checkpoints all
use it.

    SCENES = System("clip_scenes", PRESETS, build=CLIP.from_config, fit=fit, evaluate=evaluate)
    RECIPE = Recipe("clip", "Pictures and sentences can meet in one space", minutes, systems=(SCENES, EMOJI))
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from mmatl_lab import paths
from mmatl_lab.config import from_dict, to_dict

from .results import Report, Result, metrics_of

if TYPE_CHECKING:  # torch is imported by what needs it, so that a table of the lessons is drawn at once
    from torch import nn

    from mmatl_lab.training import Checkpoint, Run

    from .search import Search


def _nothing(*_, **__) -> tuple:
    return ()


def _measured(items: Iterable[Any]) -> dict[str, dict]:
    """What a card says about an evaluation: its numbers, and what has to be said beside them."""
    results = [item for item in items if isinstance(item, Result)]
    return {"metrics": metrics_of(results), "notes": {result.name: result.note for result in results if result.note}}


@dataclass(frozen=True)
class System:
    """One thing that a lesson trains: a model at each preset, its loop and its evaluation.

    Attributes:
        name: of the checkpoint, ``NAME.safetensors``; unique over all lessons, such as ``clip_scenes``.
        presets: quick, full and gpu, each a settings dataclass with ``model`` (the model's config dataclass),
            ``num_steps``, ``batch_size``, ``lr``, and whatever else the loop needs.
        build: config -> model. Several systems may share it, since their configs differ.
        fit: ``fit(run, settings, **needed)``: the loop, which trains ``run.module``. Every training of this system goes
            through it: the checkpoint's, a dial's, an ablation's and a benchmark's.
        evaluate: ``evaluate(model, **needed)`` -> results (and samples) on held-out data.
        needs: names of the systems whose trained models ``fit`` and ``evaluate`` take as keyword arguments.
        options: for `Run`, such as ``memory_format`` or ``clip``; a function is called with the settings.
        data: gives the hash of each data set by its name, for the card.
        reserved: evaluation seeds, which no training may use.
    """

    name: str
    presets: Mapping[str, Any]
    build: Callable[[Any], "nn.Module"]
    fit: Callable[..., None]
    evaluate: Callable[..., Iterable[Any]] = _nothing
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Callable[[], Mapping[str, str]] = dict
    reserved: tuple[int, ...] = ()

    def settings(self, preset: str) -> Any:
        """The settings of a preset; those of ``"shipped"``, the shipped model, are those of full, which made it.

        Raises:
            ValueError: there is no preset of this name.
        """
        preset = "full" if preset == "shipped" else preset
        if preset not in self.presets:
            raise ValueError(f"{self.name} has no preset {preset!r}: choose one of {', '.join(self.presets)}")
        return self.presets[preset]

    def make(self, settings: Any, *, seed: int = 0) -> "nn.Module":
        """A new model, with weights that depend on the seed alone."""
        from mmatl_lab.seeding import drawn_from

        with drawn_from(seed):
            return self.build(settings.model)

    def run(self, model: "nn.Module", settings: Any, **options) -> "Run":
        """The helper of this system's loop: `Run` with the settings' steps and learning rate, and our options.

        Raises:
            ValueError: the seed is kept for evaluation.
        """
        from mmatl_lab.training import Run, check_seed

        check_seed(options.get("seed", 0), self.reserved)
        ours = {name: value(settings) if callable(value) else value for name, value in self.options.items()}
        return Run(model, self.name, settings.num_steps, **({"lr": settings.lr} | ours | options))

    def trained(self, settings: Any, *, seed: int = 0, needed: Mapping | None = None, **options) -> "nn.Module":
        """A model trained for an experiment: nothing is saved.

        Raises:
            KeyboardInterrupt: when it was stopped before its end, so that no half-trained model is measured.
        """
        model = self.make(settings, seed=seed)
        run = self.run(model, settings, seed=seed, save=False, quiet=True, **options)
        self.fit(run, settings, **(needed or {}))
        if run.stopped:
            raise KeyboardInterrupt(f"{self.name} was stopped at step {run.done} of {run.num_steps}")
        return model.eval()

    def config(self, card: Mapping[str, Any]) -> Any:
        """The model's config as the card has it."""
        settings = next(iter(self.presets.values()))
        return from_dict(get_type_hints(type(settings))["model"], card.get("config", {}))


@dataclass(frozen=True)
class Option:
    """What a lesson's training can be asked beside its preset: ``mmatl-lab train LESSON --NAME VALUE``.

    Attributes:
        name: such as ``"batch-size"``.
        about: one line for people.
        choices: the words that it may be; without any it is a whole number above 0.
    """

    name: str
    about: str
    choices: tuple[str, ...] = ()

    def read(self, word: str) -> str | int:
        """The value that ``word`` stands for.

        Raises:
            ValueError: it is none of the choices, or no whole number above 0.
        """
        if self.choices:
            if word not in self.choices:
                raise ValueError(f"--{self.name} is one of {', '.join(self.choices)}, got {word!r}")
            return word
        if not word.isdecimal() or int(word) < 1:
            raise ValueError(f"--{self.name} is a whole number above 0, got {word!r}")
        return int(word)


@dataclass(frozen=True)
class Recipe:
    """What a lesson trains and measures.

    Attributes:
        lesson: its name. title: the claim that it shows, one line.
        minutes: of the whole notebook by preset and for ``shipped``, from the first cell to the last, on 2 CPU cores
            (gpu: on one GPU); ``scripts/minutes.py`` measures them. Empty for a lesson that trains nothing.
        systems: in the order of training; one may need earlier ones.
        evaluate_all: ``evaluate_all(models)`` -> results that take several systems, or none; ``models`` maps names to
            trained models and loads each when it is asked for.
        options: of ``mmatl-lab train``, beside its presets. Given any, one system is trained: that of ``configure``.
        configure: ``configure(options)``, values by name -> the system that they describe.
        asked: the options of a configured recipe as they stand on the command line.
        search: what ``mmatl-lab tune`` varies; None for a lesson that cannot be tuned.
    """

    lesson: str
    title: str
    minutes: Mapping[str, float] = field(default_factory=dict)
    systems: tuple[System, ...] = ()
    evaluate_all: Callable[[Mapping[str, "nn.Module"]], Iterable[Any]] = _nothing
    options: tuple[Option, ...] = ()
    configure: Callable[[Mapping[str, str | int]], System] | None = None
    asked: str = ""
    search: "Search | None" = None

    @property
    def presets(self) -> tuple[str, ...]:
        """What the lesson can be trained with."""
        return tuple(self.systems[0].presets) if self.systems else ()

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Names of the systems, which are those of their files."""
        return tuple(system.name for system in self.systems)

    def system(self, name: str) -> System:
        """The system called ``name``.

        Raises:
            ValueError: there is none of this name.
        """
        for system in self.systems:
            if system.name == name:
                return system
        known = ", ".join(self.checkpoints) or "none"
        raise ValueError(f"there is no checkpoint {name!r} in this lesson: choose one of {known}")

    def configured(self, words: Mapping[str, str]) -> "Recipe":
        """The recipe that trains one system, which ``words`` describe: values of options by name.

        Raises:
            ValueError: an option that this lesson does not have, or a value that an option does not take.
        """
        known = {option.name: option for option in self.options}
        for name in words:
            if name not in known:
                has = ", ".join(f"--{each}" for each in known) or "no options of its own"
                raise ValueError(f"training {self.lesson!r} takes no option --{name}: it has {has}")
        values = {name: known[name].read(word) for name, word in words.items()}
        asked = " ".join(f"--{name} {value}" for name, value in values.items())
        return replace(self, systems=(self.configure(values),), evaluate_all=_nothing, asked=asked)

    def train(
        self, preset: str, *, folder: Path, resume: bool = False, seed: int = 0, only: str | None = None
    ) -> dict[str, Path]:
        """Train the systems one after the other and save each with its card, measured on the weights as saved.

        Args:
            only: the name of one system, whose needs must be in ``folder``; None trains all.

        Returns:
            The file of each; after a run that was stopped early, of those up to it.

        Raises:
            ValueError: no such preset or system, or a seed that is kept for evaluation.
        """
        from mmatl_lab.training import check_seed, unfinished

        chosen = [self.system(only)] if only is not None else self.systems
        for system in chosen:  # before the first is trained
            check_seed(seed, system.reserved)
        files: dict[str, Path] = {}
        for system in chosen:
            settings = system.settings(preset)
            files[system.name] = self._train(system, settings, preset, Path(folder), resume, seed)
            if unfinished(files[system.name]):  # Ctrl-C means the whole command, not only this system
                break
        return files

    def _train(self, system: System, settings: Any, preset: str, folder: Path, resume: bool, seed: int) -> Path:
        import torch

        needed = self._needed(system, Models(self, folder))
        command = f"mmatl-lab train {self.lesson} --preset {preset} --seed {seed} {self._which(system.name)}"
        card = {"recipe": self.lesson, "preset": preset, "seed": seed, "command": command, "data": dict(system.data())}
        card |= {"config": to_dict(settings.model)}
        model = system.make(settings, seed=seed)
        run = system.run(model, settings, seed=seed, folder=folder, resume=resume, card=card)
        for each in needed.values():
            each.to(run.device)
        system.fit(run, settings, **needed)
        path = run.save(dtype=torch.bfloat16)
        if not run.stopped:
            found: list[Any] = []
            if run.is_main:
                saved, _ = self.load(system.name, folder=folder, device=run.device)
                found = list(system.evaluate(saved, **needed))
            run.save(**_measured(found), dtype=torch.bfloat16)  # by all processes, since they wait for each other here
        return path

    def load(self, name: str, *, folder: Path | None = None, device: Any = "cpu") -> tuple["nn.Module", dict[str, Any]]:
        """A trained model, built from its card and ready to be used, and the card.

        Args:
            folder: where the checkpoint is; None takes the shipped one.
            device: where the model goes.

        Raises:
            FileNotFoundError, CheckpointError: there is no usable file, or it does not hold this system.
        """
        from mmatl_lab.training.checkpoint import CheckpointError, fit_into

        system, (state, card) = self.system(name), self.weights(name, folder=folder)
        path = self._file(name, folder)
        try:
            model = system.build(system.config(card))
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}; make it again with `{self._command(name, folder)}`") from error
        fit_into(model, state, path)
        return model.to(device).eval(), card

    def weights(self, name: str, *, folder: Path | None = None) -> "Checkpoint":
        """The weights of a trained model and their card, for `System.run(..., weights=...)`.

        Args, Raises:
            as of `load`.
        """
        from mmatl_lab.training.checkpoint import CheckpointError, load_checkpoint

        self.system(name)
        path, command = self._file(name, folder), self._command(name, folder)
        checkpoint = load_checkpoint(path, command=command)
        if checkpoint.card.get("name") != name:
            raise CheckpointError(
                f"{path} holds {checkpoint.card.get('name')!r}, not {name!r}: put each checkpoint back under its own "
                f"name, or make it with `{command}`"
            )
        return checkpoint

    @staticmethod
    def _file(name: str, folder: Path | None) -> Path:
        relative = f"{name}.safetensors"
        return paths.asset(f"checkpoints/{relative}") if folder is None else Path(folder) / relative

    def _command(self, name: str, folder: Path | None) -> str:
        return f"mmatl-lab train {self.lesson} {self._which(name)}" + ("" if folder is None else f" --folder {folder}")

    def _which(self, name: str) -> str:
        """How the command line asks for this system."""
        return self.asked or f"--only {name}"

    def evaluate(self, *, folder: Path | None = None, device: str = "auto", write: bool = False) -> Report:
        """Measure all systems on what training never saw, beside controls, ceilings and targets.

        A run of the preset quick shows that everything works; it promises nothing, so its results have no targets.

        Args:
            folder: where the checkpoints are; None takes the shipped ones.
            device: as in `machine`: "auto" takes a GPU where there is one.
            write: put what is measured on the checkpoints' cards, with the notes beside the numbers. The weights stay.
        """
        from mmatl_lab.training import machine, save_checkpoint

        start = time.perf_counter()
        models, items = Models(self, folder, machine(device).device), []
        for system in self.systems:
            found = list(system.evaluate(models[system.name], **self._needed(system, models)))
            items += found
            if write:
                state, card = self.weights(system.name, folder=folder)
                save_checkpoint(self._file(system.name, folder), state, card | _measured(found))
        items += self.evaluate_all(models)
        presets = [card["preset"] for card in models.cards.values()]
        preset = "quick" if "quick" in presets else presets[0]
        return self.report(*items, preset=preset, seconds=time.perf_counter() - start)

    def report(self, *items: Any, preset: str, seconds: float) -> Report:
        """The report of results and samples that were already computed, such as those of a notebook."""
        if preset == "quick":
            items = [replace(i, at_least=None, at_most=None) if isinstance(i, Result) else i for i in items]
        return Report(self.lesson, preset, seconds, tuple(items))

    @staticmethod
    def _needed(system: System, models: Mapping[str, "nn.Module"]) -> dict[str, "nn.Module"]:
        """The trained models that a system needs, or a sentence with the one that is missing or unfinished."""
        needed = {}
        for name in system.needs:
            try:
                needed[name] = models[name]
            except FileNotFoundError as error:
                raise FileNotFoundError(f"{system.name} needs {name}: {error}") from error
        return needed


class Models(Mapping):
    """A lesson's trained models by name, each loaded when it is first asked for; `cards` holds what was loaded."""

    def __init__(self, recipe: Recipe, folder: Path | None = None, device: Any = "cpu"):
        self.recipe, self.folder, self.device = recipe, folder, device
        self.cards: dict[str, dict[str, Any]] = {}
        self._loaded: dict[str, nn.Module] = {}

    def __getitem__(self, name: str) -> "nn.Module":
        if name not in self._loaded:
            self._loaded[name], self.cards[name] = self.recipe.load(name, folder=self.folder, device=self.device)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.recipe.checkpoints)

    def __len__(self) -> int:
        return len(self.recipe.checkpoints)
