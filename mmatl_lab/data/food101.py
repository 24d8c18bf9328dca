"""UPMC Food-101: some 90,000 pictures of 101 dishes, each with the title of the web page that it was found on.

Wang et al. 2015, Recipe recognition with large multimodal food dataset, ICMEW. The folder:

    images/train/apple_pie/apple_pie_0.jpg, images/test/...
    texts/train_titles.csv, texts/test_titles.csv     without a header: picture, title, class

The pictures were found by a search engine, so labels are noisy, and most titles name the dish.
"""

import csv
from collections.abc import Collection
from functools import partial
from pathlib import Path

from .folders import SIZE, Example, FolderData, check_split, hold_out, load_folder, locate, picture, tokens

FETCH = "fetch UPMC Food-101 (images and texts) from http://visiir.lip6.fr"


def load_food101(
    split: str, folder: str | Path | None = None, *, size: int = SIZE, skip: Collection[str] = ()
) -> FolderData:
    """A split: ``image`` (3, size, size) and ``text`` (64,), hashed words of the title.

    Args:
        split: "train", "validation" (a tenth of the training list, which "train" then lacks) or "test".
        folder: where the data is; None takes ``runs/data/food101``.
        skip: pictures to leave out, such as "apple_pie_0.jpg".

    Raises:
        FileNotFoundError: the data or a file of it is missing. ValueError: a file or a line of a list is damaged.
    """
    check_split(split)
    part = "test" if split == "test" else "train"
    needed = ("images/train", "images/test", "texts/train_titles.csv", "texts/test_titles.csv")
    root = locate("UPMC Food-101", "food101", folder, needed, FETCH)
    classes = tuple(sorted({row[2] for row in _rows(root, "train")}))
    examples = []
    for name, title, dish in _rows(root, part):
        if dish not in classes:
            raise ValueError(f"the class {dish!r} of {name} is not in train_titles.csv: check the lists in {root}")
        sources = {"image": root / "images" / part / dish / name, "text": title}
        examples.append(Example(name, classes.index(dish), sources))
    if split != "test":
        examples = hold_out(examples, split)
    decoders = {"image": partial(picture, size=size), "text": tokens}
    return load_folder(root, split, examples, decoders, classes, settings=f"{size}", skip=skip)


def _rows(root: Path, part: str) -> list[list[str]]:
    path = root / "texts" / f"{part}_titles.csv"
    with open(path, newline="", encoding="utf-8", errors="replace") as lines:
        rows = list(csv.reader(lines))
    for number, row in enumerate(rows, 1):
        if len(row) != 3 or not row[0].endswith(".jpg"):
            raise ValueError(f"row {number} of {path} is not a picture, its title and its class: {row}")
    return rows
