"""What goes into the archive is whole, JSON, without secrets and of its day; anything else that is proposed is refused."""

import dataclasses
import datetime
import json
from collections.abc import Callable

import orjson
import pytest

import archive_rig
import observer_rig
from council.domain import digests, evidence, incidents, schedule, snapshots
from council.kit import plain
from council.upkeep.observer import archiving

FIRST, DAY_S = archive_rig.FIRST, archive_rig.DAY_S
DAY = datetime.timedelta(days=1)
WHEN = schedule.Schedule()
ONE = archiving.Day(FIRST, "UTC", evidence.Span(*WHEN.span_s(FIRST)))
INDEX, SNAPSHOTS = archiving.path("days", FIRST), archiving.path("snapshots", FIRST)


def night(*taken: snapshots.Snapshot) -> dict[str, bytes]:
    """Return a night's change of an archive that holds nothing else."""
    found = archiving.files(
        ONE, taken or [observer_rig.snapshot()], [observer_rig.incident(1, ONE.span.start_s)], b"", 7.0
    )
    return {**found, archiving.README: archiving.readme(found)}


def problems(changed: dict[str, bytes | None]) -> list[str]:
    return archiving.problems(FIRST, changed, {place for place, content in changed.items() if content is not None})


def test_a_day_is_due_once_its_digest_is_told_or_is_late() -> None:
    at_s = WHEN.moment_s(FIRST)
    since_s = at_s - DAY_S
    assert archiving.due(WHEN, at_s + 1, (), (), at_s) == []
    assert [one.day for one in archiving.due(WHEN, at_s + 1, (), {FIRST.isoformat()}, at_s)] == [FIRST]
    assert [one.day for one in archiving.due(WHEN, at_s + archiving.LATE_S, (), (), at_s)] == [FIRST]
    assert archiving.due(WHEN, at_s + 1, {FIRST.isoformat()}, {FIRST.isoformat()}, at_s) == []
    assert [one.day for one in archiving.due(WHEN, at_s + DAY_S, (), (), since_s)] == [FIRST - DAY, FIRST]


def test_more_days_are_caught_up_than_digests_but_not_without_end() -> None:
    now_s = WHEN.moment_s(FIRST) + archiving.LATE_S
    assert len(archiving.due(WHEN, now_s, (), (), 0.0)) == archiving.CAUGHT_UP_MAX > schedule.CAUGHT_UP_MAX


def test_of_each_hour_the_first_tick_is_kept_and_every_incident() -> None:
    start_s = ONE.span.start_s
    ids = [snapshots.identifier(start_s + 900 * place) for place in range(-4, 100)]
    incident = snapshots.identifier(start_s + 1000, "01I")
    kept = archiving.chosen([*reversed(ids), incident], ONE.span)
    assert len(kept) == 25 and incident in kept and kept == sorted(kept)
    assert kept[0] == snapshots.identifier(start_s)


def test_a_night_is_sound() -> None:
    assert problems(dict(night())) == []


def test_what_was_put_there_is_read_back() -> None:
    taken = [observer_rig.snapshot(observer_rig.NOW_S + 900 * place) for place in range(3)]
    read = archiving.read_snapshots(night(*taken)[SNAPSHOTS])
    assert read == [plain.made(snapshots.Snapshot, orjson.loads(orjson.dumps(one))) for one in reversed(taken)]
    assert archiving.read_snapshots(b"{}\nno json\n") == []


def test_patches_that_ended_on_the_day_are_explained_by_it() -> None:
    ended_s = observer_rig.NOW_S - 280
    one = archiving.Day(FIRST, "UTC", evidence.Span(ended_s - 60, ended_s + 60))
    held = archiving.files(one, [observer_rig.snapshot()], [], b"", 7.4)
    assert archiving.explained(held[INDEX], FIRST) == {"c" * 16: 7.0}
    assert archiving.explained(held[INDEX], FIRST + DAY) == archiving.explained(b"[]", FIRST) == {}


def changed_row(held: dict[str, bytes]) -> None:
    held[SNAPSHOTS] = held[SNAPSHOTS].replace(b"431.5", b"131.5")


def no_json(held: dict[str, bytes]) -> None:
    held[SNAPSHOTS] = b"<script>\n"


def another_path(held: dict[str, bytes]) -> None:
    held["prompts/general.md"] = b"Be brief.\n"


def another_ending(held: dict[str, bytes]) -> None:
    held["snapshots/2027/01/16.json"] = b"{}"


def no_day_of_the_calendar(held: dict[str, bytes]) -> None:
    held["snapshots/2027/02/30.jsonl"] = b""


def no_index(held: dict[str, bytes]) -> None:
    del held[INDEX]


def another_page(held: dict[str, bytes]) -> None:
    held[archiving.README] += b"[look here](https://example.org)\n"


def too_large(held: dict[str, bytes]) -> None:
    held[SNAPSHOTS] = b" " * (archiving.FILE_BYTES_MAX + 1)


