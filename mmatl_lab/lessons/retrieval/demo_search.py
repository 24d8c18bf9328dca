"""The search of the demo: what asks is encoded, its neighbours are shown, and what is near on a map."""

from html import escape
from typing import NamedTuple

import torch
from torch import Tensor

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import loader, once
from mmatl_lab.metrics.nearest import csls, k_occurrence, nearest
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.viz.audio import player
from mmatl_lab.viz.style import look
from mmatl_lab.world import CAPTION_WORDS, MOTIONS, Scenes, audio, describe, render, sample_scenes, sensor, video

from .five import MODALITIES, embed, shared

load = loader("retrieval")
SEED = 90_248
GALLERY, NUM_QUERIES, SHOWN, K = 300, 30, 5, 10
DEFAULT = "a large red star in the top left"
MAX_WORDS, MAX_CHARACTERS = 32, 500
MAP_WIDTH, MAP_HEIGHT = 420, 260


class Shelf(NamedTuple):
    """What can be found, and what asks, in each modality."""

    scenes: Scenes
    asking: Scenes
    keys: dict[str, Tensor]  # (GALLERY, D)
    queries: dict[str, Tensor]  # (NUM_QUERIES, D)


@once
def shelf() -> Shelf:
    """The gallery and the queries, embedded once."""
    model = load("retrieval_five")
    scenes, asking = (sample_scenes(n, 1, generator=seeded(SEED, n)) for n in (GALLERY, NUM_QUERIES))
    keys = {name: embed(model, scenes, name, seed=1) for name in MODALITIES}
    return Shelf(scenes, asking, keys, {name: embed(model, asking, name, seed=2) for name in MODALITIES})


@once
def known_words() -> frozenset[str]:
    """The words that captions of one object are made of, which are all that the model has learnt."""
    from mmatl_lab.world import captions

    tokens = captions(sample_scenes(4_000, 1, generator=seeded(SEED, 3)), generator=seeded(SEED, 4))
    return frozenset(CAPTION_WORDS[t] for t in tokens.unique().tolist() if t)


def encode_words(text: str | None) -> tuple[Tensor, list[str]]:
    """(1, D) the vector of what was typed, and a sentence about words that no caption had.

    Raises:
        ValueError: nothing was typed, too much, or words outside the vocabulary.
    """
    typed = html.checked_text(text, DEFAULT, MAX_CHARACTERS)
    tokens = Tokenizer(CAPTION_WORDS).encode(typed, MAX_WORDS)
    words = dict.fromkeys(CAPTION_WORDS[t] for t in tokens[0].tolist() if t)
    strange = [word for word in words if word not in known_words()]
    if len(strange) == len(words):
        raise ValueError(f"no caption of the training had the word {strange[0]!r}: try '{DEFAULT}'")
    kept = [t for t in tokens[0].tolist() if t and CAPTION_WORDS[t] not in strange]
    notes = [f"no caption of the training had {', '.join(map(repr, strange))}, so this is left out"] if strange else []
    with torch.no_grad():
        return load("retrieval_five").encode("text", torch.tensor([kept])).cpu(), notes


@html.answering
def answer(text: str | None, scene: float | None, asks: str | None, finds: str | None, hubs_down: bool) -> str:
    """The query, its neighbours, the hubs of this search, and the map, as HTML."""
    html.checked_choices(asks, finds)
    html.checked_dials({"scene": scene}, 1, NUM_QUERIES)
    known, notes = shelf(), []
    if asks == "text":
        query, notes = encode_words(text)
        shown = f"<p>“{escape(text.strip())}”</p>"
        factors = ""
    else:
        i = int(scene) - 1
        query, shown = known.queries[asks][i : i + 1], display(known.asking, i, asks)
        factors = _told(known.asking, i)
    keys, queries = known.keys[finds], torch.cat([query, known.queries[asks]])
    if hubs_down:
        _, keys = csls(known.queries[asks], keys, K)
        queries = torch.cat([queries, torch.ones(len(queries), 1)], 1)
    found = nearest(queries[:1], keys, SHOWN)
    entries = [
        (display(known.scenes, j, finds), f"{place}. {_told(known.scenes, j)}", f"similarity {value:.2f}")
        for place, (j, value) in enumerate(zip(found.indices[0].tolist(), found.values[0].tolist()), 1)
    ]
    hubs = k_occurrence(queries[1:], keys, K)
    often = [f"{_told(known.scenes, int(j))} ({int(hubs[j])} of {NUM_QUERIES})" for j in hubs.topk(3).indices]
    common = ", ".join(shared(asks, finds, None if "image" in (asks, finds) else "image")) or "nothing"
    said = (
        f"{asks.capitalize()} and {finds} "
        + ("are one modality." if asks == finds else f"can agree on: {common}.")
        + (f" The scene that asks is a {factors}." if factors else "")
    )
    parts = [html.verdict(said), f"<p><b>Asked:</b></p>{shown}", *map(html.note, notes)]
    parts += [f"<p><b>Found among {GALLERY}:</b></p>", html.tiles(entries)]
    parts += [f"<p><b>Found most often</b> by {NUM_QUERIES} other queries (K = {K}): {escape('; '.join(often))}.</p>"]
    return "".join(parts) + locate(query, known.keys[finds], found.indices[0], finds)


