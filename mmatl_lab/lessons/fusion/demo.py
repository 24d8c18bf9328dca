"""The demo of lesson 02: one scene in three views, a noise dial and a switch for each, and what each fusion answers."""

from html import escape
from typing import TYPE_CHECKING

import torch

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, loader, output
from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer
from mmatl_lab.viz.audio import player
from mmatl_lab.viz.tables import Bar, Table
from mmatl_lab.world import CAPTION_WORDS, SHAPES, sample_scenes

from .methods import METHODS
from .views import EVALUATION_SEED, VIEWS, make_views, noisy_sound

if TYPE_CHECKING:
    import gradio as gr

load = loader("fusion")
NAMES = {"image": "picture", "text": "caption", "audio": "sound"}
NUM_SCENES, FIRST = 20, 18
CLEAR = (0.1, 0.1, 0.1, True, True, True)
EXAMPLES = {  # name: scene, noise of picture, caption and sound, which are there
    "Drown the picture": (FIRST, 1.0, 0.1, 0.1, True, True, True),
    "Two that are noise": (FIRST, 1.0, 1.0, 0.1, True, True, True),
    "Hard to tell": (11, 1.0, 1.0, 0.6, True, True, True),
    "Only a bad sound": (2, 1.0, 1.0, 0.6, False, False, True),
    "All clear": (FIRST, *CLEAR),
}
ABOUT = (
    "Which of eight shapes is it? A picture, a caption and a sound show the same object. All fusions get the same "
    "three vectors; early fusion gets the raw inputs instead. The columns at the right are the weights that a fusion "
    "gives to the three views, if it has weights. They say how the vectors are mixed, not what a view is worth."
)


def build() -> "gr.Blocks":
    """The page; the model is loaded when it is opened first."""
    return frame(
        "fusion",
        "Which views can a fusion do without, and does it notice which one to trust?",
        first=("All three views are clear. Drown the picture in noise, and see which fusions turn away from it.",
               "Drown the picture"),
        then="In the notebook you build these fusions and compare them at equal size.",
        tabs={"Three views": _views},
    )  # fmt: skip


def _views(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT)
    left, right = beside()
    with left:
        controls = [dial(1, NUM_SCENES, FIRST, step=1, label="Scene")]
        controls += [dial(0, 1, 0.1, step=0.1, label=f"Noise of the {name}") for name in NAMES.values()]
        controls += [gr.Checkbox(True, label=f"The {name} is there") for name in NAMES.values()]
        examples(EXAMPLES, controls, here, width=180)
    with right:
        shown = output("fusions")
    live([here.opened, *(each.change for each in controls)], answer, controls, shown)


@html.answering
@torch.no_grad()
def answer(scene: float, image: float, text: float, audio: float, *there: bool) -> str:
    """The views as they are given to the fusions, and what each fusion takes the shape for, as HTML.

    Args:
        scene: 1 to NUM_SCENES. image, text, audio: noises from 0 to 1. there: three switches.
    """
    noises = {"image": image, "text": text, "audio": audio}
    html.checked_dials({f"noise of the {NAMES[name]}": z for name, z in noises.items()}, 0, 1)
    html.checked_dials({"scene": scene}, 1, NUM_SCENES)
    if not any(there):
        raise ValueError("all three views are switched off: switch at least one on")
    one = sample_scenes(NUM_SCENES, 1, generator=seeded(EVALUATION_SEED, 9))[int(scene) - 1 : int(scene)]
    noise, present = torch.tensor([list(noises.values())]), torch.tensor([there])
    views = make_views(one, noise, generator=seeded(EVALUATION_SEED, 10))
    scores = load("fusion_views").examine(views, present)
    return _shown(one, views, noise, there) + _answers(scores, int(one.shape[0, 0]))


def _shown(scene, views, noise, there) -> str:
    parts = []
    if there[0]:
        parts.append(html.picture_html(views["image"][0], "the picture with its noise", 160))
    if there[1]:
        words = Tokenizer(CAPTION_WORDS).decode(views["text"])[0]
        parts.append(f"<p>“{escape(words)}”</p>")
    if there[2]:
        wave = noisy_sound(scene, noise[:, 2], generator=seeded(EVALUATION_SEED, 11))
        parts.append(player(wave[0], "the sound with as much noise"))
    return "".join(parts)


def _answers(scores, truth: int) -> str:
    rows, right = [], 0
    for name, method in METHODS.items():
        p = scores.logits[name].softmax(1)[0]
        best = int(p.argmax())
        right += best == truth
        weights = scores.weights.get(name)
        shares = tuple(f"{w:.2f}" for w in weights[0].tolist()) if weights is not None else ("",) * len(VIEWS)
        said = f"{'✓ ' if best == truth else ''}{SHAPES[best]}"
        rows.append((method.label, said, Bar(p[truth].item()), *shares))
    table = Table(("fusion", "answer", f"P({SHAPES[truth]})", *(f"weight: {name}" for name in NAMES.values())), rows)
    said = f"It is a {SHAPES[truth]}: {right} of {len(METHODS)} fusions say so."
    return html.verdict(said) + table._repr_html_()
