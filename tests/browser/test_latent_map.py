"""The latent map under a real pointer, in JupyterLab and in Gradio: the same map, the same gestures."""

import time

import nbformat
import numpy as np
import pytest

from mmatl_lab.viz.latent_map import as_frames, latent_map_html, query

pytestmark = pytest.mark.slow

WORDS = ["a red star", "a blue ring", "a green heart"]
SETUP = """
import numpy as np
from mmatl_lab.viz.latent_map import LatentMap, as_frames, query
before = [[-1, -1], [-1, 0], [-1, 1], [1, -1], [1, 0], [1, 1]]
after = [[-1, 0.5], [0, -0.5], [1, 0.5], [-1, 0.6], [0, -0.6], [1, 0.6]]
frames = as_frames(np.array([before, after]), ["image"] * 3 + ["text"] * 3, [0, 1, 2] * 2, ["before", "after"])
pictures = np.full((3, 3, 8, 8), 200, np.uint8)
"""
DRAW = f"chart = LatentMap(frames, captions={WORDS}, pictures=pictures)\nchart"
ASK = "chart.query = query(frames.points[-1][0], 'new here', [0, 3])\nprint('at', chart.position, chart.selected)"


def names():
    space = {}
    exec(SETUP, space)
    return space["frames"], space["pictures"]


class Chart:
    """The map on a page, in the map's own coordinates."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".latent-map")
        self.canvas = self.root.locator("> canvas")
        self.canvas.wait_for(timeout=60_000)
        self.canvas.scroll_into_view_if_needed()

    def at(self, point):
        box = self.canvas.bounding_box()
        unit = min(box["width"], box["height"]) / 2.12
        return box["x"] + box["width"] / 2 + float(point[0]) * unit, box["y"] + box["height"] / 2 - float(
            point[1]
        ) * unit

    def hover(self, point):
        self.page.mouse.move(*self.at(point))

    def card(self):
        return self.root.locator(".card")

    def pixels(self):
        """What the canvas shows, to tell whether it changed."""
        return self.canvas.evaluate("canvas => canvas.toDataURL()")


def explore(page):
    """Every gesture, whatever the host."""
    frames, _ = names()
    before, after = frames.points
    chart = Chart(page)
    assert chart.root.locator("output").inner_text() == "After"
    assert chart.card().is_hidden()

    chart.hover(after[1])
    assert WORDS[1] in chart.card().inner_text() and "latent of the image" in chart.card().inner_text()
    picture = chart.card().locator(".picture")
    assert picture.bounding_box()["width"] == 96
    assert picture.evaluate("p => p.style.backgroundPosition") == "-96px 0px"  # second of two on the first row
    chart.hover(after[5])
    assert picture.evaluate("p => p.style.backgroundPosition") == "0px -96px"  # first on the second row
    assert WORDS[2] in chart.card().inner_text() and "latent of the text" in chart.card().inner_text()
    chart.hover((0, 0.9))
    assert chart.card().is_hidden()

    slider = chart.root.locator("input[type=range]")
    last = chart.pixels()
    slider.focus()
    page.keyboard.press("Home")
    assert chart.root.locator("output").inner_text() == "Before"
    assert chart.pixels() != last
    chart.hover(before[4])
    assert WORDS[1] in chart.card().inner_text()
    chart.hover((0, 0.9))
    slider.evaluate(
        "s => { s.value = 0.5; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }"
    )
    chart.hover((before[0] + after[0]) / 2)
    assert WORDS[0] in chart.card().inner_text()
    chart.hover((0, 0.9))
    chart.root.get_by_role("button", name="play").click()
    chart.root.locator("output", has_text="After").wait_for(timeout=10_000)
    chart.root.get_by_role("button", name="play").wait_for(timeout=10_000)
    assert float(slider.input_value()) == 1

    chart.root.get_by_role("button", name="zoom in").click()
    zoomed = chart.pixels()
    assert zoomed != last
    x, y = chart.at((0.4, 0.1))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=3)
    page.mouse.up()
    assert chart.pixels() != zoomed
    chart.root.get_by_role("button", name="show the whole map").click()
    page.mouse.move(1, 1)
    assert chart.pixels() == last

    chart.canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert chart.card().is_visible()
    assert chart.root.locator("[aria-live]").inner_text().split(": ")[1] in WORDS
    page.keyboard.press("Escape")
    assert chart.card().is_hidden()
    return chart


def scripts_of(page, chart):
    """Addresses that the map's own elements load from."""
    return chart.root.evaluate("root => [...root.querySelectorAll('[src],[href]')].map(n => n.src || n.href)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    code = nbformat.v4.new_code_cell
    for name, cells in {"map": [code(SETUP), code(DRAW), code(ASK)], "still": [code(SETUP + DRAW)]}.items():
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(jupyter, folder):
    return jupyter(folder)


def run_cell(page, number):
    page.locator(".jp-CodeCell:visible .jp-InputArea-editor").nth(number).click()
    page.keyboard.press("Shift+Enter")


def test_in_jupyterlab(page, console_errors, lab):
    page.goto(f"{lab}/lab/tree/map.ipynb")
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=60_000)
    for number in (0, 1):
        run_cell(page, number)
    chart = explore(page)
    assert scripts_of(page, chart) == []
    without = chart.pixels()
    chart.page.mouse.click(*chart.at(names()[0].points[1][4]))
    came_back = page.get_by_text("at 1.0 4")  # what was clicked and scrubbed
    deadline = time.monotonic() + 60
    while not came_back.count():  # while one change of a widget is under way to Python the next one waits
        assert time.monotonic() < deadline
        run_cell(page, 2)
        page.wait_for_timeout(1_000)
    chart.canvas.scroll_into_view_if_needed()
    chart.canvas.focus()
    page.keyboard.press("Escape")
    assert chart.pixels() != without  # the star of the query
    assert console_errors == []


