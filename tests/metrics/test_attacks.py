"""Attacks are measured as strong as they are, and a masked gradient is noticed."""

import pytest
import torch
from torch import nn

from mmatl_lab.metrics.attacks import attack_all, right, under_attack
from mmatl_lab.seeding import seeded

EPSILON = 0.15


@pytest.fixture
def data():
    """400 examples of two modalities with labels of which a tenth is wrong, and the linear rule that made them."""
    g = seeded(1)
    views = {"image": torch.rand(400, 3, generator=g), "audio": torch.randn(400, 2, generator=g)}
    linear = nn.Linear(5, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, -2, 1, 1, -1], [-1, 0.5, 1, -1, 2]]))
        linear.bias.zero_()
        label = logits_of(linear)(views).argmax(1)
        label = torch.where(torch.rand(400, generator=g) < 0.1, 1 - label, label)
    return logits_of(linear), linear.weight.detach(), views, label


def logits_of(model):
    return lambda views: model(torch.cat([views["image"], views["audio"]], 1))


def margin(logits, views, label):
    z = logits(views).detach().gather(1, torch.stack([label, 1 - label], 1))
    return z[:, 0] - z[:, 1]


@pytest.mark.parametrize("steps", [1, 20])
@pytest.mark.parametrize("modalities", [("image",), ("audio",), ("image", "audio")])
def test_a_linear_model_loses_what_its_margin_says(data, steps, modalities):
    # The worst change of a linear margin w x is epsilon |w|_1 over the numbers that may be changed.
    logits, weight, views, label = data
    sizes = (weight[0] - weight[1]).abs()
    reach = EPSILON * sum(s.sum() for n, s in (("image", sizes[:3]), ("audio", sizes[3:])) if n in modalities)
    hits = under_attack(logits, views, label, EPSILON, steps=steps, modalities=modalities, generator=seeded(2))
    assert torch.equal(hits, margin(logits, views, label) > reach)


def test_bounds_are_kept_and_a_wrong_answer_stays_wrong(data):
    logits, _, views, label = data
    held = {"image": (0.0, 1.0), "audio": (0.0, 0.0)}
    hits = under_attack(logits, views, label, 5.0, bounds=held | {"image": (0.5, 0.5)}, generator=seeded(2))
    same = {"image": torch.full((400, 3), 0.5), "audio": torch.zeros(400, 2)}
    assert torch.equal(hits, right(logits, views, label) & right(logits, same, label))


def test_nothing_is_suspicious_about_a_linear_model(data):
    logits, _, views, label = data
    other = logits_of(nn.Linear(5, 2))
    found = attack_all(logits, views, label, EPSILON, others=[other], unbounded=10, generator=seeded(3))
    a = found.accuracies()
    assert found.suspicions() == [] and a["unbounded"] == 0
    assert a["worst"] == a["strong"] == a["many_steps"] == a["one_step"] < a["noise"] < a["clean"]
    assert a["transfer"] > a["many_steps"]


def test_a_masked_gradient_is_noticed_by_what_needs_none(data):
    logits, _, views, label = data

    def masked(views):  # the same answers, and no gradient
        return torch.round(logits(views) * 1e6) + 0 * logits(views)

    assert torch.equal(right(masked, views, label), right(logits, views, label))
    found = attack_all(masked, views, label, EPSILON, others=[logits], unbounded=10, generator=seeded(3))
    told = " ".join(found.suspicions())
    assert "another model's gradient" in told and "without a limit" in told and "random noise" in told
    honest = under_attack(logits, views, label, EPSILON, generator=seeded(2))
    assert found.worst.float().mean() == pytest.approx(honest.float().mean().item(), abs=0.01)


def test_weights_get_no_gradient_and_a_transfer_attack_needs_another_model(data):
    _, _, views, label = data
    model = nn.Linear(5, 2)
    under_attack(logits_of(model), views, label, EPSILON, generator=seeded(2))
    assert model.weight.grad is None
    with pytest.raises(ValueError, match="needs another model"):
        attack_all(logits_of(model), views, label, EPSILON, others=[], unbounded=10, generator=seeded(3))
