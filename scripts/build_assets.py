"""Builds the real data under assets/data from pinned packages, byte for byte. For maintainers only.

    python scripts/build_assets.py [emoji] [--packages FOLDER] [--out FOLDER]

Needs npm, and `pip install resvg_py==0.5.0 pillow==12.3.0`: other versions may draw or pack a pixel differently. Every
package is fetched by exact version and refused unless its sha512 is the one written here. What was built from what is
written to MANIFEST.json beside the data; the README beside it is written by hand.
"""

import argparse
import base64
import hashlib
import importlib.metadata
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ASSETS = Path(__file__).resolve().parent.parent / "assets"
TOOLS = {"pillow": "12.3.0", "resvg_py": "0.5.0"}
SIZE, COLUMNS = 32, 40  # pixels of one picture; pictures in a row of a sheet

# name: (version, sha512 as the registry gives it)
EMOJI_PACKAGES = {
    "emoji-datasource-google": (
        "16.0.0",
        "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
    ),
    "emoji-datasource-twitter": (
        "16.0.0",
        "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
    ),
    "@iconify-json/fluent-emoji-flat": (
        "1.2.6",
        "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    ),
    "openmoji": (
        "17.0.0",
        "EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w==",
    ),
    "emojibase-data": (
        "17.0.0",
        "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    ),
    "spdx-license-list": (  # full texts of the licences that the art's packages name but do not carry
        "6.12.0",
        "+nUYqm3aZMSHbjsthK+i/HHI2okTElCvqwUd4k8QcSk+FTGgjq+fsdFj2wZOaX6XmR2JdWhf/NeflNnvKOjcnQ==",
    ),
}


def fetch(name: str, version: str, sha512: str, folder: Path) -> Path:
    """The package's archive, from `folder` or through `npm pack`; ValueError unless its sha512 is the pinned one."""
    archive = folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True)
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != sha512:
        raise ValueError(f"{archive.name} has sha512 {found}, expected {sha512}: delete it, or review the new package")
    return archive


def read(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The files of an npm archive whose path inside the package satisfies `wanted`."""
    files = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]  # every npm archive has one folder at its top
            if member.isfile() and wanted(path):
                files[path] = tar.extractfile(member).read()
    return files


def codepoints(hexcode: str) -> str:
    """`1f3f4-FE0F` -> `1F3F4`: upper case, without the variation selector that packages write or leave out."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def draw(svg: str, size: int = 4 * SIZE) -> Image.Image:
    """An SVG as RGBA. Text would depend on the fonts installed, so none are loaded."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True))
    return Image.open(io.BytesIO(png)).convert("RGBA")


def shrink(image: Image.Image) -> Image.Image:
    """RGBA to SIZE pixels: the mean of each box, with colours weighted by alpha, so that no dark rim appears."""
    return image.convert("RGBa").resize((SIZE, SIZE), Image.Resampling.BOX).convert("RGBA")


def sheet(images: list[Image.Image]) -> bytes:
    """Pictures row by row in one lossless WebP; transparent pixels keep no hidden colour."""
    canvas = Image.new("RGBA", (COLUMNS * SIZE, -(-len(images) // COLUMNS) * SIZE))
    for i, image in enumerate(images):
        canvas.paste(image, (i % COLUMNS * SIZE, i // COLUMNS * SIZE))
    out = io.BytesIO()
    canvas.save(out, "WEBP", lossless=True, quality=100, method=6, exact=True)
    return out.getvalue()


def expect(text: bytes, *phrases: str) -> str:
    """The text, provided that it holds every phrase: a licence that changed must be read by a person."""
    text = text.decode("utf-8").replace("\r\n", "\n")
    for phrase in phrases:
        if phrase not in text:
            raise ValueError(f"a licence text no longer says {phrase!r}: read the package before building from it")
    return text


def emoji_words(archive: Path) -> dict[str, dict]:
    """Base emoji by code points, in CLDR order: no flags, no lone components, no skin tones."""
    files = read(archive, lambda path: path in ("en/data.json", "meta/groups.json"))
    groups = json.loads(files["meta/groups.json"])
    words = {}
    for entry in sorted(json.loads(files["en/data.json"]), key=lambda entry: entry.get("order", 0)):
        group = groups["groups"].get(str(entry.get("group")))
        if group not in (None, "component", "flags"):
            words[codepoints(entry["hexcode"])] = {
                "character": entry["emoji"],
                "hexcode": entry["hexcode"],
                "name": entry["label"],
                "keywords": entry["tags"],
                "group": group,
                "subgroup": groups["subgroups"][str(entry["subgroup"])],
            }
    return words


def datasource_art(archive: Path, style: str) -> dict[str, Callable[[], Image.Image]]:
    files = read(archive, lambda path: path == "emoji.json" or path.startswith(f"img/{style}/64/"))
    return {
        codepoints(entry["unified"]): lambda png=files[f"img/{style}/64/{entry['image']}"]: Image.open(
            io.BytesIO(png)
        ).convert("RGBA")
        for entry in json.loads(files["emoji.json"])
        if entry[f"has_img_{style}"]
    }


def fluent_art(archive: Path) -> dict[str, Callable[[], Image.Image]]:
    files = read(archive, lambda path: path in ("icons.json", "chars.json"))
    icons, art = json.loads(files["icons.json"]), {}
    for hexcode, name in json.loads(files["chars.json"]).items():
        if name in icons["icons"]:  # the few aliases are mirrored copies, of which we need none
            body = icons["icons"][name]["body"]
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{body}</svg>'
            art[codepoints(hexcode)] = lambda svg=svg: draw(svg)
    return art


def openmoji_art(archive: Path) -> dict[str, Callable[[], Image.Image]]:
    files = read(archive, lambda path: path.startswith("color/svg/"))
    return {codepoints(Path(path).stem): lambda svg=svg: draw(svg.decode()) for path, svg in files.items()}


def emoji_licences(archives: dict[str, Path]) -> dict[str, str]:
    """Each source's licence: the package's own file where it carries one, else the standard text under a notice."""

    def member(package: str, path: str) -> bytes:
        return read(archives[package], lambda name: name == path)[path]

    def standard(spdx: str) -> str:
        return json.loads(member("spdx-license-list", f"licenses/{spdx}.json"))["licenseText"].strip() + "\n"

    readme = member("emoji-datasource-google", "README.md")
    expect(readme, "Noto images, are available under the [Apache License 2.0]")
    expect(readme, "Twitter images are available under the [Creative Commons Attribution 4.0 license]")
    if json.loads(member("@iconify-json/fluent-emoji-flat", "info.json"))["license"]["spdx"] != "MIT":
        raise ValueError("Fluent Emoji is no longer under MIT: read the package before building from it")
    mit = standard("MIT").replace("<year> <copyright holders>", "Microsoft Corporation.")
    return {
        "LICENSE-noto.txt": "Noto Emoji. Copyright Google Inc. and the Noto Emoji authors.\n\n"
        + standard("Apache-2.0"),
        "LICENSE-twemoji.txt": "Twemoji graphics. Copyright Twitter, Inc and other contributors.\n\n"
        + standard("CC-BY-4.0"),
        "LICENSE-fluent.txt": "Fluent Emoji.\n\n" + mit,
        "LICENSE-openmoji.txt": "All emojis designed by OpenMoji, the open-source emoji and icon project.\n\n"
        + expect(member("openmoji", "LICENSE.txt"), "Attribution-ShareAlike 4.0 International", "Section 8"),
        "LICENSE-emojibase.txt": expect(member("emojibase-data", "LICENSE"), "MIT License", "Miles Johnson"),
        "LICENSE-emoji-datasource.txt": expect(
            member("emoji-datasource-google", "LICENSE"), "The MIT License (MIT)", "Cal Henderson"
        ),
        "LICENSE-cldr.txt": "Unicode CLDR.\n\n" + standard("Unicode-3.0"),
    }


def emoji(packages: Path) -> dict[str, bytes]:
    """The built files of assets/data/emoji, by name."""
    archives = {name: fetch(name, *pin, packages) for name, pin in EMOJI_PACKAGES.items()}
    words = emoji_words(archives["emojibase-data"])
    sources = {
        "noto": datasource_art(archives["emoji-datasource-google"], "google"),
        "twemoji": datasource_art(archives["emoji-datasource-twitter"], "twitter"),
        "fluent": fluent_art(archives["@iconify-json/fluent-emoji-flat"]),
        "openmoji": openmoji_art(archives["openmoji"]),
    }
    common = [code for code in words if all(code in pictures for pictures in sources.values())]
    art = {style: [shrink(pictures[code]()) for code in common] for style, pictures in sources.items()}
    numbers = families([words[code]["name"] for code in common], list(art.values()))
    entries = [words[code] | {"family": number} for code, number in zip(common, numbers, strict=True)]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    files = {**emoji_licences(archives), "emoji.json": f"[\n{lines}\n]\n"}
    return {name: text.encode() for name, text in files.items()} | {f"{s}.webp": sheet(art[s]) for s in art}


# Words that tell variants of one emoji apart: who, which way, which colour, how large.
VARIANT_WORDS = frozenset(
    "person people man men woman women boy boys girl girls child adult old older mother father mrs mx santa face "
    "facing left right up down upwards downwards upward downward leftwards rightwards leftward rightward "
    "red orange yellow green blue light purple brown black white grey pink large small medium".split()
)
NEAR = 0.08  # root mean square difference of premultiplied RGBA in [0, 1], at 16 px


def families(names: list[str], art: list[list[Image.Image]]) -> list[int]:
    """Number of each emoji's family: variants of one emoji, which a fair test must not split.

    Two emoji are of one family where their names are the same but for VARIANT_WORDS, or where at least two art styles
    draw them NEAR each other (clock faces, keycaps, faces that differ in an eyebrow); and so on along chains.
    """
    close = np.zeros((len(names), len(names)), dtype=int)
    for images in art:
        small = [image.convert("RGBa").resize((16, 16), Image.Resampling.BOX) for image in images]
        pixels = np.stack([np.asarray(image, dtype=np.int64).ravel() for image in small])  # integers: exact everywhere
        squares = (pixels**2).sum(1)
        distance = squares[:, None] + squares - 2 * pixels @ pixels.T
        close += distance < (255 * NEAR) ** 2 * pixels.shape[1]
    keys = []
    for name in names:
        words = re.findall(r"[^\W_]+", name.lower())
        keys.append([word for word in words if word not in VARIANT_WORDS])
    family = list(range(len(names)))
    for i in range(len(names)):
        for j in range(i):
            if (close[i, j] >= 2 or keys[i] == keys[j]) and family[i] != family[j]:
                old, new = max(family[i], family[j]), min(family[i], family[j])
                family = [new if number == old else number for number in family]
    return family


def manifest(files: dict[str, bytes], packages: dict[str, tuple[str, str]]) -> bytes:
    """What the folder holds (sha256 a file) and what it was made from and with."""
    content = {
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
        "packages": {name: {"version": version, "sha512": sha512} for name, (version, sha512) in packages.items()},
        "tools": TOOLS,
    }
    return (json.dumps(content, indent=1) + "\n").encode()


BUILDS = {"emoji": (emoji, EMOJI_PACKAGES)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*BUILDS, []], help="data sets to build (default: all)")
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched archives (default: temporary)")
    parser.add_argument("--out", type=Path, default=ASSETS / "data", help="folder to write to")
    options = parser.parse_args(arguments)
    for tool, version in TOOLS.items():
        found = importlib.metadata.version(tool)
        if found != version:
            sys.exit(f"{tool} {found} is installed: `pip install {tool}=={version}` for the same bytes")
    for name in options.names or BUILDS:
        build, pins = BUILDS[name]
        with tempfile.TemporaryDirectory() as temporary:
            packages = (options.packages or Path(temporary)).resolve()
            packages.mkdir(parents=True, exist_ok=True)
            files = build(packages)
        target = options.out / name
        target.mkdir(parents=True, exist_ok=True)
        for file, content in (files | {"MANIFEST.json": manifest(files, pins)}).items():
            (target / file).write_bytes(content)
        print(f"{target}: {len(files)} files, {sum(map(len, files.values())) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
