"""Run by torchrun, and imported for the same on one process: a small CLIP on scenes, and what can go wrong."""

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from mmatl_lab.models.clip import CLIP, clip_loss
from mmatl_lab.nn.encoders import BagOfWords, ImageCNN
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.training import Run
from mmatl_lab.world import CAPTION_WORDS, captions, render, sample_scenes


def small_clip() -> CLIP:
    torch.manual_seed(0)
    return CLIP(ImageCNN(8, channels=(4, 8, 8)), BagOfWords(8, len(Tokenizer(CAPTION_WORDS).words) + 1))


def batch(run: Run, generator: torch.Generator, size: int = 24):
    """This process's images, tokens and caption classes; few kinds of scene, so that many are of one class."""
    few = torch.zeros(8, 8, dtype=torch.bool)
    few[:2, :2] = True
    scenes = sample_scenes(size, 1, combinations=few, generator=generator)
    tokens = captions(scenes, generator=generator)[run.shard]
    scenes = scenes[run.shard]
    return render(scenes), tokens, scenes.caption_class


def gradients(folder: Path, masked: bool) -> dict[str, torch.Tensor]:
    """Gradients of the first step of three, unclipped; the run is saved as ``folder/NAME.safetensors``."""
    model, first = small_clip(), {}
    run = Run(model, f"masked_{masked}", 3, folder=folder, device="cpu", precision="32-true", clip=1e9, save_every=0)
    for step, generator in run:
        images, tokens, caption_class = batch(run, generator)
        assert not masked or len(caption_class.unique()) < len(caption_class)
        out = run.model(images, tokens)
        loss = clip_loss(*out, caption_class=caption_class if masked else None, gather=run.gather)
        run.step(loss, rank=float(run.rank))
        if step == 0:
            first = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    first["rank"] = torch.tensor(run.history["rank"])
    first["loss"] = torch.tensor(run.history["loss"])
    return first


class Half(nn.Module):
    """Half of it is used by a method other than ``forward``."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(3, 2), nn.Linear(3, 2)

    def sample(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


def in_pieces(folder: Path) -> dict[str, torch.Tensor]:
    """Weights after three steps of two optimizers in turns, each on a batch in two pieces, gradients changed."""
    torch.manual_seed(int(os.environ.get("RANK", 0)))  # the first process's weights count
    models = {"one": Half(), "two": nn.Linear(2, 1)}
    lr = {"one": 0.1, "two": 0.2}
    run = Run(models, "pieces", 3, lr=lr, optimizer=torch.optim.SGD, folder=folder, device="cpu", precision="32-true")
    seen = {}
    for step, generator in run:
        x = torch.randn(8, 3, generator=generator)
        for piece in x.chunk(2):
            out = run.model.two(run.model.one.sample(piece[run.shard]))
            run.backward(out.square().mean() / 2, more=True)
        run.update("one")
        for more, piece in zip((False, True), x.chunk(2), strict=True):  # exchanged twice, the second time by update
            out = run.model.two(run.model.one.sample(piece[run.shard]).detach())
            run.backward(out.sin().mean() / 2, more=more)
            if step == 0 and not more:
                seen["gradient"] = run.module.two.weight.grad.clone()  # between backward and update: the mean
                assert run.module.one.unused.weight.grad is None
        run.update("two", rank=float(run.rank))
    return seen | run.module.state_dict()


def main(folder: Path) -> None:
    for masked in (False, True):
        found = gradients(folder, masked)
        save_file(found, folder / f"{masked}_{os.environ['RANK']}.safetensors")

    save_file(in_pieces(folder), folder / f"pieces_{os.environ['RANK']}.safetensors")

    run = Run(small_clip(), "trouble", 6, folder=folder, device="cpu", precision="32-true")
    rows = torch.arange(12).reshape(6, 2) / 7
    whole = rows.clone().requires_grad_()
    assert torch.equal(run.gather(rows[run.shard]), rows)  # in the order of the whole batch
    (run.gather(whole[run.shard]) * rows).sum().backward()
    assert torch.equal(whole.grad[run.shard], run.world_size * rows[run.shard])  # the sum over processes
    assert torch.get_num_threads() == max(1, len(os.sched_getaffinity(0)) // run.world_size)

    try:  # one process has a row less
        run.gather(torch.zeros(4 - run.rank, 2))
    except ValueError as error:
        print(f"rank {run.rank}: {error}")

    for step, generator in run:  # a signal that reaches one process only ends the run on all, at the same step
        images, tokens, _ = batch(run, generator)
        if step == 2 and run.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        run.step(clip_loss(*run.model(images, tokens), gather=run.gather))
    print(f"rank {run.rank}: stopped={run.stopped} done={run.done}")

    try:  # a loss that is infinite on one process only is so for all
        for step, generator in run:
            images, tokens, _ = batch(run, generator)
            loss = clip_loss(*run.model(images, tokens), gather=run.gather)
            run.step(loss * torch.inf if step == 4 and run.rank == 1 else loss)
    except FloatingPointError as error:
        print(f"rank {run.rank}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
