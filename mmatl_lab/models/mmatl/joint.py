r"""Joint optimisation of MMATL: each loss of the note under its name, and the training step that puts them together.

$$ L_\text{dis} = L_\text{align\_dis} + L_\text{task\_dis} $$
$$ L_\text{enc} = \sum_i L_\text{task}\big(f(T(e_i)), y_i\big) + \lambda_\text{align} L_\text{align\_enc} $$
$$ L_\text{transfer\_task} = L_\text{task}\big(f(T(e_1, \dots, e_N)), y\big)
   + \lambda_\text{task} L_\text{task\_model} $$

The note leaves open which loss moves which part, and in what order. Here:

| loss | moves |
|---|---|
| L_align_dis | D_a |
| L_task_dis | D_t |
| both L_task | E, T, f |
| L_align_enc | E |
| L_task_model | T and f; of an attack E, too |
| L_contrast, a control that the note does not have | E |

First the discriminators take some steps, each on a fresh batch, then all the others take one. With one step and equal
learning rates a discriminator that is too weak shows ln N for codes that are not aligned at all.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.models.clip import clip_loss
from mmatl_lab.nn.attacks import fgsm, pgd

from .model import MMATL, Views
from .parts import one_hot
from .task import adversary_dis, adversary_model

UNLABELLED = -1
TEMPERATURE = 0.1  # of L_contrast
DISCRIMINATORS = ("alignment_discriminator", "task_discriminator")
PLAYERS = ("encoders", "transfer", "task")


class Batch(NamedTuple):
    """What the losses take."""

    views: Views
    e: Tensor  # (B, N, D) codes, as T and D_a see them
    present: Tensor  # (B, N) bool
    y: Tensor | None  # (B,) of whole rows; None where every modality has labels of its own
    y_alone: Tensor  # (B, N), UNLABELLED where there is no label or no modality


def look(model: MMATL, views: Views, y: Tensor) -> Batch:
    """The codes of a batch, with noise where the model has any; ``y`` as of :func:`training_step`."""
    e, present = model.encode(views)
    if model.config.noise:
        e = e + model.config.noise * torch.randn_like(e)
    y_alone = y if y.dim() == 2 else y[:, None].expand(e.shape[:2])
    return Batch(views, e, present, y if y.dim() == 1 else None, y_alone.masked_fill(~present, UNLABELLED))


def L_align_dis(model: MMATL, batch: Batch) -> Tensor:
    """D_a's loss, such as the cross-entropy of the modality: see :mod:`.alignment`."""
    return model.game.dis(model.alignment_discriminator, *_listed(model, batch))


def L_align_enc(model: MMATL, batch: Batch) -> Tensor:
    """What the encoders are to make small so that D_a cannot tell the modalities apart: see :mod:`.alignment`."""
    if model.game.enc is None:
        return _zero(batch)
    return model.game.enc(model.alignment_discriminator, *_listed(model, batch))


def L_task_alone(model: MMATL, batch: Batch) -> Tensor:
    r"""$\sum_i L_\text{task}(f(T(e_i)), y_i)$, the mean over those codes of each modality that have a label."""
    z, y = model.alone(batch.e), batch.y_alone
    each = F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=UNLABELLED, reduction="none").view(y.shape)
    return (each.sum(0) / (y != UNLABELLED).sum(0).clamp(min=1)).sum()


def L_task(model: MMATL, batch: Batch) -> Tensor:
    r"""$L_\text{task}(f(T(e_1, \dots, e_N)), y)$; 0 where the modalities of one row are of different events."""
    if batch.y is None:
        return _zero(batch)
    return F.cross_entropy(model.task(model.transfer(batch.e, batch.present)), batch.y)


def L_contrast(model: MMATL, batch: Batch) -> Tensor:
    """CLIP's loss on the codes of every two modalities, a mean: the control that is given pairs."""
    e, log_scale = F.normalize(batch.e, dim=2), -torch.tensor(TEMPERATURE).log()
    pairs = combinations(range(e.shape[1]), 2)
    return torch.stack([clip_loss(e[:, i], e[:, j], log_scale) for i, j in pairs]).mean()


def L_task_dis(model: MMATL, batch: Batch) -> Tensor:
    """D_t's loss: see :mod:`.task`."""
    kind = model.config.task_adversary
    if kind not in ("conditional_gan", "printed"):
        return _zero(batch)
    t, y = _represented(model, batch)
    return adversary_dis(model.task_discriminator, model.task(t), t, y, printed=kind == "printed")