def a_secret(held: dict[str, bytes]) -> None:
    held[SNAPSHOTS] = held[SNAPSHOTS].replace(b"the watcher does not answer", b"cncl_" + b"x" * 43)


def of_a_day_to_come(held: dict[str, bytes]) -> None:
    held[archiving.path("snapshots", FIRST + DAY)] = held[SNAPSHOTS]


def an_index_of_other_files(held: dict[str, bytes]) -> None:
    told = json.loads(held[INDEX])
    told["files"] = {"prompts/general.md": {"rows": 1, "sha256": "0" * 64}}
    held[INDEX] = orjson.dumps(told)


def a_row_away(held: dict[str, bytes]) -> None:
    del held[archiving.path("incidents", FIRST)]


@pytest.mark.parametrize(
    "spoil",
    [
        changed_row, no_json, another_path, another_ending, no_day_of_the_calendar, no_index, another_page, too_large, a_secret,
        of_a_day_to_come, an_index_of_other_files, a_row_away,
    ],
)  # fmt: skip
def test_what_is_not_sound_is_found(spoil: Callable[[dict[str, bytes]], None]) -> None:
    held = night()
    spoil(held)
    assert problems(dict(held))


@pytest.mark.parametrize(
    "secret", ["cncl_" + "x" * 43, "ghp_" + "a1" * 18, "\nsk-" + "a" * 20, "-----BEGIN PRIVATE KEY-----"]
)
def test_what_looks_like_a_secret_is_masked_and_the_row_is_kept(secret: str) -> None:
    one = observer_rig.snapshot(missing=[evidence.Missing("series", f"said: {secret}")])
    held = night(one)
    assert secret.strip().encode() not in held[SNAPSHOTS] and problems(dict(held)) == []
    assert "[masked]" in archiving.read_snapshots(held[SNAPSHOTS])[0].missing[0].why


def test_names_of_metrics_are_no_secrets() -> None:
    one = observer_rig.snapshot(
        missing=[evidence.Missing("council_request_duration_seconds_bucket", "task-of-many-parts-here")]
    )
    assert archiving.read_snapshots(night(one)[SNAPSHOTS])[0].missing == tuple(one.missing)


def test_what_is_too_large_or_cannot_be_read_again_is_left_out_and_said() -> None:
    large = observer_rig.snapshot(missing=[evidence.Missing("x", "y" * archiving.FILE_BYTES_MAX)])
    odd = dataclasses.replace(observer_rig.snapshot(), taken_s=float("nan"))
    held = night(large, observer_rig.snapshot(), odd)
    assert held[SNAPSHOTS].count(b"\n") == 1 and problems(dict(held)) == []
    assert [one["what"] for one in json.loads(held[INDEX])["left_out"]] == ["2 snapshots", "digest"]


def test_the_digest_is_the_one_that_people_were_told() -> None:
    other = archive_rig.digest_parcel(FIRST, "no json")
    assert archiving.digest_of(FIRST, [other]) == b""
    silent = dataclasses.replace(other, notice=dataclasses.replace(other.notice, kind=incidents.NoticeKind.ESCALATED))
    assert archiving.digest_of(FIRST, [silent]) == b""


def test_a_digest_of_the_release_before_is_archived_after_an_upgrade() -> None:
    older = dict.fromkeys(digests.schema()["properties"]) | {"schema": digests.SCHEMA, "date": FIRST.isoformat()}
    del older["services"]
    told = json.dumps(older)
    assert archiving.digest_of(FIRST, [archive_rig.digest_parcel(FIRST, told)]) == told.encode()
    del older["leaks"]
    assert archiving.digest_of(FIRST, [archive_rig.digest_parcel(FIRST, json.dumps(older))]) == b""


def test_what_is_kept_long_enough_is_removed_the_oldest_days_first() -> None:
    paths = [archiving.path(kind, FIRST - back * DAY) for back in range(60) for kind in ("days", "snapshots")]
    gone = archiving.too_old([*paths, archiving.README], FIRST, 20)
    assert len(gone) == 2 * archiving.REMOVED_MAX and archiving.path("days", FIRST - 59 * DAY) in gone
    assert archiving.too_old(paths, FIRST, 59) == []
    assert archiving.old_enough(paths, FIRST, 58) == [FIRST - 59 * DAY]


def test_the_page_lists_every_day_by_month_and_nothing_that_somebody_wrote() -> None:
    days = [archiving.path("days", datetime.date(2026, 11, 30) + place * DAY) for place in range(3)]
    told = archiving.readme(days).decode()
    assert "| 2026-12 | [01](days/2026/12/01.json) [02](days/2026/12/02.json) |\n| 2026-11 | [30]" in told


def test_a_name_is_looked_for_in_days_near_it_alone() -> None:
    days = [FIRST + place * DAY for place in range(-5, 5)]
    near = [day for day in days if archiving.may_hold(day, f"{FIRST:%Y%m%d}T010000Z")]
    assert FIRST in near and len(near) == 4
