"""The check of a GPU runs where nothing but torch, numpy, lightning-fabric and safetensors is installed."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
FEW = ("torch", "numpy", "lightning-fabric", "safetensors")


def with_requirements(names) -> set[str]:
    """The distributions called ``names``, and all that they need."""
    found: set[tuple[str, str]] = set()
    todo = [(name, "") for name in names]
    while todo:
        name, extra = key = todo.pop()
        if key in found:
            continue
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform
        found.add(key)
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                bare = re.sub(r"[-_.]+", "-", requirement.name).lower()
                todo += [(bare, ""), *((bare, more) for more in requirement.extras)]
    return {name for name, _ in found}


@pytest.fixture
def few_packages(tmp_path) -> Path:
    """A folder to import from, with links to these packages alone."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in with_requirements(FEW):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists() and (source := Path(distribution.locate_file(top))).exists():
                (folder / top).symlink_to(source)
    return folder


def run_alone(few_packages: Path, *args: str) -> subprocess.CompletedProcess:
    code = (
        f"import runpy, sys; sys.path[:0] = [{str(ROOT)!r}, {str(few_packages)!r}]; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-S", "-I", "-c", code, str(ROOT / "scripts" / "check_gpu.py"), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=few_packages)


@pytest.mark.slow
def test_it_checks_what_it_can_without_the_other_packages(few_packages):
    done = run_alone(few_packages, "--only", "clip_scenes", "clip_emoji", "why_smartwatch")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if "speed" in line)
    for system in ("why_smartwatch", "clip_emoji", "clip_scenes"):
        found = json.loads(lines[system])
        assert all(step["ok"] for step in found["step"].values()) and found["speed"]["steps_per_second"] > 0
    assert "Noise stands in for pictures and traces" in done.stdout
    assert ("no CUDA device" in done.stdout) is not torch.cuda.is_available()
