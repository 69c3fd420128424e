"""Drafts in their strict form, and when bots are due."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import bots, errors

DRAFT = bots.Draft(
    "01A", "Set a to b", "So.", {"a.b": 1}, {"m/p": 0}, 0.03, {"x.md": "text"}, bots.Way.STRAIGHT, "report"
)


def test_a_draft_comes_back_from_its_json() -> None:
    assert bots.decode(bots.encode(DRAFT)) == DRAFT


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"title": "two\nlines"},
        {"title": "x" * 121},
        {"title": "\x1b[2J"},
        {"why": ""},
        {"why": 7},
        {"settings": [1]},
        {"settings": {"a.b": {"c": 1}}},
        {"settings": {"a.b": [True]}},
        {"settings": {"a.b": "1"}},
        {"settings": {f"a.{number}": 1 for number in range(bots.SETTINGS_MAX + 1)}},
        {"weights": {"m/p": 1.5}},
        {"weights": {"m/p": True}},
        {"share_max": "0.1"},
        {"files": {"x": b"raw"}},
        {"files": {"x": "x" * (bots.FILE_CHARS_MAX + 1)}},
        {"way": "by hand"},
        {"settings": {}, "weights": {}, "files": {}, "share_max": None},
    ],
)
def test_a_draft_in_any_other_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequestError) as refused:
        bots.decode({**bots.encode(DRAFT), **change})
    assert refused.value.reason == "draft_invalid"


@pytest.mark.parametrize("given", [None, [], "text", {}])
def test_what_is_no_object_is_no_draft(given: Any) -> None:
    with pytest.raises(errors.InvalidRequestError):
        bots.decode(given)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": Infinity}', "{", "[" * 100_000, "x" * 101])
def test_json_that_two_readers_could_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidRequestError):
        bots.strict_json(text, 200_000 if text.startswith("[") else 100)


@given(st.integers(0, 3599), st.sampled_from([5.0, 60.0, 3600.0]), st.floats(1e9, 2e9))
def test_a_bot_is_due_once_a_stretch_and_never_now(offset_s: int, check_s: float, now_s: float) -> None:
    due_s = bots.due_s(offset_s, check_s, now_s)
    assert now_s < due_s <= now_s + check_s + 1e-3
    assert abs((due_s - offset_s) % check_s) < 1e-3 or abs((due_s - offset_s) % check_s - check_s) < 1e-3
