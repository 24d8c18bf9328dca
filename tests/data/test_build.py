"""The maintainers' builder of the data sets: its parts, and the whole where the packages are at hand."""

import importlib
import io
import json
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmatl_lab.paths import asset

SCRIPTS = Path(__file__).parents[2] / "scripts"
NAMES = ["clipart", "digits", "emoji", "smartwatch"]


@pytest.fixture(scope="module")
def build():
    """The front, with the builders as its attributes."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("build_assets")
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def pictures(build):
    return sys.modules["builders.pictures"]


@pytest.fixture(scope="module")
def packages(build):
    return sys.modules["builders.packages"]


def test_shrinking_keeps_the_colour_of_half_transparent_pixels(pictures):
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)  # transparent black beside opaque red: no dark rim may appear
    pixels[:, ::2] = (255, 0, 0, 255)
    small = np.asarray(pictures.shrink(Image.fromarray(pixels)))
    assert small.shape == (32, 32, 4)
    assert (small[..., 0] >= 254).all() and (abs(small[..., 3].astype(int) - 128) <= 1).all()


def test_a_sheet_is_the_same_bytes_each_time_and_gives_its_pictures_back(pictures):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (32, 32, 4), dtype=np.uint8)) for _ in range(45)]
    sheet = pictures.sheet(images)
    assert sheet == pictures.sheet(images)
    opened = Image.open(io.BytesIO(sheet)).convert("RGBA")
    assert opened.size == (40 * 32, 2 * 32)
    assert np.array_equal(np.asarray(opened.crop((4 * 32, 32, 5 * 32, 64))), np.asarray(images[44]))


def test_code_points_are_compared_without_variation_selectors(build):
    assert build.emoji.codepoints("1f3f4-FE0F-200d") == "1F3F4-200D"


def test_families_join_variants_by_name_and_by_picture(build):
    def plain(value):
        return Image.new("RGBA", (32, 32), (value, value, value, 255))

    names = ["woman judge", "man judge", "one o’clock", "two o’clock", "rocket"]
    art = [[plain(0), plain(90), plain(200), plain(201), plain(255)]] * 2
    assert build.emoji.families(names, art) == [0, 0, 2, 2, 4]
    assert build.emoji.families(names, art[:1]) == [0, 0, 2, 3, 4]  # near in one style alone is not enough


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("openmoji", "openmoji-17.0.0.tgz"),
        ("seglearn", "seglearn-1.2.5-py3-none-any.whl"),
        ("openclipart-svg", "openclipart-svg_1%3a0.18+dfsg-19_all.deb"),
    ],
)
def test_a_package_with_other_bytes_is_refused(build, packages, tmp_path, name, file):
    pins = {name: pin for builder in build.BUILDERS.values() for name, pin in builder.PACKAGES.items()}
    (tmp_path / file).write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"sha(512|256) .* expected"):
        packages.fetch({name: pins[name]}, tmp_path)


def test_a_licence_that_changed_is_refused(packages):
    assert packages.expect(b"MIT License\r\n", "MIT License") == "MIT License\n"
    with pytest.raises(ValueError, match="no longer says 'MIT License'"):
        packages.expect(b"All rights reserved", "MIT License")


def test_a_pickle_that_calls_anything_but_arrays_is_refused(build):
    def npy(content):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickled = pickle.dumps(np.array(content, dtype=object), protocol=2)
        return header.getvalue() + pickled.replace(b"numpy._core", b"numpy.core")  # as the package was made

    read = build.smartwatch.recordings(npy({"X": [np.arange(6.0)], "y": np.array([3])}))
    assert np.array_equal(read["X"][0], np.arange(6.0)) and read["y"] == [3]
    with pytest.raises(ValueError, match=r"the recordings call __builtin__\.print, which no array needs"):
        build.smartwatch.recordings(npy(print))


def test_drawings_are_described_by_the_rules(build):
    def svg(title="A red apple", keywords=("fruit", "food"), licence="PublicDomain", body=""):
        bag = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
        return f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:cc="http://web.resource.org/cc/"
            xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
            <metadata><rdf:RDF><cc:Work><dc:title>{title}</dc:title><dc:subject><rdf:Bag>{bag}</rdf:Bag></dc:subject>
            <dc:creator><cc:Agent><dc:title>Tom&amp;Atilde;&amp;iexcl;&amp;Aring;&amp;iexcl; K (k@x.org)</dc:title>
            </cc:Agent></dc:creator><cc:license rdf:resource="http://web.resource.org/cc/{licence}"/></cc:Work>
            </rdf:RDF></metadata>{body}</svg>""".encode()

    def drawing_of(path="food/fruit/apple_1.svg", **parts):
        return build.clipart.drawing_of(path, svg(**parts), {"red", "apple", "pear"})

    drawing = drawing_of()
    assert drawing == ("food/fruit/apple_1.svg", "red apple", ["fruit", "food"], "Tomáš K", "food")
    assert drawing_of(title="pear") is None  # the file's name says apple: the title was copied from another picture
    assert drawing_of(title="pear", keywords=["pear"]) is not None
    assert drawing_of(title="Mela") is None  # no emoji is called so
    assert drawing_of(keywords=[]) is None
    assert drawing_of(licence="GPL") is None
    assert drawing_of(body="<text>apple</text>") is None
    assert drawing_of(path="signs_and_symbols/apple.svg") is None
    assert drawing_of(path="food/beverages/alcohol/apple.svg") is None


