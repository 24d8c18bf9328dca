"""Models of several seeds trained together are those that `Run` trains one by one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run
from mmatl_lab.training.ensemble import train_seeds

SETTINGS = {"num_steps": 12, "lr": 1e-2, "schedule": "one-cycle", "clip": 0.3}


class TwoInputs(nn.Module):
    """A fusion with a frozen layer and batch normalisation.

    No bias stands before the normalisation: its gradient is 0 but for rounding, which AdamW would blow up.
    """

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 6, bias=False), nn.Linear(3, 6, bias=False)
        self.second.weight.requires_grad_(False)
        self.scale = nn.BatchNorm1d(12)
        self.head = nn.Linear(12, 3)

    def forward(self, inputs):
        return self.head(F.gelu(self.scale(torch.cat([self.first(inputs["a"]), self.second(inputs["b"])], 1))))


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution, self.head = nn.Conv2d(1, 4, 3, stride=2), nn.Linear(4, 3)

    def forward(self, inputs):
        return self.head(F.gelu(self.convolution(inputs["image"])).amax((2, 3)))


def make_batch(generator):
    labels = torch.randint(3, (16,), generator=generator)
    one_hot = F.one_hot(labels, 3).float()
    a = torch.randn(16, 4, generator=generator)
    image = torch.randn(16, 1, 7, 7, generator=generator) + labels.view(-1, 1, 1, 1)
    return {"a": a, "b": one_hot + torch.randn(16, 3, generator=generator), "image": image}, labels


def loss(model, batch):
    inputs, labels = batch
    return F.cross_entropy(model(inputs), labels)


def trained_alone(make_model, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make_model()
    run = Run(model, "alone", seed=seed, save=False, device="cpu", precision="32-true", **SETTINGS)
    for _, generator in run:
        run.step(loss(run.model, make_batch(generator)))
    return model


@pytest.mark.parametrize("make_model", [TwoInputs, SmallCNN])
def test_together_as_alone(make_model):
    seeds = [3, 0, 7]
    together = train_seeds(make_model, make_batch, loss, seeds, **SETTINGS)
    for seed, model in zip(seeds, together):
        alone = trained_alone(make_model, seed)
        assert not model.training
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-4, atol=1e-6, msg=name)
    states = [torch.cat([p.flatten() for p in model.parameters()]) for model in together]
    assert not torch.allclose(states[0], states[1], atol=1e-2)


def test_a_seed_does_not_depend_on_the_others():
    one = train_seeds(SmallCNN, make_batch, loss, [4], **SETTINGS)[0]
    among = train_seeds(SmallCNN, make_batch, loss, [1, 4], **SETTINGS)[1]
    for name, value in one.state_dict().items():
        torch.testing.assert_close(among.state_dict()[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_seeds(SmallCNN, make_batch, loss, [0], **SETTINGS)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_is_not_finite_names_its_seed():
    bad = seeded(4, 2).initial_seed()

    def batch(generator):
        inputs, labels = make_batch(generator)
        if generator.initial_seed() == bad:
            inputs["image"] = inputs["image"] * float("inf")
        return inputs, labels

    with pytest.raises(FloatingPointError, match="seed 4 is nan at step 2 of 12"):
        train_seeds(SmallCNN, batch, loss, [1, 4], **SETTINGS)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"different seeds, got \[1, 1\]"):
        train_seeds(SmallCNN, make_batch, loss, [1, 1], 5)
    with pytest.raises(TypeError, match="got a str"):
        train_seeds(SmallCNN, lambda generator: "no", loss, [1], 5)


def test_a_model_that_cannot_be_batched_gets_a_sentence():
    def looks(model, batch):
        value = loss(model, batch)
        return value if value > 0 else -value

    with pytest.raises(ValueError, match="seeds of this SmallCNN cannot be trained together"):
        train_seeds(SmallCNN, make_batch, looks, [1, 2], 5)
