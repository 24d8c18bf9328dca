"""Emoji in four art styles, with their names and keywords."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from .packages import LICENCE_TEXTS, Package, expect, fetch, member, read, standard_licence
from .pictures import draw, near, sheet, shrink

TITLE = "Emoji in four art styles, with names and keywords"
LICENCES = {
    "noto.webp": "Apache-2.0",
    "twemoji.webp": "CC-BY-4.0",
    "fluent.webp": "MIT",
    "openmoji.webp": "CC-BY-SA-4.0",
    "emoji.json": "Unicode-3.0 and MIT",
}
TOOLS = {"pillow": "12.3.0", "resvg_py": "0.5.0"}
PACKAGES = {
    "emoji-datasource-google": Package(
        "16.0.0", "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A=="
    ),
    "emoji-datasource-twitter": Package(
        "16.0.0", "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ=="
    ),
    "@iconify-json/fluent-emoji-flat": Package(
        "1.2.6", "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw=="
    ),
    "openmoji": Package(
        "17.0.0", "EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w=="
    ),
    "emojibase-data": Package(
        "17.0.0", "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA=="
    ),
    "spdx-license-list": LICENCE_TEXTS,
}


def build(packages: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """The built files of assets/data/emoji by name, and what there is how often."""
    archives = fetch(PACKAGES, packages)
    words = concepts(archives["emojibase-data"])
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
    texts = {**licences(archives), "emoji.json": f"[\n{lines}\n]\n"}
    files = {name: text.encode() for name, text in texts.items()}
    return files | {f"{style}.webp": sheet(art[style]) for style in art}, {"concepts": len(common), "styles": len(art)}


def codepoints(hexcode: str) -> str:
    """`1f3f4-FE0F` -> `1F3F4`: upper case, without the variation selector that packages write or leave out."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def concepts(archive: Path) -> dict[str, dict]:
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


def licences(archives: dict[str, Path]) -> dict[str, str]:
    """Each source's licence: the package's own file where it carries one, else the standard text under a notice."""
    texts = archives["spdx-license-list"]
    readme = member(archives["emoji-datasource-google"], "README.md")
    expect(readme, "Noto images, are available under the [Apache License 2.0]")
    expect(readme, "Twitter images are available under the [Creative Commons Attribution 4.0 license]")
    fluent = archives["@iconify-json/fluent-emoji-flat"]
    if json.loads(member(fluent, "info.json"))["license"]["spdx"] != "MIT":
        raise ValueError("Fluent Emoji is no longer under MIT: read the package before building from it")
    mit = standard_licence(texts, "MIT").replace("<year> <copyright holders>", "Microsoft Corporation.")
    return {
        "LICENSE-noto.txt": "Noto Emoji. Copyright Google Inc. and the Noto Emoji authors.\n\n"
        + standard_licence(texts, "Apache-2.0"),
        "LICENSE-twemoji.txt": "Twemoji graphics. Copyright Twitter, Inc and other contributors.\n\n"
        + standard_licence(texts, "CC-BY-4.0"),
        "LICENSE-fluent.txt": "Fluent Emoji.\n\n" + mit,
        "LICENSE-openmoji.txt": "All emojis designed by OpenMoji, the open-source emoji and icon project.\n\n"
        + expect(member(archives["openmoji"], "LICENSE.txt"), "Attribution-ShareAlike 4.0 International", "Section 8"),
        "LICENSE-emojibase.txt": expect(member(archives["emojibase-data"], "LICENSE"), "MIT License", "Miles Johnson"),
        "LICENSE-emoji-datasource.txt": expect(
            member(archives["emoji-datasource-google"], "LICENSE"), "The MIT License (MIT)", "Cal Henderson"
        ),
        "LICENSE-cldr.txt": "Unicode CLDR.\n\n" + standard_licence(texts, "Unicode-3.0"),
    }


# Words that tell variants of one emoji apart: who, which way, which colour, how large.
VARIANT_WORDS = frozenset(
    "person people man men woman women boy boys girl girls child adult old older mother father mrs mx santa face "
    "facing left right up down upwards downwards upward downward leftwards rightwards leftward rightward "
    "red orange yellow green blue light purple brown black white grey pink large small medium".split()
)


def families(names: list[str], art: list[list[Image.Image]]) -> list[int]:
    """Number of each emoji's family: variants of one emoji, which a fair test counts apart.

    Two emoji are of one family where their names are the same but for VARIANT_WORDS, or where at least two art styles
    draw them near each other (clock faces, keycaps, faces that differ in an eyebrow); and so on along chains.
    """
    close = np.sum([near(images) for images in art], axis=0)
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
