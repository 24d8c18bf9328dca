"""Image-text retrieval: the code guide's triplet loss mended step by step, VSE++ and its rivals.

Every form of the loss trains the same two heads from the same start on the same batches, so that only the loss differs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmatl_lab.errata.retrieval import MENDS, mended_triplet
from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.metrics.retrieval import Recall, recall_both
from mmatl_lab.models.vse import VSE, VSEConfig, triplet_loss
from mmatl_lab.threads import calm_threads
from mmatl_lab.training import Run, Study

from .features import EVALUATION_SEED, GALLERY, IMAGE_DIM, TEXT_DIM, VALIDATION_SEED, Pairs, gallery, training_pairs

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "retrieval_losses"
NUM_GALLERIES = 5
TAU = 0.1  # of the contrastive loss; chosen on a validation gallery among .02, .05 and .1
SEEDS = range(5)

Loss = Callable[[Tensor, Tensor], Tensor]  # similarity (B, B) of image i and text j, caption_class (B,) -> scalar


def _mended(mends: int) -> Loss:
    def loss(similarity: Tensor, caption_class: Tensor) -> Tensor:
        return mended_triplet(similarity.T, caption_class[:, None] == caption_class, mends)

    return loss


def _contrastive(similarity: Tensor, caption_class: Tensor) -> Tensor:
    same = (caption_class[:, None] == caption_class).fill_diagonal_(False)
    logits = (similarity / TAU).masked_fill(same, -torch.inf)
    return -(logits.log_softmax(1).diagonal() + logits.log_softmax(0).diagonal()).mean() / 2


LOSSES: dict[str, Loss] = {f"mend_{n}": _mended(n) for n in range(len(MENDS))} | {
    "all": lambda s, classes: triplet_loss(s, negatives="all", caption_class=classes),
    "hardest": lambda s, classes: triplet_loss(s, negatives="hardest", caption_class=classes),
    "contrastive": _contrastive,
}
LABELS = {f"mend_{n}": f"{n}: {what}" for n, what in enumerate(MENDS)} | {
    "all": "triplet, all negatives",
    "hardest": "triplet, hardest negative",
    "contrastive": "contrastive",
}


@dataclass(frozen=True)
class HeadsSettings:
    num_steps: int = 300
    batch_size: int = 128
    lr: float = 2e-3
    model: VSEConfig = field(default_factory=lambda: VSEConfig(IMAGE_DIM, TEXT_DIM))
    loss: str = "hardest"  # one of LOSSES
    shuffled: bool = False  # a control: each image with the caption of another


PRESETS = {
    "quick": HeadsSettings(60, batch_size=64),
    "full": HeadsSettings(),
    "gpu": HeadsSettings(3_000, batch_size=1024, model=VSEConfig(IMAGE_DIM, TEXT_DIM, 1024, 256)),
}


def draw(pairs: Pairs, batch_size: int, *, generator: torch.Generator, shuffled: bool = False) -> Pairs:
    """A batch of pairs; shuffled, texts and their classes move on by one row."""
    rows = torch.randint(len(pairs.image), (batch_size,), generator=generator)
    return Pairs(pairs.image[rows], *(x[rows.roll(1) if shuffled else rows] for x in pairs[1:]))


def fit(run: Run, settings: HeadsSettings) -> None:
    """The loop: one of LOSSES on the similarities of a batch."""
    pairs, loss = training_pairs(), LOSSES[settings.loss]
    for _, generator in run:
        batch = draw(pairs, settings.batch_size, generator=generator, shuffled=settings.shuffled)
        image, text, classes = (x[run.shard].to(run.device) for x in batch)
        out = run.model(image, text)
        image, text, classes = run.gather(out.image), run.gather(out.text), run.gather(classes)
        run.step(loss(image @ text.T, classes))


@torch.no_grad()
def recall(model: VSE, draw: int = 0, *, k: int = 1, seed: int = EVALUATION_SEED) -> Recall:
    """R@K in both directions in one gallery of 1,000 scenes."""
    pairs = gallery(draw, seed=seed)
    device = next(model.parameters()).device
    return recall_both(*(x.cpu() for x in model(pairs.image.to(device), pairs.text.to(device))), k=k)


@calm_threads()
def evaluate(model: VSE, num_galleries: int = NUM_GALLERIES) -> list[Result]:
    """R@1 and R@5 among 1,000 scenes, in fresh galleries. Control: chance."""
    results = []
    for k, bound in ((1, 0.9), (5, None)):
        found = [recall(model, draw, k=k) for draw in range(num_galleries)]
        for way, label in (("i2t", "image → text"), ("t2i", "text → image")):
            known = {"of": "fresh galleries", "control": k / GALLERY, "ceiling": 1.0, "at_least": bound}
            values = [getattr(one, way) for one in found]
            results.append(Result.from_values(f"heads_{way}_r{k}", f"{label}, R@{k} of {GALLERY:,}", values, **known))
    return results


HEADS = System(
    "retrieval_heads",
    PRESETS,
    build=VSE.from_config,
    fit=fit,
    evaluate=evaluate,
    reserved=(EVALUATION_SEED, VALIDATION_SEED),
)


def cell(loss: str, shuffled: bool, seed: int) -> dict[str, float]:
    """Train the heads once; R@1 in both directions, on the gallery of this seed, and the last loss."""
    settings = HeadsSettings(loss=loss, shuffled=shuffled)
    model = HEADS.make(settings, seed=seed)
    run = HEADS.run(model, settings, seed=seed, save=False, quiet=True)
    fit(run, settings)
    found = recall(model.eval(), seed)
    return {"i2t": found.i2t, "t2i": found.t2i, "last_loss": run.history["loss"][-1]}


def study() -> Study:
    """Every loss from five seeds, and VSE++ on shuffled pairs as a control."""
    grids = [{"loss": list(LOSSES), "shuffled": [False], "seed": SEEDS}]
    return Study(NAME, cell, [*grids, {"loss": ["hardest"], "shuffled": [True], "seed": SEEDS}])


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def study_results(frame: "DataFrame", losses: tuple[str, ...] = tuple(LOSSES)) -> list[Result]:
    """R@1 of each loss, the mean of both directions, over the seeds; control: VSE++ on shuffled pairs."""
    both = (frame["i2t"] + frame["t2i"]) / 2
    control = both[frame["shuffled"]].mean()
    found = []
    for loss in losses:
        values = both[(frame["loss"] == loss) & ~frame["shuffled"]].tolist()
        bound = {"mend_0": {"at_most": 0.01}, "mend_5": {"at_least": 0.9}}.get(loss, {})
        found.append(Result.from_values(f"loss_{loss}", LABELS[loss], values, control=control, **bound))
    return found


if __name__ == "__main__":
    study().ship()
