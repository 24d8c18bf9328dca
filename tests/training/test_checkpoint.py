"""Checkpoints come back as they were, or say in one sentence why not."""

import errno
import json
import os
import pickle
import random
import resource

import pytest
import safetensors.torch
import torch
from torch import nn

from mmatl_lab.training import CheckpointError, load_checkpoint, save_checkpoint, unfinished
from mmatl_lab.training.checkpoint import fit_into

CARD = {"recipe": "clip", "preset": "quick", "seed": 3, "step": 40, "metrics": {"accuracy": 0.5}, "command": "make it"}


def load_into(model, path):
    checkpoint = load_checkpoint(path)
    fit_into(model, checkpoint.state, path)
    return checkpoint.card


class Tied(nn.Module):
    """An embedding that is also the output layer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.embed.weight


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.fixture
def saved(path):
    return save_checkpoint(path, nn.Linear(64, 3), CARD)


def test_any_tensor_comes_back_as_it_was(path):
    state = {
        "float": torch.randn(3, 4),
        "bf16": torch.randn(5).bfloat16(),
        "mask": torch.tensor([True, False]),
        "count": torch.tensor(7),
        "transposed": torch.randn(3, 4).T,
        "empty": torch.zeros(0, 3),
        "causal": torch.full((2, 2), -torch.inf),
    }
    state["view of float"] = state["float"][1:]
    loaded = load_checkpoint(save_checkpoint(path, state, {})).state
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype and torch.equal(loaded[name], tensor), name


def test_the_card_travels_in_the_file_and_beside_it(saved):
    card = load_checkpoint(saved).card
    assert CARD.items() <= card.items()
    assert card["versions"]["torch"] == torch.__version__ and card["schema"] == 2
    assert json.loads(saved.with_suffix(".json").read_text()) == card
    saved.with_suffix(".json").unlink()
    assert load_checkpoint(saved).card == card


def test_a_card_takes_what_a_recipe_has_at_hand(path):
    given = {"nan": float("nan"), "tensor": torch.tensor(2), "path": path, "pair": (1, None), "yes": True}
    save_checkpoint(path, {}, given)
    assert {"nan": None, "tensor": 2, "path": str(path), "pair": [1, None], "yes": True}.items() <= (
        load_checkpoint(path).card.items()
    )
    assert "NaN" not in path.with_suffix(".json").read_text()


def test_the_same_weights_and_card_give_the_same_bytes(path):
    first = save_checkpoint(path, {"a": torch.arange(5), "b": torch.ones(2)}, CARD).read_bytes()
    assert save_checkpoint(path, {"b": torch.ones(2), "a": torch.arange(5)}, CARD).read_bytes() == first


def test_tied_weights_stay_tied(path):
    model, other = Tied(), Tied()
    load_into(other, save_checkpoint(path, model, CARD))
    assert torch.equal(other.embed.weight, model.embed.weight) and other.out.weight is other.embed.weight


def test_half_precision_halves_the_file_and_loads_as_float32(path):
    model, other = nn.Linear(300, 300), nn.Linear(300, 300)
    large = save_checkpoint(path, model, CARD).stat().st_size
    small = save_checkpoint(path, model, CARD, dtype=torch.float16).stat().st_size
    assert small < 0.52 * large
    assert load_into(other, path)["step"] == 40
    assert other.weight.dtype == torch.float32 and torch.equal(other.weight, model.weight.half().float())


def test_weights_that_overflow_or_are_nan_are_not_saved(saved):
    before = saved.read_bytes()
    with pytest.raises(CheckpointError, match=r"'w' reaches 7e\+04, too large for torch.float16: .*bfloat16"):
        save_checkpoint(saved, {"w": torch.tensor([7e4])}, CARD, dtype=torch.float16)
    with pytest.raises(CheckpointError, match="'w' holds NaN"):
        save_checkpoint(saved, {"w": torch.tensor([1.0, torch.nan])}, CARD)
    with pytest.raises(TypeError, match="'w' is a list"):
        save_checkpoint(saved, {"w": [1.0]}, CARD)
    assert saved.read_bytes() == before


def test_a_missing_file_is_answered_with_the_command_that_makes_it(path):
    with pytest.raises(FileNotFoundError, match=r"net.safetensors: make it with `mmatl-lab train clip`"):
        load_checkpoint(path, command="mmatl-lab train clip")


@pytest.mark.parametrize("share", [0, 0.001, 0.2, 0.5, 0.99])
def test_a_truncated_file_is_damaged(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match="is damaged .*: delete it and make it again with `mmatl-lab train clip`"):
        load_checkpoint(saved, command="mmatl-lab train clip")


def test_no_change_of_bytes_goes_unnoticed(saved):
    """Random bytes, all zeros, and single flipped bits anywhere: a sentence, or the same tensors."""
    data, before = saved.read_bytes(), load_checkpoint(saved).state
    rng = random.Random(0)
    broken = [rng.randbytes(2000), bytes(2000), data + b"\0", data[:-4] + b"\0\0\0\0"]
    for _ in range(300):
        position = rng.randrange(8 * len(data))
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        broken.append(bytes(flipped))
    noticed = 0
    for content in broken:
        saved.write_bytes(content)
        try:
            state = load_checkpoint(saved).state
        except CheckpointError as error:
            noticed += 1
            assert str(saved) in str(error)
        else:  # a bit of the card or of the padding, which is no tensor
            assert all(torch.equal(state[name], before[name]) for name in before)
    assert noticed > 150


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("write", [torch.save, lambda thing, file: file.write_bytes(pickle.dumps(thing))])
def test_a_pickle_is_never_opened(path, tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write({"w": Bomb()}, path)
    with pytest.raises(CheckpointError, match=r"is a pickle or zip file, which can run code"):
        load_checkpoint(path)
    assert not (tmp_path / "exploded").exists()


def test_a_file_without_our_card_is_foreign(path):
    for metadata in (None, {"card": "[1]"}, {"format": "pt"}):
        safetensors.torch.save_file({"w": torch.ones(2)}, path, metadata)
        with pytest.raises(CheckpointError, match="no card of mmatl_lab"):
            load_checkpoint(path)


@pytest.mark.parametrize("changed", [{"step": 39}, {"metrics": {"accuracy": 0.99}}, {"sha256": "0"}])
def test_a_card_that_was_changed_is_noticed(saved, changed):
    state, card = load_checkpoint(saved)
    safetensors.torch.save_file(state, saved, {"card": json.dumps(card | changed)})
    with pytest.raises(CheckpointError, match="its tensors or its card are not the ones that were saved"):
        load_checkpoint(saved)


@pytest.mark.parametrize("card", ["[]", "{", "7", '{"schema": true}', '{"schema": 2}', '{"schema": [2]}'])
def test_a_card_that_is_none_is_a_sentence(saved, card):
    safetensors.torch.save_file(load_checkpoint(saved).state, saved, {"card": card})
    for read in (load_checkpoint, unfinished):
        with pytest.raises(CheckpointError, match=f"{saved.name}.*(damaged|no card)"):
            read(saved)


def test_an_unfinished_run_is_no_run_of_other_files(saved):
    with pytest.raises(CheckpointError, match="says nothing of a run's steps"):
        unfinished(saved)


def test_a_file_of_an_earlier_format_says_how_to_make_it_again(saved):
    state, card = load_checkpoint(saved)
    safetensors.torch.save_file(state, saved, {"card": json.dumps(card | {"schema": 1})})
    with pytest.raises(CheckpointError, match="format 1 of an earlier.*make it again with `mmatl-lab train X`"):
        load_checkpoint(saved, command="mmatl-lab train X")


def test_a_file_from_the_future_says_which_version_to_install(path):
    card = {"schema": 3, "versions": {"mmatl_lab": "9.1.0"}}
    safetensors.torch.save_file({"w": torch.ones(2)}, path, {"card": json.dumps(card)})
    with pytest.raises(
        CheckpointError, match=r"written by mmatl_lab 9.1.0 in format 3.*install mmatl_lab 9.1.0 or later"
    ):
        load_checkpoint(path)


def test_weights_of_another_model_say_what_differs(saved):
    with pytest.raises(
        CheckpointError, match=r"does not fit this Linear: 'weight' has shape \(3, 64\) in the file and \(3"
    ):
        load_into(nn.Linear(32, 3), saved)
    with pytest.raises(
        CheckpointError, match=r"it lacks '0.weight' and 1 more; it has '(weight|bias)' and 1 more too many; build"
    ):
        load_into(nn.Sequential(nn.Linear(64, 3)), saved)


def test_a_file_larger_than_the_disk_takes_leaves_the_previous_one(saved):
    """The limit on a file's size fails a write half way, as a full disk does."""
    before, limits = saved.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"net.safetensors was not saved .*: it needs 4.0 MB and [\d.]+ MB is free"):
            save_checkpoint(saved, nn.Linear(1000, 1000), CARD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert saved.read_bytes() == before
    assert sorted(file.name for file in saved.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_a_disk_that_fills_up_at_the_last_moment_leaves_the_previous_one(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"was not saved \(No space left on device\): it needs .*make room"):
        save_checkpoint(saved, nn.Linear(5, 5), CARD)
    assert saved.read_bytes() == before and len(list(saved.parent.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/deep/net.safetensors was not saved"):
        save_checkpoint(tmp_path / "file" / "deep" / "net.safetensors", nn.Linear(2, 2), CARD)
