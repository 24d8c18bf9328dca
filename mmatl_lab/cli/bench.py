"""`mmatl-lab bench`: every comparison that the package claims, measured on this machine, one line each."""

import json
from typing import Annotated

import typer

from mmatl_lab.cli.console import fail, results_only, say, show


def compare(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which comparisons; all of them by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")] = False,
) -> None:
    """Compare our ways with the plain ones, in a few minutes; the ratios hold on a machine that does nothing else."""
    from mmatl_lab.benchmarks import BENCHMARKS, Unavailable

    for name in names or ():
        if name not in BENCHMARKS:
            fail(f"there is no comparison {name!r}: choose among {', '.join(BENCHMARKS)}", code=2)
    found = {}
    for name in names or BENCHMARKS:
        try:
            with results_only(as_json):
                comparison = BENCHMARKS[name]()
        except Unavailable as error:
            say(f"{name:<16} left out: {error}")
            continue
        found[name] = comparison.to_dict()
        if not as_json:
            show(f"{name:<16} {comparison}")
    if as_json:
        show(json.dumps(found, indent=2))
