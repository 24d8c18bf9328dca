"""Every notebook opens and closes alike, its links are links that exist, and its code fits the page."""

import re

import nbformat
import pytest

from mmatl_lab import lessons, paths
from mmatl_lab.lessons import pages

LESSONS = [name for name in lessons.names() if lessons.get(name).has_notebook]
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


@pytest.fixture(params=LESSONS)
def lesson(request):
    return lessons.get(request.param)


@pytest.fixture
def cells(lesson):
    return nbformat.read(lesson.notebook, as_version=4).cells


def place(cells, pattern):
    """Index of the only cell that matches."""
    found = [i for i, cell in enumerate(cells) if re.search(pattern, cell.source, re.MULTILINE)]
    assert len(found) == 1, f"{len(found)} cells match {pattern!r}: {found}"
    return found[0]


def test_it_opens_with_a_title_a_picture_and_the_facts(lesson, cells):
    first = cells[0]
    assert first.cell_type == "markdown" and re.match(r"# \S.*\n\n\S", first.source)
    picture = re.search(r"^!\[(.{40,})\]\(attachment:(.+)\)$", first.source, re.MULTILINE)
    assert picture and picture[2] in first.attachments, "a picture with alt text that says what is seen"
    facts = re.search(r"^\*\*Minutes:\*\* .*", first.source, re.MULTILINE | re.DOTALL)
    assert facts and re.findall(r"\*\*(\w[\w ]*):\*\*", facts[0])[:3] in (
        ["Minutes", "Needs", "You build"],
        ["Minutes", "Needs", "You do"],
    )


def test_a_lesson_that_trains_begins_with_the_switch(lesson, cells):
    code = next(cell.source for cell in cells if cell.cell_type == "code")
    assert (f'opening("{lesson.name}")' in code) == lesson.trains


def test_it_closes_with_what_was_seen_a_quiz_limits_and_reading(lesson, cells):
    order = [
        place(cells, r"^\| you did \| you saw \|$"),
        place(cells, rf'^quiz\("{lesson.name}"\)$'),
        place(cells, r"^(\*\*Limits\.?\*\*|#+ (\d+\. )?Limits)"),
        place(cells, r"^(\*\*Read on\.?\*\*|#+ (\d+\. )?Read on)"),
    ]
    assert order == sorted(order) and cells[order[1]].cell_type == "code"


def test_its_last_line_leads_to_its_neighbours_the_glossary_and_the_map(lesson, cells):
    last = cells[-1].source.rstrip().splitlines()[-1]
    i = LESSONS.index(lesson.name)
    expected = [
        *(("**Previous:** ", lessons.get(name).notebook.name) for name in LESSONS[:i][-1:]),
        *(("**Next:** ", lessons.get(name).notebook.name) for name in LESSONS[i + 1 :][:1]),
        ("", "glossary.md"),
        *[("", lessons.get(LESSONS[0]).notebook.name)] * (i > 0),
    ]
    found = [(part.partition("[")[0], LINK.search(part)[2]) for part in last.split(" · ")]
    assert found == expected


def test_a_lesson_with_a_demo_leads_to_it(lesson, cells):
    if lesson.has_demo:
        assert pages.demo_link(lesson.name) in "\n".join(cell.source for cell in cells[-3:])


def test_links_are_links_and_lead_somewhere(lesson, cells):
    served = {LINK.search(pages.demo_link(lesson.name))[2]}
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for target in (target.partition("#")[0] for _, target in LINK.findall(text)):
        if not target.startswith(("https://", "attachment:")) and target not in served:
            assert target == "" or (paths.notebooks() / target).is_file(), target
    bare = re.sub(r"`[^`]*`", "", LINK.sub("", text))
    assert re.findall(r"https?://\S+|\bwww\.\S+|\b\d{4}\.\d{4,5}\b", bare) == []


def test_no_line_of_code_is_wider_than_the_page(cells):
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 100] == []
