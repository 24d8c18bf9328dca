import colorsys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mmatl_lab.viz import style
from mmatl_lab.viz.picture import INVERT


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    """WCAG 2 contrast ratio."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_every_modality_can_be_seen_on_white_and_told_apart_without_colour():
    looks = list(style.MODALITIES.values())
    assert list(style.MODALITIES) == ["image", "text", "audio", "video", "sensor"]
    assert all(contrast(look.colour, "#FFFFFF") >= 3 for look in looks)  # WCAG 1.4.11
    for feature in ("colour", "marker", "line"):
        assert len({str(getattr(look, feature)) for look in looks}) == len(looks)


def test_modalities_but_black_can_be_seen_on_a_dark_page():
    """The latent map draws black in the page's own ink."""
    for look in style.MODALITIES.values():
        assert look.colour == style.BLACK or contrast(look.colour, "#111111") >= 3


def on_a_dark_page(colour):
    """What CSS's `invert` and then `hue-rotate(180deg)` make of a colour, as Filter Effects 1 defines them."""
    inverted = [INVERT + (1 - 2 * INVERT) * int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    twice = 2 * (0.213 * inverted[0] + 0.715 * inverted[1] + 0.072 * inverted[2])
    return "#" + "".join(f"{round(255 * min(1, max(0, twice - x))):02X}" for x in inverted)


def test_figures_read_as_well_on_a_dark_page_as_on_white():
    assert on_a_dark_page("#FFFFFF") == "#111111"
    for words in (style.BLACK, style.GREY):
        assert contrast(words, "#FFFFFF") >= 4.5 and contrast(on_a_dark_page(words), "#111111") >= 4.5
    for look in style.MODALITIES.values():
        assert contrast(on_a_dark_page(look.colour), "#111111") >= 3  # WCAG 1.4.11


@pytest.mark.parametrize("colour", [style.ORANGE, style.SKY, style.GREEN, style.BLUE, style.VERMILLION, style.PURPLE])
def test_a_colour_is_still_itself_on_a_dark_page(colour):
    def hue(colour):
        return colorsys.rgb_to_hls(*(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)))[0]

    away = abs(hue(colour) - hue(on_a_dark_page(colour)))
    assert min(away, 1 - away) < 20 / 360


@pytest.fixture
def no_names_of_its_own(monkeypatch):
    monkeypatch.setattr(style, "_own", {})


def test_other_names_of_a_modality_look_like_it():
    assert style.look("voice") == style.look("audio") and style.look("face") == style.look("image")
    assert set(style.ALIASES.values()) <= set(style.MODALITIES)


def test_any_name_gets_a_look_that_no_other_has_and_keeps_it(no_names_of_its_own):
    names = ["gyroscope", "smell", *(f"feature {n}" for n in range(18))]
    looks = [style.look(name) for name in names]
    assert looks == [style.look(name) for name in names]
    seen = [(look.colour, look.marker) for look in (*style.MODALITIES.values(), *looks)]
    assert len(set(seen)) == len(seen)
    assert len({look.colour for look in looks[:4]}) == len({look.marker for look in looks[:4]}) == 4


def test_a_lesson_can_choose_the_look_of_its_own_names_only(no_names_of_its_own):
    mine = style.Look(style.PURPLE, "v", "-")
    style.register("gyroscope", mine)
    assert style.look("gyroscope") is mine
    with pytest.raises(ValueError, match="'voice' already has the look of 'audio'"):
        style.register("voice", mine)


def test_style_is_idempotent_and_its_words_are_large_enough():
    style.use_style()
    once = dict(plt.rcParams)
    style.use_style()
    assert once == dict(plt.rcParams)
    figure, ax = plt.subplots()
    ax.plot([0, 1], label="line")
    ax.set(title="title", xlabel="x", ylabel="y")
    style.ceiling(ax, 0.9)
    style.control(ax, 0.1)
    ax.legend()
    figure.canvas.draw()
    sizes = [text.get_fontsize() for text in figure.findobj(plt.Text) if text.get_text()]
    assert len(sizes) > 8 and min(sizes) >= 10
    assert figure.get_facecolor() == (1, 1, 1, 1)


def test_ceiling_is_dotted_control_dashed_and_both_say_their_number():
    figure, ax = plt.subplots()
    ax.set_ylim(0, 1)
    style.ceiling(ax, 0.97)
    style.control(ax, 1 / 256, "shuffled")
    top, bottom = ax.get_lines()
    assert top.get_ydata()[0] == 0.97 and bottom.get_ydata()[0] == 1 / 256
    assert (top.get_linestyle(), bottom.get_linestyle()) == (":", "--")
    assert [text.get_text() for text in ax.texts] == ["ceiling 0.97", "shuffled 0.00391"]
    figure.canvas.draw()
    inside = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert inside.y0 <= box.y0 and box.y1 <= inside.y1 + 1


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(5, 3, 8, 8),
        torch.rand(5, 1, 8, 8),
        np.zeros((5, 3, 8, 12), np.uint8),
        torch.rand(5, 3, 8, 8).double(),
    ],
)
def test_a_grid_shows_every_picture_upright(images):
    figure = style.picture_grid(images, [f"word {n}" for n in range(5)], columns=3, title="Five")
    shown = [ax.get_images()[0].get_array() for ax in figure.axes]
    assert len(shown) == 5
    expected = style.to_uint8(images)
    for picture, array in zip(expected, shown):
        assert (np.asarray(array) == np.moveaxis(picture, 0, -1)).all()
    captions = [ax.texts[0].get_text() for ax in figure.axes]
    assert captions == [f"word {n}" for n in range(5)]


def test_captions_of_a_grid_stay_on_the_figure_and_do_not_touch():
    words = ["a medium emerald triangle in the bottom right corner", "short", "one two three four five six"] * 2
    figure = style.picture_grid(torch.rand(6, 3, 32, 32), words, columns=3, title="title")
    figure.canvas.draw()
    page = figure.bbox
    boxes = [ax.texts[0].get_window_extent() for ax in figure.axes]
    assert all(page.y0 <= box.y0 and box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 for box in boxes)
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    assert not any(box.overlaps(ax.get_window_extent()) for box in boxes[:3] for ax in figure.axes[3:])


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (torch.rand(4, 2, 8, 8), None, r"expected images of shape \(N, 3, H, W\), got \(4, 2, 8, 8\)"),
        (torch.rand(3, 8, 8), None, r"got \(3, 8, 8\)"),
        (torch.rand(2, 3, 8, 8) * 255, None, r"expected float images in \[0, 1\], got values from"),
        (torch.full((2, 3, 8, 8), float("nan")), None, r"expected float images in \[0, 1\]"),
        (torch.rand(0, 3, 8, 8), None, "given 0 images"),
        (torch.rand(2, 3, 8, 8), ["one"], "one title for each of 2 images, got 1"),
    ],
)
def test_a_grid_says_what_is_wrong_with_its_input(images, titles, message):
    with pytest.raises(ValueError, match=message):
        style.picture_grid(images, titles)


def test_show_prints_the_alt_text_where_there_is_no_notebook_and_closes_the_figure(capsys):
    figure = plt.figure()
    style.show(figure, alt="An empty figure.")
    assert capsys.readouterr().out == "An empty figure.\n"
    assert not plt.get_fignums()


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False), (None, False)])
def test_headless_follows_its_variable(monkeypatch, value, expected):
    monkeypatch.delenv("MMATL_LAB_HEADLESS", raising=False)
    if value is not None:
        monkeypatch.setenv("MMATL_LAB_HEADLESS", value)
    assert style.headless() is expected
