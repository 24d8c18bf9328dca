"""Lightning Fabric and AdamW set up for this machine: the parts of a run that know about devices and processes."""

import logging
import os
import warnings

import torch
from torch import nn

from .hardware import Machine


def make_fabric(computer: Machine, precision: str):
    """Fabric for one device or, under ``torchrun``, for its processes with DistributedDataParallel (gloo or nccl)."""
    from lightning_fabric import Fabric  # here, since it takes seconds to import

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces each process and each precision
    processes = int(os.environ.get("WORLD_SIZE", 1))
    if processes == 1:
        return Fabric(accelerator=computer.device, devices=1, precision=precision)
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather is deprecated")  # Fabric's own call
    here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    if computer.device == "cpu":
        torch.set_num_threads(max(1, computer.cores // here))  # more threads than cores make all of them slow
    fabric = Fabric(
        accelerator=computer.device, devices=here, num_nodes=processes // here, strategy="ddp", precision=precision
    )
    fabric.launch()
    return fabric


def make_adamw(model: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) that decays matrices and convolution kernels only.

    Biases, norms and a temperature are kept out: decay would pull them to values that mean something.

    Raises:
        ValueError: when the model has nothing to train.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{type(model).__name__} has no parameter with requires_grad=True: there is nothing to train")
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    try:
        return torch.optim.AdamW(groups, fused=True)  # one kernel for the whole update
    except (RuntimeError, ValueError):  # a device or type that has no such kernel
        return torch.optim.AdamW(groups)
