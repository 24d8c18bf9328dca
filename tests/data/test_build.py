"""The maintainers' builder of the emoji assets: its parts, and the whole where the packages are at hand."""

import importlib.util
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmatl_lab.paths import asset

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_assets.py"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_assets", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_shrinking_keeps_the_colour_of_half_transparent_pixels(build):
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)  # transparent black beside opaque red: no dark rim may appear
    pixels[:, ::2] = (255, 0, 0, 255)
    small = np.asarray(build.shrink(Image.fromarray(pixels)))
    assert small.shape == (32, 32, 4)
    assert (small[..., 0] >= 254).all() and (abs(small[..., 3].astype(int) - 128) <= 1).all()


def test_a_sheet_is_the_same_bytes_each_time_and_gives_its_pictures_back(build):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (32, 32, 4), dtype=np.uint8)) for _ in range(45)]
    sheet = build.sheet(images)
    assert sheet == build.sheet(images)
    opened = Image.open(io.BytesIO(sheet)).convert("RGBA")
    assert opened.size == (40 * 32, 2 * 32)
    assert np.array_equal(np.asarray(opened.crop((4 * 32, 32, 5 * 32, 64))), np.asarray(images[44]))


def test_code_points_are_compared_without_variation_selectors(build):
    assert build.codepoints("1f3f4-FE0F-200d") == "1F3F4-200D"


def test_families_join_variants_by_name_and_by_picture(build):
    def plain(value):
        return Image.new("RGBA", (32, 32), (value, value, value, 255))

    names = ["woman judge", "man judge", "one o’clock", "two o’clock", "rocket"]
    art = [[plain(0), plain(90), plain(200), plain(201), plain(255)]] * 2
    assert build.families(names, art) == [0, 0, 2, 2, 4]
    assert build.families(names, art[:1]) == [0, 0, 2, 3, 4]  # near in one style alone is not enough


def test_a_package_with_other_bytes_is_refused(build, tmp_path):
    (tmp_path / "openmoji-17.0.0.tgz").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"openmoji-17\.0\.0\.tgz has sha512 .* expected"):
        build.fetch("openmoji", *build.EMOJI_PACKAGES["openmoji"], tmp_path)


def test_a_licence_that_changed_is_refused(build):
    assert build.expect(b"MIT License\r\n", "MIT License") == "MIT License\n"
    with pytest.raises(ValueError, match="no longer says 'MIT License'"):
        build.expect(b"All rights reserved", "MIT License")


def test_manifest_is_what_the_script_pins(build):
    manifest = json.loads((asset("data/emoji") / "MANIFEST.json").read_text())
    pins = {name: (entry["version"], entry["sha512"]) for name, entry in manifest["packages"].items()}
    assert pins == build.EMOJI_PACKAGES
    assert manifest["tools"] == build.TOOLS


@pytest.mark.skipif("MMATL_LAB_PACKAGES" not in os.environ, reason="needs a folder with the fetched packages")
def test_two_builds_agree_with_the_committed_one(build, tmp_path):
    build.main(["emoji", "--packages", os.environ["MMATL_LAB_PACKAGES"], "--out", str(tmp_path)])
    for path in (tmp_path / "emoji").iterdir():
        assert path.read_bytes() == (asset("data/emoji") / path.name).read_bytes(), path.name
