"""The demo: blur the picture of a digit, drown its voice in noise, and see whom each method trusts."""

import math
from html import escape
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.data.digits import NUM_DIGITS, Digits, load_digits
from mmatl_lab.lessons.page_html import answering, picture_html
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, loader, once, output
from mmatl_lab.models.balanced import METHODS, Balanced
from mmatl_lab.models.balanced.fusion import confidence, dynamic_weights
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.audio import player

from .calibration import Calibration, calibrate
from .systems import NAMES
from .tasks import digit_views, load

if TYPE_CHECKING:
    import gradio as gr

load_model = loader("balanced_learning")
MOST_BLUR, MOST_NOISE, NUM_EXAMPLES = 4.0, 4.0, 20
CSS = """
.methods { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.methods th, .methods td { text-align: left; padding: .25em .6em .25em 0; }
.right { font-weight: 700; } .wrong { opacity: .75; }
.seen { display: flex; gap: 12px; flex-wrap: wrap; align-items: end; }
"""
EXAMPLES = {  # name: digit, example, blur, noise; the first is what the button under the title does
    "A noisy voice": ("3", 0, 0.0, 3.0),
    "A blurred picture": ("8", 4, 2.0, 0.0),
    "Neither is clear": ("5", 2, 1.0, 1.5),
    "Both are clear": ("3", 0, 0.0, 0.0),
}
ABOUT = (
    "The models were trained on digits that are seen and heard. Here you choose a test digit, blur its picture and add "
    "noise to its voice. **Predict first:** with a very noisy voice, does dynamic fusion trust the picture?"
)


@once
def data() -> Digits:
    return load_digits()


@once
def calibration() -> Calibration:
    return calibrate(load_model("balanced_digits_mla"), load("digits").validation)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """A picture (28, 28) uint8 under a Gaussian blur of ``sigma`` pixels."""
    if sigma <= 0:
        return image
    x = torch.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1.0)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    image = F.conv2d(image[None, None].float(), kernel.view(1, 1, -1, 1), padding=(len(x) // 2, 0))
    image = F.conv2d(image, kernel.view(1, 1, 1, -1), padding=(0, len(x) // 2))
    return image[0, 0].round().to(torch.uint8)


def places(name: int, example: int) -> tuple[int, int]:
    """The places of an example of a digit among the pictures and among the recordings of the data."""
    test = data().split().test
    images = test.images[data().image_digits[test.images] == name]
    sounds = test.utterances[data().audio_digits[test.utterances] == name]
    return int(images[example]), int(sounds[example % len(sounds)])


def digit(name: str | None, example: float | None, blur: float | None, noise: float | None) -> tuple[Tensor, dict]:
    """The blurred picture (28, 28), and what the models get of it and of the noisy voice.

    Raises:
        ValueError: a control that is empty or out of its range.
    """
    if name not in map(str, range(NUM_DIGITS)):
        raise ValueError("there is no digit chosen: choose one from 0 to 9")
    for what, value, most in (
        ("example", example, NUM_EXAMPLES - 1),
        ("blur", blur, MOST_BLUR),
        ("noise", noise, MOST_NOISE),
    ):
        if value is None or not 0 <= value <= most:
            raise ValueError(f"the {what} must be a number from 0 to {most:g}: move its slider")
    image, sound = places(int(name), int(example))
    picture = blurred(data().images[image], float(blur))
    generator = seeded(int(name), int(example))
    views = digit_views(picture[None], data().spectrograms[sound][None], generator)
    spread = load("digits").test.views["audio"].std()
    views["audio"] = views["audio"] + noise * spread * torch.randn(views["audio"].shape, generator=generator)
    return picture, views


@answering
def judge(name: str | None, example: float | None, blur: float | None, noise: float | None) -> str:
    """The picture, and a row for each method: what each modality says, whom it trusts, what it answers; as HTML."""
    picture, views = digit(name, example, blur, noise)
    rows = [_row(NAMES[method], load_model(f"balanced_digits_{method}"), views, name) for method in METHODS]
    rows.append(_calibrated(views, name))
    head = "".join(f"<th>{each}</th>" for each in ("method", "picture says", "voice says", "trusts", "answer"))
    seen = picture.float().expand(3, -1, -1) / 255
    heard = views["audio"].view(20, 20).flip(0)
    heard = ((heard - heard.min()) / (heard.max() - heard.min()).clamp(min=1e-6)).expand(3, -1, -1)
    shown = picture_html(seen, f"a handwritten {name}", 112) + picture_html(
        heard, f"the sound of {name}, as a map", 112
    )
    recording = player(data().audio[places(int(name), int(example))[1]], "the recording")
    shown += f"<div>The recording, without noise:<br>{recording}</div>"
    return f'<div class="seen">{shown}</div><table class="methods"><tr>{head}</tr>{"".join(rows)}</table>'


@torch.no_grad()
def _row(title: str, model: Balanced, views: dict[str, Tensor], truth: str) -> str:
    logits = model(views).logits  # (2, 1, 10)
    return _cells(title, logits, whom_it_trusts(model, logits), model.fuse(logits).softmax(-1)[0], truth)


@torch.no_grad()
def _calibrated(views: dict[str, Tensor], truth: str) -> str:
    fitted = calibration()
    signs, logits = fitted.signs(views)
    trust = fitted.say(logits, fitted.temperatures(signs))[:, 0]
    return _cells("MLA, calibrated (ours)", logits, trust, fitted(views).softmax(-1)[0], truth)


def whom_it_trusts(model: Balanced, logits: Tensor) -> Tensor:
    """The share of each modality in the weights of the fusion, (N,)."""
    if getattr(model, "fusion", "") == "dynamic":
        return dynamic_weights(logits)[:, 0]
    weights = confidence(logits)[:, 0] if type(model).__name__ == "QMF" else torch.ones(len(logits))
    return weights / weights.sum()


def _cells(title: str, logits: Tensor, trust: Tensor, answer: Tensor, truth: str) -> str:
    said = [_belief(z.softmax(-1)[0], truth) for z in logits]
    trusts = f"picture {trust[0]:.0%}, voice {trust[1]:.0%}"
    return "<tr>" + "".join(f"<td>{x}</td>" for x in (escape(title), *said, trusts, _belief(answer, truth))) + "</tr>"


def _belief(p: Tensor, truth: str) -> str:
    guess = int(p.argmax())
    kind, mark = ("right", "✓") if str(guess) == truth else ("wrong", "✗")
    return f'<span class="{kind}">{guess} {mark}</span> {p[guess]:.0%}'


def build() -> "gr.Blocks":
    """The page; models are loaded when it is opened first, not here."""
    return frame(
        "balanced_learning",
        "Whom does each method trust when the picture or the voice gets worse?",
        first=("Drown the voice in noise, and compare the last two rows.", "Drown the voice"),
        then="In the notebook you see why joint training starves the picture, and what each remedy does about it.",
        tabs={"Digits": _digits},
    )


def _digits(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT)
    name, example, blur, noise = EXAMPLES["Both are clear"]
    left, right = beside()
    with left:
        controls = [
            gr.Dropdown(list(map(str, range(NUM_DIGITS))), value=name, label="Digit"),
            dial(0, NUM_EXAMPLES - 1, example, step=1, label="Example"),
            dial(0, MOST_BLUR, blur, step=0.25, label="Blur of the picture, pixels"),
            dial(0, MOST_NOISE, noise, step=0.25, label="Noise of the voice, σ"),
        ]
        examples(EXAMPLES, controls, here)
    with right:
        shown = output("beliefs", css=CSS)
    live([here.opened, *(each.change for each in controls)], judge, controls, shown)
