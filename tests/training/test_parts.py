"""Several models, several optimizers, gradients changed or added up between backward and update, averaged weights."""

from functools import partial

import pytest
import torch
from torch import nn

from mmatl_lab.seeding import seeded
from mmatl_lab.training import EMA, Run, learning_rate, load_checkpoint

RATES = {"generator": 1e-2, "discriminator": 4e-2}


def gan() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    return {"generator": generator, "discriminator": nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))}


def losses(model, generator):
    """(discriminator's, generator's) loss of a batch."""
    real, noise = (torch.randn(16, 2, generator=generator) for _ in range(2))
    fake = model.generator(noise)
    score = nn.functional.softplus
    false = score(model.discriminator(fake.detach())).mean()
    return score(-model.discriminator(real)).mean() + false, lambda: score(-model.discriminator(fake)).mean()


def make(tmp_path, model, num_steps=6, **settings) -> Run:
    return Run(model, "parts", num_steps, **{"device": "cpu", "precision": "32-true", "folder": tmp_path} | settings)


def train_gan(run, stop_at=None):
    for step, generator in run:
        ours, theirs = losses(run.model, generator)
        run.backward(ours)
        run.update("discriminator")
        run.backward(theirs())
        run.update("generator", step_squared=step**2)
        if step == stop_at:
            run.stop()
    return run


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


@pytest.mark.parametrize("name", ["step", "loss", "lr", "generator_lr", "discriminator_loss"])
def test_a_metric_called_like_a_column_of_the_log_is_refused(tmp_path, name):
    run = make(tmp_path, gan(), lr=RATES, save=False)
    with pytest.raises(ValueError, match=f"cannot be called '{name}', which is logged already"):
        for _, generator in run:
            run.backward(losses(run.model, generator)[0])
            run.update("discriminator", **{name: 0.5})


def test_a_part_may_have_a_schedule_of_its_own(tmp_path):
    run = make(tmp_path, gan(), num_steps=40, lr=RATES, schedule={"discriminator": "constant"}, save=False)
    assert run.learning_rates["discriminator_lr"] == [learning_rate(i, 40, 4e-2, "constant") for i in range(40)]
    assert run.learning_rates["generator_lr"] == [learning_rate(i, 40, 1e-2, "cosine") for i in range(40)]
    with pytest.raises(ValueError, match="a schedule for 'judge', which is none of generator, discriminator"):
        make(tmp_path, gan(), lr=RATES, schedule={"judge": "constant"}, save=False)


def test_two_models_in_turns_are_the_loop_one_would_write(tmp_path):
    run = train_gan(make(tmp_path, gan(), lr=RATES, weight_decay=0.0, save=False))
    model = nn.ModuleDict(gan()).train()
    adam = {name: torch.optim.AdamW(model[name].parameters(), weight_decay=0.0, fused=True) for name in RATES}

    def update(name, loss, step):
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model[name].parameters(), 1.0)
        adam[name].param_groups[0]["lr"] = learning_rate(step, 6, RATES[name])
        adam[name].step()

    for step in range(6):
        ours, theirs = losses(model, seeded(0, step))
        update("discriminator", ours, step)
        update("generator", theirs(), step)
    assert same(run.module, model)
    assert list(run.history) == ["step", "discriminator_loss", "generator_loss", "step_squared"]
    assert run.history["step_squared"] == [0, 1, 4, 9, 16, 25] and "generator_loss" in run.summary()


@pytest.mark.parametrize("optimizer", [None, {"generator": partial(torch.optim.SGD, momentum=0.9)}, torch.optim.NAdam])
def test_a_stopped_run_of_several_optimizers_goes_on_to_the_same_bits(tmp_path, optimizer):
    settings = {"lr": RATES, "optimizer": optimizer, "ema": 0.9, "save_every": 0}
    whole = train_gan(make(tmp_path / "whole", gan(), **settings))
    train_gan(make(tmp_path, gan(), **settings), stop_at=2)
    resumed = train_gan(make(tmp_path, gan(), resume=True, **settings))
    assert same(resumed.module, whole.module) and same(resumed.ema, whole.ema)
    one, other = (load_checkpoint(run.state_path) for run in (resumed, whole))
    assert all(torch.equal(one.state[name], tensor) for name, tensor in other.state.items())
    assert one.card["numbers"] == other.card["numbers"] and one.card["history"] == other.card["history"]


