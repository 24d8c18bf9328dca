r"""MMATL: multi-modal adversarial transfer learning, for any number N >= 2 of modalities.

Encoders $e_i = E_i(x_i)$ (any module that gives (B, D)), an alignment discriminator $D_a$, a transfer module
$t = T(\{e_i\})$ that takes any subset of the codes, a task model $f(t)$, and a task discriminator $D_t$. :mod:`.joint`
has the losses and the step that trains all of them.

The note is an idea that its author calls not validated; formulas that do not work as printed are kept, as
``alignment="printed"`` and ``task_adversary="printed"``, beside those that do (errata D0.1 to D0.4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmatl_lab.nn.encoders import Part

from .alignment import game
from .parts import AlignmentDiscriminator, TaskDiscriminator, TransferModule, binarise
from .task import ADVERSARIES

Views = Mapping[str, Tensor | Sequence[Tensor]]


@dataclass(frozen=True)
class MMATLConfig:
    """An encoder for each modality, in the order of the modalities, and which games are played.

    Attributes:
        encoders: by the name of the modality. num_classes: C.
        dim: D of the codes. A small one leaves less room in which modalities can differ.
        binary: codes of -1 and 1, with a straight-through gradient. Among 2^D codes little is left that tells the
            modalities apart; continuous codes hide a difference in digits that the task never looks at.
        noise: standard deviation of Gaussian noise on the codes in training, before T and D_a see them.
        alignment: a name of ``alignment.GAMES``, or several joined by "+". class_conditional: D_a sees the classes.
        task_adversary: one of ``task.ADVERSARIES``.
        epsilon, attack_steps: of the attack, for "fgsm" and "pgd".
        hidden_dim: H, of t. discriminator_dim: width of D_a.
    """

    encoders: Mapping[str, Part]
    num_classes: int
    dim: int = 8
    binary: bool = True
    noise: float = 0.0
    alignment: str = "gradient_reversal"
    class_conditional: bool = False
    task_adversary: str = "none"
    epsilon: float = 0.0
    attack_steps: int = 3
    hidden_dim: int = 64
    discriminator_dim: int = 256


class Codes(NamedTuple):
    e: Tensor  # (B, N, D); what a missing modality has there is not looked at
    present: Tensor  # (B, N) bool


class Answer(NamedTuple):
    e: Tensor  # (B, N, D)
    t: Tensor  # (B, H)
    logits: Tensor  # (B, C)


class Encoder(nn.Module):
    """E_i: any module that gives (B, D), a batch norm without weights, so that all codes have one scale, and a sign."""

    def __init__(self, body: nn.Module, dim: int, binary: bool):
        super().__init__()
        self.body, self.binary = body, binary
        self.norm = nn.BatchNorm1d(dim, affine=False)

    def forward(self, *x: Tensor) -> Tensor:
        e = self.norm(self.body(*x))
        return binarise(e) if self.binary else e


class MMATL(nn.Module):
    """All five components; its config chooses the games.

    Args:
        config: see :class:`MMATLConfig`.
        encoders: by the name of the modality, each (B, ...) -> (B, D), in place of those of the config.

    Raises:
        ValueError: fewer than two modalities, or an alignment or task adversary that does not exist.
    """

    def __init__(self, config: MMATLConfig, encoders: Mapping[str, nn.Module] | None = None):
        super().__init__()
        c = self.config = config
        bodies = encoders or {name: part.build(out_dim=c.dim) for name, part in c.encoders.items()}
        if len(bodies) < 2:
            raise ValueError(f"alignment needs two modalities or more, got {', '.join(bodies) or 'none'}")
        if c.task_adversary not in ADVERSARIES:
            known = ", ".join(ADVERSARIES)
            raise ValueError(f"there is no task adversary {c.task_adversary!r}: choose one of {known}")
        self.game = game(c.alignment)
        classes, t_dim = (
            c.num_classes if c.class_conditional else 0,
            0 if c.task_adversary == "printed" else c.hidden_dim,
        )
        self.encoders = nn.ModuleDict({name: Encoder(body, c.dim, c.binary) for name, body in bodies.items()})
        self.alignment_discriminator = AlignmentDiscriminator(
            c.dim, len(bodies), classes, c.discriminator_dim, printed=c.alignment == "printed"
        )
        self.transfer = TransferModule(c.dim, c.hidden_dim)
        self.task = nn.Linear(c.hidden_dim, c.num_classes)
        self.task_discriminator = TaskDiscriminator(c.num_classes, t_dim)

    @classmethod
    def from_config(cls, config: MMATLConfig) -> "MMATL":
        return cls(config)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.encoders)

    def encode(self, views: Views, present: Tensor | None = None) -> Codes:
        """e_i = E_i(x_i) of the modalities that are there.

        Args:
            views: by the name of the modality its tensor, or all arguments of its encoder. One that is left out is
                missing in the whole batch; names without an encoder are ignored.
            present: (B, N) bool, False for what is missing in single examples.

        Raises:
            ValueError: no modality of the model is there.
        """
        found = {name: views[name] for name in self.encoders if name in views}
        if not found:
            raise ValueError(f"give one of {', '.join(self.encoders)} at least, got {', '.join(views) or 'nothing'}")
        codes = {n: self.encoders[n](*((x,) if isinstance(x, Tensor) else x)) for n, x in found.items()}
        nothing = torch.zeros_like(next(iter(codes.values())))  # (B, D)
        e = torch.stack([codes.get(name, nothing) for name in self.encoders], 1)  # (B, N, D)
        there = torch.tensor([name in found for name in self.encoders], device=e.device).expand(e.shape[:2])
        return Codes(e, there if present is None else there & present)

    def forward(self, views: Views, present: Tensor | None = None) -> Answer:
        """Inputs of any subset of the modalities -> their codes, t and logits; arguments as of ``encode``."""
        e, present = self.encode(views, present)
        t = self.transfer(e, present)
        return Answer(e, t, self.task(t))

    def alone(self, e: Tensor) -> Tensor:
        """f(T(e_i)), each modality alone: (B, N, D) -> logits (B, N, C)."""
        return self.task(self.transfer(e.flatten(0, 1)[:, None])).unflatten(0, e.shape[:2])
