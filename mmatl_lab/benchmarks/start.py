"""How long the package and its command line take to start, against Python itself."""

import subprocess
import sys

from .comparison import Comparison, seconds


def import_time() -> Comparison:
    """``import mmatl_lab`` over an empty program."""
    return _against_python("import mmatl_lab", "import mmatl_lab")


def command_time() -> Comparison:
    """``mmatl-lab --help`` over an empty program."""
    return _against_python(
        "mmatl-lab --help", "import sys; sys.argv = ['', '--help']; from mmatl_lab.cli import main; main()"
    )


def _against_python(what: str, code: str) -> Comparison:
    def start(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    ours, empty = (1000 * found for found in seconds(lambda: start(code), lambda: start(""), rounds=5))
    return Comparison(f"{what} against an empty Python", ours / empty, {"ms more": ours - empty, "empty ms": empty})
