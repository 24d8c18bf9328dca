"""The package as it is installed: requirements, lock, environment, wheel."""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mmatl_lab import __version__
from mmatl_lab.data import packed

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
DEV = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]
LOCK = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}


# Requirements, lock and environment in step -------------------------------------------------------------------------


@pytest.mark.parametrize("requirement", RUNTIME + DEV, ids=str)
def test_the_lock_has_what_the_package_needs(requirement):
    assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)])


def lockable(lines):
    """The requirements that the lock can hold: those of the Python it was written with, without torch's CUDA parts."""
    python = re.search(r"Python ([\d.]+);", (ROOT / "requirements.lock").read_text(encoding="utf-8"))[1]
    environment = {"extra": "", "python_version": python, "python_full_version": f"{python}.0"}
    needed = [Requirement(line) for line in lines]
    return [
        requirement
        for requirement in needed
        if (requirement.marker is None or requirement.marker.evaluate(environment))
        and not load("lock").LEFT_OUT.fullmatch(requirement.name)
    ]


def test_what_only_another_python_or_cuda_needs_is_not_asked_of_the_lock():
    torch = ["cuda-toolkit[cublas]==13.0", "cuda-bindings<14", "nvidia-cudnn-cu13==9", "triton==3.7", "filelock"]
    gradio = ["audioop-lts<1.0; python_version >= '3.13'", "numpy", "itsdangerous; extra == 'oauth'"]
    assert [requirement.name for requirement in lockable(torch + gradio)] == ["filelock", "numpy"]


def test_the_lock_has_all_that_comes_along():
    """Every requirement of every locked package, followed on this machine, is locked in a version that fits."""
    for name, version in LOCK.items():
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another platform
        if installed.version.split("+")[0] != version:
            pytest.skip(f"{name} {installed.version} is installed, so this environment was not made from the lock")
        for needed in lockable(installed.requires or []):
            locked = LOCK.get(canonicalize_name(needed.name))
            assert locked is not None, f"{name} needs {needed.name}, which is not locked: run make lock"
            assert needed.specifier.contains(locked, prereleases=True), f"{name} needs {needed}, locked is {locked}"


def test_the_lock_can_be_installed_from_any_registry():
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), "no +cpu, no host, no path"


def test_the_conda_environment_is_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, _, packages = environment["dependencies"]
    assert packages == {"pip": ["--constraint requirements.lock", "--editable ."]}
    version = python.removeprefix("python=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert f"Python {version}" in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()[0]


def test_make_uses_the_lock():
    commands = subprocess.run(["make", "--dry-run", "--always-make", "test"], cwd=ROOT, capture_output=True, text=True)
    assert "--constraint requirements.lock --editable '.[dev]'" in commands.stdout


def test_what_is_imported_is_required():
    """Every third-party module that the package imports is a requirement of its own, not only of a requirement.

    A module of an extra, such as Hugging Face's CLIP of a benchmark, may be missing.
    """
    used = set()
    for path in (ROOT / "mmatl_lab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                used.add(node.module.split(".")[0])
    used -= {"mmatl_lab", *sys.stdlib_module_names}
    owners = metadata.packages_distributions()
    extras = [line for name, of in PROJECT["optional-dependencies"].items() if name != "dev" for line in of]
    required = {canonicalize_name(requirement.name) for requirement in RUNTIME + [Requirement(line) for line in extras]}
    for module in used:
        names = {canonicalize_name(owner) for owner in owners.get(module, [module])}
        assert required & names, f"{module} is imported, not required"


# Wheel --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The unpacked wheel of this repository, built without a network."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with zipfile.ZipFile(next(out.glob("*.whl"))) as file:
        file.extractall(out / "unpacked")
    return out / "unpacked"


def tracked(*folders):
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git repository")
    return [name for name in listed.stdout.split("\0") if name]


def python(wheel, folder, *words, **options):
    environment = os.environ | {"PYTHONPATH": str(wheel), "MMATL_LAB_RUNS": str(folder / "runs")}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, **options
    )


def test_the_wheel_carries_code_assets_and_notebooks(wheel):
    for name in tracked("mmatl_lab", "assets", "notebooks"):
        place = name if name.startswith("mmatl_lab/") else f"mmatl_lab/_bundle/{name}"
        assert (wheel / place).read_bytes() == (ROOT / name).read_bytes(), name
    assert {path.name for path in wheel.iterdir()} == {"mmatl_lab", f"mmatl_lab-{__version__}.dist-info"}


def test_the_wheel_names_the_licences_of_all_that_it_carries(wheel):
    about = metadata.Distribution.at(next(wheel.glob("*.dist-info"))).metadata
    data = {
        part
        for name in packed.names()
        for of in packed.read_manifest(name).licences.values()
        for part in of.split(" and ")
    }
    spdx = {"CC-PDDC" if licence == "Public domain" else licence for licence in data}
    assert set(about["License-Expression"].split(" AND ")) == {"Apache-2.0", *spdx}
    texts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "assets" / "data").glob("*/LICENSE-*")}
    assert set(about.get_all("License-File")) == {"LICENSE", *texts}


