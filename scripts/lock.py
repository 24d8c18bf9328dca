"""Write requirements.lock: install the package and its dev set into a fresh environment and note what came.

    make lock                                  # everything newest, torch as it is in the lock
    make lock PINS="torch==2.13.0 numpy==2.4.6"  # some versions given

torch stays unless it is named, because on Linux its newest build brings gigabytes of CUDA libraries along.

The lock holds what this Python needs on this platform. What only another one needs (audioop-lts from Python 3.13 on,
the CUDA libraries of torch) is left open: pip takes the newest that fits.

The lock has no hashes, because it is a file of constraints. One hash in it switches pip to --require-hashes, which
refuses `--editable .`: a folder has no single file to hash. It would also tie torch to one build, where the CPU build
of a local index and PyPI's CUDA build of the same version both have to do.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Exact versions that were tested together with Python {python}; pyproject.toml has the ranges.
# Written by `make lock`; do not edit.
"""
LEFT_OUT = re.compile(r"pip|mmatl.lab|triton|nvidia-.*|cuda-.*")  # not ours, or pinned by torch itself per platform


def main(pins: list[str]) -> None:
    if not any(pin.startswith("torch=") for pin in pins) and LOCK.exists():
        pins += re.findall(r"^torch==.*$", LOCK.read_text(), flags=re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, "install", *pins, "--editable", f"{ROOT}[dev]"], check=True)
        subprocess.run([*pip, "check"], check=True)
        freeze = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    names = [line.split("+")[0] for line in freeze.splitlines()]  # torch==2.13.0+cpu is torch==2.13.0 elsewhere
    names = [line for line in names if not LEFT_OUT.fullmatch(line.split("==")[0])]
    python = ".".join(map(str, sys.version_info[:2]))
    LOCK.write_text(HEADER.format(python=python) + "\n".join(sorted(names, key=str.lower)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
