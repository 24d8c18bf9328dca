"""What the pages of all demos share."""

import base64
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

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
