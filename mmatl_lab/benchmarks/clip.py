"""The CLIP lesson: its loop against the plain way, and what drawing the pictures takes of a step."""

import time
from dataclasses import replace
from statistics import median

import torch

from mmatl_lab.lessons.clip import scenes
from mmatl_lab.lessons.clip.scenes import SCENES, Batch, ScenesSettings
from mmatl_lab.models.clip import clip_loss
from mmatl_lab.seeding import seeded
from mmatl_lab.world import captions, render, sample_scenes

from .comparison import Comparison, seconds

NUM_STEPS = 10
ROUNDS = 3


def clip_step(settings: ScenesSettings | None = None) -> Comparison:
    """Steps a second of the lesson's loop over those of the plain way, the same model on the same scenes in float32.

    The two take turns, and the first two steps of each turn are left out.
    """
    settings = settings or SCENES.settings("full")
    lesson, plain = [], []
    for _ in range(ROUNDS):
        lesson += lesson_steps(settings, NUM_STEPS)[2:]
        plain += plain_steps(settings, NUM_STEPS)[2:]
    fast, slow = 1 / median(lesson), 1 / median(plain)
    numbers = {"steps/s": fast, "plain steps/s": slow, "threads": torch.get_num_threads()}
    return Comparison("a step of the CLIP lesson against the plain way", fast / slow, numbers, at_least=3.0)


def rendering(settings: ScenesSettings | None = None) -> Comparison:
    """Share of a step of the CLIP lesson that goes into drawing its pictures; images a second of one object."""
    settings = settings or SCENES.settings("full")
    world = scenes.training_scenes(settings, generator=seeded(2))
    one_object = sample_scenes(256, 1, generator=seeded(1))
    draw, draw_one = seconds(lambda: render(world), lambda: render(one_object), rounds=10)
    step = median(lesson_steps(settings, NUM_STEPS)[2:])
    numbers = {"images/s, 32 px, one object": 256 / draw_one, "images/s of the lesson": settings.batch_size / draw}
    return Comparison("drawing as a share of a step of the CLIP lesson", draw / step, numbers, at_most=0.05)


def lesson_steps(settings: ScenesSettings, num_steps: int) -> list[float]:
    """Seconds of each step of the lesson's own loop."""
    settings = replace(settings, num_steps=num_steps)
    run = SCENES.run(SCENES.make(settings), settings, save=False, quiet=True, device="cpu")  # as the plain way
    step, ends = run.step, [time.perf_counter()]

    def timed_step(*args, **metrics) -> None:
        step(*args, **metrics)
        ends.append(time.perf_counter())

    run.step = timed_step
    SCENES.fit(run, settings)
    return [end - start for start, end in zip(ends, ends[1:])]


def plain_steps(settings: ScenesSettings, num_steps: int) -> list[float]:
    """Seconds of each step of the plain way: each picture drawn and each caption written on its own, in float32."""
    model = SCENES.make(settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr)
    ends = [time.perf_counter()]
    for step in range(num_steps):
        batch = batch_one_by_one(settings, generator=seeded(0, step))
        loss = clip_loss(*model(batch.images, batch.tokens), caption_class=batch.caption_class)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ends.append(time.perf_counter())
    return [end - start for start, end in zip(ends, ends[1:])]


def batch_one_by_one(settings: ScenesSettings, *, generator: torch.Generator) -> Batch:
    """``scenes.make_batch`` as one would write it first: a loop over the scenes."""
    world = scenes.training_scenes(settings, generator=generator)
    images = torch.cat([render(world[i]) for i in range(len(world))])
    tokens = [captions(world[i], generator=generator)[0] for i in range(len(world))]
    return Batch(images, torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True), world.caption_class)
