"""The demo kit: what the pages of all demos share, so that a lesson's demo is its content only.

A demo is `build()`, which gives `frame(...)`: title, question, what to try first, tabs, what comes next. A tab is a
function that puts its controls on the page and says what they show. What is shown is made with `page_html`:

    load = loader("clip")                             # a shipped model, loaded when it is asked for first

    def build():
        first = "Which sentence is nearest?", "Compare two sentences"         # a sentence, and what its button does
        return frame("clip", "What is near?", first=first, then="Train it.", tabs={"Scenes": scenes})

    def scenes(here):
        left, right = beside()
        with left:
            noise = dial(0, 3, 1, step=0.1, label="Noise")
            examples({"Much noise": 3}, noise, here)  # the button under the title does the first of them
        with right:
            shown = output()
        live([here.opened, noise.change], measure, noise, shown)   # `measure` is @answering: it gives HTML
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from . import page_html

if TYPE_CHECKING:
    import gradio as gr
    from torch import nn

NOTEBOOKS_AT = "MMATL_LAB_NOTEBOOKS_AT"  # environment variable: where JupyterLab shows the notebooks, if it runs
PORT = 7811  # of the demos: not Gradio's own 7860, where others may be; the links in the notebooks lead there
FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Liberation Sans", "DejaVu Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Liberation Mono", "DejaVu Sans Mono", "monospace")
ACCENT = "#0072B2"  # white letters on it: 5.2 : 1
PAGE_CSS = """
.gradio-container { width: 100%; max-width: 1200px !important; margin: 0 auto !important; }
.head h1 { font-size: 26px; line-height: 1.25; margin: .1em 0 .3em; }
@media (max-width: 560px) { .head h1 { font-size: 20px; } }
#first { width: fit-content; align-self: flex-start; }
.nav-holder { display: none; }
"""
# on a narrow screen the answer is below the controls
TO_THE_ANSWER = """() => { if (innerWidth < 700)
  [...document.querySelectorAll(".answer")].find((one) => one.offsetParent)?.scrollIntoView({behavior: "smooth"}); }"""


class Here(NamedTuple):
    """What a tab needs to know of its page.

    Attributes:
        opened: an event, like `slider.change`, that happens when the tab is seen.
        first: the button under the title, on the first tab; else None.
    """

    opened: Callable
    first: gr.Button | None


# --- the page


def frame(
    lesson: str, question: str, *, first: tuple[str, str], then: str, tabs: Mapping[str, Callable[[Here], None]]
) -> gr.Blocks:
    """The page of a lesson's demo; models are loaded when it is opened, not here.

    Args:
        lesson: its name; the page has its title, and a link to its notebook where JupyterLab runs.
        question: what the demo answers.
        first: what to try first, in a sentence, and the words on the button that does it.
        then: what to do next, in a sentence; the way to the lesson follows.
        tabs: name -> function that fills the tab. The first of them gives `here` to `examples`.
    Raises:
        ValueError: nothing happens when the button is pressed.
    """
    import gradio as gr

    from mmatl_lab import lessons

    known = lessons.get(lesson)
    with gr.Blocks(analytics_enabled=False, title=known.title) as page:
        gr.Markdown(f"# {known.title}\n\n**{question}**\n\n**Try this first.** {first[0]}", elem_classes="head")
        button = gr.Button(first[1], variant="primary", elem_id="first")
        with gr.Tabs() as shown:
            for n, (name, fill) in enumerate(tabs.items()):
                with gr.Tab(name, id=n) as tab:
                    fill(Here(tab.select, None) if n else Here(page.load, button))
        gr.Markdown(f"**What next.** {then} {notebook_link(known)}", elem_classes="foot")
    if (button._id, "click") not in [target for step in page.fns.values() for target in step.targets]:
        raise ValueError(f"the button {first[1]!r} does nothing: call examples(..., here) in the first tab")
    with page:
        button.click(lambda: gr.Tabs(selected=0), None, shown, show_progress="hidden").then(None, js=TO_THE_ANSWER)
    page.question = question
    return page


def notebook_link(lesson) -> str:
    """Where the lesson of a demo is, as Markdown: a link where JupyterLab runs beside it, else the notebook's name."""
    if not lesson.has_notebook:
        return ""
    name, at = lesson.notebook.name, os.environ.get(NOTEBOOKS_AT)
    where = f"[{name}]({at}/{name})" if at else f"`{name}`, which `mmatl-lab start` opens"
    return f"The lesson is {where}."