def test_the_wheel_finds_what_it_carries(wheel, tmp_path):
    code = "from mmatl_lab import paths; print(paths.from_source(), paths.notebooks(), paths.asset('SHA256SUMS'))"
    bundle = wheel / "mmatl_lab" / "_bundle"
    found = python(wheel, tmp_path, "-c", code, check=True).stdout.split()
    assert found == ["False", str(bundle / "notebooks"), str(bundle / "assets" / "SHA256SUMS")]


def test_the_doctor_of_a_wheel_is_content(wheel, tmp_path):
    answer = python(wheel, tmp_path, "-m", "mmatl_lab", "doctor", "--json")
    faults = [check for check in json.loads(answer.stdout)["checks"] if not check["ok"]]
    assert [check for check in faults if check["name"] in ("assets", "notebooks", "packages")] == []


def test_start_from_a_wheel_fills_an_empty_folder(wheel, tmp_path):
    code = "from pathlib import Path; from mmatl_lab.cli import jupyter; print(jupyter.workplace(Path.cwd()))"
    answer = python(wheel, tmp_path, "-c", code, check=True)
    assert answer.stdout.strip() == str(tmp_path / "notebooks")
    shipped = tracked("notebooks")
    assert {f"notebooks/{path.name}" for path in (tmp_path / "notebooks").glob("[!.]*")} == set(shipped)
    number = sum(name.endswith(".ipynb") for name in shipped)
    assert f"copied to {tmp_path / 'notebooks'}: {number}." in answer.stderr


def test_a_missing_asset_is_named_with_its_remedy(wheel, tmp_path):
    from mmatl_lab import paths

    with pytest.raises(FileNotFoundError, match=r"'no/such' is not at .*: run `python scripts/build_assets.py`"):
        paths.asset("no/such")
    with pytest.raises(
        FileNotFoundError, match="run `mmatl-lab train LESSON --preset full --folder assets/checkpoints`"
    ):
        paths.asset("checkpoints/no_such.safetensors")
    answer = python(wheel, tmp_path, "-c", "from mmatl_lab import paths; paths.asset('no/such')")
    assert "reinstall the package with `pip install" in answer.stderr


def test_a_damaged_data_file_of_a_wheel_is_answered_with_a_reinstall(wheel, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(wheel / "mmatl_lab", copied / "mmatl_lab")
    file = copied / "mmatl_lab" / "_bundle" / "assets" / "data" / "emoji" / "MANIFEST.json"
    file.write_bytes(file.read_bytes()[:-9])
    answer = python(copied, tmp_path, "-c", "from mmatl_lab.data.emoji import load_emoji; load_emoji()")
    assert "is damaged: reinstall the package with `pip install" in answer.stderr
    assert "build_assets" not in answer.stderr


# What maintainers write ---------------------------------------------------------------------------------------------


def load(script):
    """One of the maintainers' scripts as a module."""
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_checksums_are_those_of_the_assets():
    written = (ROOT / "assets" / "SHA256SUMS").read_text(encoding="utf-8")
    assert written == load("checksums").sums(), "run python scripts/checksums.py"


def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == __version__


def test_an_old_python_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or newer, and .* is 3\.9: name a newer one"):
        load("make_venv")
