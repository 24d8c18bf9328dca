import pytest
import torch

from mmatl_lab.nn.encoders import BagOfWords, ImageCNN, ImageGrid, ImageViT, MLPEncoder, TextTransformer
from mmatl_lab.nn.transformer import TransformerBlock

IMAGE = [lambda: ImageCNN(24), lambda: ImageGrid(24), lambda: ImageViT(24, num_layers=2, hidden_dim=32)]
TEXT = [lambda: TextTransformer(24, 50, max_len=12, num_layers=2, hidden_dim=32), lambda: BagOfWords(24, 50)]


@pytest.mark.parametrize("make", IMAGE)
def test_image_encoders_treat_examples_alone_and_use_every_part_of_the_picture(make):
    torch.manual_seed(0)
    encoder, images = make(), torch.rand(4, 3, 32, 32)
    out = encoder(images)
    assert out.shape == (4, 24)
    assert torch.allclose(out[2:3], encoder(images[2:3]), atol=1e-5)
    images.requires_grad_()
    encoder(images)[1].square().sum().backward()
    gradient = images.grad.abs().sum(1)
    assert gradient[0].sum() == 0 and gradient[2].sum() == 0  # other examples play no part
    assert (gradient[1] > 0).float().mean() > 0.99  # every pixel does
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize("make", IMAGE)
def test_image_encoders_see_where_things_are(make):
    torch.manual_seed(0)
    encoder, images = make(), torch.rand(1, 3, 32, 32)
    assert (encoder(images) - encoder(images.flip(-1))).abs().max() > 1e-3


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 28, 28), (3, 48, 20), (5, 224, 224), (2, 5, 3)])
def test_a_cnn_takes_images_of_any_size_and_number_of_channels(channels, height, width):
    encoder = ImageCNN(24, (4, 8, 8), in_channels=channels)
    assert encoder(torch.rand(2, channels, height, width)).shape == (2, 24)


def test_where_the_last_map_is_4_x_4_it_is_taken_as_it_is():
    """By the formula: the map flattened and its maximum; a map of another size is averaged first."""
    encoder, images = ImageCNN(24, (4, 8, 8)), torch.rand(2, 3, 32, 32)
    x = encoder.convolutions(images * 4 - 1)
    expected = encoder.project(encoder.norm(torch.cat([x.flatten(1), x.amax((2, 3))], 1)))
    assert torch.allclose(encoder(images), expected, atol=1e-6)


def test_the_places_of_a_grid_are_those_of_its_last_map():
    """Each place has the vector of its column of the map, row by row; two equal places differ in position alone."""
    encoder, images = ImageGrid(24, (4, 8, 8)), torch.rand(2, 3, 32, 32)
    features = encoder.sequence(images).features
    x = encoder.convolutions(images * 4 - 1)[:, :, 1, 2]  # second row, third column
    assert features.shape == (2, 16, 24)
    assert torch.allclose(features[:, 6], encoder.project(encoder.norm(x)) + encoder.pos[6], atol=1e-5)
    plain = encoder.sequence(torch.full((1, 3, 32, 32), 0.25)).features[0] - encoder.pos
    assert torch.allclose(plain[5], plain[10], atol=1e-5) and not torch.allclose(encoder.pos[5], encoder.pos[10])


def test_patches_are_those_of_a_convolution():
    encoder, images = ImageViT(24, num_layers=0, hidden_dim=32), torch.rand(2, 3, 32, 32)
    x = torch.nn.functional.conv2d(images * 4 - 1, encoder.embed.weight.view(32, 3, 4, 4), encoder.embed.bias, 4)
    expected = encoder.project(encoder.norm(x.flatten(2).transpose(1, 2) + encoder.pos))
    assert torch.allclose(encoder.sequence(images).features, expected, atol=1e-5)


def test_the_encoder_of_features_has_one_hidden_layer():
    torch.manual_seed(0)
    encoder, x = MLPEncoder(8, 5, 16, dropout=0.5), torch.randn(4, 5)
    assert encoder(x).shape == (4, 8) and not torch.equal(encoder(x), encoder(x))
    first, last, encoder = encoder.layers[0], encoder.layers[-1], encoder.eval()
    assert torch.allclose(encoder(x), last(torch.nn.functional.gelu(first(x))))
    encoder = MLPEncoder(8, 5, 16, norm=True)
    first, norm, last = encoder.layers[0], encoder.layers[1], encoder.layers[-1]
    assert torch.allclose(encoder(x), last(torch.nn.functional.gelu(norm(first(x)))))


