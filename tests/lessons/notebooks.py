"""The code of a lesson's notebook, so that tests can hold it against the library."""

from typing import Any

import nbformat
import torch
from torch import nn

from mmatl_lab import lessons


def code_cells(lesson: str) -> list[str]:
    """The sources of the notebook's code cells, in order."""
    notebook = nbformat.read(lessons.get(lesson).notebook, as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def markdown(lesson: str) -> str:
    """The text of the notebook's Markdown cells."""
    notebook = nbformat.read(lessons.get(lesson).notebook, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def cell_with(lesson: str, text: str) -> str:
    """The one code cell that holds ``text``."""
    found = [cell for cell in code_cells(lesson) if text in cell]
    assert len(found) == 1, f"{len(found)} cells of {lesson} hold {text!r}"
    return found[0]


def trained_by_cell(cell: str, names: dict[str, Any], model: str) -> nn.Module:
    """The model that a notebook's training cell leaves behind, run twice with ``names`` as its globals.

    Twice, since a cell that is run again must begin anew, not go on with what it made before.
    """
    space = dict(names)
    for _ in range(2):
        exec(compile(cell, "<training cell>", "exec"), space)
    return space[model]


def loaded_by_cell(cell: str, names: dict[str, Any], run: str, model: str) -> nn.Module:
    """The model that a training cell leaves behind when the shipped models are chosen: no step may be taken."""
    names["choice"].choose("shipped")
    exec(compile(cell, "<training cell>", "exec"), names)
    assert names[run].loaded and names[run].done == names[run].num_steps and not names[run].history["step"]
    return names[model]


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name].cpu(), b[name].cpu()) for name in a)
