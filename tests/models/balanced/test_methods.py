"""The methods on `Run`: what each trains, with which gradients, for two and for three modalities."""

import copy
import warnings
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmatl_lab.models.balanced import (
    METHODS,
    MLA,
    OGM,
    OGMGE,
    QMF,
    BalancedConfig,
    Independent,
    Joint,
    LossHistory,
    build,
    confidence,
    modulation,
    rank_loss,
)
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run

WIDTHS = {"image": 5, "audio": 7, "sensor": 3}
NUM_CLASSES, NUM_SAMPLES = 4, 40
SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)


def make(method, n=2, **options):
    parts = {name: Part("MLPEncoder", {"in_dim": WIDTHS[name], "hidden_dim": 9}) for name in list(WIDTHS)[:n]}
    options |= {"num_samples": NUM_SAMPLES} if method == "qmf" else {}
    torch.manual_seed(0)
    return build(BalancedConfig(method, parts, NUM_CLASSES, 6, options))


def batch(generator, size=16):
    index = torch.randint(NUM_SAMPLES, (size,), generator=generator)
    label = index % NUM_CLASSES
    views = {name: torch.randn(size, d, generator=generator) for name, d in WIDTHS.items()}
    for x in views.values():
        x[torch.arange(size), label % x.shape[1]] += 3
    return views, label, index


def train(model, steps=3, optimizer=SGD, lr=0.1, **options):
    run = Run(model, "balanced", steps, lr=lr, optimizer=optimizer, clip=1e6, save=False, quiet=True, **options)
    for _, generator in run:
        views, label, index = batch(generator)
        model.step(run, views, label, index=index, generator=generator)
    return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_and_moves_every_encoder(method, n):
    model = make(method, n)
    before = copy.deepcopy(model)
    train(model, 60)
    assert all(
        not torch.equal(a, b)
        for name in model.modalities
        for a, b in zip(model.encoders[name].parameters(), before.encoders[name].parameters())
    )
    views, label, _ = batch(seeded(1), 200)
    with torch.no_grad():
        accuracy = (model.fuse(model(views).logits).argmax(-1) == label).float().mean()
    assert accuracy > 0.7


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_the_fused_answer_passes_a_gradient_to_every_encoder(method, n):
    model = make(method, n)
    views, label, _ = batch(seeded(0))
    F.cross_entropy(model.fuse(model(views).logits), label).backward()
    assert all(p.grad.abs().sum() > 0 for name in model.modalities for p in model.encoders[name].parameters())


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_modalities_is_no_part_of_the_answer(method):
    model = make(method, 3)
    logits = model(batch(seeded(0))[0]).logits
    assert torch.allclose(model.fuse(logits), model.fuse(logits[[2, 0, 1]]), atol=1e-6)


def test_the_sum_of_the_heads_is_one_head_on_the_concatenation():
    model = make("normal", 3)
    out = model(batch(seeded(0))[0])
    W = torch.cat([model.head(name).weight for name in model.modalities], 1)
    b = sum(model.head(name).bias for name in model.modalities)
    assert torch.allclose(model.fuse(out.logits), F.linear(torch.cat(list(out.features), 1), W, b), atol=1e-5)


def test_independent_training_of_a_modality_does_not_see_the_others():
    one, other = make("independent"), make("independent")
    with torch.no_grad():
        for p in other.encoders["audio"].parameters():
            p.add_(1)
    train(one), train(other)
    assert torch.equal(one.encoders["image"].layers[0].weight, other.encoders["image"].layers[0].weight)
    assert torch.equal(one.head("image").weight, other.head("image").weight)


def test_in_joint_training_the_others_residual_reaches_a_modality():
    one, other = make("normal"), make("normal")
    with torch.no_grad():
        for p in other.encoders["audio"].parameters():
            p.add_(1)
    train(one), train(other)
    assert not torch.equal(one.encoders["image"].layers[0].weight, other.encoders["image"].layers[0].weight)


def test_the_bias_of_joint_training_is_shared_out_equally():
    model = train(make("ogm", 3), 20)
    biases = [model.head(name).bias for name in model.modalities]
    assert all(torch.allclose(biases[0], b, atol=1e-6) for b in biases)


# MLA ------------------------------------------------------------------------------------------------------------------


def test_mla_has_one_head_and_its_modalities_take_turns():
    model = make("mla", 3)
    assert model.head("image") is model.head("sensor")
    moved = []

    class Spy(Run):
        def update(self, *names, **metrics):
            moved.append([m for m in model.modalities if model.encoders[m].layers[0].weight.grad is not None])
            super().update(*names, **metrics)

    run = Spy(model, "mla", 1, optimizer=SGD, save=False, quiet=True)
    for _, generator in run:
        views, label, _ = batch(generator)
        model.step(run, views, label)
    assert moved == [["image"], ["audio"], ["sensor"]]


