"""Trains a small CLIP in forked children, in order of what comes on standard input, one JSON object a line.

A child costs milliseconds, a new Python with torch and Fabric seconds, and most of these children get killed.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import torch
from lightning_fabric import Fabric  # noqa: F401  # loaded once, before the forks
from torch import nn

from mmatl_lab.models.clip import CLIP, clip_loss
from mmatl_lab.nn.encoders import BagOfWords, ImageCNN
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.training import Run
from mmatl_lab.world import CAPTION_WORDS, captions, render, sample_scenes

TOKENIZER = Tokenizer(CAPTION_WORDS)


def small_clip() -> CLIP:
    torch.manual_seed(0)
    image = nn.Sequential(ImageCNN(8, channels=(4, 8, 8)), nn.Dropout(0.1))  # dropout draws from torch's own generator
    return CLIP(image, BagOfWords(8, len(TOKENIZER.words) + 1))


def two_models() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 1))
    return {"clip": small_clip(), "head": head}


def train_two(folder, num_steps=12, precision="32-true", resume=False, signals=None) -> None:
    """A run of two models, two kinds of optimizer, batches in pieces and an average of the weights."""
    run = Run(
        two_models(),
        name="clip",
        num_steps=num_steps,
        lr={"clip": 1e-3, "head": 1e-2},
        optimizer={"head": lambda parameters: torch.optim.SGD(parameters, momentum=0.9)},
        ema=0.9,
        folder=folder,
        resume=resume,
        save_every=0,
        device="cpu",
        precision=precision,
    )
    for step, generator in run:
        scenes = sample_scenes(16, generator=generator)
        tokens = captions(scenes, generator=generator)
        for half in (slice(0, 8), slice(8, 16)):
            out = run.model.clip(render(scenes[half]), tokens[half])
            run.backward(clip_loss(*out) / 2)
        for name in (signals or {}).get(str(step), ()):
            os.kill(os.getpid(), getattr(signal, name))
        run.update("clip")
        for _ in range(2):
            run.backward(run.model.head(run.model.clip.encode_text(tokens).detach()).square().mean())
            run.update("head")


def train(folder, num_steps=12, precision="32-true", resume=False, signals=None, die_in=None, lr=1e-3) -> None:
    """A run that sends itself ``signals`` = {step: [names]}, or dies in call n of ``die_in`` = [function of os, n]."""
    signals = signals or {}
    if die_in:
        name, countdown = die_in
        real = getattr(os, name)

        def deadly(*arguments):
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        setattr(os, name, deadly)
    run = Run(
        small_clip(),
        name="clip",
        num_steps=num_steps,
        lr=lr,
        folder=folder,
        resume=resume,
        save_every=0,
        device="cpu",
        precision=precision,
        memory_format=torch.channels_last,
    )
    for step, generator in run:
        scenes = sample_scenes(16, generator=generator)
        tokens = captions(scenes, generator=generator)
        out = run.model(render(scenes).contiguous(memory_format=torch.channels_last), tokens)
        for name in signals.get(str(step), ()):
            os.kill(os.getpid(), getattr(signal, name))
        accuracy = (out.image @ out.text.T).argmax(1).eq(torch.arange(16)).float().mean()
        measured = {"accuracy": accuracy} if step % 2 else {}
        run.step(clip_loss(*out, caption_class=scenes.caption_class, gather=run.gather), **measured)
    print(repr(signal.getsignal(signal.SIGINT)), run.stopped)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            order = json.loads(line)
            said = os.open(Path(order["folder"]) / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            try:
                (train_two if order.pop("two", False) else train)(**order)
                code = 0
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