def _told(scenes: Scenes, i: int) -> str:
    """'large red star in the top left, still'."""
    words = describe(scenes[i : i + 1])[0].split(" ", 1)[1]
    return f"{words}, {MOTIONS[scenes.motion[i, 0]]}"


def display(scenes: Scenes, i: int, modality: str) -> str:
    """One scene in one modality, as HTML."""
    one = scenes[i : i + 1]
    if modality == "text":
        return f"<p>“{escape(describe(one)[0])}”</p>"
    if modality == "audio":
        return player(audio(one)[0], "the sound")
    if modality == "image":
        return html.picture_html(render(one, 96)[0], f"a picture: {_told(scenes, i)}", 96)
    if modality == "video":
        strip = torch.cat([*video(one, 64, 4)[0]], -1)  # (3, 64, 256)
        return html.picture_html(strip, f"four frames of a video: {_told(scenes, i)}", 200, 50)
    trace = sensor(one)[0]  # (T, 6)
    scaled = 20 - 18 * (trace / trace.abs().amax(0).clamp(min=1)).T
    lines = "".join(
        f'<polyline fill="none" stroke="{look(name).colour}" points="'
        + " ".join(f"{4 * t},{y:.1f}" for t, y in enumerate(row.tolist()))
        + '"/>'
        for name, row in zip(("sensor", "audio", "image"), scaled[[0, 1, 5]])
    )
    title = f"accelerometer x and y, and turning rate: {_told(scenes, i)}"
    return f'<svg width="200" height="40" viewBox="0 0 200 40" role="img"><title>{escape(title)}</title>{lines}</svg>'


def locate(query: Tensor, keys: Tensor, found: Tensor, modality: str) -> str:
    """A map of the keys along their two widest directions, with the query and what it found."""
    mean = keys.mean(0)
    axes = torch.linalg.svd(keys - mean, full_matrices=False).Vh[:2].T  # (D, 2)
    points, own = (keys - mean) @ axes, ((query - mean) @ axes)[0]
    every = torch.cat([points, own[None]])
    low, high = every.amin(0), every.amax(0)
    size = torch.tensor([MAP_WIDTH - 20.0, MAP_HEIGHT - 20.0])

    def at(point: Tensor) -> tuple[float, float]:
        x, y = (10 + (point - low) / (high - low).clamp(min=1e-6) * size).tolist()
        return x, MAP_HEIGHT - y

    colour, near = look(modality).colour, set(found.tolist())
    dots = []
    for j, point in enumerate(points):
        x, y = at(point)
        edge = ' stroke="black" stroke-width="2"' if j in near else ' opacity=".45"'
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if j in near else 3}" fill="{colour}"{edge}/>')
    x, y = at(own)
    cross = f'<path d="M{x - 8:.1f} {y:.1f}h16M{x:.1f} {y - 8:.1f}v16" stroke="#D55E00" stroke-width="4"/>'
    title = f"{len(points)} keys on a map; a cross marks the query, and rings the {len(near)} that it found"
    return (
        f"<p><b>The map</b> of all that can be found ({escape(modality)}); the cross is what asked, rings are what it "
        f'found.</p><svg width="{MAP_WIDTH}" height="{MAP_HEIGHT}" viewBox="0 0 {MAP_WIDTH} {MAP_HEIGHT}" '
        f'style="max-width:100%;background:white" role="img"><title>{escape(title)}</title>{"".join(dots)}{cross}</svg>'
    )
