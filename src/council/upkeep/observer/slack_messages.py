"""Notices as messages in Slack: a digest as its page, any other as its lines under its title. Pure."""

from typing import Any

import orjson

from council.domain import digest_reading, incidents
from council.kit import shown
from council.upkeep.observer import layouts, renderings

_MORE = "More: "


def blocks(notice: incidents.Notice) -> list[dict[str, Any]]:
    """Return what a notice says as Slack's blocks. One of a digest that cannot be read is shown by its text."""
    if notice.kind is incidents.NoticeKind.DIGEST:
        try:
            return renderings.slack(layouts.page(digest_reading.read(orjson.loads(notice.data))))
        except ValueError:
            pass
    lines = notice.text.splitlines()
    # The last line of most says which command shows more.
    command = lines.pop().removeprefix(_MORE) if lines and lines[-1].startswith(f"{_MORE}council ") else ""
    return renderings.slack_lines(notice.title, lines, command, f"Council, {shown.clock(notice.at_us)}")
