"""The bot `docs`: a page of what the lineage says, on which nobody's words mean anything."""

from typing import Any

from council.domain import bots
from council.upkeep.bots import changes


def row(cid: str, title: str = "Answer shorter", at_s: float = 1_800_000_000.0, **more: Any) -> dict[str, Any]:
    return {
        "cid": cid,
        "title": title,
        "author": "Ann",
        "outcome": "applied",
        "files": ["prompts/x.md"],
        "at_s": at_s,
        **more,
    }


def drafted(
    rows: list[dict[str, Any]], page: str = "", coverage: str = "", shipped: str = "", done: tuple[str, ...] = ()
) -> bots.Draft | bots.Nothing:
    def never(_: str) -> str:
        raise AssertionError("it asks no model")

    given = {"changes": rows, "page": page, "coverage": coverage, "coverage_shipped": shipped, "done": done}
    return changes.BOT.draft(given, never)


def test_the_page_has_a_line_for_each_change_by_day_and_then_nothing_is_left_to_do() -> None:
    found = drafted([row("bb", at_s=1_800_086_400.0, outcome="rolled back"), row("aa")])
    assert isinstance(found, bots.Draft) and found.subject.startswith("changes up to bb ")
    [text] = found.files.values()
    assert text.index("## 2027-01-16") < text.index("## 2027-01-15")
    assert "| 08:00 | Answer shorter | Ann | rolled back | `bb` |" in text
    assert isinstance(drafted([row("bb", at_s=1_800_086_400.0, outcome="rolled back"), row("aa")], text), bots.Nothing)


def test_what_is_proposed_and_not_merged_yet_is_not_proposed_again_and_a_newer_change_is() -> None:
    first = drafted([row("aa")])
    assert isinstance(first, bots.Draft)
    done = (first.subject,)
    assert isinstance(drafted([row("aa")], done=done), bots.Nothing)
    taken_back = drafted([row("aa", outcome="rolled back")], done=done)
    assert isinstance(taken_back, bots.Draft) and taken_back.subject.startswith("changes up to aa ")
    newer = drafted([row("bb"), row("aa")], done=done)
    assert isinstance(newer, bots.Draft) and newer.subject.startswith("changes up to bb ")


def test_the_page_of_coverage_is_that_of_the_release_that_serves() -> None:
    found = drafted([], coverage="| old |", shipped="| new |")
    assert isinstance(found, bots.Draft) and dict(found.files) == {changes.COVERAGE: "| new |"}
    assert isinstance(drafted([], coverage="| old |", shipped="| new |", done=(found.subject,)), bots.Nothing)
    assert isinstance(drafted([], coverage="| new |", shipped="| new |"), bots.Nothing)
    assert isinstance(drafted([row("cc", files=[changes.COVERAGE])]), bots.Nothing)


def test_its_own_patches_are_no_cause_for_another() -> None:
    assert isinstance(drafted([row("cc", files=[changes.PATH])]), bots.Nothing)


def test_words_of_others_cannot_break_out_of_their_cell() -> None:
    found = drafted([row("aa", "a | b\n# c <script> [x](y) `z`")])
    assert isinstance(found, bots.Draft)
    [line] = [line for line in found.files[changes.PATH].splitlines() if "`aa`" in line]
    assert r"a \| b \# c \<script\> \[x\](y) \`z\`" in line


def test_a_long_past_is_cut() -> None:
    found = drafted([row(f"{number:04x}") for number in range(changes.ROWS_MAX + 5)])
    assert isinstance(found, bots.Draft) and found.files[changes.PATH].count("| `") == changes.ROWS_MAX