def test_the_guard_of_the_released_code_gives_the_weights_of_no_modification_at_all():
    released = train(make("mla", guard="module.weight"))
    without = train(make("mla", modify=False))
    published = train(make("mla"))
    assert torch.equal(weights(released), weights(without))
    assert not torch.equal(weights(published), weights(without))


def test_the_first_turn_is_unmodified_in_the_published_order_only():
    model, current = make("mla"), make("mla", order="current")
    generator = seeded(0)
    r = torch.randn(6, generator=generator)
    for m in (model, current):
        m.head("image").weight.grad = torch.ones(NUM_CLASSES, 6)
        m._modify(r, 0.1)
    assert torch.equal(model.head("image").weight.grad, torch.ones(NUM_CLASSES, 6))
    assert (current.head("image").weight.grad @ r).abs().max() < 0.1 * r.sum().abs()
    assert torch.equal(model.modification.P, current.modification.P)


def test_P_is_kept_with_the_weights():
    assert "modification.P" in make("mla").state_dict()
    assert not torch.equal(train(make("mla")).modification.P, torch.eye(6))


# OGM ------------------------------------------------------------------------------------------------------------------


def test_k_is_in_0_to_1_and_slows_down_whatever_is_ahead():
    for scale in (0.1, 1, 10, 100):
        z, label = scale * torch.randn(3, 32, NUM_CLASSES), torch.arange(32) % NUM_CLASSES
        ratio, k = modulation(z, label, 0.8)
        assert ((k > 0) & (k <= 1)).all()
        assert torch.equal(k < 1, ratio > 1)
    extreme = torch.full((2, 8, NUM_CLASSES), -50.0)
    extreme[0, :, 0], extreme[1, :, 1] = 50, 50
    _, k = modulation(extreme, torch.zeros(8, dtype=torch.long), 0.8)
    assert 0 < k[0] < 1e-6 and k[1] == 1


def test_the_formula_of_two_modalities():
    z, label = torch.randn(2, 32, NUM_CLASSES), torch.arange(32) % NUM_CLASSES
    s = z.softmax(-1)[:, torch.arange(32), label].sum(1)
    ratio, k = modulation(z, label, 0.3)
    assert torch.allclose(ratio, torch.stack([s[0] / s[1], s[1] / s[0]]))
    expected = torch.where(ratio > 1, 1 - torch.tanh(0.3 * ratio), torch.ones(2))
    assert torch.allclose(k, expected, atol=1e-6)


def test_equal_modalities_are_left_alone():
    z = torch.randn(1, 8, NUM_CLASSES).expand(3, -1, -1)
    assert torch.equal(modulation(z, torch.zeros(8, dtype=torch.long), 0.8).k, torch.ones(3))


class Constant(OGM):
    """OGM with a constant factor in place of the modulation's."""

    def modulate(self, k, generator=None):
        super().modulate(torch.tensor([0.2, 1.0]), generator)


def constant(cls):
    torch.manual_seed(0)
    return cls({name: nn.Linear(WIDTHS[name], 6) for name in ("image", "audio")}, 6, NUM_CLASSES)


def test_under_adam_a_constant_k_changes_nothing_and_the_code_warns():
    adam = partial(torch.optim.Adam, eps=1e-30)
    with pytest.warns(UserWarning, match="Adam divides each gradient"):
        slowed = train(constant(Constant), 20, adam, lr=1e-2)
    joint = train(constant(Joint), 20, adam, lr=1e-2)
    assert torch.allclose(weights(slowed), weights(joint), atol=1e-5)


def test_under_sgd_the_same_k_changes_the_encoder_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slowed = train(constant(Constant), 20)
    joint = train(constant(Joint), 20)
    assert not torch.allclose(weights(slowed), weights(joint), atol=1e-3)


def test_ge_adds_noise_as_large_as_the_gradient_from_the_generator():
    model = make("ogm_ge")
    assert isinstance(model, OGMGE)
    gradients = []
    for seed in (3, 3, 4):
        for p in model.encoders.parameters():
            p.grad = torch.linspace(-1, 1, p.numel()).view_as(p)
        model.modulate(torch.tensor([0.5, 1.0]), seeded(seed))
        gradients.append(torch.cat([p.grad.flatten() for p in model.encoders["audio"].parameters()]))
    plain = torch.cat([torch.linspace(-1, 1, p.numel()) for p in model.encoders["audio"].parameters()])
    assert torch.equal(gradients[0], gradients[1]) and not torch.equal(gradients[0], gradients[2])
    assert 0.7 < (gradients[0] - plain).std() / plain.std() < 1.3


