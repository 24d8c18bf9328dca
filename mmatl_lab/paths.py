"""Where the package finds what it carries (assets, notebooks) and where it writes what a user trains (runs)."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
REINSTALL = "reinstall the package with `pip install --force-reinstall --no-deps mmatl-lab`"
_PACKED = _PACKAGE / "_bundle"  # what a wheel carries; a repository has the same two folders beside the package


def from_source() -> bool:
    """True when the package runs from its repository, False when it was installed from a wheel."""
    return not _PACKED.is_dir()


def bundle() -> Path:
    """Folder that holds `assets/` and `notebooks/`."""
    return _PACKAGE.parent if from_source() else _PACKED


def asset(relative: str) -> Path:
    """Path of a file or folder under `assets/`.

    Args:
        relative: path inside `assets/`, such as `"data/emoji"`.

    Returns:
        The path, which exists.

    Raises:
        FileNotFoundError: with the path looked at and the command that makes it.
    """
    path = bundle() / "assets" / relative
    if not path.exists():
        remedy = REINSTALL
        if from_source():
            trained = Path(relative).parts[0] == "checkpoints"
            command = "mmatl-lab train LESSON --preset full --folder assets/checkpoints"
            remedy = f"run `{command if trained else 'python scripts/build_assets.py'}`"
        raise FileNotFoundError(f"the asset {relative!r} is not at {path}: {remedy}")
    return path


def notebooks() -> Path:
    """Folder of the notebooks that the package carries."""
    return bundle() / "notebooks"


def runs(name: str = "") -> Path:
    """Folder for what a user trains: `$MMATL_LAB_RUNS`, or `./runs`; with `name`, a folder inside it.

    It is made by whoever writes into it first, so that asking leaves nothing behind.
    """
    return Path(os.environ.get("MMATL_LAB_RUNS") or "runs").expanduser() / name
