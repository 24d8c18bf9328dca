"""Headless Chromium, the system's own. Without it these tests are skipped on a user's machine, and fail in CI."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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

    def note(request):
        if not request.url.startswith(("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "data:", "blob:")):
            outside.append(request.url)

    page.on("request", note)
    yield page
    page.close()
    assert outside == []
