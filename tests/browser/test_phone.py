"""Demos whose answers are tables, with the shipped models, on the narrow page of a phone."""

import pytest

from mmatl_lab import lessons

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fusion", "balanced_learning"])
def address(request, tmp_path, monkeypatch, served):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = lessons.get(request.param).demo.build()
    yield served(page)
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


def test_sounds_that_were_found_have_room_for_a_play_button(page, served, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    demo = lessons.get("retrieval").demo.build()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(served(demo))
    page.locator("#first").click(timeout=120_000)
    page.locator("#found .tiles audio").first.wait_for(timeout=120_000)
    assert min(player.bounding_box()["width"] for player in page.locator("#found audio").all()) >= 130
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    demo.close()
