"""What a reader sees of the demo's answers, for its tests."""

import re
from html import unescape

import pytest

from mmatl_lab.lessons.why_multimodal import (
    demo_noise,
    demo_sarcasm,
    demo_watch,
)


def forget():
    for function in (demo_sarcasm.load, demo_watch.answers, demo_noise.measurement):
        function.forget()


def words(html: str) -> str:
    """What a reader of the page reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def sentences(html: str) -> list[str]:
    return [words(note) for note in re.findall(r'<p class="note".*?</p>', html, re.S)]


def rows(html: str) -> dict[str, str]:
    """What stands beside the bars, by the name before them."""
    entries = re.findall(r"<li><span>(.*?)</span>.*?<small>(.*?)</small></li>", html)
    return {name: unescape(text) for name, text in entries}


def drawn(html: str, low: float) -> dict[str, list[float]]:
    """Where the bars end, from their lengths on the page: of the model and of what is exact, by name."""
    ends, coin = {}, (0.5 - low) / (1 - low)
    for name, bars in re.findall(r"<li><span>(.*?)</span>(.*?)</li>", html):
        ends[name] = []
        for left, width in re.findall(r"margin-left: (.+?)%; width: (.+?)%", bars):
            start, end = float(left) / 100, (float(left) + float(width)) / 100
            assert start == pytest.approx(coin, abs=1e-3) or end == pytest.approx(coin, abs=2e-3)  # bars start there
            ends[name].append(low + (1 - low) * (end if start == pytest.approx(coin, abs=1e-3) else start))
    return ends
