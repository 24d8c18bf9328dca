"""A prediction and a quiz answered in JupyterLab: explained in place, and still there after the kernel's restart."""

import re
import time

import nbformat
import pytest

pytestmark = pytest.mark.slow
CELLS = [
    'import os\nprint("kernel", os.getpid(), "runs")',
    "from mmatl_lab.lessons import predict, quiz\nfrom mmatl_lab.lessons.quiz import question\n"
    'question("start_here.toy", "How many legs has $x$?", ("six", "eight", "a hundred"), "eight", "It is a spider.")',
    'predict("start_here.motion")',
    'quiz("start_here")',
    "import ipywidgets\nipywidgets.Checkbox(description='dial')",
]


@pytest.fixture
def notebook(page, jupyter, tmp_path):
    """A notebook of a prediction and a quiz, opened in JupyterLab: a function that runs all of it and waits."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "course.ipynb")
    page.goto(f"{jupyter(tmp_path)}/lab/tree/course.ipynb")
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=120_000)

    seen = set()

    def run():
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_text("Restart Kernel and Run All Cells…").click()
        page.get_by_role("button", name="Confirm Kernel Restart").click()
        deadline = time.monotonic() + 120
        while not (new := set(re.findall(r"kernel (\d+) runs", page.locator(".jp-Notebook").inner_text())) - seen):
            assert time.monotonic() < deadline
            page.wait_for_timeout(200)
        seen.update(new)
        page.wait_for_selector("text=[5]:", timeout=120_000)
        page.wait_for_selector("text=/Python 3 .*Idle/", timeout=120_000)

    return run


def test_answers_are_explained_at_once_and_outlive_the_kernel(page, notebook, tmp_path):
    def option(text):
        return page.get_by_role("button", name=text)

    notebook()
    assert page.get_by_text("At the first instant nothing has moved yet").count() == 0
    option("○ always").click()
    page.get_by_text("At the first instant nothing has moved yet").wait_for(timeout=30_000)
    option("○ eight").click()
    page.get_by_text("It is a spider.", exact=True).wait_for(timeout=30_000)
    assert option("✘ always").is_disabled() and option("✔ one time in eight").is_disabled()
    assert (tmp_path / ".mmatl_lab_progress.jsonl").read_text().count("\n") == 2

    notebook()
    page.get_by_text("It is a spider.", exact=True).wait_for(timeout=30_000)
    assert option("✘ always").is_disabled() and option("✔ eight").is_disabled()
    assert page.get_by_text("1 of 1 right").count() == 1


def test_opened_again_without_its_kernel_the_page_asks_in_place_of_an_error(page, notebook):
    notebook()
    option = page.get_by_role("button", name="○ one time in eight")
    option.wait_for(timeout=30_000)
    assert page.get_by_text("Run this cell to answer.").filter(visible=True).count() == 0
    page.keyboard.press("Control+s")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Shut Down Kernel", exact=True).click()
    page.wait_for_timeout(1000)
    page.reload()
    page.get_by_text("Run this cell to answer.").first.wait_for(timeout=60_000)
    page.wait_for_timeout(3000)  # JupyterLab gives a widget that long to come to life
    errors = page.get_by_text("Error displaying widget").filter(visible=True)  # of the dial: not to be read
    assert errors.evaluate_all("all => all.map(error => getComputedStyle(error).fontSize)") == ["0px"]
    assert page.get_by_text("○ one time in eight").filter(visible=True).count() == 1 and option.count() == 0
