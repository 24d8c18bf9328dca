"""`mmatl-lab doctor`: is this machine ready, what will it run, and what to do where it is not ready."""

import hashlib
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from mmatl_lab import __version__, paths
from mmatl_lab.cli.console import show

MEMORY_GB = 2.0  # a notebook kernel with torch, the figures and one training run
DISK_GB = 1.0  # logs and checkpoints of all lessons, several times over


class Check(NamedTuple):
    """One line of the doctor's report: what was looked at, what was found, and what to do if that is not good."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Check]:
    """Look at everything; a check that fails never stops the next."""
    looks = [_python, _packages, _torch, _device, _preset, _memory, _disk, _assets, _notebooks, _folder]
    return [check for look in looks for check in _look(look)]


def _look(look: Callable[[], Check | list[Check]]) -> list[Check]:
    """What one look finds; a package that it needs and that is missing is a finding too."""
    try:
        found = look()
    except ImportError as error:
        name = look.__name__.removeprefix("_")
        found = Check(name, False, f"cannot be looked at: {error}", "install what the lines marked ✘ above name")
    return [found] if isinstance(found, Check) else found


def requirements() -> list[str]:
    """What the package needs to run: from pyproject.toml in a repository, else from the installed metadata."""
    source = paths.bundle() / "pyproject.toml"
    if source.exists():
        return tomllib.loads(source.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [line for line in metadata.requires("mmatl-lab") or [] if "extra ==" not in line]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Check(
        "python",
        ok,
        f"{found} at {sys.executable}",
        "" if ok else "install Python 3.11 or newer and start again with it",
    )


def _packages() -> list[Check]:
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requirements()]
    wrong = []
    for requirement in wanted:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append((requirement, "is not installed"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append((requirement, f"{version} is installed, {requirement.specifier} is needed"))
    if not wrong:
        return [Check("packages", True, f"mmatl-lab {__version__}, and the {len(wanted)} packages it needs")]
    pip = f"{Path(sys.executable).name} -m pip install"
    return [Check(f"package {needed.name}", False, problem, f'run `{pip} "{needed}"`') for needed, problem in wrong]


def _torch() -> Check:
    try:
        import torch
    except Exception as error:  # a broken install fails in many ways: missing libraries, wrong architecture
        line = (str(error) or type(error).__name__).splitlines()[0]
        return Check(
            "torch",
            False,
            f"cannot be imported: {line}",
            "reinstall it: `python -m pip install --force-reinstall torch`",
        )
    return Check("torch", True, torch.__version__)


def _preset() -> Check:
    from mmatl_lab.training import default_preset

    try:
        return Check("preset", True, default_preset())
    except ValueError as error:
        return Check("preset", False, str(error), "unset it, or set one of these")


def _device() -> Check:
    from mmatl_lab.training.hardware import machine, speed

    return Check("device", True, f"{machine()}, {speed():.0f} GFLOP/s on the processor")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    free, total = memory.available / 2**30, memory.total / 2**30
    remedy = "" if free >= MEMORY_GB else f"close other programs until {MEMORY_GB:.0f} GB are free"
    return Check("memory", free >= MEMORY_GB, f"{free:.1f} of {total:.1f} GB free", remedy)


def _disk() -> Check:
    folder = _existing(paths.runs().absolute())
    free = shutil.disk_usage(folder).free / 2**30
    remedy = (
        ""
        if free >= DISK_GB
        else f"free {DISK_GB:.0f} GB on the disk of {folder}, or set MMATL_LAB_RUNS to another one"
    )
    return Check("disk", free >= DISK_GB, f"{free:.1f} GB free for {paths.runs()}", remedy)


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _assets() -> Check:
    """Every file named in assets/SHA256SUMS is there with the bytes it was shipped with."""
    folder = paths.bundle() / "assets"
    sums = folder / "SHA256SUMS"
    remedy = (
        "restore them with `git checkout -- assets`"
        if paths.from_source()
        else "reinstall them with `pip install --force-reinstall --no-deps mmatl-lab`"
    )
    if not sums.exists():
        return Check("assets", False, f"{sums} is missing", remedy)
    entries = [line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines()]
    missing = [name for _, name in entries if not (folder / name).is_file()]
    damaged = [name for digest, name in entries if name not in missing and sha256(folder / name) != digest]
    if missing or damaged:
        problems = [f"{name} is missing" for name in missing] + [f"{name} is damaged" for name in damaged]
        return Check("assets", False, "; ".join(problems), remedy)
    size = sum((folder / name).stat().st_size for _, name in entries) / 2**20
    return Check("assets", True, f"{len(entries)} files, {size:.1f} MB, undamaged")


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _notebooks() -> Check:
    found = sorted(paths.notebooks().glob("*.ipynb"))
    remedy = "" if found else "restore them: `git checkout -- notebooks`, or reinstall the package"
    return Check("notebooks", bool(found), f"{len(found)} in {paths.notebooks()}", remedy)


def _folder() -> Check:
    folder = _existing(paths.runs().absolute())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "start from a folder of your own, or set MMATL_LAB_RUNS to one"
        return Check("folder", False, f"{folder} cannot be written to: {error.strerror}", remedy)
    return Check("folder", True, f"{paths.runs().absolute()} can be written to")


def visit(as_json: bool) -> bool:
    """Examine the machine and print what was found; True when all is well."""
    from mmatl_lab import lessons
    from mmatl_lab.lessons.opening import duration, minutes
    from mmatl_lab.training import default_preset

    checks = examine()
    well = all(check.ok for check in checks)
    trained = [lesson for lesson in map(lessons.get, lessons.names()) if well and lesson.trains]
    expected = {lesson.name: round(minutes(lesson.recipe, default_preset()), 1) for lesson in trained}
    if as_json:
        show(json.dumps({"ok": well, "minutes": expected, "checks": [check._asdict() for check in checks]}, indent=2))
        return well
    for check in checks:
        show(line(check))
    if well:
        times = ", ".join(f"{lesson} {duration(value)}" for lesson, value in expected.items())
        show(f"All is well. The notebooks take about, with the preset {default_preset()}: {times or 'no time'}.")
    else:
        show("Mend the lines marked ✘, then run `mmatl-lab doctor` again.")
    return well


def verdict(checks: list[Check]) -> str:
    """The lines to mend, or that there are none."""
    faults = [line(check) for check in checks if not check.ok]
    return "\n".join(faults) or "This machine is ready; `mmatl-lab doctor` says more."


def line(check: Check) -> str:
    """A check as a line to read."""
    return f"{'✔' if check.ok else '✘'} {check.name:<10} {check.found}" + (f": {check.remedy}" if check.remedy else "")