def test_another_optimizer_is_another_run(tmp_path):
    train_gan(make(tmp_path, gan(), lr=RATES), stop_at=2)
    with pytest.raises(ValueError, match=r"belongs to a run with optimizer=.*AdamW.*, this one has optimizer=.*SGD"):
        make(tmp_path, gan(), lr=RATES, optimizer=torch.optim.SGD, resume=True)


def test_a_checkpoint_holds_the_statistics_of_the_step_it_belongs_to(tmp_path):
    """A state is written after the forward pass of a step, which has moved the running mean of batch norm by then."""
    run = make(tmp_path, gan(), lr=RATES, save_every=0)
    before = run.module.generator[1].running_mean.clone()
    for _, generator in run:
        ours, _ = losses(run.model, generator)
        run.backward(ours)
        run.update("discriminator")
        break
    saved = load_checkpoint(run.state_path).state["model/generator.1.running_mean"]
    assert torch.equal(saved, before) and not torch.equal(run.module.generator[1].running_mean, before)


def test_gradients_may_be_changed_before_the_update(tmp_path):
    """With plain SGD, doubled gradients move the weights twice as far; Adam would cancel the factor."""
    moved = []
    for factor in (1.0, 2.0):
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        start = model.weight.detach().clone()
        run = make(tmp_path, model, 1, lr=0.1, optimizer=torch.optim.SGD, clip=1e9, save=False)
        for _, generator in run:
            run.backward(run.model(torch.randn(8, 3, generator=generator)).mean())
            for parameter in run.module.parameters():
                parameter.grad *= factor
            run.update()
        moved.append(model.weight.detach() - start)
    torch.testing.assert_close(moved[1], 2 * moved[0])


def test_small_batches_add_up_to_a_large_one(tmp_path):
    def trained(pieces):
        torch.manual_seed(0)
        run = make(tmp_path, nn.Linear(3, 1), 5, lr=0.05, save=False)
        for _, generator in run:
            x = torch.randn(8, 3, generator=generator)
            for part in x.chunk(pieces):
                run.backward(run.model(part).square().mean() / pieces, more=True)
            run.update()
        return run

    whole, parts = trained(1), trained(4)
    torch.testing.assert_close(parts.module.weight, whole.module.weight)
    assert parts.history["loss"] == pytest.approx(whole.history["loss"])


def test_what_is_not_named_keeps_its_weights_and_loses_its_gradient(tmp_path):
    run = make(tmp_path, gan(), 1, save=False)
    kept = nn.ModuleDict(gan())
    for _, generator in run:
        _, theirs = losses(run.model, generator)
        run.backward(theirs())
        run.update("generator")
        assert same(run.module.discriminator, kept.discriminator)
        assert not same(run.module.generator, kept.generator)
        ours, _ = losses(run.model, generator)
        run.backward(ours)
        assert all(p.grad is None for p in run.module.generator.parameters())
        run.update("discriminator")


class Clamped(nn.Linear):
    def after_update(self):
        self.weight.clamp_(-0.1, 0.1)

    def sample(self, x):
        self.seen = torch.is_autocast_enabled("cpu")
        return {"one": (self(x),)}


def test_after_update_is_called_wherever_it_stands(tmp_path):
    run = make(tmp_path, {"deep": nn.Sequential(Clamped(3, 1))}, 2, lr=1.0, save=False)
    for _ in run:
        run.step(-run.model.deep(torch.ones(4, 3)).sum())
        assert run.module.deep[0].weight.abs().max() <= 0.1


def test_every_method_computes_in_the_precision_of_the_run(tmp_path):
    run = make(tmp_path, {"a": Clamped(3, 1)}, 1, precision="bf16-mixed", save=False)
    x = torch.randn(4, 3)
    assert run.model.a.sample(x)["one"][0].dtype == torch.float32 and run.module.a.seen
    assert run.model["a"](x).dtype == torch.float32 and run.model.a.weight is run.module.a.weight
    with run.autocast():
        assert (x @ x.T).dtype == torch.bfloat16
    for _ in run:
        run.step(run.model.a.sample(x)["one"][0].square().mean())
    assert run.module.a.weight.grad.dtype == torch.float32


