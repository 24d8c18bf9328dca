"""A linear model and its run, which the tests train in milliseconds."""

import torch
from torch import nn

from mmatl_lab.training import Run

WEIGHTS = torch.tensor([[1.0], [-2.0], [0.5]])


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def make(tmp_path, model=None, num_steps=6, **settings) -> Run:
    settings = {"device": "cpu", "precision": "32-true", "lr": 0.05, "folder": tmp_path} | settings
    return Run(model or net(), "line", num_steps, **settings)


def loss_of(run: Run, generator: torch.Generator) -> torch.Tensor:
    x = torch.randn(8, 3, generator=generator)
    return (run.model(x) - x @ WEIGHTS).square().mean()


def train(run: Run, **metrics) -> Run:
    for _, generator in run:
        run.step(loss_of(run, generator), **metrics)
    return run
