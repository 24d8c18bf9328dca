"""MVSA-Single: some 5,000 tweets, each a picture and a text, whose sentiment was judged for either alone.

Niu et al. 2016, Sentiment analysis on multi-view social data, MMM. The folder:

    data/1.jpg, data/1.txt
    labelResultAll.txt        a header, then ID, a tab, and the sentiments of text and picture: 1<tab>neutral,positive

A tweet has one label by the usual rule (Xu and Mao 2017): equal sentiments stay; of neutral and another, the other
counts; positive against negative is left out. No split is official. Where train.jsonl, dev.jsonl and test.jsonl lie in
the folder (published with QMF, Zhang 2023, which keeps only equal sentiments), they give split and labels. Otherwise a
hash of the ID decides: 80 % train, 10 % validation, 10 % test.
"""

import json
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from .folders import SIZE, SPLITS, Example, FolderData, check_split, load_folder, locate, picture, stable_hash, tokens

CLASSES = ("negative", "neutral", "positive")
FETCH = (
    "fetch MVSA-Single from https://mcrlab.net/research/mvsa-sentiment-analysis-on-multi-view-social-data/ "
    "(data and labelResultAll.txt)"
)


def load_mvsa(
    split: str, folder: str | Path | None = None, *, size: int = SIZE, skip: Collection[str] = ()
) -> FolderData:
    """A split: ``image`` (3, size, size) and ``text`` (64,), hashed words of the tweet.

    Args:
        split: "train", "validation" or "test".
        folder: where the data is; None takes ``runs/data/mvsa``.
        skip: IDs to leave out, such as "2311".

    Raises:
        FileNotFoundError: the data or a file of it is missing. ValueError: a file or a line of a list is damaged.
    """
    check_split(split)
    root = locate("MVSA-Single", "mvsa", folder, ("data", "labelResultAll.txt"), FETCH)
    published = root / ("dev.jsonl" if split == "validation" else f"{split}.jsonl")
    listed = _published(published) if published.is_file() else _hashed(root / "labelResultAll.txt", split)
    examples = []
    for name, sentiment in listed:
        sources = {"image": root / "data" / f"{name}.jpg", "text": root / "data" / f"{name}.txt"}
        examples.append(Example(name, CLASSES.index(sentiment), sources))
    decoders = {"image": partial(picture, size=size), "text": _tweet}
    return load_folder(root, split, examples, decoders, CLASSES, settings=f"{size}", skip=skip)


def one_label(text: str, image: str) -> str | None:
    """The sentiment of a tweet from those of its text and its picture; None where they contradict each other."""
    if text == image or image == "neutral":
        return text
    return image if text == "neutral" else None


def _tweet(path: Path):
    return tokens(path.read_bytes().decode("utf-8", errors="replace"))  # some tweets are in other encodings


def _hashed(path: Path, split: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], 2):
        name, _, judged = line.strip().partition("\t")
        sentiments = judged.split(",")
        if len(sentiments) != 2 or not set(sentiments) <= set(CLASSES):
            raise ValueError(f"line {number} of {path} is not an ID, a tab and two sentiments: {line!r}")
        label = one_label(*sentiments)
        if label and split == SPLITS[max(0, stable_hash(name) % 10 - 7)]:  # 0 to 7 train, 8 validation, 9 test
            yield name, label


def _published(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            name, label = str(row["id"]), row["label"]
        except (ValueError, KeyError, TypeError):
            name = label = ""
        if label not in CLASSES:
            raise ValueError(f"line {number} of {path} is not a tweet with an id and a label: {line[:80]!r}")
        yield name, label
