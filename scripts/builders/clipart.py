"""Clip art of single things, with titles and keywords."""

import html
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from .packages import Package, expect, fetch, read
from .pictures import near, sheet, shrink

TITLE = "Clip art with titles and keywords"
LICENCES = {"clipart.webp": "Public domain", "clipart.json": "Public domain"}
TOOLS = {"pillow": "12.3.0", "resvg_py": "0.5.0"}
PACKAGES = {
    "openclipart-svg": Package(
        "1:0.18+dfsg-19", "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5", "debian"
    ),
}
EMOJI = Path(__file__).resolve().parents[2] / "assets" / "data" / "emoji" / "emoji.json"

# Folders that show single things, by the group that they are put in.
GROUPS = {
    "sky": ("signs_and_symbols/weather", "geography/astronomy", "science/astronomy"),
    "animals": ("animals",),
    "plants": ("plants",),
    "food": ("food",),
    "clothing": ("people/clothing",),
    "body": ("people/bodypart",),
    "home": ("buildings", "containers", "electronics", "tools", "signs_and_symbols/clocks"),
    "office": ("office", "education", "computer/hardware", "science"),
    "music": ("recreation/music",),
    "play": ("recreation/sports", "recreation/toys", "recreation/games", "recreation/party", "recreation/art"),
    "holiday": ("recreation/holiday",),
    "transport": ("transportation",),
}
NOT_SINGLE = ("roadsigns", "aiga-symbols", "cards")  # folders inside them with signs and sets of cards
LEFT_OUT = re.compile(  # what not every class should see, and brands
    r"alcohol|beer|bullet|cannabis|cigar|dead|\bgun|knife|nude|pantyhose|pimp|skull|sword|thong|weapon|whisk|\bwine"
    r"|atari|\bbmw|dodge|hummer|rubik|skoda|sprint|tux"
)
NO_KEYWORDS = frozenset(
    {"unsorted", "clip_art", "clipart", "openclipart", "11"}
)  # of the collection, not of the picture
SMALL_WORDS = frozenset({"an", "the", "and", "of", "on", "in", "with", "bw"})  # bw: black and white
LARGEST = 400_000  # bytes of a drawing: larger ones are traced photographs
MOST_OF_A_TITLE = 3
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "cc": "http://web.resource.org/cc/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
PUBLIC_DOMAIN = "http://web.resource.org/cc/PublicDomain"


class Drawing(NamedTuple):
    path: str
    title: str
    keywords: list[str]
    author: str
    group: str


def build(packages: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """The built files of assets/data/clipart by name, and what there is how often."""
    archive = fetch(PACKAGES, packages)["openclipart-svg"]
    top, copyright = "usr/share/openclipart/svg/", "usr/share/doc/openclipart-svg/copyright"
    files = read(archive, lambda path: path == copyright or path.startswith(top))
    licence = expect(files.pop(copyright), "Public Domain Dedication", "freely reproduced, distributed")
    known = {word for entry in json.loads(EMOJI.read_text(encoding="utf-8")) for word in words(entry["name"])}
    chosen: list[tuple[Drawing, Image.Image]] = []
    for path in sorted(files):
        drawing = drawing_of(path.removeprefix(top), files[path], known)
        if drawing and sum(drawing.title == other.title for other, _ in chosen) < MOST_OF_A_TITLE:
            image = picture(files[path].decode())
            if image and not (chosen and near([image, *(other for _, other in chosen)])[0, 1:].any()):
                chosen.append((drawing, image))
    lines = ",\n".join(json.dumps(drawing._asdict(), ensure_ascii=False) for drawing, _ in chosen)
    return {
        "LICENSE-openclipart.txt": licence.encode(),
        "clipart.json": f"[\n{lines}\n]\n".encode(),
        "clipart.webp": sheet([image for _, image in chosen]),
    }, {"pictures": len(chosen), "groups": len({drawing.group for drawing, _ in chosen})}


def drawing_of(path: str, svg: bytes, known: set[str]) -> Drawing | None:
    """What the drawing says of itself, or None if a rule leaves it out.

    Its folder shows single things. Its own licence is the public domain, and no other. It has no text, whose look would
    depend on fonts, and no photograph. It has a title and keywords. One word of the title stands in the keywords or the
    file's name as well (many titles were copied from another picture) and in an emoji's name (many are not English).
    """
    group = next((name for name, folders in GROUPS.items() if path.startswith(tuple(f"{f}/" for f in folders))), None)
    if group is None or any(f"/{folder}/" in path for folder in NOT_SINGLE):
        return None
    if len(svg) > LARGEST or b"<text" in svg or b"<image" in svg:
        return None
    tree = ET.fromstring(svg)
    work = tree.find(".//cc:Work", NAMESPACES)
    named = {tag.get(f"{{{NAMESPACES['rdf']}}}resource") for tag in tree.iterfind(".//cc:license", NAMESPACES)}
    if work is None or named != {PUBLIC_DOMAIN}:
        return None
    title = " ".join(words(work.findtext("dc:title", "", NAMESPACES)))
    bag = (li.text or "" for li in work.iterfind("dc:subject//rdf:li", NAMESPACES))
    keywords = [" ".join(words(text)) for text in bag if not text.startswith("hash") and text not in NO_KEYWORDS]
    keywords = list(dict.fromkeys(filter(None, keywords)))
    name = Path(path).stem.lower()
    agreed = [word for word in title.split() if word in name or any(word in keyword.split() for keyword in keywords)]
    if not keywords or "clipart" in title or not known.intersection(agreed):
        return None
    if LEFT_OUT.search(" ".join([path, title, *keywords])):
        return None
    return Drawing(path, title, keywords, name_of(work.findtext("dc:creator/cc:Agent/dc:title", "", NAMESPACES)), group)


def name_of(author: str) -> str:
    """An author's name, its accents mended, without addresses."""
    name = html.unescape(author)
    try:
        name = name.encode("latin-1").decode("utf-8")  # written as UTF-8, stored as Latin-1
    except UnicodeError:
        pass
    return " ".join(word for word in name.split() if "@" not in word and "://" not in word).rstrip(" -")


def words(text: str) -> list[str]:
    """Lower-case words of at least two letters, without numbers and the smallest words."""
    found = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.lower())
    return [word for word in found if len(word) > 1 and word not in SMALL_WORDS]


def picture(svg: str) -> Image.Image | None:
    """The drawing alone, cut out of its page and centred in a square; None where it is blank, faint or a full page."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=256, dpi=96.0, skip_system_fonts=True))
    page = Image.open(io.BytesIO(png)).convert("RGBA")
    box = page.getchannel("A").point(lambda alpha: 255 * (alpha > 8)).getbbox()
    if box is None:
        return None
    page = page.crop(box)
    side = max(page.size)
    square = Image.new("RGBA", (side, side))
    square.paste(page, ((side - page.width) // 2, (side - page.height) // 2))
    small = shrink(square)
    covered = sum(small.getchannel("A").histogram()[128:]) / (small.width * small.height)
    corners = [page.getpixel((x, y))[3] for x in (0, page.width - 1) for y in (0, page.height - 1)]
    return None if covered < 0.15 or min(corners) > 127 else small
