"""Shoulder exercises recorded by a smartwatch."""

import io
import json
import pickle
from pathlib import Path

import numpy as np

from .packages import Package, expect, fetch, member

TITLE = "Shoulder exercises recorded by a smartwatch: accelerometer and gyroscope"
LICENCES = {"recordings.flac": "BSD-3-Clause", "recordings.json": "BSD-3-Clause"}
TOOLS = {"numpy": "2.4.6", "soundfile": "0.14.0"}
PACKAGES = {
    "seglearn": Package("1.2.5", "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd", "pypi"),
}
# Steps of what is stored: coarser than the sensor's own noise, but far finer than how differently two people move.
STEPS_PER_G, STEPS_PER_RADIAN = 128, 32
NAMES = {  # the package's abbreviations, in the order of its labels
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius extension",
    "ROW": "upright row",
}


class Arrays(pickle.Unpickler):
    """Reads numpy's arrays and nothing that could run: the package stores its data as a pickle."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): np.ndarray.__reduce__(np.zeros(0))[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self.ALLOWED:
            raise ValueError(f"the recordings call {module}.{name}, which no array needs: look into the package")
        return self.ALLOWED[module, name]


def build(packages: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """The built files of assets/data/smartwatch by name, and what there is how often."""
    archive = fetch(PACKAGES, packages)["seglearn"]
    data = recordings(member(archive, "seglearn/data/watch_dataset.npy"))
    licence = expect(member(archive, "seglearn-1.2.5.dist-info/LICENSE"), "Copyright (c) 2018, David M. Burns")
    # The persons one after the other, each with their exercises in order, left arm first.
    order = np.lexsort([data["side"], data["y"], data["subject"]])
    exercises = [NAMES[label] for label in data["y_labels"]]
    entries = [
        {
            "person": int(data["subject"][i]),
            "exercise": exercises[data["y"][i]],
            "arm": ("left", "right")[int(data["side"][i])],
            "samples": len(data["X"][i]),
        }
        for i in order
    ]
    lines = ",\n  ".join(json.dumps(entry) for entry in entries)
    steps = f'"steps_per_g": {STEPS_PER_G}, "steps_per_radian": {STEPS_PER_RADIAN}'
    return {
        "LICENSE-seglearn.txt": licence.encode(),
        "recordings.json": f'{{\n {steps},\n "recordings": [\n  {lines}\n ]\n}}\n'.encode(),
        "recordings.flac": pack([data["X"][i] for i in order]),
    }, {
        "recordings": len(entries),
        "people": len({entry["person"] for entry in entries}),
        "exercises": len(exercises),
    }


def recordings(npy: bytes) -> dict:
    """The package's dictionary: X (140 arrays (T, 6)), y, subject, side, X_labels, y_labels."""
    file = io.BytesIO(npy)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return Arrays(file).load().item()


def pack(recordings: list[np.ndarray]) -> bytes:
    """(T, 6) each, in g and rad/s, one after the other as the six channels of a lossless sound file of 16 bits."""
    import soundfile

    steps = np.array([STEPS_PER_G] * 3 + [STEPS_PER_RADIAN] * 3)
    values = np.rint(np.concatenate(recordings) * steps).astype(np.int16)
    out = io.BytesIO()
    # Sound files have no 50 Hz; nothing reads the rate written here.
    soundfile.write(out, values, 8000, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return out.getvalue()
