"""`mmatl-lab data`: the real data that the package carries; what there is, under which licence, and a picture of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmatl_lab import paths
from mmatl_lab.cli.console import fail, say, show
from mmatl_lab.spelling import unknown

if TYPE_CHECKING:
    from mmatl_lab.data.packed import Manifest

app = typer.Typer(help="The real data sets that the package carries.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout, and everything else to stderr.")]


@app.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """List the data sets: name, size, what there is how often, licences."""
    from mmatl_lab.data import packed

    facts = {name: _facts(name, packed.read_manifest(name)) for name in packed.names()}
    if as_json:
        show(json.dumps({"data": list(facts.values())}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("data set", "MB", "holds", "licences"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for name, fact in facts.items():
        licences = ", ".join(dict.fromkeys(fact["licences"].values()))
        table.add_row(name, f"{fact['megabytes']:.1f}", _counted(fact["counts"]), licences)
    Console().print(table)
    say("`mmatl-lab data show NAME` draws a picture of one of them.")


@app.command("show")
def show_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set; `mmatl-lab data list` lists them.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PNG to write; data/NAME.png in the folder of runs by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell all about a data set, and draw a picture of what is in it."""
    from mmatl_lab.data import packed

    known = packed.names()
    if name not in known:
        fail(unknown("data set", name, known), code=2)
    fact = _facts(name, packed.read_manifest(name))
    fact["picture"] = str(_draw(name, out))
    if as_json:
        show(json.dumps(fact, indent=2, ensure_ascii=False))
        return
    show(f"{name}: {fact['title']}")
    show(f"holds     {_counted(fact['counts'])}, {fact['megabytes']:.2f} MB")
    for licence in dict.fromkeys(fact["licences"].values()):
        files = [file for file, its in fact["licences"].items() if its == licence]
        show(f"licence   {licence} ({', '.join(files)})")
    show(f"made from {', '.join(fact['sources'])}")
    show(f"in        {fact['folder']}, see README.md there")
    show(f"picture   {fact['picture']}")


def _facts(name: str, manifest: Manifest) -> dict:
    """What there is to say of a data set, with the keys of the JSON form."""
    folder = paths.asset(f"data/{name}")
    return {
        "name": name,
        "title": manifest.title,
        "megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 3),
        "counts": manifest.counts,
        "licences": manifest.licences,
        "sources": [f"{package} {pin['version']}" for package, pin in manifest.packages.items()],
        "folder": str(folder),
    }


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in counts.items())


def _draw(name: str, out: Path | None) -> Path:
    """Write the picture of a data set and return its path."""
    import matplotlib

    matplotlib.use("agg")  # no window: the picture is a file
    from mmatl_lab.viz import datasets
    from mmatl_lab.viz.picture import to_png

    path = paths.runs("data") / f"{name}.png" if out is None else out.expanduser()
    if path.is_dir():
        path = path / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_png(getattr(datasets, name)()))
    return path
