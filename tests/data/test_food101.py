"""UPMC Food-101 in its published layout, a few tiny pictures of it."""

import pytest

from mmatl_lab.data.folders import tokens
from mmatl_lab.data.food101 import load_food101

from .miniatures import write_food101


@pytest.fixture
def root(tmp_path):
    return write_food101(tmp_path / "food101")


def test_views_labels_and_titles_belong_together(root):
    data = load_food101("test", root, size=16)
    assert data.classes == ("apple_pie", "waffles") and len(data) == 12
    for i, name in enumerate(data.names):
        views, label = data[i]
        assert views["image"].shape == (3, 16, 16) and name.startswith(data.classes[label])
        assert views["image"][:, 8, 8].argmax() == (0 if label == 0 else 2)  # pies are red, waffles blue
        title = ("Apple Pie" if label == 0 else "Waffles") + " the best"
        assert views["text"].equal(tokens(title).long())


def test_the_parts_share_no_picture(tmp_path):
    root = write_food101(tmp_path / "food101", number=20)
    train, validation = (load_food101(split, root, size=8) for split in ("train", "validation"))
    assert len(train) + len(validation) == 40 and not set(train.names) & set(validation.names)


def test_what_is_missing_or_damaged_is_named(root):
    picture = root / "images/test/waffles/waffles_0.jpg"
    picture.write_bytes(picture.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"waffles_0\.jpg cannot be read"):
        load_food101("test", root)
    assert len(load_food101("test", root, size=8, skip=["waffles_0.jpg"])) == 11
    picture.unlink()
    with pytest.raises(FileNotFoundError, match=r"waffles_0\.jpg is missing"):
        load_food101("test", root)
    (root / "texts/test_titles.csv").write_text("waffles_1.jpg,a title\n")
    with pytest.raises(ValueError, match="row 1 of .*test_titles"):
        load_food101("test", root)
    (root / "texts/test_titles.csv").write_text("x_1.jpg,a title,x\n")
    with pytest.raises(ValueError, match="class 'x'"):
        load_food101("test", root)


def test_without_the_data_a_sentence_says_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"data.food101 .*fetch UPMC Food-101 .*http.*put it there"):
        load_food101("train")
