"""The demo kit: what the pages of all demos share, so that a lesson's demo is its content only.

A demo is `build()`, which gives `frame(...)`: title, question, what to try first, tabs, what comes next. A tab is a
function that puts its controls on the page; `opened` says when it is seen:

    load = loader("clip")                             # a shipped model, loaded when it is asked for first

    def build():
        return frame("clip", "Which sentence is nearest?", first="Press Compare.", then="...", tabs={"Scenes": scenes})

    def scenes(opened):
        left, right = beside()
        with left:
            noise = dial(0, 3, 1, step=0.1, label="Noise")
        with right:
            shown = output()
        live([opened, noise.change], measure, noise, shown)   # `measure` is @answering: it gives HTML
"""

import base64
import io
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from html import escape
from typing import TYPE_CHECKING

from torch import Tensor, nn

from mmatl_lab.viz.style import to_uint8

if TYPE_CHECKING:
    import gradio as gr

NOTEBOOKS_AT = "MMATL_LAB_NOTEBOOKS_AT"  # environment variable: where JupyterLab shows the notebooks, if it runs
FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Liberation Sans", "DejaVu Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Liberation Mono", "DejaVu Sans Mono", "monospace")
ACCENT = "#0072B2"  # white letters on it: 5.2 : 1
CSS = """
img { border-radius: 6px; border: 1px solid var(--border-color-primary); }
p { margin: .3em 0; }
figure { margin: 0; } figcaption, small { font-size: 13px;
  color: color-mix(in srgb, var(--body-text-color) 72%, var(--body-background-fill)); }
.note { border-left: 4px solid #e69f00; padding: .2em .7em; margin: .4em 0; overflow-wrap: anywhere; }
.waiting { opacity: .75; }
ol { list-style: none; margin: 0; padding: 0; }
"""
PAGE_CSS = """
.gradio-container { max-width: 1200px !important; margin: 0 auto !important; }
.head h1 { font-size: 26px; line-height: 1.25; margin: .1em 0 .3em; }
@media (max-width: 560px) { .head h1 { font-size: 20px; } }
"""


# --- the page


def frame(
    lesson: str, question: str, *, first: str, then: str, tabs: Mapping[str, Callable[[Callable], None]]
) -> "gr.Blocks":
    """The page of a lesson's demo; models are loaded when it is opened, not here.

    Args:
        lesson: its name; the page has its title, and a link to its notebook where JupyterLab runs.
        question: what the demo answers.
        first: what to try first. then: what to do next, after "In the notebook".
        tabs: name -> function that fills the tab. It gets `opened`, an event that takes (function, inputs, outputs)
            and happens when the tab is seen.
    """
    import gradio as gr

    from mmatl_lab import lessons

    known = lessons.get(lesson)
    with gr.Blocks(analytics_enabled=False, title=known.title) as page:
        gr.Markdown(f"# {known.title}\n\n**{question}**\n\n*Try this first.* {first}", elem_classes="head")
        for n, (name, fill) in enumerate(tabs.items()):
            with gr.Tab(name) as tab:
                fill(page.load if n == 0 else tab.select)
        gr.Markdown(f"*What next.* {then} {notebook_link(known)}", elem_classes="foot")
    return page


def notebook_link(lesson) -> str:
    """Where the lesson of a demo is, as Markdown: a link where JupyterLab runs beside it, else the notebook's name."""
    if not lesson.has_notebook:
        return ""
    name, at = lesson.notebook.name, os.environ.get(NOTEBOOKS_AT)
    return f"The lesson is [{name}]({at}/{name})." if at else f"The lesson is `{name}`: open it by `mmatl-lab start`."


def together(chosen: Sequence) -> "gr.Blocks":
    """The demos of several lessons on one page, in tabs; of one lesson, its page."""
    import gradio as gr

    if len(chosen) == 1:
        return chosen[0].demo.build()
    pages = [lesson.demo.build() for lesson in chosen]
    with gr.Blocks(analytics_enabled=False, title="mmatl_lab demos") as page:
        gr.Markdown(
            "**mmatl_lab demos** · the systems of the lessons, trained and ready to be tried", elem_classes="all"
        )
        for lesson, each in zip(chosen, pages, strict=True):
            with gr.Tab(f"{lesson.number:02d} {lesson.name.replace('_', ' ')}"):
                each.render()
    return page


