"""Writes copies of the published data sets in their own formats, with a few tiny files."""

import json

import numpy as np
import soundfile
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
MVSA_LABELS = {  # ID: sentiments of text and picture
    "1": "neutral,positive",
    "2": "positive,negative",
    "3": "negative,negative",
    "4": "negative,neutral",
    "5": "neutral,neutral",
}


def write_picture(path, colour=RED, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, quality=95)


def write_tone(path, hertz=1000, seconds=0.5, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * times), rate)


def write_cremad(root, clips=("1001_DFA_ANG_XX", "1002_IEO_HAP_HI", "1003_TIE_NEU_XX"), test=("1004_IWW_SAD_XX",)):
    for clip in (*clips, *test):
        for second, colour in enumerate((RED, GREEN, BLUE), 1):
            write_picture(root / "Image-01-FPS" / clip / f"{second:05d}.jpg", colour)
        write_tone(root / "AudioWAV" / f"{clip}.wav")
    for file, listed in (("train.csv", clips), ("test.csv", test)):
        (root / file).write_text("".join(f"{clip},{clip.split('_')[2]}\n" for clip in listed), encoding="utf-8-sig")
    return root


def write_food101(root, number=6):
    for part in ("train", "test"):
        rows = []
        for dish, colour in (("apple_pie", RED), ("waffles", BLUE)):
            for i in range(number):
                write_picture(root / "images" / part / dish / f"{dish}_{i}.jpg", colour)
                rows.append(f'{dish}_{i}.jpg,"{dish.replace("_", " ").title()}, the best",{dish}\n')
        (root / "texts").mkdir(exist_ok=True)
        (root / "texts" / f"{part}_titles.csv").write_text("".join(rows), encoding="utf-8")
    return root


def write_mvsa(root, labels=MVSA_LABELS):
    lines = ["ID\ttext,image"]
    for name, judged in labels.items():
        write_picture(root / "data" / f"{name}.jpg", GREEN)
        (root / "data" / f"{name}.txt").write_bytes(f"what a day #{name} caf".encode() + b"\xe9\n")  # not UTF-8
        lines.append(f"{name}\t{judged}")
    (root / "labelResultAll.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def publish_mvsa_split(root, **parts):
    """train.jsonl and its like, with (ID, label) each."""
    for part, rows in parts.items():
        lines = [
            json.dumps({"id": name, "label": label, "text": "", "img": f"data/{name}.jpg"}) for name, label in rows
        ]
        (root / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_iemocap(root, number=4):
    emotions = ("Happy", "Sad", "Angry", "Neutral")
    for part in ("train", "dev", "test"):
        lines = []
        for i in range(number):
            clip = f"Ses0{i % 5 + 1}F_impro01_{part}{i:03d}"
            for frame in range(5):
                write_picture(root / "visual" / f"{part}_imgs" / clip / f"{frame:05d}.jpg", (50 * frame, 0, 0))
            for folder, file, array in (
                (f"audio/{part}_fbank", f"{clip}.npy", np.full((1024, 128), -5.0 + i, dtype=np.float32)),
                (f"text_token/{part}_token", f"{clip}_token.npy", np.arange(256)[None] * (np.arange(256) < 9)),
            ):
                (root / folder).mkdir(parents=True, exist_ok=True)
                np.save(root / folder / file, array)
            lines.append(f"{clip}.mp4 [split|sign] Well, hello. [split|sign] {emotions[i % 4]}\n")
        (root / f"my_{part}_iemo.txt").write_text("".join(lines), encoding="utf-8")
    return root
