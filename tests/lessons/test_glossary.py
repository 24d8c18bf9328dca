"""The glossary: one page with the terms of all lessons, each linked from the lesson that defines it."""

import re

import pytest

from mmatl_lab import lessons, paths

from .notebooks import markdown

PAGE = (paths.notebooks() / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (.+)\n(.+)$", PAGE, re.MULTILINE))
LESSONS = [name for name in lessons.names() if lessons.get(name).has_notebook]


def anchors(lesson: str) -> set[str]:
    return set(re.findall(r"\]\(glossary\.md#([^)]*)\)", markdown(lesson)))


def anchor(term: str) -> str:
    return term.replace(" ", "-")


def test_headings_are_sorted_and_make_the_same_anchor_everywhere():
    """JupyterLab keeps capitals and marks in an anchor and GitHub does not, so a heading has neither."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)[1:]
    assert headings == sorted(set(headings)) == list(ENTRIES)
    assert [term for term in headings if not re.fullmatch(r"[a-z0-9]+([ -][a-z0-9]+)*", term)] == []


@pytest.mark.parametrize("term", ENTRIES)
def test_an_entry_is_short_and_names_the_first_lesson_that_links_to_it(term):
    text, first = re.fullmatch(r"(.+[.]) First in: (\[\w+\]\(\w+\.ipynb\))", ENTRIES[term]).groups()
    sentences = re.split(r"(?<=\.) (?=[A-Z*$])", text)
    assert len(sentences) <= 3 and all(len(sentence.split()) <= 25 for sentence in re.split(r"[.:;] ", text))
    assert first in [f"[{name}]({lessons.get(name).notebook.name})" for name in LESSONS]
    linking = [name for name in LESSONS if anchor(term) in anchors(name)]
    assert linking[:1] == [first[1:].partition("]")[0]], f"{term!r}: the lessons that link to it are {linking}"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_link_into_the_glossary_leads_to_an_entry(lesson):
    assert anchors(lesson) - set(map(anchor, ENTRIES)) == set()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_stressed_term_is_linked_once_in_each_lesson(lesson):
    """A lesson runs without the others, so it links what it stresses even where another lesson defined it first."""
    text = re.sub(r"\[[^\[\]]*\]\([^()]*\)", "", markdown(lesson))
    stressed = {term.lower() for term in re.findall(r"(?<!\*)\*{1,2}(\w[\w -]*)\*{1,2}(?!\*)", text)}
    assert {term for term in ENTRIES if term in stressed and anchor(term) not in anchors(lesson)} == set()
