"""What the sarcasm classifiers get right at every setting of the demo's dials, measured beforehand: answers at once.

    python -m mmatl_lab.lessons.why_multimodal.noise_table

measures the shipped model and writes ``assets/results/why_noise.json`` (2 minutes on 2 CPU cores).
"""

import hashlib
import json
from itertools import product

from mmatl_lab import paths
from mmatl_lab.lessons.pages import loader, once

from .dials import NoiseMeasurement

NOISES = tuple(round(0.2 * i, 1) for i in range(16))  # of the voice and of the face
AMBIGUITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
NUM_REMARKS = 1_000
FILE = "results/why_noise.json"


def checkpoint() -> str:
    """SHA-256 of the weights that the table belongs to: the file without its header, which holds the card."""
    file = paths.asset("checkpoints/why_sarcasm.safetensors").read_bytes()
    return hashlib.sha256(file[8 + int.from_bytes(file[:8], "little") :]).hexdigest()


def write() -> None:
    """Measures every setting and writes the table."""
    measure = NoiseMeasurement(loader("why_multimodal")("why_sarcasm"), NUM_REMARKS)
    right = []
    for told, voice, face, ambiguity in product((False, True), NOISES, NOISES, AMBIGUITIES):
        found = measure(voice_noise=voice, face_noise=face, ambiguity=ambiguity, told=told)
        right.append([round(accuracy * NUM_REMARKS) for _, accuracy, _ in found])
    text = json.dumps({"checkpoint": checkpoint(), "right": right}, separators=(",", ":")).replace("],", "],\n")
    file = paths.asset("results") / "why_noise.json"
    file.write_text(text + "\n", encoding="utf-8")


@once
def table() -> dict[tuple, list[int]]:
    """(told, noise of the voice, of the face, ambiguity) -> right answers of each classifier, in the order of SUBSETS.

    It is empty where the shipped model is another one than was measured.
    """
    try:
        kept = json.loads(paths.asset(FILE).read_text(encoding="utf-8"))
        if kept["checkpoint"] != checkpoint():
            return {}
    except FileNotFoundError:  # of the table or the model
        return {}
    return dict(zip(product((False, True), NOISES, NOISES, AMBIGUITIES), kept["right"], strict=True))


if __name__ == "__main__":
    write()
