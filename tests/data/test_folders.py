"""The cache is used while nothing changes, made anew when something does, and never half written."""

import os
from functools import partial

import pytest
import torch

from mmatl_lab.data import pictures
from mmatl_lab.data.folders import WORDS, Example, hold_out, load_folder, picture, spectrogram, tokens

from .miniatures import BLUE, RED, write_picture, write_tone


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded so far."""
    files, original = [], pictures.open_picture
    monkeypatch.setattr(pictures, "open_picture", lambda path, size: files.append(path.name) or original(path, size))

    return files


def load(root, names="ab", settings="8", skip=()):
    examples = [Example(name, i, {"image": root / f"{name}.jpg"}) for i, name in enumerate(names)]
    decoders = {"image": partial(picture, size=int(settings))}
    return load_folder(root, "train", examples, decoders, tuple(names), settings=settings, skip=skip)


def test_each_file_is_decoded_once(tmp_path, decoded):
    write_picture(tmp_path / "a.jpg", RED)
    write_picture(tmp_path / "b.jpg", BLUE)
    first = load(tmp_path)
    assert decoded == ["a.jpg", "b.jpg"]
    again = load(tmp_path)
    assert decoded == ["a.jpg", "b.jpg"]
    torch.testing.assert_close(again.stored["image"], first.stored["image"], rtol=0, atol=0)
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_cache_is_made_anew_when_a_source_a_setting_or_the_list_changes(tmp_path, decoded):
    for name in "abc":
        write_picture(tmp_path / f"{name}.jpg", RED)
    load(tmp_path)
    write_picture(tmp_path / "b.jpg", BLUE)
    os.utime(tmp_path / "b.jpg", ns=(1, 1))  # a clock too coarse to tell
    red, blue = load(tmp_path).stored["image"].float().mean((2, 3))
    assert len(decoded) == 4 and red.argmax() == 0 and blue.argmax() == 2
    assert load(tmp_path, settings="4").stored["image"].shape == (2, 3, 4, 4)
    assert len(load(tmp_path, names="abc")) == 3
    assert load(tmp_path, names="abc", skip=["a"]).names == ("b", "c")


def test_a_damaged_cache_is_made_anew(tmp_path, decoded):
    write_picture(tmp_path / "a.jpg")
    load(tmp_path, "a")
    (cache,) = (tmp_path / ".mmatl_lab").iterdir()
    cache.write_bytes(cache.read_bytes()[:50])
    load(tmp_path, "a")
    load(tmp_path, "a")
    assert decoded == ["a.jpg", "a.jpg"]


def test_a_crash_leaves_the_old_cache_and_no_half(tmp_path, decoded, monkeypatch):
    write_picture(tmp_path / "a.jpg")
    load(tmp_path, "a")

    def full(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="full"):
        load(tmp_path, "a", settings="4")
    assert [path.name for path in (tmp_path / ".mmatl_lab").iterdir()] == ["train_8.safetensors"]


def test_a_missing_or_damaged_file_is_named_in_one_sentence(tmp_path):
    write_picture(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match=r"b\.jpg is missing: .*skip=\['b'\]"):
        load(tmp_path)
    whole = (tmp_path / "a.jpg").read_bytes()
    for damaged in (b"", b"no picture", whole[: len(whole) // 2]):
        (tmp_path / "b.jpg").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"b\.jpg cannot be read .*skip=\['b'\]") as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)
    assert load(tmp_path, skip=["b"]).names == ("a",)
    with pytest.raises(ValueError, match="no examples"):
        load(tmp_path, skip=["a", "b"])


def test_a_batch_holds_the_same_numbers_as_single_examples(tmp_path):
    write_picture(tmp_path / "a.jpg", RED)
    write_picture(tmp_path / "b.jpg", BLUE)
    data = load(tmp_path)
    views, label = data[torch.tensor([1, 0])]
    assert views["image"].dtype == torch.float32 and 0 <= views["image"].min() and views["image"].max() <= 1
    torch.testing.assert_close(views["image"][0], data[1][0]["image"], rtol=0, atol=0)
    assert label.tolist() == [1, 0] and len(list(torch.utils.data.DataLoader(data, batch_size=1))) == 2


def test_a_tone_is_brightest_in_the_band_that_holds_it_whatever_the_rate_and_length(tmp_path):
    write_tone(tmp_path / "a.wav", 1000)
    write_tone(tmp_path / "b.wav", 1000, seconds=4, rate=44_100)
    write_tone(tmp_path / "c.wav", 4000)
    a, b, c = (spectrogram(tmp_path / f"{name}.wav") for name in "abc")
    assert a.shape == b.shape == c.shape == (64, 192) and 0 <= a.min() and a.max() <= 1
    bands = [x.float().mean(1).argmax().item() for x in (a, b, c)]
    assert bands[0] == bands[1] < bands[2]
    assert a[bands[0]].min() > 0.5  # repeated, not padded with silence


def test_words_keep_their_tokens_and_padding_is_zero():
    x = tokens("Apple pie, APPLE!")
    assert x.shape == (WORDS,) and x[0] == x[2] != x[1] and x[:3].all() and not x[3:].any()
    assert not tokens("").any() and tokens("word " * 200).all()


def test_what_is_held_out_is_a_tenth_and_the_parts_share_nothing():
    examples = [Example(f"clip {i}", 0, {}) for i in range(2_000)]
    train, validation = (hold_out(examples, split) for split in ("train", "validation"))
    assert sorted(train + validation) == sorted(examples)
    assert 150 < len(validation) < 250
