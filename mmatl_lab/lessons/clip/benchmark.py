"""How much faster than the plain way is a step of the CLIP lesson? Measured as a ratio within one run.

    python -m mmatl_lab.lessons.clip.benchmark [CHECKPOINT]

prints the numbers, and writes them into the card (``"benchmarks"``) of a checkpoint if one is named. The plain way is
the same model and the same scenes in float32, each picture drawn and each caption written on its own.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from mmatl_lab.models.clip import clip_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run, load_checkpoint, save_checkpoint
from mmatl_lab.world import captions, render, sample_scenes

from . import scenes
from .scenes import SCENES, Batch, ScenesSettings


def batch_one_by_one(n: int, *, generator: torch.Generator) -> Batch:
    """``scenes.make_batch`` as one would write it first: a loop over the scenes."""
    world = scenes.training_scenes(ScenesSettings(0, n), generator=generator)
    images = torch.cat([render(world[i]) for i in range(n)])
    tokens = [captions(world[i], generator=generator)[0] for i in range(n)]
    return Batch(images, torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True), world.caption_class)


def plain_steps(preset: ScenesSettings, num_steps: int) -> list[float]:
    """Seconds of each step of the plain way."""
    model = SCENES.make(preset)
    optimizer = torch.optim.AdamW(model.parameters(), lr=preset.lr)
    seconds = []
    for step in range(num_steps):
        start = time.perf_counter()
        batch = batch_one_by_one(preset.batch_size, generator=seeded(0, step))
        loss = clip_loss(*model(batch.images, batch.tokens), caption_class=batch.caption_class)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def lesson_steps(preset: ScenesSettings, num_steps: int) -> list[float]:
    """Seconds of each step of the lesson's own loop."""
    run = Run(SCENES.make(preset), "benchmark", num_steps, lr=preset.lr, save=False, quiet=True)
    seconds, start = [], time.perf_counter()
    for _, generator in run:
        world = scenes.training_scenes(preset, generator=generator)
        batch = scenes.make_batch(world, generator=generator, device=run.device)
        out = run.model(batch.images, batch.tokens)
        run.step(clip_loss(*out, caption_class=batch.caption_class), accuracy=0.0)
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    return seconds


def rate(make: Callable[[], object], items: int, seconds: float = 1.0) -> float:
    """Items a second of a function that makes ``items`` at each call."""
    make()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        make()
        calls += 1
    return calls * items / (time.perf_counter() - start)


def benchmark(preset: ScenesSettings, rounds: int = 3, num_steps: int = 12) -> dict[str, float]:
    """Both ways in turn, so that a machine that slows down slows both; medians over all steps but each round's first.

    Returns:
        ``steps_per_second`` and ``plain_steps_per_second`` of ``preset``, their ``ratio``, ``images_per_second`` of
        drawing one object at 32 pixels (batch 256), and ``rendering_share``, of a batch's pictures in a step.
    """
    lesson, plain = [], []
    for _ in range(rounds):
        lesson += lesson_steps(preset, num_steps)[2:]
        plain += plain_steps(preset, num_steps // 2)[1:]
    one_object = sample_scenes(256, 1, generator=seeded(1))
    training = scenes.training_scenes(preset, generator=seeded(2))
    pictures = rate(lambda: render(training), preset.batch_size)
    return {
        "steps_per_second": 1 / median(lesson),
        "plain_steps_per_second": 1 / median(plain),
        "ratio": median(plain) / median(lesson),
        "images_per_second": rate(lambda: render(one_object), 256),
        "rendering_share": preset.batch_size / pictures / median(lesson),
        "threads": torch.get_num_threads(),
    }


def main(checkpoint: Path | None) -> None:
    found = {name: round(value, 3) for name, value in benchmark(SCENES.presets["full"]).items()}
    if checkpoint is not None:
        tensors, card = load_checkpoint(checkpoint)
        save_checkpoint(checkpoint, tensors, card | {"benchmarks": found})
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
