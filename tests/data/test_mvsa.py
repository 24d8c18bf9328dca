"""MVSA-Single in its published layout, a few tiny tweets of it."""

import pytest

from mmatl_lab.data.folders import SPLITS
from mmatl_lab.data.mvsa import CLASSES, load_mvsa, one_label

from .miniatures import publish_mvsa_split, write_mvsa


def test_contradictions_are_left_out_and_neutral_gives_way():
    assert one_label("positive", "negative") is one_label("negative", "positive") is None
    for sentiment in CLASSES:
        assert one_label(sentiment, "neutral") == one_label("neutral", sentiment) == sentiment
        assert one_label(sentiment, sentiment) == sentiment


def test_every_tweet_with_a_label_is_in_one_part(tmp_path):
    labels = {str(i): "negative,neutral" if i % 3 else "positive,negative" for i in range(1, 91)}
    root = write_mvsa(tmp_path / "mvsa", labels)
    parts = {split: load_mvsa(split, root, size=8) for split in SPLITS}
    names = [name for data in parts.values() for name in data.names]
    assert sorted(names) == sorted(name for name, judged in labels.items() if judged == "negative,neutral")
    assert len(parts["train"]) > 3 * len(parts["test"]) > 0
    views, label = parts["train"][0]
    assert views["image"].shape == (3, 8, 8) and views["image"][:, 4, 4].argmax() == 1  # green
    assert (views["text"] > 0).sum() == 5 and CLASSES[label] == "negative"  # what a day 1 caf


def test_a_published_split_decides_where_there_is_one(tmp_path):
    root = write_mvsa(tmp_path / "mvsa")
    publish_mvsa_split(root, train=[("3", "negative")], dev=[("5", "neutral")], test=[("1", "positive")])
    for split, name, label in (("train", "3", 0), ("validation", "5", 1), ("test", "1", 2)):
        data = load_mvsa(split, root, size=8)
        assert data.names == (name,) and data.label.tolist() == [label]


def test_what_is_missing_or_damaged_is_named(tmp_path):
    root = write_mvsa(tmp_path / "mvsa")
    publish_mvsa_split(root, test=[("1", "positive"), ("3", "negative")])
    (root / "data" / "3.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"3\.txt is missing"):
        load_mvsa("test", root)
    (root / "data" / "1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1\.jpg cannot be read"):
        load_mvsa("test", root, skip=["3"])
    (root / "test.jsonl").write_text('{"id": "1"}\n')
    with pytest.raises(ValueError, match=r"line 1 of .*test\.jsonl"):
        load_mvsa("test", root)
    (root / "labelResultAll.txt").write_text("ID\ttext,image\n1\tpositive\n")
    with pytest.raises(ValueError, match="line 2 of .*labelResultAll"):
        load_mvsa("train", root)


def test_without_the_data_a_sentence_says_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"data.mvsa .*fetch MVSA-Single .*http.*put it there"):
        load_mvsa("train")
