"""Attacks: inside their box, along the sign of the gradient, and exact where the loss is linear."""

import pytest
import torch
from torch import nn

from mmatl_lab.nn.attacks import fgsm, pgd
from mmatl_lab.seeding import seeded

VIEWS = {"image": torch.rand(6, 2, 3, generator=seeded(1)), "text": torch.arange(6)}
WEIGHT = torch.randn(2, 3, generator=seeded(2))


def linear(views):
    return (views["image"] * WEIGHT).sum((1, 2))


def test_fgsm_of_a_linear_loss_is_the_sign_of_its_weight():
    found = fgsm(linear, VIEWS, 0.1)
    assert torch.allclose(found["image"], VIEWS["image"] + 0.1 * WEIGHT.sign())
    assert found["text"] is VIEWS["text"]


def test_pgd_of_a_linear_loss_ends_in_the_corner_from_any_start():
    found = pgd(linear, VIEWS, 0.1, steps=5, generator=seeded(3))
    assert torch.allclose(found["image"], VIEWS["image"] + 0.1 * WEIGHT.sign(), atol=1e-6)


def test_nothing_leaves_the_box_or_its_bounds():
    found = pgd(linear, VIEWS, 0.3, steps=3, step_size=9.0, bounds={"image": (0.0, 1.0)}, generator=seeded(3))["image"]
    assert (found - VIEWS["image"]).abs().max() <= 0.3 + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1


def test_only_the_named_modalities_change():
    views = {"image": torch.randn(4, 3), "audio": torch.randn(4, 3)}
    found = pgd(lambda v: (v["image"] + v["audio"]).sum(1), views, 0.1, modalities=["audio"], generator=seeded(0))
    assert torch.equal(found["image"], views["image"])
    assert torch.allclose(found["audio"], views["audio"] + 0.1)


def test_of_several_restarts_each_sample_keeps_its_best():
    """A loss with two hills: the higher one, at -1, is found from a start on its side only."""

    def hills(views):
        x = views["x"][:, 0]
        return torch.maximum(2 - 2 * (x + 1).abs(), 1 - (x - 1).abs())

    views = {"x": torch.full((200, 1), 0.2)}
    options = {"steps": 20, "step_size": 0.1}
    one = hills(pgd(hills, views, 1.2, **options, generator=seeded(5)))
    many = hills(pgd(hills, views, 1.2, restarts=8, **options, generator=seeded(5)))
    assert one.mean() < 1.7
    assert many.mean() > 1.7


def test_the_model_and_the_views_get_no_gradient():
    model, x = nn.Linear(3, 2), torch.randn(5, 3, requires_grad=True)
    found = fgsm(lambda v: model(v["x"]).sum(1), {"x": x}, 0.1)
    assert not found["x"].requires_grad
    assert x.grad is None
    assert model.weight.grad is None


def test_epsilon_0_changes_nothing():
    assert torch.equal(pgd(linear, VIEWS, 0.0)["image"], VIEWS["image"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": -1.0}, "epsilon >= 0"),
        ({"epsilon": 0.1, "steps": 0}, "steps >= 1"),
        ({"epsilon": 0.1, "modalities": ["audio"]}, "no modality 'audio'"),
        ({"epsilon": 0.1, "modalities": ["text"]}, "no gradient"),
        ({"epsilon": 0.1}, "generator="),
    ],
)
def test_what_cannot_be_attacked_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        pgd(linear, VIEWS, **options)
