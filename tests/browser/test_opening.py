"""The switch of a lesson's first cell in JupyterLab: a click reaches the cells below, and running the cell keeps it."""

import nbformat
import pytest

pytestmark = pytest.mark.slow
CELLS = [
    'from mmatl_lab.lessons import opening\n\nchoice = opening("clip")',
    'print("chosen:", choice.preset)',
]


def test_a_click_chooses_and_running_the_cell_again_keeps_it(page, jupyter, tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "lesson.ipynb")
    page.goto(f"{jupyter(tmp_path)}/lab/tree/lesson.ipynb")
    page.wait_for_selector("text=/Python 3 .*Idle/", timeout=120_000)

    def run_all():
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()

    run_all()
    page.get_by_text("chosen: quick").wait_for(timeout=120_000)  # the tests' environment asks for it
    page.get_by_text("hardly learnt").filter(visible=True).wait_for(timeout=30_000)
    page.get_by_role("button", name="shipped").click()
    page.get_by_text("load the shipped models").filter(visible=True).wait_for(timeout=30_000)
    assert page.get_by_text("hardly learnt").filter(visible=True).count() == 0
    run_all()
    page.get_by_text("chosen: shipped").wait_for(timeout=60_000)