def test_the_average_follows_its_formula_and_is_what_is_saved(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    run = make(tmp_path, model, 8, lr=0.05, ema=0.5)
    expected = model.weight.detach().clone()
    for step, generator in run:
        if step:
            decay = min(0.5, step / (9 + step))  # of the step before
            expected = decay * expected + (1 - decay) * model.weight.detach()
        run.step(run.model(torch.randn(8, 3, generator=generator)).square().mean())
    expected = (
        0.5 * expected + 0.5 * model.weight.detach()
        if 8 / 17 > 0.5
        else (8 / 17 * expected + 9 / 17 * model.weight.detach())
    )
    torch.testing.assert_close(run.ema.weight, expected)
    assert torch.equal(load_checkpoint(run.path).state["weight"], run.ema.weight)
    assert not run.ema.weight.requires_grad and not run.ema.training
    with pytest.raises(ValueError, match="ema is 1.5"):
        EMA(model, 1.5)


@pytest.mark.parametrize("bad", [3, 9])
def test_a_device_that_is_asked_now_and_then_keeps_the_weights_before_the_bad_step(tmp_path, monkeypatch, bad):
    """As on a GPU: the error comes later than the step, and no step from the bad one on has moved a weight."""
    weights = []
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    run = make(tmp_path, model, 10, lr=0.05, save=False)
    run._look_every, run._readings._at_once = 1e9, False
    with pytest.raises(FloatingPointError, match=f"loss is nan at step {bad} of 10"):
        for step, generator in run:
            weights.append(model.weight.detach().clone())
            loss = run.model(torch.randn(8, 3, generator=generator)).square().mean()
            run.step(loss * float("nan") if step == bad else loss)
    assert len(weights) == 10 and torch.equal(model.weight, weights[bad]) and not torch.equal(weights[0], weights[1])
    assert run.done == bad == len(run.history["loss"])


def test_a_device_that_is_asked_now_and_then_gives_the_same_history(tmp_path):
    def trained(every):
        run = make(tmp_path / str(every), gan(), 30, lr=RATES, save_every=0)
        run._look_every, run._readings._at_once = every, every == 0
        return train_gan(run)

    seldom, always = trained(0.005), trained(0)
    assert same(seldom.module, always.module) and seldom.history["step"] == always.history["step"]
    assert seldom.history["generator_loss"] == pytest.approx(always.history["generator_loss"])


def test_a_checkpoint_of_such_a_device_has_the_history_up_to_its_step(tmp_path):
    run = make(tmp_path, nn.Linear(3, 1), 10, lr=0.05, save_every=0)
    run._look_every, run._readings._at_once = 1e9, False
    for step, generator in run:
        if step == 4:
            run._next_look = 0  # as if the time had come at the start of the next step
        run.step(run.model(torch.randn(8, 3, generator=generator)).square().mean())
        if step == 5:
            break
    card = load_checkpoint(run.state_path).card
    assert card["step"] == 5 and card["history"]["step"] == [0, 1, 2, 3, 4]


def test_a_second_update_that_is_not_finite_gives_the_step_of_the_last_good_weights(tmp_path):
    run = make(tmp_path, gan(), lr=RATES, save_every=0)
    with pytest.raises(FloatingPointError, match="at step 2 of 6"):
        for step, generator in run:
            ours, theirs = losses(run.model, generator)
            run.backward(ours)
            run.update("discriminator")
            run.backward(theirs() * (float("nan") if step == 2 else 1.0))
            run.update("generator")
    assert run.done == 2 == len(run.history["step"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr": {"generator": 1e-2}}, "no optimizer trains 'discriminator.0.weight'"),
        ({"lr": {"generator": 1e-2, "critic": 1e-2}}, "has no part 'critic' for a learning rate: it has generator, d"),
        ({"lr": RATES | {"generator.0": 1e-2}}, "'generator' and 'generator.0' share parameters"),
        ({"optimizer": {"critic": torch.optim.SGD}}, "the optimizer 'critic' has no learning rate"),
    ],
)
def test_parts_that_do_not_fit_are_named(tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        make(tmp_path, gan(), **settings)


def test_an_update_without_gradients_or_of_nobody_is_named(tmp_path):
    run = make(tmp_path, gan(), save=False)
    with pytest.raises(RuntimeError, match="needs gradients: call run.backward"):
        for _ in run:
            run.update("generator")
    with pytest.raises(ValueError, match="no optimizer is called 'critic': choose from generator, discriminator"):
        for _, generator in run:
            run.backward(losses(run.model, generator)[0])
            run.update("critic")
