"""What is in the files; that browsers play them is tested in tests/browser."""

import base64
import re

import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.viz.video import Video, show_video
from mmatl_lab.viz.webm import webm
from mmatl_lab.world import audio, sample_scenes, video

HOLDS_ELEMENTS = {"18538067", "1549a966", "1654ae6b", "ae", "e0", "e1", "1f43b675", "1c53bb6b", "bb", "b7", "1a45dfa3"}


def elements(data):
    """Number, content and place of every element of a Matroska file, those inside others after them."""
    at = 0
    while at < len(data):
        width = 1
        while not data[at] >> (8 - width):
            width += 1
        number = data[at : at + width].hex()
        length = int.from_bytes(data[at + width + 1 : at + width + 8], "big")
        content = data[at + width + 8 : at + width + 8 + length]
        assert len(content) == length
        yield number, content, at
        if number in HOLDS_ELEMENTS:
            yield from elements(content)
        at += width + 8 + length


@pytest.fixture(scope="module")
def made():
    scene = sample_scenes(1, 1, generator=seeded(0))
    return video(scene, 32, 8)[0], audio(scene)[0]


def times(data, track):
    """Milliseconds of every block of a track, in the order of the file."""
    found, cluster = [], 0
    for number, content, _ in elements(data):
        if number == "e7":
            cluster = int.from_bytes(content, "big")
        elif number == "a3" and content[0] == 0x80 | track:
            found.append(cluster + int.from_bytes(content[1:3], "big", signed=True))
    return found


@pytest.mark.parametrize("seconds", [0.5, 1, 2.5, 40])
def test_frames_and_sound_begin_together_and_last_equally_long(made, seconds):
    frames, wave = made[0], torch.zeros(round(seconds * 8000))
    data = webm(frames, wave, seconds=seconds)
    assert times(data, 1) == [round(125 * seconds * i) for i in range(8)]
    sound = times(data, 2)
    assert sound == list(range(0, 20 * len(sound), 20)) and 0 <= 20 * len(sound) - 1000 * seconds <= 40


def test_every_second_can_be_jumped_to(made):
    data = webm(made[0], made[1].repeat(3), seconds=3)
    found = list(elements(data))
    segment = next(content for number, content, _ in found if number == "18538067")
    clusters = {place for number, _, place in elements(segment) if number == "1f43b675"}
    assert {int.from_bytes(content, "big") for number, content, _ in found if number == "f1"} == clusters
    assert len(clusters) == 4  # three seconds, and the end of the last packet


def test_the_same_gives_the_same_bytes(made):
    assert webm(*made) == webm(*made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": torch.zeros(3, 8, 8)}, r"frames of shape \(T, 3, H, W\), got \(3, 8, 8\)"),
        ({"frames": torch.zeros(0, 3, 8, 8)}, r"got \(0, 3, 8, 8\)"),
        ({"frames": torch.full((1, 3, 8, 8), 2.0)}, r"expected float images in \[0, 1\]"),
        ({"waveform": torch.zeros(1, 8)}, r"a waveform of shape \(N,\), got \(1, 8\)"),
        ({"rate": 44100}, "rate must be one of 8000, .*, got 44100"),
        ({"seconds": 0}, "seconds must be above 0, got 0"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(made, change, message):
    given = {"frames": made[0], "waveform": made[1]} | change
    with pytest.raises(ValueError, match=message):
        webm(given.pop("frames"), given.pop("waveform"), **given)


def test_the_page_gets_the_file_and_its_alt_text(made):
    shown = Video(*made, alt='a "star" < a ring', width=200)
    data = shown._repr_mimebundle_()
    kind, file = re.search(r'src="([^"]*);base64,([^"]*)"', data["text/html"]).groups()
    assert kind == "data:video/webm" and base64.b64decode(file) == shown.data
    assert 'title="a &quot;star&quot; &lt; a ring"' in data["text/html"] and data["text/plain"] == shown.alt
    assert re.match(r"<video controls [^>]*width=\"200\"", data["text/html"])


def test_alt_text_is_needed_and_is_what_a_terminal_prints(made, capsys):
    with pytest.raises(ValueError, match="alt text is empty"):
        Video(*made, alt=" ")
    show_video(*made, alt="A star bounces.")
    assert capsys.readouterr().out == "A star bounces.\n"


def test_silence_is_no_error(made):
    assert Video(made[0], torch.zeros(8000), alt="silence").data.startswith(bytes.fromhex("1a45dfa3"))
