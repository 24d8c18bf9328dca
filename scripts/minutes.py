"""Minutes of a lesson's whole notebook in a kernel, from the first cell to the last, for `Recipe.minutes`.

    python scripts/minutes.py [LESSON ...] [--preset shipped ...]
    python scripts/minutes.py --write

Measure on a machine that does nothing else, and put the numbers into the lesson's `recipe.py`; `--write` then copies
them to the README's table and to the headers of the notebooks. Without names all lessons that train are measured,
without presets all that this machine can run.
"""

import argparse
import os
import re
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mmatl_lab import lessons, paths
from mmatl_lab.lessons.opening import stated_minutes
from mmatl_lab.training import PRESETS, SHIPPED, machine
from mmatl_lab.training.hardware import REFERENCE_GFLOPS, speed


def measure(lesson: lessons.Lesson, preset: str) -> float:
    """Minutes of the notebook, without the start of the kernel."""
    notebook = nbformat.read(lesson.notebook, as_version=4)
    with tempfile.TemporaryDirectory() as runs:
        os.environ |= {"MMATL_LAB_PRESET": preset, "MMATL_LAB_RUNS": runs}
        os.environ["MMATL_LAB_PROGRESS"] = f"{runs}/progress.jsonl"
        os.environ.pop("MMATL_LAB_HEADLESS", None)  # live plots take time, too
        client = NotebookClient(notebook, timeout=None, kernel_name="python3")
        with client.setup_kernel():
            start = time.perf_counter()
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            return (time.perf_counter() - start) / 60


def write(lesson: lessons.Lesson) -> None:
    """Copy the minutes of the recipe to the README's table and to the header of the notebook."""
    readme, minutes = paths.bundle() / "README.md", lesson.recipe.minutes
    row = rf"(\(notebooks/{lesson.notebook.name}\).*\| )[\d.]+( \|\n)"
    replace(readme, row, rf"\g<1>{minutes['full']:g}\g<2>")
    replace(lesson.notebook, r"\*\*Minutes:\*\* [^·]*·", f"**Minutes:** {stated_minutes(lesson.recipe)} ·")


def replace(path: Path, pattern: str, by: str) -> None:
    """Replace the first match of a pattern in a file."""
    text, found = re.subn(pattern, by, path.read_text(encoding="utf-8"), count=1)
    if not found:
        raise ValueError(f"{path} states no minutes: add what `tests/lessons/test_opening.py` asks for")
    path.write_text(text, encoding="utf-8")


def main() -> None:
    trained = [name for name in lessons.names() if lessons.get(name).trains and lessons.get(name).has_notebook]
    here = [SHIPPED, *PRESETS] if machine().device == "cuda" else [SHIPPED, "quick", "full"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="all that train, if none is named")
    parser.add_argument("--preset", nargs="+", choices=[SHIPPED, *PRESETS], default=here)
    parser.add_argument("--write", action="store_true", help="copy the minutes of the recipes, and measure nothing")
    asked = parser.parse_args()
    chosen = [lessons.get(name) for name in asked.lessons or trained]
    if asked.write:
        for lesson in chosen:
            write(lesson)
        return
    print(f"{machine()}; {speed():.0f} GFLOP/s, the reference has {REFERENCE_GFLOPS:.0f}")
    for lesson in chosen:
        for preset in asked.preset:
            print(f"{lesson.name:20} {preset:8} {measure(lesson, preset):6.2f} min", flush=True)


if __name__ == "__main__":
    main()
