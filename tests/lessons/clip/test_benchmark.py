"""The benchmark of the CLIP lesson compares two ways to do the same work."""

import json
from pathlib import Path

import torch

from mmatl_lab.lessons.clip import benchmark, recipe, scenes
from mmatl_lab.lessons.clip.scenes import ScenesPreset
from mmatl_lab.seeding import seeded
from mmatl_lab.training import load_checkpoint, save_checkpoint

SMALL = ScenesPreset(1, batch_size=8, channels=(4, 8, 8), text_layers=1, text_width=8, width=8)


def test_one_by_one_makes_the_same_batch():
    plain = benchmark.batch_one_by_one(8, generator=seeded(3))
    generator = seeded(3)
    batch = scenes.make_batch(scenes.training_scenes(8, generator=generator), generator=generator)
    assert torch.equal(plain.tokens, batch.tokens) and torch.equal(plain.caption_class, batch.caption_class)
    torch.testing.assert_close(plain.images, batch.images)


def test_the_numbers_go_into_a_card(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(recipe.PRESETS, "full", recipe.Preset(1, SMALL, recipe.EmojiPreset()))
    weights = scenes.make_model(SMALL).state_dict()
    path = save_checkpoint(tmp_path / "clip.safetensors", weights, {"recipe": "clip"})
    benchmark.main(path)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    tensors, card = load_checkpoint(path)
    assert card["recipe"] == "clip" and card["benchmarks"] == found
    assert all(torch.equal(tensors[name], value) for name, value in weights.items())
    assert json.loads(path.with_suffix(".json").read_text())["benchmarks"] == found
    assert abs(found["ratio"] - found["steps_per_second"] / found["plain_steps_per_second"]) < 0.01
