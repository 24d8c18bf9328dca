"""The demo's scenes: drawn with controls or uploaded, compared with captions, and placed on the latent map."""

from html import escape
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.lessons.pages import answering, note, once, picture_html
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.viz.alignment import Frames
from mmatl_lab.viz.embedding import place, umap_embed
from mmatl_lab.viz.latent_map import as_frames, query
from mmatl_lab.world import (
    CAPTION_WORDS,
    COLOURS,
    SHAPES,
    SIZES,
    Scenes,
    captions,
    held_out_combinations,
    render,
    sample_scenes,
    scene_of,
)
from mmatl_lab.world.image import BACKGROUND

from .demo_parts import MAX_WORDS, SIZE, checked_text, load, uploaded

QUARTERS = {"top left": (-0.5, 0.5), "top right": (0.5, 0.5), "bottom left": (-0.5, -0.5), "bottom right": (0.5, -0.5)}
MAX_CAPTIONS = 24
FIRST = ("star", "red", "large", "top left")
SECOND = ("circle", "blue", "small", "bottom right")


class Atlas(NamedTuple):
    """Scenes whose place on the map is known. Their latents are centred: `centred(latents, means[modality])`."""

    scenes: Scenes
    captions: list[str]
    images: Tensor  # (N, 3, 32, 32)
    latents: Tensor  # (2 N, D), images and then texts
    means: dict[str, Tensor]  # modality -> (D,)
    frames: Frames


def atlas_scenes() -> Scenes:
    """Every combination of shape and colour twice alone, and 64 pairs of objects: 192 scenes, always the same."""
    combination = torch.arange(128) % 64
    alone = sample_scenes(128, (1, 2), generator=seeded(3, 1))
    alone.shape[:, 0], alone.colour[:, 0], alone.mask[:, 1] = combination // 8, combination % 8, False
    return alone + sample_scenes(64, 2, generator=seeded(3, 2))


def centred(latents: Tensor, mean: Tensor) -> Tensor:
    return F.normalize(latents - mean, dim=-1)


@once
@torch.no_grad()
def atlas() -> Atlas:
    """The map of the scenes' model; UMAP compiles itself at the first call, for seconds."""
    model, scenes = load("clip_scenes"), atlas_scenes()
    images = render(scenes)
    tokens = captions(scenes)
    latents = {"image": model.encode_image(images), "text": model.encode_text(tokens)}
    means = {modality: batch.mean(0) for modality, batch in latents.items()}
    together = torch.cat([centred(batch, means[modality]) for modality, batch in latents.items()])
    N = len(scenes)
    frames = as_frames(umap_embed(together), ["image"] * N + ["text"] * N, [*range(N), *range(N)], ["trained"])
    return Atlas(scenes, Tokenizer(CAPTION_WORDS).decode(tokens), images, together, means, frames)


def drawn(*controls) -> tuple[Tensor, list[str]]:
    """The picture (1, 3, 32, 32) of the scene that the controls describe, and what there is to know about it.

    Args:
        controls: shape, colour, size and quarter of the first object, whether there is a second, and the same of it.
    """
    objects = [controls[:4], controls[5:9]][: 2 if controls[4] else 1]
    if None in [value for given in objects for value in given]:
        raise ValueError("a control is empty: choose a shape, a colour, a size and a place for each object")
    described = [
        {"shape": shape, "colour": colour, "size": size} | dict(zip("xy", QUARTERS[quarter], strict=True))
        for shape, colour, size, quarter in objects
    ]
    scene = scene_of(*described)
    notes = [
        f"The combination {colour} {shape} was held out of training: the model has never seen one"
        for shape, colour, *_ in objects
        if held_out_combinations()[SHAPES.index(shape), COLOURS.index(colour)]
    ]
    if len({quarter for *_, quarter in objects}) < len(objects):
        notes.append("In training no two objects stood in the same quarter: the second hides the first here")
    return render(scene, SIZE), notes