def demo_link(lesson: str) -> str:
    """The way from a notebook to the lesson's demo, as a line of Markdown: a link, and what to do where it is dead."""
    return (
        f"**Demo:** [play with the trained models](http://127.0.0.1:{PORT}/{lesson}) while `mmatl-lab start` runs "
        f"(or take the menu *Demos*); without it, run `mmatl-lab demo {lesson}`."
    )


def together(chosen: Sequence) -> gr.Blocks:
    """The demos of several lessons as a site: a page that introduces them, and one for each; of one lesson, its page.

    The address of a page is the lesson's name.
    """
    import gradio as gr

    if len(chosen) == 1:
        return chosen[0].demo.build()
    plain = {"css_template": page_html.CSS, "padding": False}
    pages = [lesson.demo.build() for lesson in chosen]
    entries = "".join(
        f"<li>{_link(lesson.name, f'{lesson.number:02d} · {lesson.title}')}<br>{escape(page.question)}</li>"
        for lesson, page in zip(chosen, pages, strict=True)
    )
    with gr.Blocks(analytics_enabled=False, title="Demos of mmatl_lab") as site:
        gr.Markdown(
            "# Demos of mmatl_lab\n\nThe models of the lessons, trained and ready to be tried. Each demo asks one "
            "question: try what it suggests, then turn its dials until the model fails. Everything is computed on the "
            "machine that shows this page.",
            elem_classes="head",
        )
        gr.HTML(f'<ul class="demos">{entries}</ul>', **plain)
    for n, (lesson, page) in enumerate(zip(chosen, pages, strict=True)):
        with site.route(lesson.title, lesson.name, show_in_navbar=False):
            gr.HTML(f"{_link('.', 'All demos')} · {lesson.number:02d} {lesson.name.replace('_', ' ')}", **plain)
            page.render()
            other = chosen[(n + 1) % len(chosen)]
            gr.HTML(f"The next demo: {_link(other.name, other.title)}", **plain)
    return site


def _link(address: str, text: str) -> str:
    """A link within the site; one in Markdown would open a window of its own."""
    return f'<a href="{address}">{escape(text)}</a>'


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


def beside(left: int = 2, right: int = 3) -> tuple[gr.Column, gr.Column]:
    """Two columns, one below the other on a narrow screen: `with` each of them, controls left, answers right."""
    import gradio as gr

    with gr.Row(equal_height=False):
        return gr.Column(scale=left, min_width=300), gr.Column(scale=right, min_width=300)


def output(name: str | None = None, *, css: str = "", waiting: str = "One moment …") -> gr.HTML:
    """A place for what an answering function gives; until it has something, it says that it is waiting.

    Args:
        name: of the element on the page.
        css: rules of its own.
    """
    import gradio as gr

    return gr.HTML(page_html.waiting(waiting), css_template=page_html.CSS + css, elem_id=name, elem_classes="answer")


def live(triggers: Sequence[Callable], function: Callable, inputs, outputs) -> None:
    """Each trigger, such as `slider.change`, shows what the function gives; of several in a row the last one counts."""
    for trigger in triggers:
        trigger(function, inputs, outputs, show_progress="hidden", trigger_mode="always_last")


def examples(choices: Mapping[str, object], outputs, here: Here, *, width: int = 130) -> list:
    """A row of buttons, each of which puts its values into `outputs`; returns their events, for what comes after.

    The button under the title does what the first of them does.

    Args:
        choices: name of the button -> value of the output, or a tuple of those of several; `gr.update(...)` is one.
    """
    import gradio as gr

    with gr.Row():
        buttons = [gr.Button(name, size="sm", min_width=width) for name in choices]
    values = [*choices.values()]
    if here.first:
        buttons, values = [*buttons, here.first], [*values, values[0]]
    return [
        button.click(lambda value=value: value, None, outputs, show_progress="hidden")
        for button, value in zip(buttons, values, strict=True)
    ]


def dial(minimum: float, maximum: float, value: float, *, step: float, label: str) -> gr.Slider:
    """A slider that passes on whatever stands in its number box, None when that is empty; what it sets must be checked.

    Gradio's own answers with a traceback and the word Error, already while a visitor is typing.
    """
    import gradio as gr

    slider = gr.Slider(minimum, maximum, value, step=step, label=label)
    slider.preprocess = lambda payload: payload
    return slider


# --- what is computed once


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


@cache
def loader(lesson: str) -> Callable[[str], nn.Module]:
    """`load(name)` of a lesson's shipped models, each loaded once.

    It raises FileNotFoundError or CheckpointError, one sentence, when a model cannot be had.
    """

    @once
    def load(name: str) -> nn.Module:
        from mmatl_lab import lessons

        return lessons.get(lesson).recipe.load(name)[0]

    return load
