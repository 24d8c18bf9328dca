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
from mmatl_lab.lessons import pages


def test_a_picture_is_shown_as_it_is():
    picture = torch.rand(3, 5, 7)
    html = pages.picture_html(picture, "noise & nothing else", 70, 50)
    png = base64.b64decode(re.search('src="data:image/png;base64,([^"]+)"', html)[1])
    shown = np.asarray(Image.open(io.BytesIO(png))) / 255
    assert shown == pytest.approx(picture.permute(1, 2, 0).numpy(), abs=0.5 / 255 + 1e-6)
    assert 'alt="noise &amp; nothing else" width="70" height="50"' in html
    assert 'width="70" height="70"' in pages.picture_html(picture, "noise", 70)


def test_errors_become_one_sentence_that_stays_text():
    @pages.answering
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
    return [str(block.value) for block in page.blocks.values() if type(block).__name__ == "Markdown"]


def labels(page) -> list[str]:
    return [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"]


def build():
    def fill(opened):
        opened(lambda: None)

    return pages.frame("cats", "Which is which?", first="Press A.", then="Train it.", tabs={"A": fill, "B": fill})


def test_a_frame_has_title_question_first_steps_tabs_and_the_way_back(lesson, monkeypatch):
    page = build()
    head, foot = texts(page)
    assert page.title == "Cats & dogs" and head.startswith("# Cats & dogs") and "**Which is which?**" in head
    assert "Press A." in head and "Train it." in foot and "`04_cats.ipynb`" in foot and "](" not in foot
    assert labels(page) == ["A", "B"] and [step.targets[0][1] for step in page.fns.values()] == ["load", "select"]
    monkeypatch.setenv(pages.NOTEBOOKS_AT, "http://127.0.0.1:8888/lab/tree")
    assert "[04_cats.ipynb](http://127.0.0.1:8888/lab/tree/04_cats.ipynb)" in texts(build())[-1]


def test_several_demos_have_a_title_and_a_tab_each_and_one_is_its_own_page(lesson):
    lesson.demo = SimpleNamespace(build=build)
    assert pages.together([lesson]).title == "Cats & dogs"
    page = pages.together([lesson, lesson])
    assert page.title == "mmatl_lab demos" and "mmatl_lab demos" in texts(page)[0]
    assert labels(page).count("04 cats") == 2 and labels(page).count("A") == 2


def test_letters_are_the_systems_own_in_every_weight():
    theme = pages.appearance()["theme"]
    assert {type(font) for font in (*theme._font, *theme._font_mono)} == {str}  # Gradio's kinds of fonts are fetched
    assert "@font-face" not in theme._get_theme_css()


def test_an_example_puts_its_values_where_they_belong():
    import gradio as gr

    with gr.Blocks() as page:
        first, second = gr.Textbox(), gr.Slider(0, 3, 1)
        events = pages.examples({"one": ("a", 2), "two": ("b", 3)}, [first, second])
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
