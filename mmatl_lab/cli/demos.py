"""`mmatl-lab demo`: the lessons' Gradio demos, at home or through a public link with a password."""

import _thread
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import typer

from mmatl_lab import lessons
from mmatl_lab.cli.console import fail, say
from mmatl_lab.cli.guard import SlowLogin, weakness
from mmatl_lab.cli.jupyter import free_port
from mmatl_lab.cli.uploads import upload_folder

USER = "guest"
TRIES = "MMATL_LAB_DEMO_TRIES"  # environment variable, see _start_again


def build(names: list[str]):
    """One `gr.Blocks` of the demos of the lessons `names`, in tabs when there are several."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio reads it when it is imported, and would look up hosts
    from mmatl_lab.lessons import pages

    page = pages.together([lessons.get(name) for name in names])
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
    if weak := weakness(given):
        fail(weak, code=2)
    return given


def serve(names: list[str], *, share: bool, port: int | None, browser: bool, beside: bool) -> None:
    """Serve the demos of `names` until stopped.

    Args:
        share: also through a public link of Gradio's, for whoever has the password.
        port: of 127.0.0.1; None takes the first free one from `pages.PORT` on.
        browser: open it.
        beside: end when standard input closes, which is when the program that started this one ends.
    """
    from starlette.middleware import Middleware

    from mmatl_lab.lessons import pages

    auth = (USER, password()) if share else None
    if port is not None and free_port(port) != port:
        fail(f"port {port} is taken by another program: leave --port out, or take {free_port(port)}", code=2)
    # Gradio asks its own server whether it is there: a proxy of the classroom's would not know.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "localhost"
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{direct},127.0.0.1"
    with upload_folder() as uploads:
        if beside:
            threading.Thread(target=_end_with_stdin, args=[uploads], daemon=True).start()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        os.environ["GRADIO_RUN_HISTORY"] = "False"  # a visitor's pictures are no one else's, in no browser's store
        _one_thread_each()
        blocks = build(names)
        try:
            _, address, public = blocks.launch(
                server_name="127.0.0.1",
                server_port=port or free_port(pages.PORT),
                share=share,
                auth=auth,
                auth_message=f"User name: {USER}. The password comes from whoever sent you the link."
                if share
                else None,
                app_kwargs={"middleware": [Middleware(SlowLogin)]} if share else None,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size="25mb",
                footer_links=["settings"],
                inbrowser=browser and not beside,
                **pages.appearance(),
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


def _one_thread_each() -> None:
    """Each answer is computed by one thread: visitors come in several, and a training beside needs the other cores.

    ``OMP_NUM_THREADS`` in the environment says otherwise.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        import torch

        torch.set_num_threads(1)


def _start_again(most: int = 3) -> None:
    """Become a fresh process of the same command, up to ``most`` times, counted in the environment.

    Gradio gives its server five seconds to come up, which is not enough on a machine that JupyterLab and others keep
    busy, and then says that there is no free port.
    """
    tries = int(os.environ.get(TRIES, "0"))
    if tries < most:
        os.environ[TRIES] = str(tries + 1)
        os.execv(sys.executable, [sys.executable, "-m", "mmatl_lab", *sys.argv[1:]])


def _end_with_stdin(uploads: Path) -> None:
    """Wait for the end of standard input, then end this process, which tidies up if it can do so in a few seconds."""
    while os.read(0, 1024):  # not sys.stdin, whose lock a daemon thread would hold while Python ends
        pass
    _thread.interrupt_main()
    time.sleep(5)
    shutil.rmtree(uploads, ignore_errors=True)
    os._exit(0)
