"""Which scheduled jobs there were, from records of every kind in which they leave something."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from council import care_records, homes
from council.domain import backup, bots, evidence, home, observe, patches, snapshots
from council.kit import ids
from council.upkeep.observer import jobs

DAY_S = 86_400.0
T0 = 1_800_000_000.0 // DAY_S * DAY_S
SPAN = evidence.Span(T0, T0 + DAY_S)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[jobs.Books]:
    where = home.Home(tmp_path / "home")
    homes.prepare(where, {})
    config = homes.load_config(where, None, os.environ, {})
    with contextlib.ExitStack() as stack:
        kept = (care_records.snapshots, care_records.bot_runs, care_records.backups)
        yield jobs.Books(*(stack.enter_context(contextlib.closing(one(config, where))) for one in kept))


def tick(at_s: float) -> snapshots.Snapshot:
    span = evidence.Span(at_s - 900, at_s)
    return snapshots.Snapshot(
        snapshots.identifier(at_s), at_s, at_s, snapshots.Occasion.TICK, span, patches.Label(""), metrics=[],
        anomalies=[], trends=[], explanation=evidence.Explanation(()),
    )  # fmt: skip


def look(at_s: float, outcome: bots.Outcome) -> bots.Run:
    at_us = round(at_s * 1e6)
    return bots.Run(ids.ulid(at_us), "cost", at_us, at_us, outcome)


def kept(at_s: float, kind: backup.Kind, outcome: backup.Outcome) -> backup.Run:
    at_us = round(at_s * 1e6)
    return backup.Run(ids.ulid(at_us), kind, outcome, at_us, at_us)


def test_each_kind_of_job_of_the_span_is_there_once_with_whether_it_went_well(books: jobs.Books) -> None:
    for at_s in (T0 - 900, T0, T0 + 900):
        books.snapshots.keep(tick(at_s), {})
    books.snapshots.announce("digest:2027-01-15", [], 0)
    books.snapshots.announce("digest:2027-01-14", [], 0)
    books.snapshots.announce("archived:2027-01-15", [], 0)
    for at_s, outcome in ((-1, bots.Outcome.NOTHING), (0, bots.Outcome.FAILED), (10, bots.Outcome.NOTHING)):
        books.runs.add(look(T0 + at_s, outcome))
    books.backups.add(kept(T0 + 60, backup.Kind.RUN, backup.Outcome.FAILED))
    books.backups.add(kept(T0 + 90, backup.Kind.DRILL, backup.Outcome.OK))
    found = jobs.within(books, observe.ObserveConfig(), SPAN, T0 + DAY_S, archives=True)
    assert [(one.kind, one.at_s - T0, one.went_well) for one in found] == [
        ("bot cost", 0, False),
        ("bot cost", 10, True),
        ("backup", 60, False),
        ("drill", 90, True),
        ("digest", 3 * 3600, True),
        ("archive", 3 * 3600, True),
    ]


def missed(books: jobs.Books, now_s: float, span: evidence.Span, *, archives: bool = True) -> list[tuple[str, int]]:
    found = jobs.within(books, observe.ObserveConfig(), span, now_s, archives=archives)
    assert all(one.is_missed != one.went_well for one in found)
    return [(one.kind, round((one.at_s - T0) / DAY_S)) for one in found if one.is_missed]


def test_a_day_that_was_never_told_of_or_archived_is_a_job_that_failed(books: jobs.Books) -> None:
    week = evidence.Span(T0, T0 + 7 * DAY_S)
    books.snapshots.announce(f"began:{round(T0)}", [], 0)
    for day in (15, 16, 18, 19):
        books.snapshots.announce(f"digest:2027-01-{day}", [], 0)
    for day in (15, 16, 17, 18):
        books.snapshots.announce(f"archived:2027-01-{day}", [], 0)
    due_s = T0 + 4 * DAY_S + 3 * 3600.0
    assert missed(books, due_s + 60, week) == [("digest", 2)]
    # The archive has six hours more for it, and both have their time.
    assert missed(books, due_s + 7 * 3600, week) == [("digest", 2)]
    assert missed(books, due_s + 9 * 3600, week) == [("digest", 2), ("archive", 4)]
    assert missed(books, due_s + 9 * 3600, week, archives=False) == [("digest", 2)]
    assert missed(books, due_s + 9 * 3600, evidence.Span(T0 + 3 * DAY_S, T0 + 4 * DAY_S)) == []
    assert missed(books, T0 + 30 * DAY_S, evidence.Span(T0 + 2 * DAY_S, T0 + 3 * DAY_S)) == [("digest", 2)]


def test_a_day_from_before_there_was_an_observer_is_not_missed(books: jobs.Books) -> None:
    week = evidence.Span(T0, T0 + 7 * DAY_S)
    assert missed(books, T0 + 7 * DAY_S, week) == []
    books.snapshots.announce(f"began:{round(T0 + 5 * DAY_S)}", [], 0)
    assert missed(books, T0 + 7 * DAY_S, week) == [("digest", 5), ("archive", 5), ("digest", 6), ("archive", 6)]


def test_a_day_of_which_no_announcement_is_kept_any_more_is_not_missed(
    books: jobs.Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.snapshots, "ANNOUNCED_KEPT", 3)
    books.snapshots.announce(f"began:{round(T0)}", [], 0)
    for name in ("digest:2027-01-18", "archived:2027-01-18"):
        books.snapshots.announce(name, [], 0)
    assert missed(books, T0 + 5 * DAY_S, evidence.Span(T0, T0 + 4 * DAY_S)) == []
