"""Demos whose answers are tables, with the shipped models, on the narrow page of a phone."""

import pytest

from mmatl_lab import lessons

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fusion", "balanced_learning"])
def address(request, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    from mmatl_lab.cli.jupyter import free_port
    from mmatl_lab.lessons import pages

    page = lessons.get(request.param).demo.build()
    _, address, _ = page.launch(
        server_name="127.0.0.1", server_port=free_port(7990), prevent_thread_lock=True, quiet=True, **pages.appearance()
    )
    yield address
    page.close()


def test_a_wide_answer_does_not_make_the_page_wider_than_a_phone(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    page.locator("#first").click(timeout=120_000)
    page.locator(".answer table").first.wait_for(timeout=120_000)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for table in page.locator(".answer table").all():
        assert table.evaluate("table => table.getBoundingClientRect().right") <= 390
