"""`mmatl-lab start` as a learner meets it: a notebook that opens and runs, no prompt, and the way to the demos."""

import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from mmatl_lab import paths
from mmatl_lab.cli import jupyter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory, starting):
    """A running `mmatl-lab start` on the repository's notebooks: its address with the token, and that of the demos."""
    folder = tmp_path_factory.mktemp("start")
    log = folder / "log"
    command = [sys.executable, "-m", "mmatl_lab", "start", "--no-browser", "--port"]
    # JupyterLab remembers which tabs were open; the tests' own folder keeps those of whoever uses this machine out.
    env = os.environ | {
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
    }
    server = None
    try:
        with starting, log.open("w") as file:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
            server = subprocess.Popen([*command, str(jupyter.free_port(8950))], cwd=folder, env=env, **quiet)
            deadline = time.monotonic() + 180
            while not (ready := re.search(r"The demos are ready: (\S+)", log.read_text())):
                assert time.monotonic() < deadline and server.poll() is None, log.read_text()
                time.sleep(0.2)
        yield SimpleNamespace(address=re.search(r"http://\S+token=\w+", log.read_text())[0], demos=ready[1])
    finally:
        if server:
            server.terminate()
            server.wait(30)


def test_the_first_notebook_opens_without_a_prompt_and_runs(page, lab):
    page.goto(lab.address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    first = min(path.name for path in paths.notebooks().glob("*.ipynb"))
    page.locator(".lm-TabBar-tab.jp-mod-current", has_text=first).wait_for(timeout=60_000)
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=60_000)
    assert page.get_by_text("official Jupyter news").count() == 0
    page.locator(".jp-Notebook .jp-Cell").first.click()
    for _ in range(4):  # past the text, to the first code cell, which may be below the window's edge
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(500)
    page.wait_for_selector("text=[1]:", timeout=60_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0


def test_the_menu_leads_to_the_demos(page, lab):
    page.goto(lab.address)
    page.get_by_role("menuitem", name="Demos", exact=True).click(timeout=60_000)
    with page.expect_popup() as opened:
        page.get_by_text("Demos of all lessons").click()
    opened.value.wait_for_selector("gradio-app .gradio-container", timeout=60_000)
    demos = opened.value
    assert demos.url.rstrip("/") == lab.demos.rstrip("/")
    name = demos.locator(".demos a").first.get_attribute("href").rsplit("/", 1)[-1]
    demos.goto(f"{lab.demos}{name}")  # where a notebook's link leads
    demos.locator("#first").wait_for(timeout=60_000)
    assert demos.locator(".foot a").get_attribute("href").startswith(lab.address.split("/lab")[0])
    demos.get_by_role("link", name="All demos").click()
    demos.get_by_role("heading", name="Demos of mmatl_lab").wait_for(timeout=60_000)


def test_the_menu_leads_to_the_glossary_as_a_page(page, lab):
    page.goto(lab.address)
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=60_000)  # else the notebook opens later, in front of it
    page.get_by_role("menuitem", name="Glossary", exact=True).click(timeout=60_000)
    page.get_by_text("Glossary of all lessons").click()
    page.locator(".jp-MarkdownViewer h3", has_text="gallery").wait_for(timeout=60_000)
