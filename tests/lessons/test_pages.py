"""What the pages of all demos share."""

import base64
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmatl_lab import lessons
from mmatl_lab.lessons import page_html, pages


def test_a_picture_is_shown_as_it_is():
    picture = torch.rand(3, 5, 7)
    html = page_html.picture_html(picture, "noise & nothing else", 70, 50)
    png = base64.b64decode(re.search('src="data:image/png;base64,([^"]+)"', html)[1])
    shown = np.asarray(Image.open(io.BytesIO(png))) / 255
    assert shown == pytest.approx(picture.permute(1, 2, 0).numpy(), abs=0.5 / 255 + 1e-6)
    assert 'alt="noise &amp; nothing else" width="70" height="50"' in html
    assert 'width="70" height="70"' in page_html.picture_html(picture, "noise", 70)


def test_errors_become_one_sentence_that_stays_text():
    @page_html.answering
    def answer(error):
        raise error

    html = answer(ValueError("no <b>such</b> word"))
    assert html == '<p class="note" role="status">No &lt;b&gt;such&lt;/b&gt; word.</p>'
    assert "Gone." in answer(FileNotFoundError("gone."))
    with pytest.raises(ZeroDivisionError):  # a mistake of ours is no sentence for visitors
        answer(ZeroDivisionError())


def test_once_remembers_answers_and_no_errors():
    calls = []

    @pages.once
    def load(name):
        calls.append(name)
        if len(calls) == 1:
            raise OSError("not yet")
        return object()

    with pytest.raises(OSError):
        load("a")
    assert load("a") is load("a") and load("b") is not load("a") and calls == ["a", "a", "b"]
    before = load("a")
    load.forget()
    assert load("a") is not before


def test_who_comes_together_waits_for_the_same_and_for_nothing_else():
    begun, done, calls = threading.Event(), threading.Event(), []

    @pages.once
    def long():
        calls.append(1)
        begun.set()
        assert done.wait(30)
        return object()

    @pages.once
    def short():
        return "at once"

    with ThreadPoolExecutor(3) as visitors:
        first = visitors.submit(long)
        assert begun.wait(30)
        second = visitors.submit(long)
        assert visitors.submit(short).result(30) == "at once" and not first.done()
        done.set()
        assert first.result(30) is second.result(30) and calls == [1]


@pytest.mark.parametrize("typed", [None, 50, 1e9, -2.55])
def test_a_dial_passes_on_what_is_typed(typed):
    import gradio as gr

    dial = pages.dial(-3, 3, 1, step=0.1, label="Tone")
    assert isinstance(dial, gr.Slider) and dial.get_block_name() == "slider" and dial.preprocess(typed) == typed


# --- the page


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    """A lesson with a notebook, known by its name."""
    known = SimpleNamespace(
        name="cats", number=4, title="Cats & dogs", has_notebook=True, notebook=tmp_path / "04_cats.ipynb"
    )
    monkeypatch.setattr(lessons, "get", lambda name: known)
    monkeypatch.delenv(pages.NOTEBOOKS_AT, raising=False)
    return known


def texts(page) -> list[str]:
    return [str(block.value) for block in page.blocks.values() if type(block).__name__ in ("Markdown", "HTML")]


