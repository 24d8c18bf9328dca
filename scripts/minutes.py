"""Minutes of a lesson's whole notebook in a kernel, from the first cell to the last, for `Recipe.minutes`.

    python scripts/minutes.py [LESSON ...] [--preset shipped ...]

Run it on a machine that does nothing else. Put the numbers into the lesson's `recipe.py`, the README's table and the
header of the notebook; a test compares the three. Without names it measures all lessons that train, without presets all
that this machine can run.
"""

import argparse
import os
import tempfile
import time

import nbformat
from nbclient import NotebookClient

from mmatl_lab import lessons
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


def main() -> None:
    trained = [name for name in lessons.names() if lessons.get(name).trains and lessons.get(name).has_notebook]
    here = [SHIPPED, *PRESETS] if machine().device == "cuda" else [SHIPPED, "quick", "full"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="all that train, if none is named")
    parser.add_argument("--preset", nargs="+", choices=[SHIPPED, *PRESETS], default=here)
    asked = parser.parse_args()
    print(f"{machine()}; {speed():.0f} GFLOP/s, the reference has {REFERENCE_GFLOPS:.0f}")
    for name in asked.lessons or trained:
        for preset in asked.preset:
            print(f"{name:20} {preset:8} {measure(lessons.get(name), preset):6.2f} min", flush=True)


if __name__ == "__main__":
    main()
