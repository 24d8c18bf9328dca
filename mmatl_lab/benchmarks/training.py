"""What ``Run`` adds to a bare loop, and what training the seeds of a small model together saves."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from mmatl_lab.nn.encoders import SummaryEncoder
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run, learning_rate, train_seeds

from .comparison import Comparison, seconds


def run_overhead(num_steps: int = 300) -> Comparison:
    """A loop with ``Run`` over a bare loop that does the same work: AdamW, clipping, schedule, a generator a step."""

    def bare() -> None:
        model = nn.Linear(8, 8)
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
        for step in range(num_steps):
            loss = model(torch.randn(16, 8, generator=seeded(0, step))).square().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, num_steps, 1e-3)
            optimizer.step()

    def helped() -> None:
        run = Run(nn.Linear(8, 8), "overhead", num_steps, save=False, quiet=True, device="cpu", precision="32-true")
        for _, generator in run:
            run.step(run.model(torch.randn(16, 8, generator=generator)).square().mean())

    with_run, without = (1000 * found / num_steps for found in seconds(helped, bare, rounds=5))
    numbers = {"Run adds ms/step": with_run - without, "bare ms/step": without}
    return Comparison("a step of Run against a bare loop, smallest model", with_run / without, numbers)


class FusionHead(nn.Module):
    """Two features of 64 numbers side by side (B, 128) -> 8 classes through one hidden layer, as fusions end."""

    def __init__(self, hidden_dim: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(128, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def summary_classifier() -> nn.Module:
    return nn.Sequential(SummaryEncoder(128), nn.Dropout(0.5), nn.Linear(128, 8))


def small_cnn() -> nn.Module:
    """(B, 3, 32, 32) -> 8 classes, by plain convolutions: `ImageCNN` asks for a memory format, which vmap refuses."""
    convolutions = [nn.Conv2d(3, 16, 3, 2, 1), nn.GELU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GELU()]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(32 * 64, 8))


SMALL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, int]] = {  # model, shape, batch, steps
    "a fusion head, 64 hidden": (partial(FusionHead, 64), (128,), 128, 200),
    "a fusion head, 256 hidden": (partial(FusionHead, 256), (128,), 128, 200),
    "a summary classifier": (summary_classifier, (117,), 256, 100),
    "a small CNN": (small_cnn, (3, 32, 32), 64, 20),
}


def seeds_together(name: str, num_seeds: int = 5) -> Comparison:
    """Seconds of training ``num_seeds`` seeds of a small model in turn over those of training them together."""
    make_model, shape, batch_size, num_steps = SMALL[name]

    def make_batch(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = torch.randn(batch_size, *shape, generator=generator)
        return inputs, torch.randint(8, (batch_size,), generator=generator)

    def loss(model: Callable, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    alone = {"save": False, "quiet": True, "device": "cpu", "precision": "32-true"}  # as train_seeds computes

    def in_turn() -> None:
        for seed in range(num_seeds):
            run = Run(make_model(), "alone", num_steps, seed=seed, **alone)
            for _, generator in run:
                run.step(loss(run.model, make_batch(generator)))

    turn, together = seconds(in_turn, lambda: train_seeds(make_model, make_batch, loss, range(num_seeds), num_steps))
    numbers = {"in turn ms/step": 1000 * turn / num_steps, "together ms/step": 1000 * together / num_steps}
    return Comparison(f"{num_seeds} seeds of {name} together against one after the other", turn / together, numbers)
