"""Snapshots, what was learned and what was announced, in the records, on both databases."""

import os
import signal
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator

import orjson
import pytest
import sqlalchemy

import observer_rig
from council.backends.records import incidents as sql_incidents
from council.backends.records import schema, sql
from council.backends.records import snapshots as sql_snapshots
from council.domain import digests, errors, incidents, reports, snapshots
from council.domain.incidents import Delivery, Notice, NoticeKind, Parcel, Severity
from council.kit import plain

T0 = 1_800_000_000.0
HOUR_S = 3600.0
TICK, INCIDENT = snapshots.Occasion.TICK, snapshots.Occasion.INCIDENT


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_snapshots.SqlSnapshots]:
    """No snapshots, in migrated records of each kind."""
    made = sql_snapshots.SqlSnapshots(records_url, 5.0)
    yield made
    made.close()


def parcel(name: str) -> Parcel:
    notice = Notice(name, round(T0 * 1e6), NoticeKind.ESCALATED, "", Severity.PAGE, "Red", "a", "<p>", "{}")
    return Parcel(notice, incidents.EVERY_CHANNEL)


def test_a_snapshot_comes_back_with_all_that_it_holds(kept: sql_snapshots.SqlSnapshots) -> None:
    one = observer_rig.snapshot(T0)
    assert kept.keep(one, {"a": {"at_s": 1.0}})
    found = kept.find(one.id)
    assert found is not None and snapshots.brief(found) == snapshots.brief(one)
    assert found.trends[0] == one.trends[0] and found.explanation == one.explanation
    assert found.costs.budget_lines[0] == one.costs.budget_lines[0] and found.missed == one.missed
    assert kept.find("20270115T080001Z") is None and kept.find("\0") is None


def test_of_two_takings_the_first_is_kept_and_with_it_what_was_learned(kept: sql_snapshots.SqlSnapshots) -> None:
    assert kept.learned() == {}
    assert kept.keep(observer_rig.snapshot(T0), {"n": 1})
    assert not kept.keep(observer_rig.snapshot(T0, taken_s=T0 + 99), {"n": 2})
    assert kept.newest(5)[0].taken_s == T0 + 4 and kept.learned() == {"n": 1}
    assert kept.keep(observer_rig.snapshot(T0 + 900), {"n": 3})
    assert kept.learned() == {"n": 3}


def test_snapshots_come_newest_first_by_page_and_by_occasion(kept: sql_snapshots.SqlSnapshots) -> None:
    for place in range(3):
        kept.keep(observer_rig.snapshot(T0 + 900 * place), {})
    kept.keep(observer_rig.snapshot(T0 + 60, "01I"), {})
    ids = ["20270115T083000Z", "20270115T081500Z", "20270115T080100Z-01I", "20270115T080000Z"]
    assert kept.ids(10) == [one.id for one in kept.newest(10)] == ids
    assert kept.ids(1, before=ids[1]) == ids[2:3]
    assert kept.ids(9, occasion=INCIDENT) == ids[2:3]
    assert [one.id for one in kept.newest(9, before=ids[0], occasion=TICK)] == [ids[1], ids[3]]


def test_of_the_old_one_an_hour_and_every_incident_stays_and_the_oldest_go(kept: sql_snapshots.SqlSnapshots) -> None:
    for place in range(13):
        kept.keep(observer_rig.snapshot(T0 + 900 * place), {})
    kept.keep(observer_rig.snapshot(T0 + 1000, "01I"), {})
    gone = kept.thin(round((T0 + 2 * HOUR_S) * 1e6), round((T0 + 10) * 1e6))
    hours = [f"20270115T{hour}Z" for hour in ("081500", "081640", "090000", "100000")]
    assert [one.removesuffix("-01I") for one in reversed(kept.ids(99))][:4] == hours
    assert gone == 14 - len(kept.ids(99)) == 6
    assert kept.thin(round((T0 + 2 * HOUR_S) * 1e6), round((T0 + 10) * 1e6)) == 0


