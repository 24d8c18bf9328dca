"""The loop's helper on one process: what it does in a step, what it keeps, and how it is left early."""

import csv
import math
import signal
import threading

import pytest
import torch
from torch import nn

from mmatl_lab.seeding import seeded
from mmatl_lab.training import learning_rate, load_checkpoint

from .line import WEIGHTS, loss_of, make, net, train


def test_a_run_is_the_loop_one_would_write(tmp_path):
    """Bit for bit: AdamW with decay on matrices, clipped gradients, the schedule."""
    run = train(make(tmp_path, num_steps=20, weight_decay=0.1, clip=0.5, schedule="one-cycle"))
    model = net()
    groups = [{"params": [model.weight], "weight_decay": 0.1}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    for step in range(20):
        x = torch.randn(8, 3, generator=seeded(0, step))
        optimizer.zero_grad()
        (model(x) - x @ WEIGHTS).square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 20, 0.05, "one-cycle")
        optimizer.step()
    assert torch.equal(run.model.weight, model.weight) and torch.equal(run.model.bias, model.bias)


def test_decay_spares_everything_but_matrices(tmp_path):
    """With no gradient but that of the decay, vectors and scalars stay as they are and matrices shrink."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LayerNorm(4), nn.Embedding(3, 4))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    run = make(tmp_path, model, weight_decay=0.5, num_steps=2, save=False)
    for _ in run:
        run.step(0 * sum(p.sum() for p in model.parameters()))
    for name, parameter in model.named_parameters():
        assert (parameter.norm() < before[name].norm()) == (parameter.ndim > 1), name


def test_data_and_dropout_of_a_step_depend_on_seed_and_step_alone(tmp_path):
    def drawn(seed, save_at):
        run, numbers = make(tmp_path, seed=seed, save=False), []
        for step, generator in run:
            numbers.append((torch.rand(1, generator=generator).item(), torch.rand(1).item()))
            if step == save_at:
                torch.rand(100), torch.rand(100, generator=generator)  # what one step draws does not move the next
            run.step(loss_of(run, generator))
        return numbers

    first = drawn(0, save_at=2)
    assert first == drawn(0, save_at=4) != drawn(1, save_at=4)
    assert len({number for pair in first for number in pair}) == 12


def test_bf16_computes_in_bf16_and_gives_float32(tmp_path):
    seen = []
    model = net()
    model.register_forward_hook(lambda module, x, y: seen.append(y.dtype))
    run = make(tmp_path, model, precision="bf16-mixed", save=False)
    for _, generator in run:
        assert run.model(torch.randn(8, 3)).dtype == torch.float32
        run.step(loss_of(run, generator))
    assert set(seen) == {torch.bfloat16} and model.weight.dtype == torch.float32


def test_the_model_learns_trains_and_evaluates_in_its_modes(tmp_path):
    model, modes = net().eval(), []
    run = make(tmp_path, model, num_steps=150)
    for _, generator in run:
        modes.append(model.training)
        run.step(loss_of(run, generator))
    assert all(modes) and not model.training
    assert run.history["loss"][-1] < 0.01 < run.history["loss"][0]


def test_history_has_one_row_for_each_step_and_nan_where_nothing_was_measured(tmp_path):
    run = make(tmp_path)
    for step, generator in run:
        late = {"late": torch.tensor([2.0])} if step >= 4 else {}
        run.step(loss_of(run, generator), **({"even": step / 2} if step % 2 == 0 else {}), **late)
    assert run.history["step"] == [0, 1, 2, 3, 4, 5]
    assert [None if math.isnan(x) else x for x in run.history["even"]] == [0.0, None, 1.0, None, 2.0, None]
    assert [None if math.isnan(x) else x for x in run.history["late"]] == [None] * 4 + [2.0, 2.0]
    assert len(run.history["loss"]) == 6


def test_weights_card_and_log_are_written(tmp_path):
    run = train(make(tmp_path, card={"recipe": "clip", "preset": "quick"}), accuracy=0.5)
    assert run.path == tmp_path / "line.safetensors"
    state, card = load_checkpoint(run.path)
    assert torch.equal(state["weight"], run.model.weight)
    assert card["recipe"] == "clip" and card["step"] == 6 and card["training"]["accuracy"] == 0.5
    assert card["settings"]["lr"] == 0.05 and card["metrics"] == {}
    load = run.save({"recall": 0.9}, dtype=torch.float16)
    assert load_checkpoint(load).card["metrics"] == {"recall": 0.9}
    (log,) = (tmp_path / "logs" / "line").iterdir()
    rows = list(csv.DictReader((log / "metrics.csv").open()))
    assert [float(row["loss"]) for row in rows] == run.history["loss"]
    assert [float(row["lr"]) for row in rows] == run.learning_rates["lr"]
    assert [row["accuracy"] for row in rows] == ["0.5"] * 6


def test_tensorboard_reads_the_log(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = train(make(tmp_path))
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "line" / "version_0"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == run.history["step"]
    assert [event.value for event in events.Scalars("loss")] == run.history["loss"]


def test_the_newest_log_of_a_resumed_run_is_whole(tmp_path):
    run = make(tmp_path)
    for step, generator in run:
        run.step(loss_of(run, generator))
        if step == 2:
            run.stop()
    resumed = train(make(tmp_path, resume=True))
    rows = list(csv.DictReader((tmp_path / "logs" / "line" / "version_1" / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows] == [0, 1, 2, 3, 4, 5] == resumed.history["step"]


def test_save_false_leaves_no_trace(tmp_path):
    train(make(tmp_path, save=False))
    assert not list(tmp_path.iterdir())


def test_the_folder_is_that_of_the_environment_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path / "mine"))
    assert train(make(None)).path == tmp_path / "mine" / "line.safetensors"
    assert (tmp_path / "mine" / "line.state.safetensors").exists()


def test_stop_ends_after_the_step_and_the_same_run_can_go_on(tmp_path, capsys):
    run = make(tmp_path)
    for step, generator in run:
        run.step(loss_of(run, generator))
        if step == 3:
            run.stop()
    assert run.stopped and run.done == 4
    assert capsys.readouterr().out.startswith(
        "line stopped at step 4 of 6; the model is usable; resume=True goes on; loss"
    )
    train(run)
    assert not run.stopped
    for parameter, expected in zip(run.model.parameters(), train(make(tmp_path)).model.parameters(), strict=True):
        assert torch.equal(parameter, expected)


@pytest.mark.parametrize("leave", ["break", "error"])
def test_break_and_errors_give_the_signals_back(tmp_path, leave):
    run = make(tmp_path)
    try:
        for _ in run:
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            if leave == "break":
                break
            raise KeyError
    except KeyError:
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not run.path.exists()


def test_outside_the_main_thread_it_trains_as_well(tmp_path):
    run = make(tmp_path)
    thread = threading.Thread(target=train, args=(run,))
    thread.start()
    thread.join()
    assert run.done == 6 and run.path.exists()
