import pytest
import torch

from mmatl_lab.errata.captioning import Forgetful, mean_of_sentences, small_captions, train_small, unclipped
from mmatl_lab.nn.decoding import greedy
from mmatl_lab.seeding import seeded

from .measuring import measured


def test_the_same_weights_write_nothing_right_without_their_state():
    result = measured("caption-state")
    assert result.printed["exact"] <= 0.02 and result.right["exact"] >= 0.98
    assert result.depends[0].absent == [1.0]


def test_what_is_forgotten_is_the_state_alone():
    model = train_small(0).model
    images, _ = small_captions(20, seeded(1))
    whole, kept, lost = (greedy(m, images, 8).tokens for m in (model, Forgetful(model, 1.0), Forgetful(model)))
    assert torch.equal(whole, kept)
    assert torch.equal(whole[:, 0], lost[:, 0]) and not torch.equal(
        whole[:, : lost.shape[1]], lost[:, : whole.shape[1]]
    )


def test_an_unshifted_captioner_copies():
    result = measured("caption-shift")
    assert result.printed["exact"] == 0 and result.printed["loss"] < 0.001 < result.right["loss"]
    assert result.right["exact"] >= 0.95 and 10 in result.depends[0].absent
    model = train_small(0, shift=False).model
    tokens = torch.randint(1, model.start, (4, 5), generator=seeded(2))
    said = model.logits(model.encode(small_captions(4, seeded(3))[0]), tokens).argmax(2)
    assert (said == tokens).float().mean() > 0.7  # whatever it reads, of any picture


def test_a_mean_of_sentence_scores_ranks_two_systems_the_other_way_round():
    result = measured("bleu-mean")
    assert result.printed["first"] < result.printed["second"] and result.right["first"] > result.right["second"]
    assert result.depends[0].absent == [5]


def test_the_guides_score_is_nltks():
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    texts = ["a small red circle", "a b c d e", "a small red ring above a star", "x"]
    refs = [["a small red circle above a star"], ["a b x d e"], ["a small red ring above a star"], ["y z"]]
    method = nltk.SmoothingFunction().method1
    expected = [
        nltk.sentence_bleu([ref.split() for ref in own], text.split(), smoothing_function=method)
        for text, own in zip(texts[:3], refs)
    ]
    assert mean_of_sentences(texts[:3], refs[:3]) == pytest.approx(sum(expected) / 3)


def test_one_word_said_again_and_again_is_perfect_without_clipping():
    result = measured("bleu-clipped")
    assert (result.printed["precision"], result.right["precision"]) == (1.0, 0.25)
    assert result.depends[0].absent == [1, 2] and unclipped("a b", ["a c"]) == 0.5
