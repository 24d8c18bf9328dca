"""Which loss moves which part: one test for each pair of a loss and a part, as the table in ``joint`` says."""

import pytest
import torch

from mmatl_lab.models.mmatl import GAMES, MMATL, MMATLConfig, joint
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import drawn_from, seeded

PARTS = ("encoders", "alignment_discriminator", "transfer", "task", "task_discriminator")
LOSSES = {  # name: which parts it moves
    "L_align_dis": {"alignment_discriminator"},
    "L_task_dis": {"task_discriminator"},
    "L_align_enc": {"encoders"},
    "L_task_alone": {"encoders", "transfer", "task"},
    "L_task": {"encoders", "transfer", "task"},
    "L_task_model": {"transfer", "task"},
    "L_contrast": {"encoders"},
}


def make_model(num_modalities=3, **options):
    encoders = {f"m{i}": Part("MLPEncoder", {"in_dim": 5, "hidden_dim": 8}) for i in range(num_modalities)}
    with drawn_from(0):
        return MMATL(MMATLConfig(encoders, num_classes=4, dim=6, **options))


def make_batch(num_modalities=3, n=12):
    views = {f"m{i}": torch.randn(n, 5, generator=seeded(i)) for i in range(num_modalities)}
    return views, torch.arange(n) % 4


def moved_by(loss, model):
    """The parts that the loss gives a gradient other than 0."""
    model.zero_grad()
    if loss.requires_grad:
        loss.backward()
    grads = {part: [p.grad for p in getattr(model, part).parameters() if p.grad is not None] for part in PARTS}
    return {part for part, found in grads.items() if any(g.abs().sum() > 0 for g in found)}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("conditional", [False, True])
def test_each_loss_moves_what_the_formulas_say(name, part, conditional):
    model = make_model(task_adversary="conditional_gan", class_conditional=conditional)
    loss = getattr(joint, name)(model, joint.look(model, *make_batch()))
    assert (part in moved_by(loss, model)) == (part in LOSSES[name])


@pytest.mark.parametrize("alignment", [name for name in GAMES if name != "none"])
def test_in_every_game_the_two_sides_move_apart(alignment):
    model = make_model(alignment=alignment, binary=False)
    batch = joint.look(model, *make_batch())
    assert moved_by(joint.L_align_enc(model, batch), model) == {"encoders"}
    assert moved_by(joint.L_align_dis(model, joint.look(model, *make_batch())), model) == {"alignment_discriminator"}


@pytest.mark.parametrize("adversary", ["fgsm", "pgd"])
def test_an_attack_moves_the_encoders_too(adversary):
    model = make_model(task_adversary=adversary, epsilon=0.1)
    loss = joint.L_task_model(model, joint.look(model, *make_batch()), seeded(0))
    assert moved_by(loss, model) == {"encoders", "transfer", "task"}


def test_the_printed_task_game_moves_T_and_f_by_its_first_term_alone():
    model = make_model(task_adversary="printed")
    assert moved_by(joint.L_task_model(model, joint.look(model, *make_batch())), model) == {"transfer", "task"}
    assert moved_by(joint.L_task_dis(model, joint.look(model, *make_batch())), model) == {"task_discriminator"}


def test_only_encoders_of_labelled_modalities_get_the_task_loss():
    model, (views, y) = make_model(), make_batch()
    labels = torch.stack([y, torch.full_like(y, joint.UNLABELLED), y], 1)
    joint.L_task_alone(model, joint.look(model, views, labels)).backward()
    norms = [sum(p.grad.abs().sum() for p in encoder.parameters()) for encoder in model.encoders.values()]
    assert norms[0] > 0
    assert norms[1] == 0
    assert norms[2] > 0


class Recorder:
    """In the place of a Run: remembers what was updated, in which order, and by which gradients."""

    def __init__(self, model):
        self.model, self.updates = model, []

    def backward(self, loss):
        self.moved = moved_by(loss, self.model)

    def update(self, *names, **metrics):
        self.updates.append((names, self.moved, sorted(metrics)))


def test_a_step_updates_the_discriminators_first_and_then_the_others():
    model = make_model(task_adversary="conditional_gan")
    run = Recorder(model)
    joint.training_step(model, run, make_batch, lambda_task=0.1, discriminator_steps=3)
    assert [names for names, _, _ in run.updates] == [joint.DISCRIMINATORS] * 3 + [joint.PLAYERS]
    assert run.updates[0][1] == set(joint.DISCRIMINATORS)
    assert run.updates[-1][1] == set(joint.PLAYERS)
    assert run.updates[-1][2] == ["L_align_dis", "L_align_enc", "L_task_dis", "L_task_model"]


def test_every_discriminator_step_and_the_others_get_fresh_batches():
    drawn = []

    def draw():
        drawn.append(len(drawn))
        return make_batch()

    model = make_model()
    joint.training_step(model, Recorder(model), draw, discriminator_steps=4)
    assert len(drawn) == 5


def test_the_steps_loss_is_the_sum_of_the_formulas():
    model = make_model(task_adversary="conditional_gan")
    losses = []
    run = Recorder(model)
    run.backward = lambda loss: losses.append(loss.detach())
    run.moved = None
    joint.training_step(
        model, run, make_batch, lambda_align=0.7, lambda_task=0.3, lambda_contrast=0.2, discriminator_steps=1
    )
    batch = joint.look(model, *make_batch())
    L = {name: getattr(joint, name)(model, batch) for name in LOSSES}
    L_enc = L["L_task_alone"] + 0.7 * L["L_align_enc"] + 0.2 * L["L_contrast"]
    L_transfer_task = L["L_task"] + 0.3 * L["L_task_model"]
    assert torch.allclose(losses[0], L["L_align_dis"] + L["L_task_dis"])
    assert torch.allclose(losses[1], L_enc + L_transfer_task)
