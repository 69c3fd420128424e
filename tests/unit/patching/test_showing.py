"""Whoever signs sees what a patch does, and nothing in it hides or turns what they see."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import patches
from council.patching import showing


@pytest.fixture
def live(tmp_path: Path) -> Path:
    (tmp_path / "old.md").write_bytes(b"one\ntwo\nthree\n")
    (tmp_path / "picture").write_bytes(b"\x89PNG\0")
    return tmp_path


def put(path: str, content: bytes | None, before: str | None = "0" * 64) -> patches.Change:
    return patches.Change(path, patches.Action.DELETE if content is None else patches.Action.PUT, content, before)


def test_the_summary_counts_lines_that_come_and_go(live: Path) -> None:
    run = patches.Change("run.sh", patches.Action.PUT, b"x\n", None, patches.Mode.EXECUTABLE)
    found = showing.summary(live, [put("old.md", b"one\nthree\nfour\nfive\n"), run, put("old.md", None)])
    assert list(found) == ["~ old.md  +2 -1", "+ run.sh  +1 -0, executable", "- old.md  +0 -3"]


def test_a_file_of_very_many_lines_is_not_compared(live: Path) -> None:
    assert list(showing.summary(live, [put("old.md", b"x\n" * 6000)])) == ["~ old.md  3 to 6000 lines"]
    assert "over 5000 lines" in "".join(showing.diff(live, [put("old.md", b"x\n" * 6000)]))


def test_the_diff_shows_what_comes_and_goes(live: Path) -> None:
    assert list(showing.diff(live, [put("old.md", b"one\n2\nthree\n"), put("new.md", b"new", None)])) == [
        "--- a/old.md", "+++ b/old.md", "@@ -1,3 +1,3 @@", " one", "-two", "+2", " three",
        "--- /dev/null", "+++ b/new.md", "@@ -0,0 +1 @@", "+new  (no line end)",
    ]  # fmt: skip
    assert list(showing.diff(live, [put("old.md", None)]))[:2] == ["--- a/old.md", "+++ /dev/null"]


def test_what_is_no_text_is_named_and_not_printed(live: Path) -> None:
    [line] = showing.diff(live, [put("picture", b"\xff\x00\x1b[2J")])
    assert line == "a/picture and b/picture differ: 5 and 6 bytes that are no text"


@given(st.text())
def test_nothing_that_cannot_be_seen_reaches_the_terminal(text: str) -> None:
    shown = {unicodedata.category(letter) for letter in showing.visible(text) if letter != "\t"}
    assert not shown & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=12)


@given(LINES, LINES)
def test_the_counts_take_the_one_to_the_other(old: list[bytes], new: list[bytes]) -> None:
    more, less = map(int, showing._counted(old, new).split())
    assert len(old) + more + less == len(new) and (more, less) >= (0, -len(old))
    assert (old == new) == (more == less == 0)


def test_one_line_more_among_thousands_alike_is_one_line_more() -> None:
    assert showing._counted([b"x"] * 4000, [b"x"] * 4001) == "+1 -0"


def test_letters_that_turn_text_round_are_shown_by_their_numbers(live: Path) -> None:
    lines = list(showing.diff(live, [put("new.md", "a\u202eb\rc\n".encode(), None)]))
    assert lines[-1] == "+a\\u{202e}b\\u{d}c"