def test_a_drawing_is_cut_out_of_its_page(build):
    pytest.importorskip("resvg_py")
    page = '<svg xmlns="http://www.w3.org/2000/svg" width="300pt" height="200pt">{}</svg>'
    image = build.clipart.picture(page.format('<rect x="150" y="20" width="40" height="80" fill="red"/>'))
    alpha = np.asarray(image)[..., 3]
    assert image.size == (32, 32) and (alpha.max(1) > 127).all()  # as high as the square
    assert (
        set(np.flatnonzero(alpha.max(0))) <= set(range(7, 25)) and (alpha[1:-1, 9:23] == 255).all()
    )  # centred, half wide
    assert build.clipart.picture(page.format("")) is None
    assert build.clipart.picture(page.format('<rect width="999" height="999"/>')) is None


def test_an_utterance_keeps_its_tone_at_the_new_rate(build):
    t = np.arange(11_025) / 22_050
    wave = build.digits.telephone(np.rint(9_000 * np.sin(2 * np.pi * 700 * t)).astype(np.int16))
    silent = np.zeros(4_000, np.int16)
    assert len(wave) == 4_000 and abs(abs(wave.astype(int)).max() - 16_384) < 20  # half a second at 8 kHz
    spectrum = abs(np.fft.rfft(wave))
    assert spectrum.argmax() == 350  # 700 Hz
    beyond = np.rint(9_000 * np.sin(2 * np.pi * 5_000 * t) + 900 * np.sin(2 * np.pi * 700 * t)).astype(np.int16)
    kept = abs(np.fft.rfft(build.digits.telephone(np.concatenate([silent, beyond]))))
    assert kept.argmax() / len(kept) == pytest.approx(0.175, abs=0.01)  # what 8 kHz cannot hold is gone, not folded
    with pytest.raises(ValueError, match="more than the 5000 that a clip holds"):
        build.digits.telephone(np.resize(beyond, 22_050))


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_is_what_the_script_pins(build, name):
    manifest = json.loads((asset(f"data/{name}") / "MANIFEST.json").read_text())
    builder = build.BUILDERS[name]
    pins = {key: (p["version"], p.get("sha512") or p["sha256"]) for key, p in manifest["packages"].items()}
    assert pins == {key: (pin.version, pin.digest) for key, pin in builder.PACKAGES.items()}
    assert manifest["tools"] == builder.TOOLS
    assert manifest["about"]["title"] == builder.TITLE and manifest["about"]["licences"] == builder.LICENCES


def test_every_data_set_has_its_builder(build):
    assert sorted(build.BUILDERS) == NAMES == sorted(path.parent.name for path in asset("data").glob("*/MANIFEST.json"))


def test_an_unknown_name_is_a_sentence(build):
    with pytest.raises(SystemExit, match="no data set is called 'emojis': there are emoji, smartwatch"):
        build.main(["emojis"])


@pytest.mark.skipif("MMATL_LAB_PACKAGES" not in os.environ, reason="needs a folder with the fetched packages")
@pytest.mark.parametrize("name", NAMES)
def test_a_build_agrees_with_the_committed_one(build, tmp_path, name):
    build.main([name, "--packages", os.environ["MMATL_LAB_PACKAGES"], "--out", str(tmp_path)])
    for path in (tmp_path / name).iterdir():
        assert path.read_bytes() == (asset(f"data/{name}") / path.name).read_bytes(), path.name
