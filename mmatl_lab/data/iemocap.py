"""IEMOCAP: utterances of ten actors in four emotions; heard, seen and read, as features that MLA's scripts extract.

Busso et al. 2008, Language Resources and Evaluation 42. The recordings are released on request. The features are what
the scripts in the ``data`` folder of MLA (Zhang 2024, arXiv:2311.10707) make of them, for train, dev and test:

    my_train_iemo.txt                           lines: CLIP.mp4 [split|sign] what is said [split|sign] Happy
    audio/train_fbank/CLIP.npy                  (1024, 128) filter banks, 100 frames a second
    visual/train_imgs/CLIP/*.jpg                frames of the face
    text_token/train_token/CLIP_token.npy       (1, 256) tokens of BERT, 0 where there is none

The split file draws utterances at random, so that actors and dialogues are shared between the parts.
"""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .folders import SIZE, Example, FolderData, check_split, load_folder, locate, pick_frames, picture

CLASSES = ("Angry", "Happy", "Neutral", "Sad")
VOCAB_SIZE = 30_522  # of bert-base-uncased
SIGN = " [split|sign] "
FETCH = (
    "ask for the recordings at https://sail.usc.edu/iemocap/, extract the features with the scripts in the data folder "
    "of https://github.com/Cecile-hi/Multimodal-Learning-with-Alternating-Unimodal-Adaptation, take the lists there"
)


def load_iemocap(
    split: str, folder: str | Path | None = None, *, size: int = SIZE, skip: Collection[str] = ()
) -> FolderData:
    """A split: ``video`` (3, 3, size, size), ``audio`` (128, 1024) and ``text`` (256,), tokens of BERT.

    Args:
        split: "train", "validation" (the lists' dev) or "test".
        folder: where the data is; None takes ``runs/data/iemocap``.
        skip: utterances to leave out.

    Raises:
        FileNotFoundError: the data or a file of it is missing. ValueError: a file or a line of a list is damaged.
    """
    check_split(split)
    part = "dev" if split == "validation" else split
    folders = {"audio": f"audio/{part}_fbank", "video": f"visual/{part}_imgs", "text": f"text_token/{part}_token"}
    listed = f"my_{part}_iemo.txt"
    root = locate("IEMOCAP", "iemocap", folder, (listed, *folders.values()), FETCH)
    examples = []
    for number, line in enumerate((root / listed).read_text(encoding="utf-8").splitlines(), 1):
        fields = line.strip().split(SIGN)
        if len(fields) != 3 or fields[2] not in CLASSES:
            raise ValueError(f"line {number} of {root / listed} is not a clip, words and an emotion: {line[:80]!r}")
        name = fields[0].removesuffix(".mp4")
        sources = {
            "video": pick_frames(root / folders["video"] / name),
            "audio": root / folders["audio"] / f"{name}.npy",
            "text": root / folders["text"] / f"{name}_token.npy",
        }
        examples.append(Example(name, CLASSES.index(fields[2]), sources))
    decoders = {"video": partial(picture, size=size), "audio": _filter_bank, "text": _bert_tokens}
    return load_folder(root, split, examples, decoders, CLASSES, settings=f"{size}", skip=skip)


def _filter_bank(path: Path) -> Tensor:
    """(128, 1024) float16, the mel bands first as in ``log_mel``."""
    return _array(path, (1024, 128)).T.half().contiguous()


def _bert_tokens(path: Path) -> Tensor:
    return _array(path, (1, 256))[0].int()


def _array(path: Path, shape: tuple[int, ...]) -> Tensor:
    array = np.load(path)  # numpy refuses pickles unless it is told to take them
    if array.shape != shape:
        raise ValueError(f"it is {array.shape}, expected {shape}")
    return torch.from_numpy(array)
