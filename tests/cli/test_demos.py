"""Serving demos: tabs, the password of a public link, ports."""

import os
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from mmatl_lab.cli import demos


@pytest.fixture
def blocks(monkeypatch, toy):
    """The toy lesson's demo; its launch is noted, and reaches nobody."""
    launched = {}

    def launch(**options):
        launched.update(options)
        return None, "http://127.0.0.1:7860/", launched.get("link") if options["share"] else None

    made = SimpleNamespace(launch=launch, launched=launched, block_thread=lambda: None, fns={})
    toy.demo = SimpleNamespace(build=lambda: made)
    return made


def test_a_demo_is_for_this_machine_only(run, blocks):
    answer = run("demo", "toy", "--no-browser")
    assert answer.code == 0 and "http://127.0.0.1:7860/" in answer.err
    assert blocks.launched["server_name"] == "127.0.0.1"
    assert blocks.launched["share"] is False and blocks.launched["auth"] is None
    assert blocks.launched["inbrowser"] is False
    assert "127.0.0.1" in os.environ["no_proxy"]


def test_each_answer_is_computed_by_one_thread_also_those_of_visitors(monkeypatch):
    import torch

    before, found = torch.get_num_threads(), []
    for given, expected in ((None, 1), ("2", 2)):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if given:
            monkeypatch.setenv("OMP_NUM_THREADS", given)
        torch.set_num_threads(2)
        demos._one_thread_each()
        visitor = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        visitor.start()
        visitor.join()
        assert found.pop() == expected
    torch.set_num_threads(before)


def test_a_public_link_has_a_password(run, blocks, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_DEMO_PASSWORD", "eight or more")
    blocks.launched["link"] = "https://example.gradio.live"
    answer = run("demo", "toy", "--share")
    assert answer.code == 0
    assert blocks.launched["share"] is True and blocks.launched["auth"] == ("guest", "eight or more")
    assert "ready for the user 'guest': https://example.gradio.live\n" in answer.err
    assert "eight or more" not in answer.err


def test_a_lesson_without_a_demo_says_so_and_is_no_tab(run, blocks, toy, monkeypatch):
    from mmatl_lab import lessons

    plain = SimpleNamespace(name="plain", has_demo=False)
    monkeypatch.setattr(lessons, "names", lambda: ["plain", "toy"])
    monkeypatch.setattr(lessons, "get", {"plain": plain, "toy": toy}.__getitem__)
    answer = run("demo", "plain")
    assert (answer.code, answer.err) == (2, "mmatl-lab: the lesson 'plain' has no demo: those with one are toy\n")
    assert blocks.launched == {}
    assert run("demo", "--no-browser").code == 0 and blocks.launched["server_name"] == "127.0.0.1"


def test_a_server_that_came_up_too_slowly_beside_jupyterlab_is_started_again(run, blocks, monkeypatch):
    started = []

    def launch(**options):
        raise OSError("Cannot find empty port in range: 7861-7861.")

    blocks.launch = launch
    monkeypatch.setattr(demos.os, "execv", lambda program, words: started.append(words))
    monkeypatch.setattr(demos.threading, "Thread", lambda **options: SimpleNamespace(start=lambda: None))
    monkeypatch.setattr(sys, "argv", ["mmatl-lab", "demo", "toy", "--beside"])
    monkeypatch.delenv(demos.TRIES, raising=False)
    for tries in range(4):
        assert "empty port" in run("demo", "toy", "--beside").err  # the stand-in of execv comes back
        assert len(started) == min(tries + 1, 3)
    assert started[0] == [sys.executable, "-m", "mmatl_lab", "demo", "toy", "--beside"]
    run("demo", "toy", "--no-browser")
    assert len(started) == 3  # whoever asked for the demo alone gets the sentence


@pytest.mark.parametrize("given", ["", "   ", "short", "aaaaaaaa"])
def test_an_empty_or_short_password_is_refused(run, blocks, monkeypatch, given):
    monkeypatch.setenv("MMATL_LAB_DEMO_PASSWORD", given)
    answer = run("demo", "toy", "--share")
    assert answer.code == 2 and "take at least 10" in answer.err and blocks.launched == {}


def test_without_a_terminal_the_password_comes_from_the_environment(run, blocks, monkeypatch):
    monkeypatch.delenv("MMATL_LAB_DEMO_PASSWORD", raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    answer = run("demo", "toy", "--share")
    assert answer.code == 2 and "set MMATL_LAB_DEMO_PASSWORD" in answer.err and blocks.launched == {}


def test_the_password_is_typed_twice_and_not_shown(run, blocks, monkeypatch):
    asked = []
    monkeypatch.delenv("MMATL_LAB_DEMO_PASSWORD", raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda text, **options: asked.append(options) or "typed by hand")
    blocks.launched["link"] = "https://example.gradio.live"
    assert run("demo", "toy", "--share").code == 0
    assert asked == [{"hide_input": True, "confirmation_prompt": True}]
    assert blocks.launched["auth"] == ("guest", "typed by hand")


def test_a_link_that_cannot_be_made_is_a_sentence(run, blocks, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_DEMO_PASSWORD", "eight or more")
    answer = run("demo", "toy", "--share")
    assert answer.code == 1 and "the public link could not be made" in answer.err


def test_a_taken_port_is_a_sentence_with_a_free_one(run, blocks):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run("demo", "toy", "--port", port)
    assert answer.code == 2 and f"port {port} is taken" in answer.err and blocks.launched == {}


def test_several_demos_are_a_site(monkeypatch, toy):
    import gradio as gr

    def build():
        with gr.Blocks() as page:
            words = gr.Markdown("a toy")
            page.load(lambda: "a toy, loaded", None, words)
        page.question = "What is a toy?"
        return page

    toy.demo = SimpleNamespace(build=build)
    site = demos.build(["toy", "toy"])
    assert [path for path, *_ in site.pages][:2] == ["", "toy"]
    assert isinstance(demos.build(["toy"]), gr.Blocks)
    assert [function.api_visibility for function in site.fns.values()] == ["private"] * 2  # no list of 100 endpoints


@pytest.mark.parametrize(
    "busy", ["while True: time.sleep(0.1)", "while True:\n try: time.sleep(60)\n except KeyboardInterrupt: pass"]
)
def test_beside_ends_when_its_parent_does(busy, tmp_path):
    """The pipe from the parent closes, and the process is gone, even one that does not let itself be interrupted."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    code = "import threading, time; from mmatl_lab.cli import demos\n"
    code += "from pathlib import Path\n"
    code += f"threading.Thread(target=demos._end_with_stdin, args=[Path(r'{uploads}')], daemon=True).start()\n{busy}"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(2)
    child.stdin.close()
    child.wait(20)
    if "except" in busy:  # it had no time to tidy up itself
        assert not uploads.exists()
