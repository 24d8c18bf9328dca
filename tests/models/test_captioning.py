"""Captioners: the shift, the loss, and that one word at a time is the same as all at once."""

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.models.captioning import (
    AttendTell,
    AttendTellConfig,
    PrefixCaptioner,
    PrefixCaptionerConfig,
    ShowTell,
    ShowTellConfig,
    TransformerCaptioner,
    TransformerCaptionerConfig,
    caption_log_prob,
    caption_loss,
    shifted,
    with_start_and_end,
)
from mmatl_lab.nn.decoding import Uncached, beam_search, greedy, sample
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import drawn_from, seeded

V = len(with_start_and_end(("", *"abcdefgh")))
START, END = V - 2, V - 1
GRID, VECTOR = Part("ImageGrid", {"channels": (8, 8, 8)}), Part("ImageCNN", {"channels": (8, 8, 8)})
MAKE = {
    "show-tell": lambda **more: ShowTell.from_config(ShowTellConfig(V, VECTOR, 16, 24, **more)),
    "attend-tell": lambda **more: AttendTell.from_config(AttendTellConfig(V, GRID, 16, 24, **more)),
    "transformer": lambda **more: TransformerCaptioner.from_config(
        TransformerCaptionerConfig(V, GRID, 16, max_len=12, **more)
    ),
    "prefix": lambda: PrefixCaptioner.from_config(PrefixCaptionerConfig(V, VECTOR, 16, 16, max_len=12)),
}
EACH = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())


def made(make, sharp=8.0):
    """A fresh model whose words are far from equally probable, and five pictures."""
    with drawn_from(0):
        model = make().eval()
    with torch.no_grad():
        model.next_word.weight.mul_(sharp)
    return model, torch.rand(5, 3, 32, 32, generator=seeded(1))


def some_captions(n=5, length=6, seed=2):
    captions = torch.randint(1, START, (n, length), generator=seeded(seed))
    return captions * (torch.arange(length) < torch.randint(1, length + 1, (n, 1), generator=seeded(seed, 1)))


def test_targets_are_the_inputs_one_word_later_and_end_once():
    inputs, targets = shifted(torch.tensor([[3, 1, 2], [4, 0, 0]]), START, END)
    assert inputs.tolist() == [[START, 3, 1, 2], [START, 4, 0, 0]]
    assert targets.tolist() == [[3, 1, 2, END], [4, END, 0, 0]]


@EACH
def test_the_loss_is_the_mean_over_words_and_end_tokens(make):
    model, images = made(make)
    captions = some_captions()
    logits, targets = model(images, captions)
    p = logits.softmax(-1)
    terms = [-p[b, t, y].log() for b, row in enumerate(targets) for t, y in enumerate(row) if y]
    assert len(terms) == (captions != 0).sum() + 5
    assert torch.allclose(caption_loss(logits, targets), torch.stack(terms).mean(), atol=1e-5)
    assert torch.allclose(-caption_log_prob(logits, targets).sum() / len(terms), torch.stack(terms).mean(), atol=1e-5)
    padded = model(images, F.pad(captions, (0, 3)))
    assert torch.allclose(caption_loss(*padded), caption_loss(logits, targets), atol=1e-5)  # padding costs nothing


@EACH
def test_every_parameter_learns_but_those_that_come_from_another_model(make):
    fresh = [False] if make is not MAKE["prefix"] else []
    for pretrained in [None, *fresh]:
        with drawn_from(0):
            model = make(**({} if pretrained is None else {"pretrained": pretrained})).train()
        images = torch.rand(5, 3, 32, 32, generator=seeded(1))
        caption_loss(*model(images, some_captions(seed=3, length=9))).backward()
        without = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
        kept = "encoder." if isinstance(model, PrefixCaptioner) else "encoder.convolutions."
        kept = [name for name, _ in model.named_parameters() if name.startswith(kept)]
        assert without == (kept if pretrained is None else [])
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@EACH
def test_no_word_is_chosen_by_words_after_it(make):
    model, images = made(make)
    memory, tokens = model.encode(images), torch.randint(1, START, (5, 7), generator=seeded(4))
    changed = tokens.clone()
    changed[:, 4:] = 1 + tokens[:, 4:] % (START - 1)
    before, after = model.logits(memory, tokens), model.logits(memory, changed)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-5)
    said = before.isfinite()
    assert (before[:, 4:] - after[:, 4:])[said[:, 4:]].abs().max() > 1e-3
    assert said.sum(-1).unique().tolist() == [V - 2] and not said[..., [0, START]].any()