def test_what_is_announced_is_announced_once_together_with_its_notices(
    kept: sql_snapshots.SqlSnapshots, records_url: str
) -> None:
    at_us = round(T0 * 1e6)
    assert kept.announce("escalated:a:1", [parcel("first")], at_us)
    assert not kept.announce("escalated:a:1", [parcel("second")], at_us + 1)
    assert kept.announce("escalated:b%:1", [], at_us + 2) and kept.announce("digest:2027-01-15", [], at_us + 3)
    assert kept.announced("escalated:", 9) == ["escalated:b%:1", "escalated:a:1"]
    assert kept.announced("escalated:%", 9) == [] and kept.announced("", 1) == ["digest:2027-01-15"]
    told = sql_incidents.SqlIncidents(records_url, 5.0)
    assert told.parcels(Delivery.WAITING, 9) == [parcel("first")]
    told.close()


def test_what_was_announced_goes_when_it_is_old_and_many_came_after_it(
    kept: sql_snapshots.SqlSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, name in enumerate(("began:1", "digest:a", "escalated:b", "digest:c", "digest:d")):
        kept.announce(name, [], place)
    kept.thin(0, 9)
    assert len(kept.announced("", 9)) == 5
    monkeypatch.setattr(snapshots, "ANNOUNCED_KEPT", 1)
    kept.thin(0, 3)
    assert kept.announced("", 9) == ["digest:d", "digest:c", "began:1"]


def test_nothing_is_announced_where_its_notice_cannot_be_kept(kept: sql_snapshots.SqlSnapshots) -> None:
    broken = Parcel(parcel("x").notice, "log", next_us=1 << 70)
    with pytest.raises(errors.RecordsUnavailableError):
        kept.announce("digest:1", [broken], 1)
    assert kept.announced("", 9) == []


@pytest.mark.parametrize("body", [b"none", zlib.compress(b"{"), zlib.compress(b'{"id":1}')])
def test_a_damaged_row_is_an_error_of_ours(kept: sql_snapshots.SqlSnapshots, body: bytes) -> None:
    kept.keep(observer_rig.snapshot(T0), {})
    with kept._writer.begin() as connection:
        connection.execute(sqlalchemy.update(schema.snapshots).values(body=body))
    with pytest.raises(errors.RecordsUnavailableError, match=r"restore a copy"):
        kept.find(snapshots.identifier(T0))


def test_a_row_that_cannot_be_read_is_passed_over_in_lists_and_its_id_is_there(
    kept: sql_snapshots.SqlSnapshots, caplog: pytest.LogCaptureFixture
) -> None:
    for place in range(3):
        kept.keep(observer_rig.snapshot(T0 + 900 * place), {})
    newer = orjson.loads(orjson.dumps(observer_rig.snapshot(T0 + 1800))) | {"occasion": "nightly"}
    with kept._writer.begin() as connection:
        change = sqlalchemy.update(schema.snapshots).where(schema.snapshots.c.id == snapshots.identifier(T0 + 1800))
        connection.execute(change.values(body=zlib.compress(orjson.dumps(newer))))
    assert [one.at_s for one in kept.newest(2)] == [T0 + 900, T0]
    assert len(kept.ids(9)) == 3 and "passed over" in caplog.text


def test_what_was_learned_and_cannot_be_read_is_begun_anew(kept: sql_snapshots.SqlSnapshots) -> None:
    kept.keep(observer_rig.snapshot(T0), {"n": 1})
    with kept._writer.begin() as connection:
        connection.execute(sqlalchemy.update(schema.observer_state).values(body=b"none"))
    assert kept.learned() == {}


def test_a_database_without_tables_is_an_error_of_ours(records_url: str) -> None:
    bare = sql_snapshots.SqlSnapshots(records_url, 0.2)
    with pytest.raises(errors.RecordsUnavailableError):
        bare.keep(observer_rig.snapshot(T0), {})
    bare.close()


def test_a_process_that_is_killed_leaves_whole_snapshots_with_what_was_learned(
    records: sql.SqlRecords, kept: sql_snapshots.SqlSnapshots, records_url: str
) -> None:
    program = textwrap.dedent("""
        import itertools, sys
        import observer_rig
        from council.backends.records import snapshots as sql_snapshots
        kept = sql_snapshots.SqlSnapshots(sys.argv[1])
        for number in itertools.count():
            assert kept.keep(observer_rig.snapshot(1_800_000_000.0 + 900 * number), {"n": number})
            print(number, flush=True)
    """)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", program, records_url], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    last = max(int(line) for line in said if line.endswith("\n"))
    found = kept.newest(10_000)
    assert len(found) in (last + 1, last + 2)
    assert kept.learned() == {"n": len(found) - 1}


def test_a_digest_is_kept_with_its_announcement_or_neither_is(kept: sql_snapshots.SqlSnapshots) -> None:
    found = observer_rig.digest("2027-01-15")
    broken = Parcel(parcel("x").notice, "log", next_us=1 << 70)
    with pytest.raises(errors.RecordsUnavailableError):
        kept.announce("digest:2027-01-15", [broken], 7, found)
    assert kept.find_report(reports.digest("2027-01-15")) is None
    assert kept.announce("digest:2027-01-15", [parcel("x")], 7, found)
    assert not kept.announce("digest:2027-01-15", [], 8, observer_rig.digest("2027-01-15", zone="Europe/Paris"))
    one = kept.find_report(reports.digest("2027-01-15"))
    assert one is not None and one.at_us == 7 and plain.made(digests.Digest, one.body) == found


def test_reports_lie_by_name_in_the_place_of_what_was_there(kept: sql_snapshots.SqlSnapshots) -> None:
    kept.keep(observer_rig.snapshot(T0), {"n": 1})
    for place, day in enumerate(("2027-01-15", "2027-01-17", "2027-01-16")):
        kept.put_report(reports.digest(day), {"n": place}, place)
    kept.put_report(reports.figures(7), {"n": 1}, 1)
    kept.put_report(reports.figures(7), {"n": 2}, 2)
    found = kept.find_report("figures:7")
    assert found is not None and (found.at_us, found.body) == (2, {"n": 2})
    assert kept.report_names(reports.DIGESTS, 2) == [("digest:2027-01-17", 1), ("digest:2027-01-16", 2)]
    assert kept.report_names(reports.DIGESTS, 9, before="digest:2027-01-16") == [("digest:2027-01-15", 0)]
    assert kept.find_report("digest:%") is None and kept.find_report("\0") is None
    assert kept.learned() == {"n": 1}, "what detectors learned lies in the same table"


def test_digests_go_when_they_are_old_and_nothing_else_of_that_table_does(kept: sql_snapshots.SqlSnapshots) -> None:
    kept.keep(observer_rig.snapshot(1.0), {"n": 1})
    for at_us, name in ((5, "digest:a"), (9, "digest:b"), (1, reports.COVERAGE), (1, reports.figures(1))):
        kept.put_report(name, {}, at_us)
    assert kept.thin(0, 9) == 1
    assert [name for name, _ in kept.report_names("", 9)] == ["figures:1", "digest:b", "detectors", "coverage"]


def test_a_report_that_cannot_be_read_is_none(
    kept: sql_snapshots.SqlSnapshots, caplog: pytest.LogCaptureFixture
) -> None:
    kept.put_report("coverage", {"n": 1}, 1)
    with kept._writer.begin() as connection:
        connection.execute(sqlalchemy.update(schema.observer_state).values(body=b"none"))
    assert kept.find_report("coverage") is None and "cannot be read" in caplog.text
