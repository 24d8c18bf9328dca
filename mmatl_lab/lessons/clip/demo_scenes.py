"""The demo's scenes: drawn with menus or uploaded, compared with captions, and placed on the latent map.

`controls` are shape, colour, size and place of the first object, the same of the second, whose shape may be NONE, and
the path of a visitor's own picture or None.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import loader, once
from mmatl_lab.lessons.scene_menus import menus_of, scene_of_menus
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.viz.alignment import Frames
from mmatl_lab.viz.embedding import place, umap_embed
from mmatl_lab.viz.latent_map import as_frames, query
from mmatl_lab.world import (
    CAPTION_WORDS,
    Scenes,
    captions,
    render,
    sample_scenes,
)
from mmatl_lab.world.image import BACKGROUND

load = loader("clip")
SIZE = 32  # pixels of what the model sees
MAX_CAPTIONS, MAX_WORDS, MAX_CHARACTERS = 24, 32, 5_000  # in all; of one, which the text encoder can read; in all


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
    images, tokens, N = render(scenes), captions(scenes), len(scenes)
    latents = {"image": model.encode_image(images), "text": model.encode_text(tokens)}
    means = {modality: batch.mean(0) for modality, batch in latents.items()}
    together = torch.cat([centred(batch, means[modality]) for modality, batch in latents.items()])
    frames = as_frames(umap_embed(together), ["image"] * N + ["text"] * N, [*range(N), *range(N)], ["trained"])
    return Atlas(scenes, Tokenizer(CAPTION_WORDS).decode(tokens), images, together, means, frames)


def picture_of(*controls: str | None) -> tuple[Tensor, list[str]]:
    """The picture (1, 3, 32, 32) to ask about, drawn or the visitor's own, and what there is to know about it."""
    *menus, path = controls
    if path is not None:
        return html.uploaded(path, SIZE, BACKGROUND), []
    scene, notes = scene_of_menus(*menus)
    return render(scene, SIZE), notes


def controls_of(scene: Scenes) -> tuple[str | None, ...]:
    """The controls that draw a scene (a batch of one), but for exact places."""
    return *menus_of(scene), None


def read_captions(text: str | None) -> tuple[list[str], Tensor, list[str]]:
    """Captions that can be read, their tokens, and a sentence about each line that cannot.

    Raises:
        ValueError: nothing was typed, or too much.
    """
    typed = html.checked_text(text, "a small red circle", MAX_CHARACTERS)
    lines = [line.strip() for line in typed.splitlines() if line.strip()]
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


@html.answering
def preview(*controls: str | None) -> str:
    """The picture as the model gets it, with what there is to know about it."""
    picture, notes = picture_of(*controls)
    image = html.picture_html(picture[0], "the picture that the captions are compared with", 224)
    return html.captioned(image, f"What the model sees: {SIZE} × {SIZE} pixels") + "".join(map(html.note, notes))


@html.answering
@torch.no_grad()
def ranking(text: str | None, *controls: str | None) -> str:
    """The captions as bars, the most probable first: P(caption) = softmax(cosine / τ) over the captions given."""
    lines, tokens, notes = read_captions(text)
    if not lines:
        return "".join(map(html.note, notes))
    try:
        picture, _ = picture_of(*controls)
    except ValueError:  # the preview says why
        return html.note("there is no picture yet that these captions can be compared with")
    model = load("clip_scenes")
    cosine = (model.encode_image(picture) @ model.encode_text(tokens).T)[0]  # (C,)
    scale = model.logit_scale.exp()
    share = (scale * cosine).softmax(0)
    rows = [
        html.Row(lines[i], [share[i].item()], f"{share[i]:.1%} · cosine {cosine[i]:.2f}")
        for i in cosine.argsort(descending=True).tolist()
    ]
    if len(lines) == 1:
        notes.append("one caption alone always gets 100%: write others for it to compete with, each on its own line")
    below = f"Shares at the model's temperature, τ = {1 / scale:.3f}; together these captions have 100%."
    return f"{html.bars(rows, kind='wide')}<small>{below}</small>" + "".join(map(html.note, notes))


@torch.no_grad()
def landing(*controls: str | None) -> dict | None:
    """Where the picture lands on the map, for `query`; None where there is no picture or no model."""
    try:
        picture, _ = picture_of(*controls)
        known = atlas()
    except (ValueError, OSError):  # the preview and the ranking say why
        return None
    latent = centred(load("clip_scenes").encode_image(picture), known.means["image"])
    N = len(known.scenes)
    nearest = (latent @ known.latents[N:].T)[0].topk(3).indices + N
    return query(place(latent, known.latents, known.frames.points[-1])[0], "your picture", nearest.tolist())