def L_task_model(model: MMATL, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
    """What T and f are to make small so that D_t takes f(t) for the truth, or the loss under an attack."""
    kind, c = model.config.task_adversary, model.config
    if kind == "none":
        return _zero(batch)
    if kind in ("conditional_gan", "printed"):
        t, y = _represented(model, batch._replace(e=batch.e.detach()))  # so that E is not moved
        return adversary_model(model.task_discriminator, model.task(t), t, y, printed=kind == "printed")
    if kind == "fgsm":
        options = {"random_start": True, "generator": generator}
    else:
        options = {"steps": c.attack_steps, "generator": generator}
    attack = fgsm if kind == "fgsm" else pgd
    attacked = attack(lambda views: _losses_of_rows(model, views, batch), batch.views, c.epsilon, **options)
    return _losses_of_rows(model, attacked, batch).mean()


def training_step(
    model: MMATL,
    run: Any,
    draw: Callable[[], tuple[Views, Tensor]],
    *,
    lambda_align: float = 1.0,
    lambda_task: float = 0.0,
    lambda_contrast: float = 0.0,
    discriminator_steps: int = 5,
    generator: torch.Generator | None = None,
    **metrics: Tensor | float,
) -> None:
    """The discriminators some times, then all the others once, by ``run.backward`` and ``run.update``.

    Args:
        run: a ``Run`` over the model with a learning rate for each of its parts, inside its loop.
        draw: gives a fresh batch: views and labels y. Labels (B,) are of whole rows, each of one event. Labels (B, N)
            are of each modality alone, -1 where there is none; then a row may mix events.
        lambda_align, lambda_task: of the note. lambda_contrast: of L_contrast, for rows of one event.
        discriminator_steps: how often the discriminators are updated for one update of the others.
        generator: on the CPU, for the random start of an attack.
        metrics: to show and log, beside the losses.
    """
    for _ in range(discriminator_steps):
        with torch.no_grad():  # sg[e]
            batch = look(model, *draw())
        align_dis, task_dis = L_align_dis(model, batch), L_task_dis(model, batch)
        L_dis = align_dis + task_dis
        run.backward(L_dis)
        run.update(*DISCRIMINATORS)

    batch = look(model, *draw())
    align_enc, task_model = L_align_enc(model, batch), L_task_model(model, batch, generator)
    L_enc = L_task_alone(model, batch) + lambda_align * align_enc
    if lambda_contrast:
        L_enc = L_enc + lambda_contrast * L_contrast(model, batch)
    L_transfer_task = L_task(model, batch) + lambda_task * task_model
    run.backward(L_enc + L_transfer_task)
    shown = {"L_align_dis": align_dis, "L_align_enc": align_enc, "L_task_dis": task_dis, "L_task_model": task_model}
    run.update(*PLAYERS, **metrics, **{name: value.detach() for name, value in shown.items()})


def _listed(model: MMATL, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
    """The codes that are there as one list (M, D), the modality of each (M,), and p (M, C) for a conditional D_a: the
    label where there is one, and what the model itself says where there is none."""
    e, i = batch.e[batch.present], batch.present.nonzero()[:, 1]
    if not model.config.class_conditional:
        return e, i, None
    with torch.no_grad():
        p, y = model.alone(batch.e)[batch.present].softmax(1), batch.y_alone[batch.present]
    return e, i, torch.where((y == UNLABELLED)[:, None], p, one_hot(y.clamp(min=0), p.shape[1]))


def _represented(model: MMATL, batch: Batch) -> tuple[Tensor, Tensor]:
    """t and y of the task's adversary: of whole rows, or of each code that has a label."""
    if batch.y is not None:
        return model.transfer(batch.e, batch.present), batch.y
    labelled = batch.y_alone != UNLABELLED
    return model.transfer(batch.e[labelled][:, None]), batch.y_alone[labelled]


def _losses_of_rows(model: MMATL, views: Views, batch: Batch) -> Tensor:
    """(B,) the task's losses of each row, of its modalities alone and together: what an attack raises."""
    seen = look(model, views, batch.y if batch.y is not None else batch.y_alone)
    z, y = model.alone(seen.e), seen.y_alone
    each = F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=UNLABELLED, reduction="none").view(y.shape)
    if seen.y is None:
        return each.sum(1)
    return each.sum(1) + F.cross_entropy(model.task(model.transfer(seen.e, seen.present)), seen.y, reduction="none")


def _zero(batch: Batch) -> Tensor:
    return batch.e.new_zeros(())