@EACH
def test_with_and_without_cache_the_same_words_are_written(make):
    model, images = made(make)
    ways = (
        lambda m: greedy(m, images, 12),
        lambda m: beam_search(m, images, 12, width=3, num_results=2),
        lambda m: sample(m, images, 12, generator=seeded(5)),
    )
    for way in ways:
        fast, slow = way(model), way(Uncached(model))
        assert torch.equal(fast.tokens, slow.tokens) and torch.equal(fast.finished, slow.finished)
        assert torch.allclose(fast.log_prob, slow.log_prob, atol=1e-3)


@EACH
def test_what_is_written_has_the_probability_that_training_would_give_it(make):
    model, images = made(make)
    model.next_word.bias.data[END] += 8  # so that some end
    out = sample(model, images, 9, generator=seeded(6), temperature=1.5)
    logits, targets = model(images, out.tokens)
    whole = out.finished
    assert whole.any()
    assert torch.allclose(caption_log_prob(logits, targets)[whole], out.log_prob[whole], atol=1e-3)


@EACH
def test_several_captions_of_a_picture_are_as_if_it_were_shown_for_each(make):
    model, images = made(make)
    several = torch.stack([some_captions(seed=s) for s in (7, 8, 9)], 1)  # (5, 3, 6)
    together = model(images, several)
    alone = model(images.repeat_interleave(3, 0), several.flatten(0, 1))
    assert torch.equal(together.targets, alone.targets)
    assert torch.allclose(together.logits, alone.logits, atol=1e-4)


@pytest.mark.parametrize("make", [MAKE["attend-tell"], MAKE["transformer"]])
def test_attention_is_a_share_of_each_place_for_each_word(make):
    model, images = made(make)
    memory, tokens = model.encode(images), some_captions()
    shares = model.attention(memory, tokens)
    assert shares.shape == (5, 6, 16) and torch.allclose(shares.sum(-1), torch.ones(5, 6), atol=1e-5)
    assert (shares >= 0).all()


def test_attend_and_tell_is_the_formula():
    model, images = made(MAKE["attend-tell"])
    a, tokens = model.encode(images), torch.tensor([[START]] * 5)
    h, c = model.first_h(a.mean(1)).tanh(), model.first_c(a.mean(1)).tanh()
    e = (model.of_place(a) + model.of_state(h)[:, None]).tanh() @ model.energy.weight[0]
    z = (e.softmax(1)[..., None] * a).sum(1)
    h, c = model.cell(torch.cat([model.embed(tokens[:, 0]), z], 1), (h, c))
    expected = model.next_word(torch.cat([h, z], 1))[:, 1:START]
    assert torch.allclose(model.logits(a, tokens)[:, 0, 1:START], expected, atol=1e-5)


@EACH
def test_dropped_words_are_not_seen_and_the_start_is(make):
    model, images = made(make)
    model.train().word_dropout = 1.0
    tokens = F.pad(torch.randint(1, START, (5, 3), generator=seeded(1)), (1, 0), value=START)
    words = model.words(tokens)
    assert (words[:, 1:] == 0).all() and torch.equal(words[:, 0], model.embed(tokens[:, 0]))
    assert torch.equal(model.eval().words(tokens), model.embed(tokens))


@pytest.mark.parametrize("make", [MAKE["transformer"], MAKE["prefix"]])
def test_a_transformer_says_how_long_a_caption_may_be(make):
    model, images = made(make)
    model.next_word.bias.data[END] = -1e9
    assert greedy(model, images, 12).tokens.shape == (5, 12)
    with pytest.raises(ValueError, match="reads up to 12 tokens, got 13"):
        greedy(model, images, 13)
