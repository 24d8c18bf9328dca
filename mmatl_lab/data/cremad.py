"""CREMA-D: 7,442 clips of 91 actors who say twelve sentences in six emotions; seen and heard.

Cao et al. 2014, IEEE Transactions on Affective Computing 5(4). The folder, with the lists of OGM-GE (Peng 2022,
arXiv:2203.15332; MLA published other ones):

    AudioWAV/1001_DFA_ANG_XX.wav
    Image-01-FPS/1001_DFA_ANG_XX/*.jpg     one frame a second
    train.csv, test.csv                    lines such as 1001_DFA_ANG_XX,ANG

The frames come from the videos: ``ffmpeg -i VideoFlash/CLIP.flv -vf fps=1 Image-01-FPS/CLIP/%05d.jpg`` for each clip.
The lists share actors between training and test, so results say nothing about new people.
"""

import csv
from collections.abc import Collection
from functools import partial
from pathlib import Path

from .folders import (
    SIZE,
    Example,
    FolderData,
    check_split,
    hold_out,
    load_folder,
    locate,
    pick_frames,
    picture,
    spectrogram,
)

CODES = {"NEU": "neutral", "HAP": "happy", "SAD": "sad", "FEA": "fear", "DIS": "disgust", "ANG": "anger"}
CLASSES = tuple(CODES.values())
FETCH = (
    "fetch AudioWAV and VideoFlash from https://github.com/CheyneyComputerScience/CREMA-D, extract the frames as "
    "the head of mmatl_lab/data/cremad.py says, take train.csv and test.csv from https://github.com/GeWu-Lab/OGM-GE_CVPR2022"
)


def load_cremad(
    split: str, folder: str | Path | None = None, *, size: int = SIZE, skip: Collection[str] = ()
) -> FolderData:
    """A split: ``video`` (3, 3, size, size), three frames, and ``audio`` (64, 192), a log-mel spectrogram.

    Args:
        split: "train", "validation" (a tenth of train.csv, which "train" then lacks) or "test".
        folder: where the data is; None takes ``runs/data/cremad``.
        skip: clips to leave out.

    Raises:
        FileNotFoundError: the data or a file of it is missing. ValueError: a file or a line of a list is damaged.
    """
    check_split(split)
    lists = {"train": "train.csv", "validation": "train.csv", "test": "test.csv"}
    root = locate("CREMA-D", "cremad", folder, ("AudioWAV", "Image-01-FPS", "train.csv", "test.csv"), FETCH)
    examples = _listed(root, lists[split])
    if split != "test":
        examples = hold_out(examples, split)
    decoders = {"video": partial(picture, size=size), "audio": spectrogram}
    return load_folder(root, split, examples, decoders, CLASSES, settings=f"{size}", skip=skip)


def _listed(root: Path, file: str) -> list[Example]:
    examples = []
    with open(root / file, newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            clip, code = row if len(row) == 2 else ("", "")
            if code not in CODES or clip.split("_")[2:3] != [code]:
                raise ValueError(
                    f"line {number} of {root / file} is no clip and its emotion, such as 1001_DFA_ANG_XX,ANG: {row}"
                )
            sources = {
                "video": pick_frames(root / "Image-01-FPS" / clip),
                "audio": root / "AudioWAV" / f"{clip}.wav",
            }
            examples.append(Example(clip, list(CODES).index(code), sources))
    return examples
