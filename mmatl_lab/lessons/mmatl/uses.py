"""The uses that the note names beside classification: retrieval across modalities, and generation.

Both on ``scenes5``: each of the eight kinds of things has a shape and a motion of its own, so that all five modalities
tell the kind. Queries and drawings are asked of every ordered pair of modalities.
"""

import torch
from torch import Tensor

from mmatl_lab.models.mmatl import MMATL, GenerationHead, RetrievalHead, represent
from mmatl_lab.seeding import drawn_from, seeded
from mmatl_lab.world.image import render
from mmatl_lab.world.scene import SHAPES, scene_of

from .tasks import Task

SIZE = 16  # of a drawn picture, in pixels
STEPS = 300  # of the head's training
DRAWN_BY = "image"  # the only modality whose t the drawing head is trained on


@torch.no_grad()
def retrieval(model: MMATL, task: Task) -> dict[str, float]:
    """``retrieval_QUERY_GALLERY``: how often the nearest of the test's other modality is of the query's kind.

    ``retrieval`` is the mean over all ordered pairs of modalities; chance is 1/8.
    """
    head, label = RetrievalHead(model.config.hidden_dim), task.test.label
    vectors = {name: head(represent(model, name, task.test.views)) for name in model.modalities}
    found = {}
    for query in vectors:
        for gallery in (name for name in vectors if name != query):
            nearest = (vectors[query] @ vectors[gallery].T).fill_diagonal_(-1).argmax(1)  # never the event itself
            found[f"retrieval_{query}_{gallery}"] = (label[nearest] == label).float().mean().item()
    return found | {"retrieval": sum(found.values()) / len(found)}


def drawings() -> Tensor:
    """(8, 3, SIZE, SIZE): one picture of each kind, red, large, in the middle."""
    pictures = [
        render(scene_of({"shape": shape, "colour": "red", "size": "large", "x": 0.0, "y": 0.0}), SIZE)
        for shape in SHAPES
    ]
    return torch.cat(pictures)


def drawing_head(model: MMATL, task: Task, seed: int = 0) -> GenerationHead:
    """A head that draws a thing from t, trained on t of pictures alone."""
    with drawn_from(seed):
        head = GenerationHead(model.config.hidden_dim, SIZE)
    with torch.no_grad():
        t = represent(model, DRAWN_BY, task.train.views)
    wanted, optimizer = drawings()[task.train.label], torch.optim.Adam(head.parameters(), 3e-3)
    for step in range(STEPS):
        rows = torch.randint(len(t), (128,), generator=seeded(seed, 174, step))
        optimizer.zero_grad()
        head.loss(t[rows], wanted[rows]).backward()
        optimizer.step()
    return head.eval()


@torch.no_grad()
def generation(model: MMATL, task: Task, seed: int = 0) -> dict[str, float]:
    """``generation_MODALITY``: how often what is drawn from a modality is nearest, in pixels, to the right picture.

    ``generation`` is the mean over the modalities that the head has never seen; chance is 1/8.
    """
    with torch.enable_grad():
        head = drawing_head(model, task, seed)
    known, found = drawings().flatten(1), {}
    for name in model.modalities:
        drawn = head(represent(model, name, task.test.views)).flatten(1)
        found[f"generation_{name}"] = (torch.cdist(drawn, known).argmin(1) == task.test.label).float().mean().item()
    unseen = [found[f"generation_{name}"] for name in model.modalities if name != DRAWN_BY]
    return found | {"generation": sum(unseen) / len(unseen)}
