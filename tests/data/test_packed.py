"""What every packed data set keeps to: whole, licensed, described, small, and a sentence when it is damaged."""

import hashlib
import importlib
import json
import shutil
import subprocess
import sys

import pytest
import torch

from mmatl_lab.data import packed
from mmatl_lab.paths import asset

NAMES = packed.names()


def load(name, folder=None):
    return getattr(importlib.import_module(f"mmatl_lab.data.{name}"), f"load_{name}")(folder)


def test_there_are_four():
    assert NAMES == ["clipart", "digits", "emoji", "smartwatch"]


@pytest.mark.parametrize("name", NAMES)
def test_files_are_those_of_the_manifest_and_each_has_its_licence(name):
    folder, manifest = asset(f"data/{name}"), packed.read_manifest(name)
    for file, sha256 in manifest.files.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == sha256, file
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "MANIFEST.json", "README.md"}
    readme = (folder / "README.md").read_text(encoding="utf-8")
    texts = [file for file in manifest.files if file.startswith("LICENSE-")]
    assert set(manifest.licences) == set(manifest.files) - set(texts)
    for file in texts:
        assert f"[text]({file})" in readme
    rows = [line.split(" | ") for line in readme.splitlines() if line.startswith("| ")]
    for file, licence in manifest.licences.items():
        said = " ".join(row[-1] for row in rows if file in row[0])
        assert all(part in said for part in licence.split(" and ")), file
    assert f"python scripts/build_assets.py {name}" in readme


def test_all_assets_together_are_small():
    sizes = {name: sum(path.stat().st_size for path in asset(f"data/{name}").iterdir()) for name in NAMES}
    assert sum(sizes.values()) < 7.3e6 and sizes["emoji"] < 5e6
    assert sum(path.stat().st_size for path in asset("").rglob("*") if path.is_file()) < 60e6  # with all checkpoints


@pytest.mark.parametrize("name", NAMES)
def test_loading_is_fast_and_needs_no_network(name):
    code = (
        "import time, socket, torch, numpy, PIL.Image, soundfile\n"
        "socket.socket = None\n"
        f"from mmatl_lab.data.{name} import load_{name}\n"
        f"start = time.process_time(); load_{name}(); print(time.process_time() - start)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_damaged_and_missing_files_are_a_sentence(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(asset(f"data/{name}"), folder)
    file = max((path for path in folder.iterdir()), key=lambda path: path.stat().st_size)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=rf"{file.name} is damaged .*build_assets\.py {name}"):
        load(name, folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=f"the {name} file .*{file.name} is missing"):
        load(name, folder)
    file.write_bytes(content)
    assert load(name, folder).data_hash == load(name).data_hash
    for damage in ("", "[]", '{"files": 3}', '{"about": {}, "files": {}}'):
        (folder / "MANIFEST.json").write_text(damage)
        with pytest.raises(ValueError, match="MANIFEST.json is damaged"):
            load(name, folder)


def test_the_hash_is_of_the_data_not_of_their_description(tmp_path):
    original = packed.read_manifest("clipart")
    content = json.loads((asset("data/clipart") / "MANIFEST.json").read_text())
    content["about"]["title"] = "Another title"
    (tmp_path / "MANIFEST.json").write_text(json.dumps(content))
    assert packed.read_manifest("clipart", tmp_path).data_hash == original.data_hash
    content["files"]["clipart.webp"] = "0" * 64
    (tmp_path / "MANIFEST.json").write_text(json.dumps(content))
    assert packed.read_manifest("clipart", tmp_path).data_hash != original.data_hash


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_are_those_of_the_data(name):
    data, counts = load(name), packed.read_manifest(name).counts
    expected = {
        "clipart": lambda: {"pictures": len(data), "groups": len(set(data.groups))},
        "digits": lambda: {
            "images": len(data.images),
            "utterances": len(data.audio),
            "voices": len(data.voice_names),
        },
        "emoji": lambda: {"concepts": len(data), "styles": len(data.images)},
        "smartwatch": lambda: {
            "recordings": len(data),
            "people": len(data.person.unique()),
            "exercises": len(data.exercise.unique()),
        },
    }
    assert counts == expected[name]()


def test_a_grey_sheet_is_unpacked_row_by_row():
    from io import BytesIO

    import numpy as np
    from PIL import Image

    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    canvas = np.zeros((12, 8), dtype=np.uint8)  # 3 rows of 2
    for i, picture in enumerate(pictures):
        canvas[i // 2 * 4 : i // 2 * 4 + 4, i % 2 * 4 : i % 2 * 4 + 4] = picture
    file = BytesIO()
    Image.fromarray(canvas).convert("RGB").save(file, "WEBP", lossless=True)
    found = packed.unpack_sheet(file.getvalue(), 5, size=4, columns=2, mode="L")
    assert torch.equal(found[:, 0], torch.from_numpy(pictures))
