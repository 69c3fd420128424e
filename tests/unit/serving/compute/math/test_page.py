"""What the page on mathematics says is answered, or not read, is so."""

import re
from pathlib import Path

import pytest

from council.serving.compute import math, results

PAGE = (Path(__file__).parents[5] / "docs" / "howto" / "ask-about-mathematics.md").read_text()


def _shown(section: str) -> list[str]:
    """Return the examples in the tables of a section: what stands in backticks in its cells."""
    text = PAGE.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    column = 2 if section.startswith("What") else 1
    cells = [re.split(r"(?<!\\)\|", row)[column] for row in rows]
    return [one.replace("\\|", "|") for cell in cells for one in re.findall(r"`([^`]+)`", cell)]


ANSWERED, UNREAD = _shown("What can be asked of mathematics"), _shown("Why a formula is not answered")


def test_the_tables_of_the_page_are_found() -> None:
    assert len(ANSWERED) > 45
    assert len(UNREAD) > 10


@pytest.mark.parametrize("prompt", ANSWERED)
def test_what_the_page_says_is_answered_is_answered(prompt: str) -> None:
    assert isinstance(math.solve(prompt), results.Solved)


@pytest.mark.parametrize("prompt", UNREAD)
def test_what_the_page_says_is_not_read_is_passed_on(prompt: str) -> None:
    assert isinstance(math.solve(prompt), results.PassedOn)
