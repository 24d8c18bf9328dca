"""Packages by exact version: fetched through their registry's client, refused unless their bytes are those pinned."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A package of the npm registry ("npm"), of PyPI ("pypi", a wheel) or of Debian ("debian")."""

    version: str
    digest: str  # npm: sha512 in base64; PyPI and Debian: sha256 in hex, each as its registry gives it
    registry: str = "npm"

    @property
    def algorithm(self) -> str:
        return "sha512" if self.registry == "npm" else "sha256"


# Full texts of the licences that a source names but does not carry.
LICENCE_TEXTS = Package(
    "6.12.0", "+nUYqm3aZMSHbjsthK+i/HHI2okTElCvqwUd4k8QcSk+FTGgjq+fsdFj2wZOaX6XmR2JdWhf/NeflNnvKOjcnQ=="
)
_COMMANDS = {
    "npm": ["npm", "pack", "--silent", "{name}@{version}"],
    "pypi": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version=3.11",
             "--platform=manylinux2014_x86_64", "--dest=.", "{name}=={version}"],
    "debian": ["apt-get", "download", "{name}={version}"],
}  # fmt: skip
_ARCHIVES = {
    "npm": "{name}-{version}.tgz",
    "pypi": "{name}-{version}-*.whl",
    "debian": "{name}_{version}_*.deb",
}


def fetch(packages: Mapping[str, Package], folder: Path) -> dict[str, Path]:
    """The packages' archives by name, from ``folder`` or fetched into it.

    Raises:
        ValueError: the bytes of an archive are not the pinned ones.
    """
    return {name: _fetch(name, package, folder) for name, package in packages.items()}


def _fetch(name: str, package: Package, folder: Path) -> Path:
    version, digest, registry = package
    names = {
        "npm": name.removeprefix("@").replace("/", "-"),
        "pypi": name.replace("-", "_"),
        "debian": name,
    }
    pattern = _ARCHIVES[registry].format(name=names[registry], version=version.replace(":", "%3a"))
    if not list(folder.glob(pattern)):
        command = [word.format(name=name, version=version) for word in _COMMANDS[registry]]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob(pattern))
    found = hashlib.new(package.algorithm, archive.read_bytes())
    found = base64.b64encode(found.digest()).decode() if registry == "npm" else found.hexdigest()
    if found != digest:
        raise ValueError(
            f"{archive.name} has {package.algorithm} {found}, expected {digest}: delete it, or review the new package"
        )
    return archive


def read(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The files of an archive whose path inside the package satisfies ``wanted``."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {path: wheel.read(path) for path in wheel.namelist() if wanted(path)}
    if archive.suffix == ".deb":
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, stdout=subprocess.PIPE).stdout
        tar = tarfile.open(fileobj=io.BytesIO(unpacked))
    else:
        tar = tarfile.open(archive)
    files = {}
    with tar:
        for member in tar:
            path = member.name.partition("/")[2]  # npm has one folder at the top, Debian a dot
            if member.isfile() and wanted(path):
                files[path] = tar.extractfile(member).read()
    return files


def member(archive: Path, path: str) -> bytes:
    """One file of an archive."""
    return read(archive, lambda name: name == path)[path]


def standard_licence(archive: Path, spdx: str) -> str:
    """The full text of a licence, out of the archive of ``LICENCE_TEXTS``."""
    return json.loads(member(archive, f"licenses/{spdx}.json"))["licenseText"].strip() + "\n"


def expect(text: bytes, *phrases: str) -> str:
    """The text, provided that it holds every phrase: a licence that changed must be read by a person."""
    text = text.decode("utf-8").replace("\r\n", "\n")
    for phrase in phrases:
        if phrase not in text:
            raise ValueError(f"a licence text no longer says {phrase!r}: read the package before building from it")
    return text
