"""One device or several processes: Lightning Fabric for this machine, and what the processes tell each other."""

import logging
import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .hardware import Machine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(computer: Machine) -> "Fabric":
    """Fabric for one device or, under ``torchrun``, for its processes (gloo or nccl)."""
    from lightning_fabric import Fabric  # here, since it takes seconds to import

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces each process and each precision
    processes = int(os.environ.get("WORLD_SIZE", 1))
    if processes == 1:
        return Fabric(accelerator=computer.device, devices=1)
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather is deprecated")  # Fabric's own call
    here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    if computer.device == "cpu":
        torch.set_num_threads(max(1, computer.cores // here))  # more threads than cores make all of them slow
    fabric = Fabric(accelerator=computer.device, devices=here, num_nodes=processes // here, strategy="ddp")
    fabric.launch()
    return fabric


def average_gradients(parameters: Sequence[nn.Parameter], fabric: "Fabric") -> None:
    """Replace each gradient by its mean over the processes, in one exchange.

    The parameters get what one process would have computed on the whole batch, whichever methods of the model made the
    loss. (DistributedDataParallel, which exchanges while backward still computes, sees only what went through
    ``forward``, each parameter in each backward.) Doing it again adds nothing, since the mean of equal numbers is the
    number: gradients that were averaged before can be accumulated on.
    """
    if fabric.world_size == 1:
        return
    missing = torch.tensor([float(p.grad is None) for p in parameters], device=fabric.device)
    pieces = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([missing, *[piece.reshape(-1) for piece in pieces]])
    torch.distributed.all_reduce(flat)
    missing, *means = (flat / fabric.world_size).split([len(pieces), *[piece.numel() for piece in pieces]])
    # Without a gradient on all processes there is none: an optimizer must not move a weight that took no part.
    nobody = (missing == 1).tolist() if any(p.grad is None for p in parameters) else [False] * len(pieces)
    for parameter, piece, mean, none in zip(parameters, pieces, means, nobody, strict=True):
        if not none:
            parameter.grad = piece.copy_(mean.view_as(piece))


@torch.no_grad()
def broadcast(tensors: Iterable[Tensor], fabric: "Fabric") -> None:
    """Give all processes the tensors of the first."""
    if fabric.world_size > 1:
        for tensor in tensors:
            whole = tensor.contiguous()
            torch.distributed.broadcast(whole, 0)
            tensor.copy_(whole)
