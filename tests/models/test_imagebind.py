import math

import pytest
import torch

from mmatl_lab.models.imagebind import ImageBind, ImageBindConfig
from mmatl_lab.nn.encoders import Part


def model(pairs=(("image", "text"), ("image", "audio"))):
    encoders = {name: Part("MLPEncoder", {"in_dim": 5, "hidden_dim": 8}) for name in ("image", "text", "audio")}
    torch.manual_seed(0)
    return ImageBind.from_config(ImageBindConfig(encoders, pairs, out_dim=4))


def test_every_modality_has_unit_vectors_of_one_space():
    z = model()({name: torch.randn(3, 5) for name in ("audio", "image")})
    assert list(z) == ["audio", "image"] and all(x.shape == (3, 4) for x in z.values())
    assert torch.allclose(torch.cat([*z.values()]).norm(dim=1), torch.ones(6))
    assert model().modalities == ("image", "text", "audio")


def test_each_pair_has_a_temperature_of_its_own_that_stays_above_its_least():
    bind = model()
    bind.logit_scale(("image", "audio")).backward()
    assert bind.logit_scales.grad.tolist() == [0.0, 1.0]
    with torch.no_grad():
        bind.logit_scales += 9
    bind.after_update()
    assert torch.allclose(bind.logit_scales, torch.full((2,), math.log(100)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: model(()), "give at least one pair"),
        (lambda: model((("image", "smell"),)), "pairs must name two of image, text, audio"),
        (lambda: model().encode("smell", torch.ones(1, 5)), "encodes image, text, audio, got 'smell'"),
        (lambda: model().logit_scale(("text", "audio")), "the trained pairs are"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