def appearance() -> dict:
    """Theme and style sheet of all demos, as options for `launch`.

    Letters are the system's own in every weight. Gradio's own theme brings two weights of a font: a browser without the
    font draws all others in another family.
    """
    import gradio as gr

    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.sky, neutral_hue=gr.themes.colors.slate, font=FONT, font_mono=MONO
    ).set(
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_dark=ACCENT,
        button_primary_background_fill_hover="#005A8E",
        button_primary_background_fill_hover_dark="#1583C0",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )
    return {"theme": theme, "css": PAGE_CSS}


def beside(left: int = 2, right: int = 3) -> "tuple[gr.Column, gr.Column]":
    """Two columns, one below the other on a narrow screen: `with` each of them, controls left, answers right."""
    import gradio as gr

    with gr.Row(equal_height=False):
        return gr.Column(scale=left, min_width=300), gr.Column(scale=right, min_width=300)


def output(name: str | None = None, *, css: str = "", waiting: str = "One moment …") -> "gr.HTML":
    """A place for what an answering function gives; until it has something, it says that it is waiting.

    Args:
        name: of the element on the page.
        css: rules of its own.
    """
    import gradio as gr

    value = f'<p class="waiting">{escape(waiting)}</p>' if waiting else ""
    return gr.HTML(value, css_template=CSS + css, elem_id=name)


def live(triggers: Sequence[Callable], function: Callable, inputs, outputs) -> None:
    """Each trigger, such as `slider.change`, shows what the function gives; of several in a row the last one counts."""
    for trigger in triggers:
        trigger(function, inputs, outputs, show_progress="hidden", trigger_mode="always_last")


def examples(choices: Mapping[str, object], outputs, *, width: int = 130) -> list:
    """A row of buttons, each of which puts its values into `outputs`; returns their events, for what comes after.

    Args:
        choices: name of the button -> value of the output, or a tuple of those of several; `gr.update(...)` is one.
    """
    import gradio as gr

    with gr.Row():
        buttons = [gr.Button(name, size="sm", min_width=width) for name in choices]
    return [
        button.click(lambda values=values: values, None, outputs, show_progress="hidden")
        for button, values in zip(buttons, choices.values(), strict=True)
    ]


# --- what is on it


def answering(function):
    """The same function, whose errors of one sentence come back as the note that a page shows; it returns HTML."""

    @wraps(function)
    def answer(*args) -> str:
        try:
            return function(*args)
        except (ValueError, OSError) as error:  # OSError: a file that is not there, such as a checkpoint
            return note(error)

    return answer


def note(sentence: object) -> str:
    """A sentence as a paragraph of HTML; a capital letter first, a full stop last."""
    text = str(sentence).strip()
    return f'<p class="note" role="status">{escape(text[:1].upper() + text[1:].rstrip("."))}.</p>'


def picture_html(picture: Tensor, alt: str, width: int, height: int | None = None) -> str:
    """A picture as an `img` of so many pixels, within the page: no file is written or asked for.

    Args:
        picture: (3, H, W) in [0, 1].
        alt: what it shows, for those who do not see it.
        width, height: as shown; None shows a square.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture[None])[0].transpose(1, 2, 0)).save(buffer, "PNG")
    data, size = base64.b64encode(buffer.getvalue()).decode(), f'width="{width}" height="{height or width}"'
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" {size}>'


def dial(minimum: float, maximum: float, value: float, *, step: float, label: str) -> "gr.Slider":
    """A slider that passes on whatever stands in its number box, None when that is empty; what it sets must be checked.

    Gradio's own answers with a traceback and the word Error, already while a visitor is typing.
    """
    import gradio as gr

    slider = gr.Slider(minimum, maximum, value, step=step, label=label)
    slider.preprocess = lambda payload: payload
    return slider


def once(function):
    """A function without side effects, computed at the first call with its arguments; an error is not remembered.

    Visitors come in threads: the first computes, others who ask the same function wait, nobody else does.
    """
    cached, lock = cache(function), threading.RLock()

    @wraps(function)
    def call(*args):
        with lock:
            return cached(*args)

    call.forget = cached.cache_clear
    return call


def loader(lesson: str) -> Callable[[str], nn.Module]:
    """`load(name)` of a lesson's shipped models, each loaded once.

    It raises FileNotFoundError or CheckpointError, one sentence, when a model cannot be had.
    """

    @once
    def load(name: str) -> nn.Module:
        from mmatl_lab import lessons

        return lessons.get(lesson).recipe.load(name)[0]

    return load
