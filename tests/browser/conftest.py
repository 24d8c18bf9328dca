"""Headless Chromium, the system's own. Without it these tests are skipped on a user's machine, and fail in CI."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mmatl_lab.cli.jupyter import free_port

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL = (
    "http://127.0.0.1:",
    "http://localhost:",
    "ws://127.0.0.1:",
    "ws://localhost:",
    "data:",
    "blob:",
    "attachment:",
)


def pytest_collection_modifyitems(items):
    """A page that answered too late on a busy machine is asked once more; whatever else goes wrong fails at once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]))


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium that asks nothing of the network on its own."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no Chromium: scripts/test.sh installs it")
        pytest.skip("there is no Chromium on this machine")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """An empty page of a new profile. It fails its test when the page asked for anything outside this machine."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    outside = []

    def note(request):  # a web socket has a url as well
        if not request.url.startswith(LOCAL):
            outside.append(request.url)

    page.on("request", note)
    page.on("websocket", note)
    yield page
    page.close()
    assert outside == []


@pytest.fixture
def console_errors(page):
    """What the page's scripts complained of: errors in its console and exceptions that nobody caught."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


@pytest.fixture(scope="session")
def served(starting):
    """`served(page)` serves a demo from this process, as `mmatl-lab demo` does; gives its address."""
    from mmatl_lab.lessons import pages

    def serve(page) -> str:
        with starting:
            return page.launch(
                server_name="127.0.0.1",
                server_port=free_port(7950),
                prevent_thread_lock=True,
                quiet=True,
                **pages.appearance(),
            )[1]

    return serve


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory, starting):
    """`jupyter(folder)` serves a folder of notebooks in JupyterLab, without token or prompts; gives its address."""
    servers = []

    def serve(folder) -> str:
        home = tmp_path_factory.mktemp("jupyter")
        disabled = home / "labconfig" / "page_config.json"
        disabled.parent.mkdir()
        disabled.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        options = ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token="]
        places = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR"), str(home))
        places |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "OMP_NUM_THREADS": "1"}
        ours = ("MMATL_LAB_HEADLESS", "MMATL_LAB_PROGRESS")  # a learner has neither
        environment = {name: value for name, value in os.environ.items() if name not in ours} | places
        with starting, (home / "log").open("w") as log:
            port = free_port(8700)
            server = subprocess.Popen([*command, f"--port={port}", *options], env=environment, stdout=log, stderr=log)
            servers.append(server)
            address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"{address}/api", timeout=5)
                    return address
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    assert time.monotonic() < deadline and server.poll() is None, (home / "log").read_text()
                    time.sleep(0.2)

    yield serve
    for server in servers:
        server.terminate()
        server.wait(30)
