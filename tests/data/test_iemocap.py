"""IEMOCAP's features in the layout of MLA's scripts, a few tiny utterances of it."""

import numpy as np
import pytest

from mmatl_lab.data.iemocap import CLASSES, load_iemocap

from .miniatures import write_iemocap


@pytest.fixture
def root(tmp_path):
    return write_iemocap(tmp_path / "iemocap")


@pytest.mark.parametrize(("split", "part"), [("train", "train"), ("validation", "dev"), ("test", "test")])
def test_each_part_has_its_three_views_and_labels(root, split, part):
    data = load_iemocap(split, root, size=16)
    assert len(data) == 4 and all(part in name for name in data.names)
    assert [CLASSES[label] for label in data.label] == ["Happy", "Sad", "Angry", "Neutral"]
    views, _ = data[2]
    assert views["video"].shape == (3, 3, 16, 16)
    reds = views["video"][:, 0, 8, 8]  # five frames that grow redder: the first, second and fourth
    assert reds.allclose(reds.new_tensor([0, 50, 150]) / 255, atol=0.02)
    assert views["audio"].shape == (128, 1024) and (views["audio"] == -3).all()
    assert views["text"].tolist() == list(range(9)) + [0] * 247


def test_the_mel_bands_come_first(root):
    path = next((root / "audio/test_fbank").iterdir())
    bank = np.zeros((1024, 128), dtype=np.float32)
    bank[7, 100] = 1
    np.save(path, bank)
    data = load_iemocap("test", root, size=8)
    audio = data[data.names.index(path.stem)][0]["audio"]
    assert audio.nonzero().tolist() == [[100, 7]]


def test_what_is_missing_or_damaged_is_named(root):
    path = sorted((root / "text_token/test_token").iterdir())[0]
    np.save(path, np.zeros((1, 8), dtype=np.int64))
    with pytest.raises(ValueError, match=rf"{path.name} cannot be read \(it is \(1, 8\), expected \(1, 256\)"):
        load_iemocap("test", root)
    np.save(path, np.array([{}]))  # a pickle, which may run a stranger's code
    with pytest.raises(ValueError, match=f"{path.name} cannot be read"):
        load_iemocap("test", root)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{path.name} cannot be read"):
        load_iemocap("test", root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{path.name} is missing"):
        load_iemocap("test", root)
    (root / "my_test_iemo.txt").write_text("clip.mp4 Happy\n")
    with pytest.raises(ValueError, match="line 1 of .*my_test_iemo"):
        load_iemocap("test", root)


def test_without_the_data_a_sentence_says_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"data.iemocap .*https://sail\.usc\.edu/iemocap/.*put it there"):
        load_iemocap("train")
