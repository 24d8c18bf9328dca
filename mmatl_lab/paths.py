"""Where the package finds what it carries (assets, notebooks) and where it writes what a user trains (runs)."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundle() -> Path:
    """Folder that holds `assets/` and `notebooks/`: the repository when run from source, `_bundle` in a wheel."""
    packed = _PACKAGE / "_bundle"
    return packed if packed.is_dir() else _PACKAGE.parent


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
        source = (_PACKAGE.parent / "scripts" / "build_assets.py").exists()
        remedy = "run `python scripts/build_assets.py`" if source else "reinstall it with `pip install --force-reinstall mmatl-lab`"
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
