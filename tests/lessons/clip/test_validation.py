"""The choices of the emoji model: what is trained on, what is scored, and that the tests are not looked at."""

import torch

from mmatl_lab.data.emoji import TEST_STYLE, VALIDATION_STYLE, load_emoji
from mmatl_lab.lessons.clip import emoji, validation
from mmatl_lab.training import Study


def test_it_trains_without_what_it_scores_and_never_reads_the_tests(tmp_path, monkeypatch):
    data, seen, scored, ridges = load_emoji(), [], [], []
    split = data.split()
    part_of, hits_at_k, embed = emoji.training_part, validation.hits_at_k, validation.embed

    def training_part(*args):
        seen.append((args[1].seen, args[3]))
        return part_of(*args)

    def hits(image, text):
        scored.append(len(image))
        return hits_at_k(image, text)

    def embedded(model, data, style):
        assert style != TEST_STYLE
        return embed(model, data, style)

    monkeypatch.setattr(emoji, "training_part", training_part)
    monkeypatch.setattr(emoji, "refit_words", lambda model, part, ridge: ridges.append(ridge))
    monkeypatch.setattr(validation, "hits_at_k", hits)
    monkeypatch.setattr(validation, "embed", embedded)
    study = Study("validation", validation.cell, {"ridge": [0.7], "num_steps": [1], "seed": [0]}, folder=tmp_path)
    frame = study.run()
    ((concepts, styles),) = seen
    assert torch.equal(concepts, split.train) and VALIDATION_STYLE not in styles and TEST_STYLE not in styles
    assert set(scored) == {len(split.validation), len(split.train)}
    assert ridges == [0.7] and frame[["concepts", "style"]].stack().between(0, 1).all()


def test_the_plan_has_the_ridge_that_is_shipped():
    assert emoji.RIDGE in {config["ridge"] for config in validation.study().configs}
