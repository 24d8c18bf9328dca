"""The demo: a digit seen and heard. Leave a modality out, attack the input, and see answer, code and modality probe."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, loader, once, output
from mmatl_lab.models.mmatl import MMATL
from mmatl_lab.nn.attacks import pgd
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.tables import Bar, Table

from ..balanced_learning.tasks import Examples
from .systems import codes
from .tasks import Task, load

if TYPE_CHECKING:
    import gradio as gr

load_model = loader("mmatl")
MODELS = {"mmatl_digits": "aligned", "mmatl_digits_pgd": "aligned, trained on attacks"}
MOST_EPSILON, NUM_DIGITS, NUM_EXAMPLES = 0.1, 10, 20
CLEAN = ("3", 0, True, True, 0.0, "both")
EXAMPLES = {  # name: digit, example, picture and sound there, epsilon, what is attacked
    "Attack both": ("3", 0, True, True, 0.05, "both"),
    "Attack the picture": ("8", 2, True, True, 0.05, "the picture"),
    "The sound alone": ("5", 1, False, True, 0.0, "both"),
    "Clean, both there": CLEAN,
}
TARGETS = {"the picture": ("image",), "the sound": ("audio",), "both": ("image", "audio")}
ABOUT = (
    "Two models name the digit from a picture, a sound, or both. Their codes are aligned: a code should not tell "
    "whether it comes from the picture or from the sound. An attack changes every number of the input by at most ε, in "
    "the direction that hurts the model most. **Predict first:** can you see the attack in the picture?"
)


@once
def task() -> Task:
    return load("digits", 0)


@once
def counts(name: str) -> dict[tuple[int, ...], Tensor]:
    """How often each code was seen from each modality on validation data, plus one: code -> (N,)."""
    found: dict[tuple[int, ...], Tensor] = {}
    for event in bits(codes(load_model(name), task().validation)).tolist():
        for i, code in enumerate(event):
            found.setdefault(tuple(code), torch.ones(len(event)))[i] += 1
    return found


def bits(e: Tensor) -> Tensor:
    """Codes as signs, -1 and 1."""
    return torch.where(e < 0, -1, 1)


def event(digit: str | None, example: float | None, there: tuple[bool, bool]) -> Examples:
    """One test digit: the views that are there (1, F), and its label (1,).

    Raises:
        ValueError: a control that is empty or out of its range, or no view at all.
    """
    if digit not in map(str, range(NUM_DIGITS)):
        raise ValueError("there is no digit chosen: choose one from 0 to 9")
    html.checked_dials({"example": example}, 0, NUM_EXAMPLES - 1)
    if not any(there):
        raise ValueError("picture and sound are switched off: switch at least one on")
    test = task().test
    rows = (test.label == int(digit)).nonzero().flatten()
    row = rows[int(example) % len(rows)].item()
    views = {n: x[row : row + 1] for (n, x), is_there in zip(test.views.items(), there, strict=True) if is_there}
    return Examples(views, test.label[row : row + 1])


def attacked(model: MMATL, one: Examples, epsilon: float, target: str) -> dict[str, Tensor]:
    """The views after 20 steps of PGD on what is there of the target."""
    modalities = [name for name in TARGETS[target] if name in one.views]
    if not epsilon or not modalities:
        return dict(one.views)

    def loss(views: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(model(views).logits, one.label, reduction="none")

    bounds = dict.fromkeys(one.views, (0.0, 1.0))
    return pgd(loss, one.views, epsilon, steps=20, modalities=modalities, bounds=bounds, generator=seeded(7))


@html.answering
def judge(digit, example, image: bool, audio: bool, epsilon, target: str | None) -> str:
    """What each model is given, what it answers, its codes, and whose codes a probe takes them for; as HTML."""
    html.checked_dials({"ε": epsilon}, 0, MOST_EPSILON)
    if target not in TARGETS:
        raise ValueError("nothing is chosen to attack: choose the picture, the sound, or both")
    one = event(digit, example, (bool(image), bool(audio)))
    return "".join(_section(name, title, one, epsilon, target) for name, title in MODELS.items())


def _section(name: str, title: str, one: Examples, epsilon: float, target: str) -> str:
    model, truth = load_model(name), int(one.label)
    views = attacked(model, one, epsilon, target)
    with torch.no_grad():
        answer = model(views)
        alone = model.alone(answer.e).softmax(2)[0]  # (N, C)
    p = answer.logits.softmax(1)[0]
    best = int(p.argmax())
    mark = "✓" if best == truth else "✗"
    rows = [("all that is there", f"{best} {mark}", Bar(p[truth].item()), "", "")]
    for i, modality in enumerate(model.modalities):
        if modality in views:
            said = int(alone[i].argmax())
            code = bits(answer.e[0, i]).tolist()
            seen = counts(name).get(tuple(code), torch.ones(len(model.modalities)))
            share = (seen / seen.sum())[0].item()
            squares = "".join("■" if bit > 0 else "□" for bit in code)
            guess = f"picture {html.percent(share)}, sound {html.percent(1 - share)}"
            rows.append((f"the {_words(modality)} alone", str(said), Bar(alone[i, truth].item()), squares, guess))
    table = Table(("", "answer", f"P({truth})", "code", "a probe takes the code for"), rows)
    return html.verdict(f"{title[0].upper()}{title[1:]}: {best} {mark}") + _given(views) + table._repr_html_()


def _given(views: dict[str, Tensor]) -> str:
    """The inputs as pictures: the digit, and the map of its sound."""
    shown = []
    for name, x in views.items():
        side = int(x.shape[1] ** 0.5)
        pixels = x[0].view(side, side)
        pixels = pixels if name == "image" else pixels.flip(0)
        shown.append(html.picture_html(pixels.expand(3, -1, -1), f"the {_words(name)} as the model gets it", 112))
    return "".join(shown)


def _words(modality: str) -> str:
    return {"image": "picture", "audio": "sound"}[modality]


def build() -> "gr.Blocks":
    """The page; models are loaded when it is opened first."""
    return frame(
        "mmatl",
        "Can one code serve the eye and the ear, and does it survive an attack?",
        first=("Attack picture and sound, and compare the answers of both models.", "Attack both"),
        then="In the notebook you align the codes, attack the models and test each claim of the note.",
        tabs={"Digits": _digits},
    )


def _digits(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT)
    digit, example, image, audio, epsilon, target = CLEAN
    left, right = beside()
    with left:
        controls = [
            gr.Dropdown(list(map(str, range(NUM_DIGITS))), value=digit, label="Digit"),
            dial(0, NUM_EXAMPLES - 1, example, step=1, label="Example"),
            gr.Checkbox(image, label="The picture is there"),
            gr.Checkbox(audio, label="The sound is there"),
            dial(0, MOST_EPSILON, epsilon, step=0.01, label="Strength of the attack, ε"),
            gr.Dropdown(list(TARGETS), value=target, label="What is attacked"),
        ]
        examples(EXAMPLES, controls, here)
    with right:
        shown = output("codes")
    live([here.opened, *(each.change for each in controls)], judge, controls, shown)
