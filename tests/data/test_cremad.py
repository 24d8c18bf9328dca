"""CREMA-D in its published layout, a few tiny clips of it."""

import pytest

from mmatl_lab.data.cremad import CLASSES, load_cremad

from .miniatures import write_cremad

CLIPS = tuple(f"{actor}_DFA_{code}_XX" for actor in range(1001, 1006) for code in ("ANG", "DIS", "NEU"))


@pytest.fixture
def root(tmp_path):
    return write_cremad(tmp_path / "cremad", CLIPS)


def test_views_are_three_frames_in_order_and_a_spectrogram(root):
    data = load_cremad("test", root, size=16)
    views, label = data[0]
    assert views["video"].shape == (3, 3, 16, 16) and views["audio"].shape == (64, 192)
    middle = views["video"][:, :, 8, 8]  # frames are red, green, blue
    assert middle.argmax(1).tolist() == [0, 1, 2]
    assert CLASSES[label] == "sad" and data.names == ("1004_IWW_SAD_XX",)


def test_training_and_validation_share_the_training_list(root):
    parts = {split: load_cremad(split, root, size=8) for split in ("train", "validation")}
    assert sorted(parts["train"].names + parts["validation"].names) == sorted(CLIPS)
    for data in parts.values():
        codes = [CLASSES[label][:3].upper() for label in data.label]
        assert codes == [name.split("_")[2] for name in data.names]


def test_a_clip_of_one_frame_repeats_it(root):
    for file in list((root / "Image-01-FPS" / "1004_IWW_SAD_XX").iterdir())[1:]:
        file.unlink()
    video = load_cremad("test", root, size=8)[0][0]["video"]
    assert (video == video[:1]).all()


def test_what_is_missing_or_damaged_is_named(root):
    sound = root / "AudioWAV" / "1004_IWW_SAD_XX.wav"
    sound.write_bytes(b"no sound")
    with pytest.raises(ValueError, match=r"1004_IWW_SAD_XX\.wav cannot be read"):
        load_cremad("test", root)
    sound.unlink()
    with pytest.raises(FileNotFoundError, match=r"1004_IWW_SAD_XX\.wav is missing"):
        load_cremad("test", root)
    for frame in (root / "Image-01-FPS" / "1004_IWW_SAD_XX").iterdir():
        frame.unlink()
    with pytest.raises(FileNotFoundError, match=r"1004_IWW_SAD_XX.* is missing"):
        load_cremad("test", root)
    (root / "test.csv").write_text("1004_IWW_SAD_XX,HAP\n")
    with pytest.raises(ValueError, match=r"line 1 of .*test\.csv"):
        load_cremad("test", root)


def test_without_the_data_a_sentence_says_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"data.cremad .*fetch AudioWAV .*https://.*put it there"):
        load_cremad("train")
    with pytest.raises(ValueError, match="train, validation, test, got 'dev'"):
        load_cremad("dev")