@pytest.mark.parametrize("make", TEXT)
def test_text_encoders_ignore_padding(make):
    torch.manual_seed(0)
    encoder = make()
    tokens = torch.randint(1, 50, (3, 6))
    padded = torch.cat([tokens, torch.zeros(3, 4, dtype=torch.long)], 1)
    assert torch.allclose(encoder(tokens), encoder(padded), atol=1e-5)
    alone = encoder(padded[1:2])
    assert torch.allclose(encoder(padded)[1:2], alone, atol=1e-5)


def test_only_the_transformer_reads_word_order():
    torch.manual_seed(0)
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    transformer, bag = TEXT[0](), TEXT[1]()
    assert (transformer(tokens) - transformer(tokens.flip(1))).abs().max() > 1e-3
    assert torch.allclose(bag(tokens), bag(tokens.flip(1)), atol=1e-5)


def test_padding_gets_no_gradient():
    encoder = TEXT[0]()
    tokens = torch.tensor([[3, 4, 0, 0]])
    encoder(tokens).sum().backward()
    used = encoder.embed.weight.grad.abs().sum(1) > 0
    assert used.nonzero().flatten().tolist() == [3, 4]
    assert encoder.pos.grad[2:].abs().sum() == 0


def test_attention_mask_hides_tokens():
    torch.manual_seed(0)
    block, x = TransformerBlock(16, 4), torch.randn(2, 5, 16)
    mask = torch.tensor([[True, True, True, False, False]] * 2)
    changed = x.clone()
    changed[:, 3:] = torch.randn(2, 2, 16)
    assert torch.allclose(block(x, mask)[:, :3], block(changed, mask)[:, :3], atol=1e-6)
    assert not torch.allclose(block(x)[:, :3], block(changed)[:, :3], atol=1e-3)


def test_block_agrees_with_torchs_own():
    """Oracle: nn.TransformerEncoderLayer in its pre-norm form with the same weights."""
    torch.manual_seed(0)
    block = TransformerBlock(16, 4).eval()
    oracle = torch.nn.TransformerEncoderLayer(16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    oracle.self_attn.in_proj_weight.data = block.attention.qkv.weight.data
    oracle.self_attn.in_proj_bias.data = block.attention.qkv.bias.data
    oracle.self_attn.out_proj.load_state_dict(block.attention.project.state_dict())
    oracle.linear1.load_state_dict(block.mlp[0].state_dict())
    oracle.linear2.load_state_dict(block.mlp[2].state_dict())
    oracle.norm1.load_state_dict(block.norm_attention.state_dict())
    oracle.norm2.load_state_dict(block.norm_mlp.state_dict())
    x = torch.randn(3, 7, 16)
    mask = torch.rand(3, 7) > 0.3
    mask[:, 0] = True
    expected = oracle(x, src_key_padding_mask=~mask)
    assert torch.allclose(block(x, mask)[mask], expected[mask], atol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ImageCNN(8)(torch.rand(1, 1, 32, 32)), r"takes images \(B, 3, H, W\), got \(1, 1, 32, 32\)"),
        (lambda: ImageViT(8)(torch.rand(1, 3, 48, 48)), r"takes images \(B, 3, 32, 32\), got \(1, 3, 48, 48\)"),
        (lambda: MLPEncoder(8, 5)(torch.rand(2, 4)), r"takes features \(B, 5\), got \(2, 4\)"),
        (lambda: ImageViT(8, patch=5), "patch=5"),
        (lambda: ImageGrid(8)(torch.rand(1, 3, 16, 16)), r"takes images \(B, 3, 32, 32\), got \(1, 3, 16, 16\)"),
        (lambda: ImageGrid(8, size=36), r"divisible by 2\^3, once for each of channels, got 36"),
        (lambda: TransformerBlock(10, 4), "num_heads=4"),
        (
            lambda: TextTransformer(8, 9, 3, hidden_dim=8)(torch.ones(1, 4, dtype=torch.long)),
            "up to 3 words, got 4",
        ),
    ],
)
def test_bad_arguments_get_a_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()
