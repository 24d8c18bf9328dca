import base64
import io
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest
import torch
from scipy.io import wavfile

from mmatl_lab.viz import audio
from mmatl_lab.viz.audio import Sound, draw_spectrogram, draw_waveform, player, show_sound
from mmatl_lab.world.audio import HOP, RATE


def sine(hertz, seconds=0.5, amplitude=0.5):
    return amplitude * (2 * torch.pi * hertz * torch.arange(round(seconds * RATE)) / RATE).sin()


def tags(html):
    """Name and attributes of every tag."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(html)
    return found


def played(html):
    """What the players of a page play: samples (N,) in [-1, 1] each."""
    sounds = []
    for address in (attributes["src"] for tag, attributes in tags(html) if tag == "audio"):
        kind, data = address.split(";base64,")
        rate, samples = wavfile.read(io.BytesIO(base64.b64decode(data)))
        assert (kind, rate) == ("data:audio/wav", RATE)
        sounds.append(torch.tensor(samples) / 32767)
    return sounds


def test_a_player_plays_the_sound_and_says_which():
    wave = sine(440, amplitude=0.9)
    html = player(wave, 'a "loud" <star>')
    [(tag, attributes)] = tags(html)
    assert tag == "audio" and "controls" in attributes and attributes["title"] == 'a "loud" <star>'
    assert (played(html)[0] - wave).abs().max() < 1 / 32767
    assert played(player(3 * wave))[0].abs().max() <= 1  # clipped, not wrapped around


def test_sounds_shown_together_get_louder_by_one_factor_and_the_figure_stays_true():
    sound = Sound(torch.stack([sine(440, amplitude=0.2), sine(440, amplitude=0.1)]), ["near", "far"])
    data, _ = sound._repr_mimebundle_()
    near, far = played(data["text/html"])
    assert near.abs().max() == pytest.approx(1, abs=1e-3) and far.abs().max() == pytest.approx(0.5, abs=1e-3)
    assert [tag for tag, _ in tags(data["text/html"])].count("img") == 1
    assert dict(tags(data["text/html"]))["img"]["alt"] == data["text/plain"] == sound.alt


def test_silence_stays_silent_and_is_called_so():
    sound = Sound(torch.zeros(RATE), "nothing")
    assert played(sound._repr_mimebundle_()[0]["text/html"])[0].abs().max() == 0
    assert repr(sound) == "nothing: 1.0 s of silence."


def test_alt_text_says_when_and_at_which_frequency():
    wave = sine(400, 1) * (torch.arange(RATE) > 0.7 * RATE) + sine(1500, 1, 0.01)
    said = repr(Sound(wave[None], ["late"]))
    assert re.fullmatch(r"late: 1\.0 s, loudest at 0\.(7[2-9]|[89]\d) s, strongest at 400 Hz\.", said)
    assert repr(Sound(wave, "late", alt="It comes late.")) == "It comes late."


@pytest.mark.parametrize("hertz", audio.HERTZ)
def test_a_tone_is_bright_at_its_place_on_the_frequency_axis(hertz):
    _, ax = plt.subplots()
    image = draw_spectrogram(ax, sine(hertz))
    shown = torch.as_tensor(image.get_array())
    assert image.get_clim() == (-80, 0)
    place = dict(zip((label.get_text() for label in ax.get_yticklabels()), ax.get_yticks()))[f"{hertz:,}"]
    assert abs(shown[:, shown.shape[1] // 2].argmax().item() - place) <= 1


def test_a_click_is_bright_at_its_second():
    wave = torch.zeros(RATE)
    wave[round(0.3 * RATE)] = 1
    _, (upper, lower) = plt.subplots(2)
    draw_waveform(upper, wave)
    image = draw_spectrogram(lower, wave)
    assert upper.get_xlim() == lower.get_xlim() == (0, 1)
    left, right, *_ = image.get_extent()
    columns = torch.as_tensor(image.get_array()).sum(0)
    centre = left + (columns.argmax().item() + 0.5) * (right - left) / len(columns)
    assert abs(centre - 0.3) <= HOP / RATE
    line = upper.get_lines()[0]
    assert line.get_xdata()[line.get_ydata().argmax()] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("waveform", "titles", "message"),
    [
        (torch.zeros(2, 3, 4), (), r"expected sound of shape \(N,\) or \(B, N\), got \(2, 3, 4\)"),
        (torch.zeros(0), (), r"got \(0,\)"),
        (torch.zeros(2, 9), "one", "one title for each of 2 sounds, got 1"),
    ],
)
def test_what_is_no_sound_is_a_sentence(waveform, titles, message):
    with pytest.raises(ValueError, match=message):
        Sound(waveform, titles)


def test_show_sound_says_it_where_there_is_no_notebook(capsys):
    show_sound(sine(440), "a tone", alt="A tone.")
    assert capsys.readouterr().out == "A tone.\n"