def test_in_a_dark_jupyterlab(page, lab):
    page.goto(f"{lab}/lab/tree/map.ipynb")
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=60_000)
    for number in (0, 1):
        run_cell(page, number)
    chart = Chart(page)
    assert colours(chart)[1] == (255, 255, 255)
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text("JupyterLab Dark", exact=True).click()
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    page.wait_for_timeout(500)
    ink, paper = colours(chart)
    assert min(ink) > 170 and max(paper) < 60


def colours(chart):
    """Ink and paper of the map as (r, g, b)."""
    style = chart.root.evaluate("r => [getComputedStyle(r).color, getComputedStyle(r).backgroundColor]")
    return [tuple(int(float(part)) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) for colour in style]


def test_a_committed_notebook_shows_the_still_with_its_alt_text(page, console_errors, lab, folder, monkeypatch):
    """Executed headless, then opened by a reader who has run nothing and trusts nothing."""
    from nbclient import NotebookClient

    monkeypatch.setenv("MMATL_LAB_HEADLESS", "1")
    notebook = nbformat.read(folder / "still.ipynb", 4)
    NotebookClient(notebook).execute()
    nbformat.write(notebook, folder / "still.ipynb")
    page.goto(f"{lab}/lab/tree/still.ipynb")
    still = page.locator(".jp-OutputArea-output img:visible")
    still.wait_for(timeout=60_000)
    assert still.get_attribute("alt") == names()[0].alt()
    assert still.bounding_box()["width"] > 300
    assert console_errors == []


@pytest.fixture
def demo(served):
    import gradio as gr

    frames, pictures = names()

    def clicked(event: gr.SelectData) -> str:
        return f"point {event.index}"

    with gr.Blocks() as blocks:
        chart = latent_map_html(frames, WORDS, pictures)
        words, ask, change = gr.Textbox(label="clicked"), gr.Button("ask"), gr.Button("change")
        other = latent_map_html(as_frames(np.eye(2)), ["one", "two"], render=False)
        ask.click(lambda: gr.HTML(query=query(frames.points[-1][0], "new here", [0, 3])), outputs=chart)
        change.click(lambda: other.value, outputs=chart)
        chart.select(clicked, outputs=words)
    yield served(blocks)
    blocks.close()


def test_in_gradio(page, console_errors, demo):
    page.goto(demo)
    chart = explore(page)
    assert scripts_of(page, chart) == []
    without = chart.pixels()
    page.get_by_role("button", name="ask").click()
    page.wait_for_function(
        "before => document.querySelector('.latent-map > canvas').toDataURL() !== before", arg=without
    )
    page.mouse.click(*chart.at(names()[0].points[1][4]))
    page.wait_for_function("[...document.querySelectorAll('textarea, input')].some(n => n.value === 'point 4')")
    page.get_by_role("button", name="change").click()
    chart.canvas.focus()
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('.latent-map .play').closest('.bar').hidden")  # one frame: no slider
    chart.hover((1, -1))
    assert "one" in chart.card().inner_text()
    assert console_errors == []
