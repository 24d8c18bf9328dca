"""The front door: `mmatl-lab start doctor lessons train tune evaluate demo errata bench data`.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 it went wrong, 2 it was asked wrongly, 130
a training was stopped before its end.
torch, gradio and jupyterlab are imported by the command that needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmatl_lab import __version__, paths
from mmatl_lab.cli import bench, data
from mmatl_lab.cli.console import fail, first_process, results_only, say, show
from mmatl_lab.spelling import unknown

if TYPE_CHECKING:
    from mmatl_lab.lessons import Lesson, Report
    from mmatl_lab.lessons.recipe import Recipe

app = typer.Typer(
    name="mmatl-lab",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
LessonName = Annotated[str, typer.Argument(metavar="LESSON", help="Name of a lesson; `mmatl-lab lessons` lists them.")]
PresetName = Annotated[
    str | None,
    typer.Option("--preset", envvar="MMATL_LAB_PRESET", help="quick (a minute), full (what is shipped) or gpu."),
]
Opening = Annotated[
    str | None,
    typer.Option(
        "--preset",
        envvar="MMATL_LAB_PRESET",
        help="What the notebooks begin with: shipped (train nothing), quick, full or gpu.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout, and everything else to stderr.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def main() -> None:
    """Run the command line; what a user can mend ends in one sentence and an exit code, not in a traceback."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before anything imports gradio
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal that has no ✔ or τ shows a question mark
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        if os.environ.get("MMATL_LAB_TRACEBACK"):
            raise
        # Any process may be the one that failed, and torchrun tells only its exit code: so each speaks for itself.
        who = "mmatl-lab" if first_process() else f"mmatl-lab, process {os.environ['RANK']}"
        print(f"{who}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(1) from None


def _tell_version(asked: bool) -> None:
    if asked:
        show(f"mmatl-lab {__version__}")
        raise typer.Exit


@app.callback()
def front_door(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Learn multimodal learning by building, training and breaking its systems."""


@app.command()
def start(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="JupyterLab's port; the next free one if it is taken.")
    ] = 8888,
    preset: Opening = None,
    no_browser: NoBrowser = False,
) -> None:
    """Check this machine, then open JupyterLab on the notebooks, with the demos beside."""
    from mmatl_lab.cli import doctor, jupyter
    from mmatl_lab.training import PRESETS, SHIPPED

    known = (SHIPPED, *PRESETS)
    if preset:
        os.environ["MMATL_LAB_PRESET"] = _known("preset", preset, known)  # the kernels inherit it
    looks = doctor.examine()
    say(doctor.verdict(looks))
    begin = next((look.found for look in looks if look.name == "preset" and look.ok), "full")
    say(
        f"The lessons begin with the preset {begin}. The switch in a lesson's first cell changes it there, and "
        f"`mmatl-lab start --preset {'|'.join(known)}` for all lessons."
    )
    jupyter.serve(jupyter.workplace(Path.cwd()), port, browser=not no_browser)


@app.command("doctor")
def check_machine(as_json: AsJson = False) -> None:
    """Check this machine: versions, device, memory, disk, assets, and what training will take."""
    from mmatl_lab.cli import doctor

    raise typer.Exit(0 if doctor.visit(as_json) else 1)


@app.command("lessons")
def list_lessons() -> None:
    """List the lessons: number, name, how long the notebook takes here, and what each one shows."""
    from rich.console import Console
    from rich.table import Table

    from mmatl_lab import lessons
    from mmatl_lab.lessons.opening import duration, minutes
    from mmatl_lab.training import default_preset

    table = Table(box=None, pad_edge=False)
    for column in ("", "lesson", "takes", "shows"):
        table.add_column(column, justify="right" if column == "takes" else "left")
    for name in lessons.names():
        lesson = lessons.get(name)
        time = duration(minutes(lesson.recipe, default_preset())) if lesson.trains else "–"
        table.add_row(f"{lesson.number:02d}", name, time, lesson.title)
    Console().print(table)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    lesson: LessonName,
    preset: PresetName = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Where the checkpoints go; runs/LESSON by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")] = False,
    only: Annotated[str | None, typer.Option(metavar="NAME", help="Train one checkpoint of the lesson.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a lesson's models, then evaluate them. Some lessons have options of their own, such as --method.

    On several devices: torchrun --nproc-per-node=N -m mmatl_lab train LESSON
    """
    from mmatl_lab.training import unfinished

    recipe = _trained(lesson).recipe
    if words := _options(context.args):
        if only is not None:
            fail(f"--only and --{next(iter(words))} both say what to train: leave one out", code=2)
        try:
            recipe = recipe.configured(words)
        except ValueError as error:
            fail(str(error), code=2)
    preset = _to_train(recipe, preset)
    if only is not None:
        _known("checkpoint", only, recipe.checkpoints)
    folder = folder or paths.runs(lesson)
    with results_only(as_json):
        made = recipe.train(preset, folder=folder, resume=resume, seed=seed, only=only)
        if not first_process():
            return
        for name, path in made.items():
            say(f"{name} is at {path}.")
        stopped = {name: steps for name, path in made.items() if (steps := unfinished(path))}
        for name, (done, num_steps) in stopped.items():
            say(
                f"{name} is not finished: it was stopped at step {done} of {num_steps}. "
                "The same command with --resume goes on from there."
            )
        if not stopped and all((folder / f"{name}.safetensors").exists() for name in recipe.checkpoints):
            report = recipe.evaluate(folder=folder)
        else:
            say("The lesson is evaluated when all its models are trained. The numbers here are those of the training.")
            report = _of_the_cards(lesson, preset, made)
    show(report.to_json(indent=2) if as_json else str(report))
    if stopped:
        raise typer.Exit(130)


@app.command()
def tune(
    lesson: LessonName,
    trials: Annotated[
        int, typer.Option(min=1, help="How many trials there are in the end, earlier ones included.")
    ] = 20,
    preset: PresetName = None,
    seed: Annotated[int, typer.Option(help="Of the training in every trial, and of what is drawn.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Where the trials are kept; runs/LESSON by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search for a lesson's best settings by its score on validation data; bad trials are stopped early.

    The same command goes on with a search that was stopped, and several of them at once share its trials.
    """
    from mmatl_lab.lessons.tune import Tuning

    recipe = _trained(lesson).recipe
    preset = _to_train(recipe, preset)
    folder = folder or paths.runs(lesson)
    with results_only(as_json):
        tuning = Tuning(recipe, preset, folder, seed)
        say(f"The trials are kept in {tuning.path}.")
        try:
            tuning.run(trials)
        except KeyboardInterrupt:
            say(f"Stopped after {len(tuning.finished)} trials. The same command goes on from there.")
            raise typer.Exit(130) from None
        for name, figure in tuning.figures().items():
            figure.savefig(path := folder / f"tune_{name}.png")
            say(f"{name} is at {path}.")
    show(json.dumps(tuning.to_dict(), indent=2) if as_json else str(tuning.table()))


@app.command()
def evaluate(
    lesson: LessonName,
    folder: Annotated[Path | None, typer.Option(help="Checkpoints to evaluate; the shipped ones by default.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the numbers and their notes on the checkpoints' cards.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes a GPU where there is one.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure the shipped models, or yours, on held-out data, beside their controls, ceilings and targets."""
    recipe = _trained(lesson).recipe
    with results_only(as_json):
        report = recipe.evaluate(folder=folder, device=device, write=write)
        if folder is not None:
            _point_out_unfinished(lesson, recipe, folder)
    show(report.to_json(indent=2) if as_json else str(report))


@app.command()
def demo(
    lesson: Annotated[
        str | None, typer.Argument(metavar="LESSON", help="One lesson's demo; all of them by default.")
    ] = None,
    share: Annotated[bool, typer.Option("--share", help="Make a public link; asks for a password.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of 127.0.0.1; a free one by default.")
    ] = None,
    no_browser: NoBrowser = False,
    beside: Annotated[bool, typer.Option("--beside", hidden=True)] = False,
) -> None:
    """Open the demos of the lessons in a browser."""
    from mmatl_lab import lessons
    from mmatl_lab.cli import demos

    names = [name for name in lessons.names() if lessons.get(name).has_demo]
    if lesson is not None:
        chosen = _lesson(lesson).name
        if chosen not in names:
            fail(f"the lesson {chosen!r} has no demo: those with one are {', '.join(names)}", code=2)
        names = [chosen]
    demos.serve(names, share=share, port=port, browser=not no_browser, beside=beside)


@app.command("errata")
def show_errata(
    entry: Annotated[
        str | None, typer.Argument(metavar="ID", help="Measure this one; all are listed by default.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Measure this one, or all, and print one JSON object to stdout.")
    ] = False,
) -> None:
    """List formulas that the course's documents print wrong, or measure one: as printed, and as it should be."""
    from mmatl_lab import errata

    try:
        chosen = errata.entries() if entry is None else [errata.get(entry)]
    except ValueError as error:
        fail(str(error), code=2)
    if as_json:
        measured = []
        for place, erratum in enumerate(chosen, 1):
            say(f"{place} of {len(chosen)}: {erratum.id} is measured in a few seconds.")
            measured.append(erratum.to_dict() | erratum.measure().to_dict())
        show(json.dumps({"errata": measured}, indent=2, ensure_ascii=False))
    elif entry is None:
        for id, document in errata.DOCUMENTS.items():
            inside = [erratum for erratum in chosen if erratum.document == id]
            if inside:
                show(f"In {document}:")
            for erratum in inside:
                show(f"    {erratum.id:<24} {erratum.title}")
        say(
            "The papers that are named in an entry have the right form; none of these documents is one of them. "
            "`mmatl-lab errata ID` measures an entry in a few seconds."
        )
    else:
        show(chosen[0].summary())
        show(f"\n{chosen[0].measure()}")


app.command("bench")(bench.compare)


def _options(words: list[str]) -> dict[str, str]:
    """``--method mla --epochs=3`` as values by name; anything else ends the command."""
    found, rest = {}, iter(words)
    for word in rest:
        if not word.startswith("--"):
            fail(f"{word!r} belongs to no option: give --NAME VALUE", code=2)
        name, equals, value = word[2:].partition("=")
        value = value if equals else next(rest, "")
        if not value:
            fail(f"--{name} needs a value: give --{name} VALUE", code=2)
        found[name] = value
    return found


def _point_out_unfinished(lesson: str, recipe: Recipe, folder: Path) -> None:
    """Say beside which of the models that were measured a later training lies that was stopped before its end."""
    from mmatl_lab.training import unfinished
    from mmatl_lab.training.checkpoint import unfinished_path

    for name in recipe.checkpoints:
        path = unfinished_path(folder / f"{name}.safetensors")
        if path.is_file() and (steps := unfinished(path)):
            say(
                f"Another training of {name} is not finished: it stopped at step {steps[0]} of {steps[1]}. The numbers "
                f"are those of the finished one. `mmatl-lab train {lesson} --folder {folder} --resume` goes on with it."
            )


def _of_the_cards(lesson: str, preset: str, made: dict[str, Path]) -> Report:
    """What the cards of some checkpoints say about their own training, where the lesson cannot be evaluated yet."""
    from mmatl_lab.lessons import Report, Result
    from mmatl_lab.training import load_checkpoint

    cards = {name: load_checkpoint(path).card for name, path in made.items()}
    results = [
        Result(f"{name}_{metric}", f"{name}: {metric}", value)
        for name, card in cards.items()
        for metric, value in (card["training"] | card["metrics"]).items()
        if value is not None  # NaN, which JSON does not have
    ]
    return Report(lesson, preset, sum(card["seconds"] for card in cards.values()), tuple(results))


def _lesson(name: str) -> Lesson:
    """The lesson called `name`; an unknown name ends the command with the nearest one."""
    from mmatl_lab import lessons

    try:
        return lessons.get(name)
    except ValueError as error:
        fail(str(error), code=2)


def _trained(name: str) -> Lesson:
    """The lesson called `name`, if there is anything to train; else the command ends."""
    lesson = _lesson(name)
    if not lesson.trains:
        fail(f"the lesson {lesson.name!r} trains nothing: `mmatl-lab start` opens its notebook", code=2)
    return lesson


def _to_train(recipe: Recipe, preset: str | None) -> str:
    """The preset that a command trains with; one that trains nothing, or an unknown one, ends the command."""
    from mmatl_lab.training import SHIPPED, default_preset

    preset = preset or default_preset()
    if preset == SHIPPED:
        fail(f"the preset {SHIPPED!r} is for notebooks and trains nothing: use {', '.join(recipe.presets)}", code=2)
    return _known("preset", preset, recipe.presets)


def _known(kind: str, name: str, names: Iterable[str]) -> str:
    """`name`, if it is one of `names`; else the command ends with the one that it may be a misspelling of."""
    if name in names:
        return name
    fail(unknown(kind, name, names), code=2)
