"""Encoders of things with parts: one vector a part, masks, what moves with the input, and what they all cost."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mmatl_lab.nn import encoders
from mmatl_lab.nn.encoders import (
    AudioCNN,
    BagOfWords,
    ImageCNN,
    ImageGrid,
    ImageViT,
    MLPEncoder,
    SensorCNN,
    SummaryEncoder,
    TextTransformer,
    VideoCNN,
    VideoTransformer,
    summarise,
)
from mmatl_lab.nn.transformer import DecoderBlock, FactorisedBlock

D = 24
AUDIO = (lambda: AudioCNN(D, (8, 8, 16), 32), lambda n, t: torch.rand(n, 32, t))
VIDEO = (lambda: VideoCNN(D, (4, 8, 8), 4, hidden_dim=16), lambda n, t: torch.rand(n, t, 3, 32, 32))
SPACE_TIME = (lambda: VideoTransformer(D, hidden_dim=16), lambda n, t: torch.rand(n, t, 3, 32, 32))
SENSOR = (lambda: SensorCNN(D, 6, (8, 8, 16)), lambda n, t: torch.randn(n, t, 6))
OVER_TIME = pytest.mark.parametrize(
    ("make", "draw"), [AUDIO, VIDEO, SPACE_TIME, SENSOR], ids=["audio", "video", "space-time", "sensor"]
)
TIME = {AudioCNN: -1, SensorCNN: 1, VideoCNN: 1, VideoTransformer: 1}  # the axis of the input


def made(make, draw, n=3, t=12):
    torch.manual_seed(0)
    return make().eval(), draw(n, t)


def longer(encoder, x, t):
    """x with t more steps of nonsense at its end."""
    axis = TIME[type(encoder)]
    shape = list(x.shape)
    shape[axis] = t
    return torch.cat([x, torch.full(shape, float("nan"))], axis)


@OVER_TIME
def test_a_vector_an_example_and_every_parameter_learns(make, draw):
    encoder, x = made(make, draw)
    out = encoder(x)
    assert out.shape == (3, D) and out.dtype == torch.float32
    out.square().sum().backward()
    unused = [name for name, p in encoder.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert unused == []


@OVER_TIME
def test_examples_of_a_batch_have_nothing_to_do_with_each_other(make, draw):
    encoder, x = made(make, draw)
    assert torch.allclose(encoder(x)[1:2], encoder(x[1:2]), atol=1e-5)
    x.requires_grad_()
    encoder(x)[1].square().sum().backward()
    seen = x.grad.flatten(1).abs()
    assert seen[0].sum() == 0 and seen[2].sum() == 0 and (seen[1] > 0).float().mean() > 0.99


@OVER_TIME
@pytest.mark.parametrize("t", [7, 8, 10, 11])
def test_padding_changes_nothing_whatever_stands_in_it(make, draw, t):
    encoder, x = made(make, draw, t=t)
    alone, sequence = encoder(x), encoder.sequence(x)
    padded, mask = longer(encoder, x, 5), torch.arange(t + 5).expand(3, -1) < t
    assert torch.allclose(encoder(padded, mask), alone, atol=1e-5)
    features, there = encoder.sequence(padded, mask)
    assert torch.equal(there.sum(1), sequence.mask.sum(1))
    assert torch.allclose(features[there], sequence.features[sequence.mask], atol=1e-5)
    assert (features[~there] == 0).all()


@OVER_TIME
def test_padding_changes_no_gradient_whatever_stands_in_it(make, draw):
    """NaN behind a mask, too: 0 · NaN would be NaN in the gradient of every weight before the mask."""
    encoder, x = made(make, draw, t=8)
    gradients = []
    for padded, mask in ((x, None), (longer(encoder, x, 4), torch.arange(12).expand(3, -1) < 8)):
        encoder.zero_grad()
        padded.requires_grad_()
        encoder(padded, mask).square().sum().backward()
        gradients.append([p.grad for p in encoder.parameters()])
    for alone, with_padding in zip(*gradients):
        assert with_padding.isfinite().all()
        assert torch.allclose(with_padding, alone, atol=1e-4 * (1 + alone.abs().max()))
    assert (padded.grad.narrow(TIME[type(encoder)], 8, 4) == 0).all()


@OVER_TIME
@pytest.mark.parametrize("steps", [(1, 2, 3), (13,), (2, 9)])
def test_a_part_is_there_when_any_of_its_steps_is(make, draw, steps):
    encoder, x = made(make, draw, t=16)
    mask = torch.zeros(3, 16, dtype=torch.bool)
    mask[:, list(steps)] = True
    features, there = encoder.sequence(x, mask)
    stride = {AudioCNN: 4, SensorCNN: 4, VideoCNN: 1, VideoTransformer: 2}[type(encoder)]
    there = there.unflatten(1, (16 // stride, -1)).any(2)  # a time step may have several tokens
    assert there[0].nonzero().flatten().tolist() == sorted({step // stride for step in steps})
    x.requires_grad_()
    encoder(x, mask).square().sum().backward()
    seen = x.grad.movedim(TIME[type(encoder)], 1).flatten(2).abs().sum(2) > 0
    assert seen[0].nonzero().flatten().tolist() == list(steps)


@OVER_TIME
def test_the_vector_is_the_mean_of_the_parts_also_where_some_or_all_are_missing(make, draw):
    encoder, x = made(make, draw)
    mask = torch.arange(12) < torch.tensor([[12], [5], [0]])
    sequence = encoder.sequence(x, mask)
    assert torch.allclose(encoder(x, mask), sequence.mean(), atol=1e-5)
    assert (sequence.mean()[2] == 0).all() and not sequence.mask[2].any()


@OVER_TIME
def test_examples_of_different_lengths_share_a_batch(make, draw):
    encoder, x = made(make, draw)
    lengths = torch.tensor([12, 5, 9])
    mask = torch.arange(12) < lengths[:, None]
    out = encoder(x, mask)
    for i, n in enumerate(lengths.tolist()):
        alone = x[i : i + 1].narrow(TIME[type(encoder)], 0, n)
        assert torch.allclose(out[i : i + 1], encoder(alone), atol=1e-5)


@OVER_TIME
def test_an_example_with_nothing_in_it_is_finite_and_leaves_the_others_alone(make, draw):
    encoder, x = made(make, draw)
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[1] = False
    out = encoder(x, mask)
    assert out.isfinite().all() and torch.allclose(out[[0, 2]], encoder(x)[[0, 2]], atol=1e-5)


@OVER_TIME
def test_what_comes_first_matters(make, draw):
    encoder, x = made(make, draw)
    backwards = encoder(x.flip(TIME[type(encoder)]))
    assert (encoder(x) - backwards).abs().max() > 1e-3


SEQUENCES = {
    "audio": (*AUDIO, 3),
    "video": (*VIDEO, 12),
    "space-time": (*SPACE_TIME, 6 * 16),
    "sensor": (*SENSOR, 3),
    "places": (lambda: ImageGrid(D, (8, 8, 16)), lambda n, t: torch.rand(n, 3, 32, 32), 16),
    "patches": (lambda: ImageViT(D, hidden_dim=16), lambda n, t: torch.rand(n, 3, 32, 32), 64),
    "words": (lambda: TextTransformer(D, 50, hidden_dim=16), lambda n, t: torch.randint(1, 50, (n, t)), 12),
}


@pytest.mark.parametrize(("make", "draw", "length"), SEQUENCES.values(), ids=SEQUENCES.keys())
def test_the_vector_of_an_example_is_the_mean_of_its_parts(make, draw, length):
    encoder, x = made(make, draw)
    sequence = encoder.sequence(x)
    assert sequence.features.shape == (3, length, D)
    assert sequence.mask.dtype == torch.bool and sequence.mask.shape == (3, length) and sequence.mask.all()
    assert torch.allclose(encoder(x), sequence.features.mean(1), atol=1e-5)
    assert torch.allclose(encoder(x), sequence.mean(), atol=1e-5)


def test_the_parts_of_a_text_are_its_words():
    encoder, tokens = made(*SEQUENCES["words"][:2])
    tokens[1, 5:] = 0
    features, mask = encoder.sequence(tokens)
    assert mask.sum(1).tolist() == [12, 5, 12] and (features[1, 5:] == 0).all()
    assert torch.allclose(encoder(tokens)[1], features[1, :5].mean(0), atol=1e-5)
    tokens[2] = 0  # nothing said
    assert torch.allclose(encoder(tokens), encoder.sequence(tokens).mean(), atol=1e-5)
    assert (encoder(tokens)[2] == 0).all()


@pytest.mark.parametrize(("make", "draw"), [AUDIO, SENSOR], ids=["audio", "sensor"])
def test_the_same_four_steps_later_is_the_same(make, draw):
    encoder, x = made(make, draw, t=64)
    axis = TIME[type(encoder)]
    middle = torch.full_like(x, 0.25 if make is AUDIO[0] else 0.0)  # what counts as nothing inside the encoder
    middle.narrow(axis, 24, 8).copy_(x.narrow(axis, 24, 8))
    later = middle.roll(4, axis)
    assert torch.allclose(encoder(middle), encoder(later), atol=1e-5)
    parts, parts_later = encoder.sequence(middle).features, encoder.sequence(later).features
    assert torch.allclose(parts[:, :-1], parts_later[:, 1:], atol=1e-5)
    assert not torch.allclose(parts, parts_later, atol=1e-3)


@pytest.mark.parametrize("n_mels", [1, 13, 20, 80])
def test_any_number_of_bands_goes(n_mels):
    encoder, log_mel = made(lambda: AudioCNN(D, (8, 8, 16), n_mels), lambda n, t: torch.rand(n, n_mels, t))
    assert encoder(log_mel).shape == (3, D)


def test_a_higher_note_is_another_sound():
    encoder, _ = made(*AUDIO)
    note = torch.zeros(1, 32, 40)
    note[:, 8, 10:30] = 1.0
    assert (encoder(note) - encoder(note.roll(8, 1))).abs().max() > 1e-3


def test_a_rising_note_is_not_a_falling_one_at_any_moment():
    """Both touch the same bands for as long; only the order differs, and where they cross they are the same."""
    encoder, _ = made(*AUDIO)
    band = torch.arange(4, 28)
    rising = torch.zeros(1, 32, 40)
    rising[:, band, band + 4] = 1.0
    falling = rising.flip(2)
    assert torch.equal(rising.sum(2), falling.sum(2))
    assert (encoder(rising) - encoder(falling)).abs().max() > 1e-3


def test_a_frame_sees_four_before_it_and_four_after_it():
    encoder, video = made(*VIDEO, t=16)
    video.requires_grad_()
    encoder.sequence(video).features[0, 8].square().sum().backward()
    seen = video.grad[0].abs().sum((1, 2, 3)) > 0
    assert seen.nonzero().flatten().tolist() == list(range(4, 13))


def test_everything_in_a_video_is_seen_from_everywhere():
    encoder, video = made(*SPACE_TIME)
    video.requires_grad_()
    encoder.sequence(video).features[0, 0].square().sum().backward()
    assert (video.grad[0] != 0).float().mean() > 0.99


def test_one_factorised_block_reaches_its_moment_and_its_place():
    """By the formula: token (l, p) attends to all places of its moment, then to all moments of its place, whose tokens
    have seen theirs; so one block reaches all, and without the first of the two only the place."""
    torch.manual_seed(0)
    block, x = FactorisedBlock(16, 4), torch.randn(2, 5, 3, 16)
    x.requires_grad_()
    block(x)[0, 2, 1].sum().backward()
    assert (x.grad[0].abs().sum(2) > 0).all() and (x.grad[1] == 0).all()
    torch.nn.init.zeros_(block.space.project.weight)
    x.grad = None
    block(x)[0, 2, 1].sum().backward()
    assert (x.grad[0].abs().sum(2) > 0).nonzero()[:, 1].unique().tolist() == [1]


def test_factorised_block_agrees_with_torchs_attention():
    torch.manual_seed(0)
    block, x = FactorisedBlock(16, 4), torch.randn(2, 5, 3, 16)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    space, time = (torch.nn.MultiheadAttention(16, 4, batch_first=True) for _ in range(2))
    for oracle, qkv, project in (
        (space, block.space.qkv, block.space.project),
        (time, block.time.qkv, block.time.project),
    ):
        oracle.in_proj_weight.data, oracle.in_proj_bias.data = qkv.weight.data, qkv.bias.data
        oracle.out_proj.load_state_dict(project.state_dict())
    expected = x.clone()
    for moment in range(5):
        y = block.norm_space(x[:, moment])
        expected[:, moment] += space(y, y, y)[0]
    before = expected.clone()
    for place in range(3):
        y = block.norm_time(before[:, :, place])
        expected[:, :, place] += time(y, y, y, key_padding_mask=~mask)[0]
    expected = expected + block.mlp(block.norm_mlp(expected))
    assert torch.allclose(block(x, mask)[mask], expected[mask], atol=1e-5)


def test_decoder_block_agrees_with_torchs():
    torch.manual_seed(0)
    options = {"dropout": 0.0, "activation": "gelu", "norm_first": True, "batch_first": True}
    block, oracle = DecoderBlock(16, 4), torch.nn.TransformerDecoderLayer(16, 4, 64, **options)
    own, cross = oracle.self_attn, oracle.multihead_attn
    layers = {
        oracle.norm1: block.norm_attention,
        oracle.norm2: block.norm_cross,
        oracle.norm3: block.norm_mlp,
        oracle.linear1: block.mlp[0],
        oracle.linear2: block.mlp[2],
        own.out_proj: block.attention.project,
        cross.out_proj: block.cross.project,
    }
    for theirs, ours in layers.items():
        theirs.load_state_dict(ours.state_dict())
    for attention, inputs in ((own, [block.attention.qkv]), (cross, [block.cross.q, block.cross.kv])):
        attention.in_proj_weight.data = torch.cat([layer.weight.data for layer in inputs])
        attention.in_proj_bias.data = torch.cat([layer.bias.data for layer in inputs])
    x, context, mask = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.arange(7) < torch.tensor([[7], [4]])
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected = oracle(x, context, tgt_mask=future, memory_key_padding_mask=~mask)
    assert torch.allclose(block(x, context, context_mask=mask), expected, atol=1e-5)
    weights = block.cross_weights(x, context, mask)
    assert weights.shape == (2, 4, 5, 7) and torch.allclose(weights.sum(-1), torch.ones(2, 4, 5))
    assert (weights[1, ..., 4:] == 0).all()


EXAMPLES = {  # the inputs of the table in the package's docstring
    ImageCNN: lambda: (ImageCNN(128), torch.rand(1, 3, 32, 32)),
    ImageGrid: lambda: (ImageGrid(128), torch.rand(1, 3, 32, 32)),
    ImageViT: lambda: (ImageViT(128), torch.rand(1, 3, 32, 32)),
    TextTransformer: lambda: (TextTransformer(128, 120), torch.ones(1, 16, dtype=torch.long)),
    BagOfWords: lambda: (BagOfWords(128, 120), torch.ones(1, 16, dtype=torch.long)),
    AudioCNN: lambda: (AudioCNN(128), torch.rand(1, 40, 64)),
    VideoCNN: lambda: (VideoCNN(128), torch.rand(1, 16, 3, 32, 32)),
    VideoTransformer: lambda: (VideoTransformer(128), torch.rand(1, 16, 3, 32, 32)),
    SensorCNN: lambda: (SensorCNN(128), torch.rand(1, 100, 6)),
    MLPEncoder: lambda: (MLPEncoder(128, 64), torch.rand(1, 64)),
    SummaryEncoder: lambda: (SummaryEncoder(128).eval(), summarise(torch.rand(1, 100, 6))),
}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_the_table_of_costs_is_true_and_no_learned_sense_outweighs_the_others(kind):
    encoder, x = EXAMPLES[kind]()
    row = re.search(rf"^ *{kind.__name__} .* ([\d,]+) +([\d.]+)$", encoders.__doc__, re.MULTILINE)
    assert int(row[1].replace(",", "")) == sum(p.numel() for p in encoder.parameters())
    with FlopCounterMode(display=False) as counter:
        encoder(x)
    mflop = counter.get_total_flops() / 1e6
    assert mflop == pytest.approx(float(row[2]), rel=0.1, abs=0.05)
    assert kind in (BagOfWords, MLPEncoder, SummaryEncoder) or 10 < mflop < 150


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_nothing_is_left_on_another_device_or_in_another_precision(kind):
    encoder, x = EXAMPLES[kind]()
    assert encoder.to("meta")(x.to("meta")).device.type == "meta"
    encoder, x = EXAMPLES[kind]()
    assert encoder.double()(x.double() if x.is_floating_point() else x).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert encoder.float()(x).isfinite().all()


MASK = torch.ones(1, 12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AudioCNN(D)(torch.rand(1, 64, 12)), "log-mels of 40 bands"),
        (lambda: AudioCNN(D)(torch.rand(1, 40, 12), MASK), r"bool mask \(1, 12\).*torch.float32"),
        (lambda: SensorCNN(D)(torch.rand(1, 12, 3)), "6 channels.* got 3"),
        (lambda: SensorCNN(D)(torch.rand(1, 12, 6), MASK[:, :5] > 0), r"got torch.bool \(1, 5\)"),
        (lambda: VideoTransformer(D)(torch.rand(1, 12, 3, 24, 24)), r"got \(1, 12, 3, 24, 24\)"),
        (lambda: VideoCNN(D)(torch.rand(1, 3, 32, 32)), r"takes videos \(B, T, 3, H, W\)"),
        (lambda: VideoTransformer(D, patch=5), "patch=5"),
        (lambda: VideoTransformer(D, max_frames=8)(torch.rand(1, 9, 3, 32, 32)), "up to 8 frames, got 9"),
        (lambda: VideoTransformer(D)(torch.rand(1, 12, 3, 32, 32), MASK), "bool mask"),
        (lambda: FactorisedBlock(10, 4), "num_heads=4"),
    ],
)
def test_bad_arguments_get_a_sentence(make, words):
    with pytest.raises(ValueError, match=words) as caught:
        make()
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize("causal", [False, True])
def test_words_of_a_causal_text_encoder_do_not_see_later_words(causal):
    encoder = TextTransformer(8, 20, hidden_dim=16, causal=causal).eval()
    tokens = torch.randint(1, 20, (3, 6), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[:, 4] = tokens[:, 4] % 19 + 1
    before, after = encoder.sequence(tokens).features, encoder.sequence(changed).features
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6) == causal
    assert not torch.allclose(before[:, 5], after[:, 5], atol=1e-6)  # later words see earlier ones either way