def scene_picture(own: bool, path: str | None, *controls) -> tuple[Tensor, list[str]]:
    """The picture to ask about, (1, 3, 32, 32): the visitor's own, or the one drawn with the controls."""
    return (uploaded(path, BACKGROUND), []) if own else drawn(*controls)


def read_captions(text: str | None) -> tuple[list[str], Tensor, list[str]]:
    """Captions that can be read, their tokens, and a sentence about each line that cannot.

    Raises:
        ValueError: nothing was typed, or too much.
    """
    lines = [line.strip() for line in checked_text(text).splitlines() if line.strip()]
    if len(lines) > MAX_CAPTIONS:
        raise ValueError(f"{len(lines):,} captions are more than the {MAX_CAPTIONS} compared here: delete some lines")
    tokenizer, known, rows, notes = Tokenizer(CAPTION_WORDS), [], [], []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(tokenizer.encode(line, MAX_WORDS)[0])
            known.append(line)
        except ValueError as error:
            notes.append(f"line {number} is left out, {error}")
    return known, torch.stack(rows) if rows else torch.zeros(0, MAX_WORDS, dtype=torch.long), notes


@answering
def preview(own: bool, path: str | None, *controls) -> str:
    """The picture as the model gets it, with what there is to know about it."""
    picture, notes = scene_picture(own, path, *controls)
    image = picture_html(picture[0], "the picture that the captions are compared with", 224)
    caption = f"What the model sees: {SIZE} × {SIZE} pixels"
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>" + "".join(map(note, notes))


@answering
@torch.no_grad()
def ranking(text: str | None, own: bool, path: str | None, *controls) -> str:
    """The captions as bars, the most probable first: P(caption) = softmax(cosine / τ) over the captions given."""
    lines, tokens, notes = read_captions(text)
    if not lines:
        return "".join(map(note, notes))
    try:
        picture, _ = scene_picture(own, path, *controls)
    except ValueError:  # the preview says why
        return note("there is no picture yet that these captions can be compared with")
    model = load("clip_scenes")
    cosine = (model.encode_image(picture) @ model.encode_text(tokens).T)[0]  # (C,)
    scale = model.logit_scale.exp()
    share = (scale * cosine).softmax(0)
    bars = "".join(
        f'<li style="--share: {share[i]:.1%}"><span>{escape(lines[i])}</span> <b>{share[i]:.1%}</b> '
        f"<small>cosine {cosine[i]:.2f}</small> <i></i></li>"
        for i in cosine.argsort(descending=True).tolist()
    )
    if len(lines) == 1:
        notes.append("one caption alone always gets 100%: write others for it to compete with, each on its own line")
    below = f"Shares at the model's temperature, τ = {1 / scale:.3f}; together these captions have 100%."
    return f'<ol class="bars">{bars}</ol><small>{below}</small>' + "".join(map(note, notes))


@torch.no_grad()
def landing(own: bool, path: str | None, *controls) -> dict | None:
    """Where the picture lands on the map, for `query`; None where there is no picture or no model."""
    try:
        picture, _ = scene_picture(own, path, *controls)
        known = atlas()
    except (ValueError, OSError):  # the preview and the ranking say why
        return None
    latent = centred(load("clip_scenes").encode_image(picture), known.means["image"])
    N = len(known.scenes)
    nearest = (latent @ known.latents[N:].T)[0].topk(3).indices + N
    return query(place(latent, known.latents, known.frames.points[-1])[0], "your picture", nearest.tolist())


def controls_of(scenes: Scenes) -> tuple:
    """What the controls have to say to draw the one scene given, but for exact places; see `drawn`."""

    def words(k: int) -> tuple[str, ...]:
        quarter = list(QUARTERS)[2 * int(scenes.row[0, k]) + int(scenes.column[0, k])]
        return SHAPES[scenes.shape[0, k]], COLOURS[scenes.colour[0, k]], SIZES[scenes.size[0, k]], quarter

    second = bool(scenes.mask[0, 1])
    return (*words(0), second, *(words(1) if second else SECOND))