def test_the_released_code_modulates_convolutions_alone():
    released = train(make("ogm", convolutions_only=True))
    assert torch.equal(weights(released), weights(train(make("normal"))))


# QMF ------------------------------------------------------------------------------------------------------------------


def test_the_rank_loss_of_perfectly_ordered_pairs_is_zero():
    kappa = torch.rand(32)
    assert rank_loss(1 - kappa, kappa) == 0
    assert rank_loss(5 - 2 * kappa, kappa) == 0  # a wider distance is no error
    assert rank_loss(kappa, kappa) > 0
    assert rank_loss((1 - kappa) / 2, kappa) > 0  # in order, without the margin


def test_the_released_margin_is_slack():
    kappa = torch.rand(32)
    assert rank_loss(torch.zeros(32), kappa, margin="released") == 0
    assert rank_loss(0.9 * kappa, kappa, margin="released") == 0  # in the wrong order
    assert rank_loss(torch.zeros(32), kappa) > 0


def test_the_rank_loss_pulls_the_confidence_of_the_hard_sample_down():
    c, kappa = torch.tensor([0.5, 0.5], requires_grad=True), torch.tensor([1.0, 0.0])
    rank_loss(c, kappa).backward()
    assert c.grad[0] > 0 > c.grad[1]


def test_confidence_is_the_energy_over_ten():
    z = torch.randn(2, 5, NUM_CLASSES)
    assert torch.allclose(confidence(z), z.exp().sum(-1).log() / 10)


def test_the_history_is_the_running_mean_normalised_over_what_was_seen():
    history = LossHistory(2, 5)
    history.add(torch.tensor([0, 1]), torch.tensor([[1.0, 3.0], [2.0, 2.0]]))
    history.add(torch.tensor([1, 2]), torch.tensor([[5.0, 2.0], [4.0, 7.0]]))
    kappa = history.kappa(torch.tensor([0, 1, 2]))
    assert torch.allclose(kappa, torch.tensor([[0, 1, 1 / 3], [0, 0.2, 1]]))


def test_qmf_remembers_the_samples_of_the_batch():
    model = train(make("qmf"), 5)
    assert model.history.seen.sum() == 5 * 16


# Costs and borders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_was_killed_goes_on_to_the_same_weights(method, tmp_path):
    def half(stop, resume):
        model = make(method)
        run = Run(model, method, 8, lr=0.1, optimizer=SGD, folder=tmp_path, quiet=True, resume=resume)
        for step, generator in run:
            views, label, index = batch(generator)
            model.step(run, views, label, index=index, generator=generator)
            if step == stop:
                run.stop()
        return model

    half(3, False)
    resumed = half(None, True)
    whole = half(None, False)
    assert all(torch.equal(a, b) for a, b in zip(resumed.state_dict().values(), whole.state_dict().values()))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: make("boosting"), "no method 'boosting'"),
        (lambda: make("ogm", order="current"), "does not take"),
        (lambda: make("mla", order="random"), "order is"),
        (lambda: make("mla", fusion="late"), "fusion is"),
        (lambda: make("mla", weights=(1, 2, 3)), "a weight for each of image, audio"),
        (lambda: make("normal", 1), "two modalities or more, got image"),
        (lambda: make("normal")({"image": torch.zeros(2, 5)}), "got image: add audio"),
        (lambda: modulation(torch.zeros(1, 4, 3), torch.zeros(4).long(), 0.8), "N >= 2"),
        (lambda: modulation(torch.zeros(2, 4, 3), torch.zeros(4).long(), 0), "alpha is 0"),
        (lambda: rank_loss(torch.zeros(3), torch.zeros(4)), "got \\(3,\\) and \\(4,\\)"),
        (lambda: rank_loss(torch.zeros(3), torch.zeros(3), margin="none"), "margin is"),
        (lambda: make("ogm_ge").modulate(torch.ones(2)), "generator="),
    ],
)
def test_bad_input_gets_a_sentence(bad, sentence):
    with pytest.raises(ValueError, match=sentence):
        bad()


def test_qmf_without_places_says_so():
    model = make("qmf")
    run = Run(model, "qmf", 1, save=False, quiet=True)
    with pytest.raises(ValueError, match="index="):
        for _, generator in run:
            model.step(run, *batch(generator)[:2])


def test_the_classes_are_the_methods():
    assert [METHODS[m] for m in ("normal", "independent", "qmf", "mla")] == [Joint, Independent, QMF, MLA]
