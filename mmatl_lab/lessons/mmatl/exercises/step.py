"""Exercise on the step of adversarial training: three bugs, one of them a sign."""

import copy
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...attempt import Shared, Wrong
from ...differences import as_answer
from ...exercise import exercise, mistakes


class Parts(nn.Module):
    """What a step of the alignment works on: an encoder for each modality, a discriminator and a task head."""

    def __init__(self, num_modalities: int = 2, in_dim: int = 4, D: int = 3, num_classes: int = 3):
        super().__init__()
        self.encoders = nn.ModuleList(nn.Linear(in_dim, D) for _ in range(num_modalities))
        self.discriminator = nn.Linear(D, num_modalities)
        self.head = nn.Linear(D, num_classes)


def _steps(generator: torch.Generator) -> Iterator[tuple[Parts, Tensor, Tensor]]:
    parts = Parts()
    with torch.no_grad():
        for parameter in parts.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    yield parts, torch.randn(3, 2, 6, 4, generator=generator), torch.randint(3, (3, 6), generator=generator)


def _three_steps(step: Callable, start: Parts, x: Tensor, y: Tensor) -> Tensor:
    """Losses of three steps, then the weights that they leave."""
    if not isinstance(start, Parts):
        raise Wrong("The step takes the parts of the model, two optimizers, the inputs and the labels.")
    parts = copy.deepcopy(start)
    others = [*parts.encoders.parameters(), *parts.head.parameters()]
    optimizers = [torch.optim.SGD(p, lr=0.1) for p in (others, parts.discriminator.parameters())]
    losses = [step(Shared(parts), *map(Shared, optimizers), views, label) for views, label in zip(x, y)]
    losses = torch.stack([as_answer(loss, "the loss").reshape(()) for loss in losses])
    return torch.cat([losses, nn.utils.parameters_to_vector(parts.parameters()).detach().double()])


def broken_align_step(parts, encoder_optimizer, discriminator_optimizer, x: Tensor, y: Tensor) -> float:
    """One step; returns the discriminator's loss before it. Three bugs are hidden here: mend them.

    x (N, B, F) are the inputs of N modalities, y (B,) the labels. The encoders learn with the head.
    """
    e = torch.stack([E(view) for E, view in zip(parts.encoders, x)])  # (N, B, D)
    modality = torch.arange(len(x))[:, None].expand(e.shape[:2])  # (N, B)

    logits = parts.discriminator(e.detach())  # (N, B, N)
    L_dis = F.cross_entropy(logits.flatten(0, 1), modality.flatten())
    L_dis.backward()
    discriminator_optimizer.step()

    logits = parts.discriminator(e)
    L_align_enc = F.cross_entropy(logits.flatten(0, 1), modality.flatten())
    L_task = F.cross_entropy(parts.head(e.detach()).flatten(0, 1), y.repeat(len(x)))
    encoder_optimizer.zero_grad()
    (L_task + L_align_enc).backward()
    encoder_optimizer.step()
    return L_dis.item()


@exercise(
    "mmatl.5",
    "Find the sign error and two more bugs",
    task="This step trains a discriminator and then the encoders against it. It runs, and its losses fall. It contains "
    "three bugs, and one of them is a sign. Mend all three.",
    minutes=12,
    difficulty=2,
    hints=(
        "With the wrong sign, both players want the same. Which loss should rise when the encoders succeed?",
        "`backward` adds to the gradients that are there. Who leaves gradients in the discriminator?",
        "Follow each loss backwards: does it reach every weight that it should train?",
    ),
    cases=_steps,
    using=_three_steps,
    answer="what three steps leave (losses, then weights)",
    passed="All three bugs are mended. The encoders climb the loss that the discriminator descends, each player starts "
    "from fresh gradients, and the task reaches the encoders.",
    start=broken_align_step,
)
def align_step(parts, encoder_optimizer, discriminator_optimizer, x: Tensor, y: Tensor) -> float:
    """One step; returns the discriminator's loss before it."""
    e = torch.stack([E(view) for E, view in zip(parts.encoders, x)])  # (N, B, D)
    modality = torch.arange(len(x))[:, None].expand(e.shape[:2])  # (N, B)

    logits = parts.discriminator(e.detach())  # (N, B, N)
    L_dis = F.cross_entropy(logits.flatten(0, 1), modality.flatten())
    discriminator_optimizer.zero_grad()
    L_dis.backward()
    discriminator_optimizer.step()

    logits = parts.discriminator(e)
    L_align_enc = -F.cross_entropy(logits.flatten(0, 1), modality.flatten())
    L_task = F.cross_entropy(parts.head(e).flatten(0, 1), y.repeat(len(x)))
    encoder_optimizer.zero_grad()
    (L_task + L_align_enc).backward()
    encoder_optimizer.step()
    return L_dis.item()


def _align_step_in_parts(
    parts, encoder_optimizer, discriminator_optimizer, x, y, sign=-1, cut=lambda e: e, clear=True, stop=torch.detach,
    stepped=True, scale=1.0,
) -> float:  # fmt: skip
    e = torch.stack([E(view) for E, view in zip(parts.encoders, x)])
    modality = torch.arange(len(x))[:, None].expand(e.shape[:2]).flatten()
    L_dis = F.cross_entropy(parts.discriminator(stop(e)).flatten(0, 1), modality)
    if clear:
        discriminator_optimizer.zero_grad()
    L_dis.backward(retain_graph=True)
    if stepped:
        discriminator_optimizer.step()
    L_align_enc = sign * F.cross_entropy(parts.discriminator(e).flatten(0, 1), modality)
    L_task = F.cross_entropy(parts.head(cut(e)).flatten(0, 1), y.repeat(len(x)))
    encoder_optimizer.zero_grad()
    (L_task + scale * L_align_enc).backward()
    encoder_optimizer.step()
    return L_dis.item()


mistakes(
    align_step,
    "The encoders minimise the discriminator's own loss: the sign of `L_align_enc` has to be reversed.",
    dict(sign=1),
    "The discriminator steps on old gradients: clear them before `L_dis.backward()`.",
    dict(clear=False),
    "The task does not reach the encoders: its codes are cut off by `detach`.",
    dict(cut=torch.detach),
    "The alignment does not reach the encoders: `L_align_enc` is missing from their loss.",
    dict(scale=0.0),
    "The discriminator never moves: its optimizer has to step.",
    dict(stepped=False),
    "The alignment has another weight than the task: both are added as they are.",
    dict(scale=0.1),
    dict(scale=0.5),
    dict(scale=2.0),
    base=_align_step_in_parts,
    together=3,
)