def labels(page) -> list[str]:
    return [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"]


def fill(here):
    import gradio as gr

    here.opened(lambda: None)
    pages.examples({"one": 1}, gr.Number(), here)


def build():
    first = "Which is bigger?", "Compare them"
    return pages.frame("cats", "Which is which?", first=first, then="Train it.", tabs={"A": fill, "B": fill})


def test_a_frame_has_title_question_first_steps_tabs_and_the_way_back(lesson, monkeypatch):
    page = build()
    head, foot = texts(page)
    assert page.title == "Cats & dogs" and head.startswith("# Cats & dogs") and "**Which is which?**" in head
    assert "**Try this first.** Which is bigger?" in head and "**What next.** Train it." in foot
    assert "`04_cats.ipynb`" in foot and "](" not in foot
    assert labels(page) == ["A", "B"]
    targets = [target for step in page.fns.values() for target in step.targets]
    assert [event for _, event in targets if event in ("load", "select")] == ["load", "select"]
    monkeypatch.setenv(pages.NOTEBOOKS_AT, "http://127.0.0.1:8888/lab/tree")
    assert "[04_cats.ipynb](http://127.0.0.1:8888/lab/tree/04_cats.ipynb)" in texts(build())[-1]


def test_the_button_under_the_title_does_the_first_example_on_the_first_tab(lesson):
    page = build()
    (button,) = [block for block in page.blocks.values() if getattr(block, "elem_id", "") == "first"]
    assert button.value == "Compare them"
    steps = [step for step in page.fns.values() if (button._id, "click") in step.targets]
    assert [step.fn() for step in steps if type(step.outputs[0]).__name__ == "Number"] == [1]
    assert [step.fn().selected for step in steps if type(step.outputs[0]).__name__ == "Tabs"] == [0]


def test_a_button_that_does_nothing_is_a_mistake(lesson):
    with pytest.raises(ValueError, match="'Compare them' does nothing: call examples"):
        pages.frame("cats", "?", first=("!", "Compare them"), then="", tabs={"A": lambda here: None})


def test_several_demos_are_a_site_with_a_page_that_introduces_them_and_one_is_its_own_page(lesson):
    lesson.demo = SimpleNamespace(build=build)
    assert pages.together([lesson]).title == "Cats & dogs"
    dogs = SimpleNamespace(**vars(lesson) | {"name": "big_dogs", "number": 5, "title": "Dogs"})
    site = pages.together([lesson, dogs])
    home, entries, *_ = found = texts(site)
    assert site.title == "Demos of mmatl_lab" and "# Demos of mmatl_lab" in home
    assert '<a href="cats">04 · Cats &amp; dogs</a><br>Which is which?' in entries and 'href="big_dogs"' in entries
    assert [path for path, *_ in site.pages] == ["", "cats", "big_dogs"]
    assert labels(site) == ["A", "B"] * 2
    assert sum('<a href=".">All demos</a>' in text for text in found) == 2
    assert [text for text in found if "next demo" in text] == [
        'The next demo: <a href="big_dogs">Dogs</a>',
        'The next demo: <a href="cats">Cats &amp; dogs</a>',
    ]


def test_a_notebook_leads_to_its_demo():
    said = pages.demo_link("clip")
    assert f"](http://127.0.0.1:{pages.PORT}/clip)" in said and "`mmatl-lab demo clip`" in said


def test_letters_are_the_systems_own_in_every_weight():
    theme = pages.appearance()["theme"]
    assert {type(font) for font in (*theme._font, *theme._font_mono)} == {str}  # Gradio's kinds of fonts are fetched
    assert "@font-face" not in theme._get_theme_css()


def test_an_example_puts_its_values_where_they_belong():
    import gradio as gr

    with gr.Blocks() as page:
        first, second = gr.Textbox(), gr.Slider(0, 3, 1)
        events = pages.examples({"one": ("a", 2), "two": ("b", 3)}, [first, second], pages.Here(page.load, None))
    steps = [*page.fns.values()]
    assert len(events) == 2
    assert [step.fn() for step in steps] == [("a", 2), ("b", 3)]
    assert all([output._id for output in step.outputs] == [first._id, second._id] for step in steps)
    assert [button.value for button in page.blocks.values() if type(button).__name__ == "Button"] == ["one", "two"]


def test_triggers_in_a_row_are_answered_once_and_outputs_wait_with_a_word():
    import gradio as gr

    with gr.Blocks() as page:
        noise, shown = pages.dial(0, 3, 1, step=1, label="Noise"), pages.output("shown")
        pages.live([page.load, noise.change], str, noise, shown)
    assert [step.trigger_mode for step in page.fns.values()] == ["always_last"] * 2
    assert shown.elem_id == "shown" and "One moment" in shown.value


def test_models_of_a_lesson_are_loaded_once(lesson):
    asked = []
    lesson.recipe = SimpleNamespace(load=lambda name: (asked.append(name) or object(), {}))
    load = pages.loader("cats")
    assert load("a") is load("a") and load("b") is not load("a") and asked == ["a", "b"]


# --- what is shown


def test_bars_begin_at_their_start_and_end_at_their_value():
    html = page_html.bars([page_html.Row("<a>", (0.7, 0.4), "70%")], low=0.4, coin=True)
    assert "<span>&lt;a&gt;</span>" in html and "<small>70%</small>" in html
    ends = re.findall(r"margin-left: ([\d.]+)%; width: ([\d.]+)%", html)
    assert [tuple(map(float, end)) for end in ends] == [(16.7, 33.3), (0, 16.7)]
    assert '<u style="left: 16.7%">' in html
    assert "margin-left: 0.0%; width: 70.0%" in page_html.bars([page_html.Row("a", [0.7], "")])


def test_a_chart_draws_its_curves_between_the_ends_of_its_axes():
    html = page_html.chart([page_html.Curve((0, 1, 0.5), "red")], "up & down", x=(0, 4), y=(0, 0.5, 1), at=1)
    (points,) = re.findall('points="(.+?)"', html)
    xs, ys = zip(*[tuple(map(float, point.split(","))) for point in points.split()])
    assert xs == (page_html.LEFT, (page_html.LEFT + page_html.WIDTH - 8) / 2, page_html.WIDTH - 8)
    assert ys[0] == 120 - page_html.BOTTOM and ys[1] == 8 and ys[2] == pytest.approx((ys[0] + ys[1]) / 2)
    assert 'aria-label="up &amp; down"' in html and f"M{page_html.LEFT + 107:.1f} 8V" in html


@pytest.mark.parametrize(
    ("p", "said"), [(0, "0%"), (1e-6, "<1%"), (0.004, "<1%"), (0.5, "50%"), (0.996, ">99%"), (1, "100%")]
)
def test_what_is_not_certain_is_not_said_to_be(p, said):
    assert page_html.percent(p) == said


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (None, "nothing was typed: write something, such as 'a cat'"),
        (" \n ", "nothing was typed"),
        ("a" * 9, "the text has 9 characters, at most 8 are read: shorten it"),
        ("🔴!", "no word is in this text, and signs and emoji are not read"),
    ],
)
def test_what_is_typed_is_checked(typed, says):
    with pytest.raises(ValueError, match=says):
        page_html.checked_text(typed, "a cat", 8)
    assert page_html.checked_text(" a cat ", "a cat", 8) == "a cat"


@pytest.mark.parametrize("value", [None, float("nan"), -3.1, 1e9])
def test_what_a_dial_passes_on_is_checked(value):
    with pytest.raises(ValueError, match="the tone must be a number from -3 to 3: move its slider"):
        page_html.checked_dials({"face": 3, "tone": value}, -3, 3)
