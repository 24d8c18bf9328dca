"""The two ways of a comparison do the same work, and its ratio is that of its numbers. No time is asserted."""

import inspect
import json
import sys

import pytest
import torch
from typer.testing import CliRunner

from mmatl_lab import benchmarks, cli
from mmatl_lab.benchmarks import (
    BENCHMARKS,
    Comparison,
    Unavailable,
    attention,
    balanced,
    clip,
    clip_hf,
    decoding,
    training,
    world,
)
from mmatl_lab.lessons.clip import scenes
from mmatl_lab.lessons.clip.scenes import ScenesSettings, clip_config
from mmatl_lab.seeding import seeded

SMALL = ScenesSettings(1, batch_size=8, model=clip_config((4, 8, 8), num_layers=1, hidden_dim=8, out_dim=8))


def test_one_by_one_makes_the_same_batch():
    plain = clip.batch_one_by_one(SMALL, generator=seeded(3))
    generator = seeded(3)
    batch = scenes.make_batch(scenes.training_scenes(SMALL, generator=generator), generator=generator)
    assert torch.equal(plain.tokens, batch.tokens) and torch.equal(plain.caption_class, batch.caption_class)
    torch.testing.assert_close(plain.images, batch.images)


def test_the_ratio_says_how_much_faster_the_lesson_is(monkeypatch):
    """The plain way takes .8 s a step and the lesson .2 s, so the lesson is four times as fast."""
    monkeypatch.setattr(clip, "lesson_steps", lambda *_: [9.0, 9.0] + [0.2] * 8)
    monkeypatch.setattr(clip, "plain_steps", lambda *_: [9.0, 9.0] + [0.8] * 8)
    found = clip.clip_step(SMALL)
    assert found.ratio == pytest.approx(4.0) and found.met
    assert found.numbers["steps/s"] == pytest.approx(5.0) and found.numbers["plain steps/s"] == pytest.approx(1.25)


def test_both_ways_of_the_lesson_run():
    assert len(clip.lesson_steps(SMALL, 3)) == len(clip.plain_steps(SMALL, 3)) == 3
    found = clip.rendering(SMALL)
    assert 0 < found.ratio and all(value > 0 for value in found.numbers.values())


def test_decoding_with_and_without_state_writes_the_same(monkeypatch):
    monkeypatch.setattr(decoding, "LENGTH", 4)
    monkeypatch.setattr(decoding, "B", 2)
    for kind in decoding.CONFIGS:
        assert decoding.with_cache(kind).ratio > 0


def test_a_bound_is_met_or_not():
    assert Comparison("a against b", 3.0, {}, at_least=3.0).met and not Comparison("", 2.9, {}, at_least=3.0).met
    assert Comparison("", 0.05, {}, at_most=0.05).met and not Comparison("", 0.06, {}, at_most=0.05).met
    assert "met" not in Comparison("", 1.0, {}).to_dict()
    assert str(Comparison("a against b", 2.0, {"ms": 1.5}, at_least=3)) == "2.00 (at least 3)  a against b: ms 1.5"


@pytest.mark.parametrize("name", training.SMALL)
def test_each_small_model_trains_both_ways(monkeypatch, name):
    model, shape, _, _ = training.SMALL[name]
    monkeypatch.setitem(training.SMALL, name, (model, shape, 4, 1))
    assert training.seeds_together(name, num_seeds=2).ratio > 0


def test_run_is_compared_with_a_loop():
    found = training.run_overhead(num_steps=5)
    assert found.ratio == pytest.approx(1 + found.numbers["Run adds ms/step"] / found.numbers["bare ms/step"])


@pytest.mark.parametrize("method", balanced.PLAIN)
def test_a_balanced_method_is_compared_with_its_plain_counterpart(method):
    found = balanced.method_step(method, num_steps=2)
    assert found.ratio == pytest.approx(
        found.numbers[f"{method} ms/step"] / found.numbers[f"{balanced.PLAIN[method]} ms/step"]
    )


def test_a_model_of_another_library_is_left_out_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(Unavailable, match="transformers is not installed: python -m pip install"):
        clip_hf.against_hugging_face()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_of_another_library_is_compared_on_the_same_batch(monkeypatch, precision):
    batches = []

    def make_theirs():
        model = torch.nn.Linear(3 * 32 * 32, 1)
        return model, lambda images, tokens: batches.append((images, tokens)) or model(images.flatten(1)).mean()

    monkeypatch.setattr(clip_hf, "make_theirs", make_theirs)
    found = clip_hf.against_hugging_face(precision, batch_size=4, rounds=1)
    assert found.ratio == pytest.approx(found.numbers["theirs ms/step"] / found.numbers["ms/step"])
    assert batches[0][0].shape == (4, 3, 32, 32) and batches[0][1].shape == (4, 16)


def bench(*args):
    return CliRunner().invoke(cli.app, ["bench", *args])


def test_the_command_prints_a_line_or_an_object(monkeypatch):
    def missing():
        raise Unavailable("install it with pip")

    monkeypatch.setattr(
        benchmarks, "BENCHMARKS", {"one": lambda: Comparison("a against b", 2.0, {"ms": 1.0}), "two": missing}
    )
    found = bench()
    assert found.exit_code == 0 and found.stdout == "one              2.00  a against b: ms 1\n"
    assert "two              left out: install it with pip" in found.stderr
    expected = {"one": {"what": "a against b", "ratio": 2.0, "numbers": {"ms": 1.0}}}
    assert json.loads(bench("--json").stdout) == expected


def test_an_unknown_comparison_gets_a_sentence():
    found = bench("speed")
    assert found.exit_code == 2 and "no comparison 'speed': choose among clip-step, " in found.stderr


def test_every_comparison_is_a_function_without_arguments():
    for name, function in BENCHMARKS.items():
        inspect.signature(function).bind()  # raises where an argument is missing
        assert " " not in name


def test_attention_and_views_run(monkeypatch):
    monkeypatch.setattr(attention, "B", 2)
    assert attention.against_sdpa(5, repeats=1).ratio > 0
    found = world.views()
    assert found.ratio == pytest.approx(found.numbers["images/s"] / found.numbers["videos/s"] / 16)
