"""`mmatl-lab demo`: the lessons' Gradio demos, at home or through a public link with a password."""

import _thread
import os
import shutil
import sys
import tempfile
import threading
import time

import typer

from mmatl_lab import lessons
from mmatl_lab.cli.console import fail, say
from mmatl_lab.cli.jupyter import free_port

USER = "guest"
LETTERS = 8  # of a password, at least
TRIES = "MMATL_LAB_DEMO_TRIES"  # environment variable, see _start_again


def build(names: list[str]):
    """One `gr.Blocks` of the demos of the lessons `names`, in tabs when there are several."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio reads it when it is imported, and would look up hosts
    import gradio as gr

    chosen = [lessons.get(name) for name in names]
    blocks = [lesson.demo.build() for lesson in chosen]
    page = blocks[0] if len(blocks) == 1 else gr.TabbedInterface(blocks, [lesson.name for lesson in chosen])
    for function in page.fns.values():  # steps of a page, such as what a click does, are no interface for programs
        function.api_visibility = "private"
    return page


def password() -> str:
    """The password that guards a public link: `$MMATL_LAB_DEMO_PASSWORD`, or typed twice."""
    given = os.environ.get("MMATL_LAB_DEMO_PASSWORD")
    if given is None:
        if not sys.stdin.isatty():
            fail("a public link needs a password: set MMATL_LAB_DEMO_PASSWORD, there is no terminal to ask at", code=2)
        given = typer.prompt(
            f"Password for the visitors (user name: {USER})", hide_input=True, confirmation_prompt=True
        )
    if len(given.strip()) < LETTERS:
        fail(f"the password has {len(given.strip())} characters: take at least {LETTERS}", code=2)
    return given


def serve(names: list[str], *, share: bool, port: int | None, browser: bool, beside: bool) -> None:
    """Serve the demos of `names` until stopped.

    Args:
        share: also through a public link of Gradio's, for whoever has the password.
        port: of 127.0.0.1; None takes the first free one from 7860 on.
        browser: open it.
        beside: end when standard input closes, which is when the program that started this one ends.
    """
    auth = (USER, password()) if share else None
    if port is not None and free_port(port) != port:
        fail(f"port {port} is taken by another program: leave --port out, or take {free_port(port)}", code=2)
    if beside:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    # Gradio asks its own server whether it is there: a proxy of the classroom's would not know.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "localhost"
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{direct},127.0.0.1"
    with tempfile.TemporaryDirectory() as uploads:  # visitors' pictures go when the demo ends
        os.environ["GRADIO_TEMP_DIR"] = uploads
        blocks = build(names)
        try:
            _, address, public = blocks.launch(
                server_name="127.0.0.1",
                server_port=port or free_port(7860),
                share=share,
                auth=auth,
                auth_message=f"User name: {USER}. The password comes from whoever sent you the link."
                if share
                else None,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size="25mb",
                footer_links=["settings"],
                inbrowser=browser and not beside,
            )
        except OSError:
            if beside:
                shutil.rmtree(uploads, ignore_errors=True)
                _start_again()
            raise
        if share and not public:
            fail("the public link could not be made, its server was not reached: check the network, or drop --share")
        visitors = f" for the user {USER!r}" if share else ""
        say(f"The demos are ready{visitors}: {public or address}")
        blocks.block_thread()


def _start_again(most: int = 3) -> None:
    """Become a fresh process of the same command, up to ``most`` times, counted in the environment.

    Gradio gives its server five seconds to come up, which is not enough on a machine that JupyterLab and others keep
    busy, and then says that there is no free port.
    """
    tries = int(os.environ.get(TRIES, "0"))
    if tries < most:
        os.environ[TRIES] = str(tries + 1)
        os.execv(sys.executable, [sys.executable, "-m", "mmatl_lab", *sys.argv[1:]])


def _end_with_stdin() -> None:
    """Wait for the end of standard input, then end this process, which tidies up if it can do so in a few seconds."""
    while os.read(0, 1024):  # not sys.stdin, whose lock a daemon thread would hold while Python ends
        pass
    _thread.interrupt_main()
    time.sleep(5)
    os._exit(0)
