"""Anchored patterns, against an oracle that tries every way."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.kit import globs

SEGMENT = st.text("ab.", min_size=1, max_size=4)
PATHS = st.lists(SEGMENT, min_size=1, max_size=5).map("/".join)
PATTERNS = st.lists(st.one_of(st.just("**"), st.text("ab.*", min_size=1, max_size=4)), min_size=1, max_size=5).map(
    "/".join
)


def accepted(pattern: str) -> bool:
    try:
        globs.check(pattern)
    except ValueError:
        return False
    return True


def tried_every_way(wanted: list[str], found: list[str]) -> bool:
    if not wanted:
        return not found
    if wanted[0] == "**":
        if len(wanted) == 1:
            return bool(found)
        return any(tried_every_way(wanted[1:], found[number:]) for number in range(len(found) + 1))
    return bool(found) and letters(wanted[0], found[0]) and tried_every_way(wanted[1:], found[1:])


def letters(wanted: str, found: str) -> bool:
    if not wanted:
        return not found
    if wanted[0] == "*":
        return any(letters(wanted[1:], found[number:]) for number in range(len(found) + 1))
    return bool(found) and found[0] == wanted[0] and letters(wanted[1:], found[1:])


@settings(deadline=None)
@given(pattern=PATTERNS.filter(accepted), path=PATHS)
def test_a_pattern_stands_for_what_trying_every_way_says(pattern: str, path: str) -> None:
    assert globs.matches(pattern, path) == tried_every_way(pattern.split("/"), path.split("/"))


@settings(deadline=None)
@given(path=PATHS)
def test_a_path_without_stars_stands_for_itself_alone(path: str) -> None:
    assert globs.matches(path, path)
    assert not globs.matches(path, path + "b")
    assert not globs.matches(path, path + "/b")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("prompts/*.md", "prompts/code.md", True),
        ("prompts/*.md", "prompts/old/code.md", False),
        ("prompts/**", "prompts/old/code.md", True),
        ("prompts/**", "prompts", False),
        ("**", "a", True),
        ("**/x.yaml", "x.yaml", True),
        ("**/x.yaml", "a/b/x.yaml", True),
        ("a/**/b", "a/b", True),
        ("a/**/**/b/*", "a/c/b/d", True),
        ("Gates.yaml", "gates.yaml", False),
        ("a*b*a", "aba", True),
        ("a*a", "a", False),
    ],
)
def test_these_are_as_the_page_says(pattern: str, path: str, expected: bool) -> None:
    globs.check(pattern)
    assert globs.matches(pattern, path) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/./b",
        "a**",
        "a/**b",
        "[a]",
        "a?",
        "a\\b",
        "ä",
        "a b",
        "{a,b}",
        "!a",
        "a\n",
        "x" * 201,
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|segment"):
        globs.check(pattern)


def test_a_pattern_that_is_made_to_be_slow_is_not() -> None:
    pattern = "/".join(["*a" * 8 + "b"] * 10)
    path = "/".join(["a" * 1000] * 10)
    globs.check(pattern)
    began = time.process_time()
    for _ in range(100):
        assert not globs.matches(pattern, path)
    assert time.process_time() - began < 5
