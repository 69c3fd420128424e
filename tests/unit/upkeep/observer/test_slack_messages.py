"""Notices as Slack's blocks: every kind within its limits, and nobody called by what others wrote."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import observer_cases
import slack_server
from council.domain import incidents
from council.domain.incidents import NoticeKind, Severity
from council.upkeep.observer import digests, layouts, posting, renderings, slack_messages

AT_US = 1_790_000_000_000_000


def notice(title: str, text: str, kind: NoticeKind = NoticeKind.BEGAN) -> incidents.Notice:
    return incidents.Notice("n1", AT_US, kind, "i1", Severity.PAGE, title, text)


def test_a_notice_is_its_title_its_lines_the_command_that_shows_more_and_when_it_was() -> None:
    text = "answers are slow: 2 s.\n  See `council status`.\nMore: council incidents show i1"
    header, lines, more, foot = slack_messages.blocks(notice("Page: answers are slow", text))
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "Page: answers are slow"}}
    assert lines["text"]["text"] == "answers are slow: 2 s.\n  See `council status`."
    assert more["text"]["text"] == "More: `council incidents show i1`"
    assert foot["elements"][0]["text"] == "Council, 2026-09-21 14:13:20 UTC"


def test_a_digest_is_the_page_that_the_command_prints() -> None:
    made = digests.digest(observer_cases.day())
    told = posting.notice(made, AT_US)
    assert slack_messages.blocks(told) == renderings.slack(layouts.page(made))


@pytest.mark.parametrize(
    "data", ["", "{}", "[]", '{"schema": "council.digest/2"}', '{"schema": "council.digest/1", "date": 1}']
)
def test_a_digest_of_another_form_is_shown_by_its_text(data: str) -> None:
    told = dataclasses.replace(posting.notice(digests.digest(observer_cases.day()), AT_US), data=data)
    header, *sections, _ = slack_messages.blocks(told)
    assert header["text"]["text"] == told.title and len(sections) > 1
    assert all(slack_server._is_good(one) for one in sections)


WORDS = st.text(st.sampled_from("ab <>&@!`*_~\n\x00\u202e…'\"#|"), max_size=500)


@given(title=st.text(st.sampled_from("a<&@`*"), min_size=1, max_size=500), text=WORDS, times=st.integers(1, 400))
def test_whatever_a_notice_says_slack_takes_it_and_it_calls_nobody(title: str, text: str, times: int) -> None:
    blocks = slack_messages.blocks(notice(title, "\n".join([text] * times)))
    json.dumps(blocks)
    assert slack_server._are_good(blocks)
    marked = [block["text"] for block in blocks if block["type"] == "section"]
    assert all(one["type"] == "mrkdwn" and one["verbatim"] for one in marked)
    assert not any("<" in one["text"] or ">" in one["text"] for one in marked)


def test_what_is_too_long_says_where_there_is_more() -> None:
    text = "\n".join(["x" * 2500] * 80) + "\nMore: council incidents show i1"
    blocks = slack_messages.blocks(notice("t", text))
    assert len(blocks) == renderings.SLACK_BLOCKS_MAX
    assert blocks[-1]["elements"][0]["text"].endswith("are left out here: `council incidents show i1`.")
