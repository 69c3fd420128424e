"""The bot `docs`: keeps two pages of the guidebook true, that of changes and that of coverage. Pure.

The first is made of the lineage alone. It is a file of the blueprint like any other, so it comes by a patch, and that patch
would be a change to tell of in turn. So it leaves out what this bot itself did, and is drafted only where something else has
happened since. The second says what keeps each cell of the coverage matrix, which is so by the release that serves: the page is
that of the release, and a newer release brings another.
"""

import datetime
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import bots

PATH = "guidebook/changes.md"
COVERAGE = "guidebook/reference/coverage.md"
NAME = "docs"
ROWS_MAX = 200
_TITLE_CHARS_MAX = 120
_HEAD = """# Changes

What was changed of this Council and who signed it, newest first. The bot `docs` writes it from the lineage, which alone counts:
`council lineage show CID` has all of it.
"""
# Signs that Markdown or a terminal would obey.
_OBEYED = {ord(sign): f"\\{sign}" for sign in "\\`*_{}[]<>#|!~&"}


@dataclass(frozen=True, slots=True)
class Change:
    """One patch that came to an end. `files` are the paths it names."""

    at_s: float
    cid: str
    title: str
    author: str
    outcome: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Docs:
    """bots.Bot."""

    name: str = NAME
    does: str = "keeps the guidebook's pages of changes and of coverage as the lineage and the release have them"
    offset_s: int = 1500
    touches: tuple[str, ...] = (PATH, COVERAGE)

    def draft(self, evidence: Mapping[str, Any], _: bots.Ask) -> bots.Draft | bots.Nothing:
        """Return the pages that are not as they should be; of changes first, since it says how the other came about."""
        changed = self._changes(evidence)
        shipped, live = str(evidence["coverage_shipped"]), str(evidence["coverage"])
        about = f"coverage page {hashlib.sha256(shipped.encode()).hexdigest()[:16]}"
        if isinstance(changed, bots.Draft) or shipped in ("", live) or about in evidence["done"]:
            return changed
        return bots.Draft(
            subject=about,
            title="Bring the page of coverage up to date",
            why="It says what keeps each cell, and the release that serves says otherwise.",
            files={COVERAGE: shipped},
        )

    def _changes(self, evidence: Mapping[str, Any]) -> bots.Draft | bots.Nothing:
        found = [
            Change(float(one["at_s"]), one["cid"], one["title"], one["author"], one["outcome"], tuple(one["files"]))
            for one in evidence["changes"]
        ]
        told = [one for one in found if not {PATH, COVERAGE}.issuperset(one.files)][:ROWS_MAX]
        if not told:
            return bots.Nothing("nothing has changed yet")
        text = page(told)
        if text == evidence["page"]:
            return bots.Nothing("the pages are as they should be")
        newest = told[0].cid
        # The same change may come to another end, as one that is taken back.
        about = f"changes up to {newest} {hashlib.sha256(text.encode()).hexdigest()[:8]}"
        if about in evidence["done"]:
            return bots.Nothing("what has changed is proposed already")
        return bots.Draft(
            subject=about,
            title="Bring the page of changes up to date",
            why=f"The lineage has gone on to cid:{newest}.",
            files={PATH: text},
        )


def page(told: Sequence[Change]) -> str:
    """Return the page for these changes, newest first."""
    lines = [_HEAD]
    for day, rows in _by_day(told):
        lines += [f"\n## {day}\n", "| time (UTC) | change | by | outcome | CID |", "|---|---|---|---|---|"]
        lines += [
            f"| {_moment(one.at_s):%H:%M} | {_plain(one.title)} | {_plain(one.author)} | {_plain(one.outcome)} | "
            f"`{one.cid}` |"
            for one in rows
        ]
    return "\n".join(lines) + "\n"


def _by_day(told: Sequence[Change]) -> Iterable[tuple[str, list[Change]]]:
    days: dict[str, list[Change]] = {}
    for one in told:
        days.setdefault(f"{_moment(one.at_s):%Y-%m-%d}", []).append(one)
    return days.items()


def _moment(at_s: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC)


def _plain(text: str) -> str:
    """Return what somebody wrote as a cell of a table: on one line, with no sign that means something."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:_TITLE_CHARS_MAX])
    return shown.translate(_OBEYED)


BOT = Docs()
