"""Write assets/SHA256SUMS, by which the doctor tells a damaged file. Run it after a change under assets/."""

import hashlib
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def sums() -> str:
    """One line a file, as `sha256sum` writes it: digest, two spaces, path inside assets/."""
    files = sorted(path for path in ASSETS.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ASSETS).as_posix()}\n" for path in files
    )


if __name__ == "__main__":
    (ASSETS / "SHA256SUMS").write_text(sums(), encoding="utf-8")
