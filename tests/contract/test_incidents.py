"""Incidents, notices and silences in the records, on both databases."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.backends.records import incidents as sql_incidents
from council.backends.records import sql
from council.domain import errors, incidents
from council.domain.incidents import Delivery, Incident, Notice, NoticeKind, Parcel, Severity, Silence, Standing

T0 = 1_790_000_000_000_000


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_incidents.SqlIncidents]:
    """No incidents, in migrated records of each kind."""
    made = sql_incidents.SqlIncidents(records_url, 5.0)
    yield made
    made.close()


def incident(number: int, **values: object) -> Incident:
    alert = incidents.Alert("latency", (("svc", "gateway"),), Severity.PAGE, "1,200 ms", T0 + number, "Look.")
    usual = Incident(
        id=f"incident-{number:03}",
        standing=Standing.OPEN,
        severity=Severity.PAGE,
        began_us=T0 + number,
        detected_us=T0 + number + 5,
        members=(
            incidents.Member(alert, T0 + 5),
            incidents.Member(alert, T0, T0 + 9, incidents.Ending.RESOLVED, Severity.PAGE),
        ),
        causes=(incidents.Cause("disk_usage", T0, "91 %", "full"),),
        timeline=(incidents.Moment(T0, "began"), incidents.Moment(T0 + 5, "Ünïcode ✓")),
        moments_left_out=3,
        told_us=T0 + 7,
    )
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def closed(number: int) -> Incident:
    return incident(number, standing=Standing.REPAIRED, repaired_us=T0 + 60)


def parcel(number: int, channel: str = "log", delivery: Delivery = Delivery.WAITING, **values: object) -> Parcel:
    notice = Notice(f"notice-{number:03}", T0, NoticeKind.BEGAN, "incident-001", Severity.PAGE, "Page: x", "a\nb")
    return dataclasses.replace(Parcel(notice, channel, delivery), **values)  # type: ignore[arg-type]


def test_an_incident_comes_back_as_it_was(kept: sql_incidents.SqlIncidents) -> None:
    kept.save([incident(1), incident(2)], [])
    assert kept.find("incident-001") == incident(1)
    assert kept.find("incident-009") is None
    assert kept.find("\0") is None


def test_what_is_saved_again_takes_the_place_of_what_was(kept: sql_incidents.SqlIncidents) -> None:
    kept.save([incident(1)], [parcel(1), parcel(1, "file")])
    kept.save([closed(1)], [parcel(1, delivery=Delivery.SENT, tries=1)])
    assert kept.newest(10) == [closed(1)]
    assert kept.parcels(Delivery.WAITING, 10) == [parcel(1, "file")]
    assert kept.parcels(Delivery.SENT, 10) == [parcel(1, delivery=Delivery.SENT, tries=1)]


def test_incidents_come_newest_first_by_page_and_by_standing(kept: sql_incidents.SqlIncidents) -> None:
    kept.save([incident(1), closed(2), incident(3), closed(4)], [])
    assert [one.id[-1] for one in kept.newest(3)] == ["4", "3", "2"]
    assert [one.id[-1] for one in kept.newest(3, before="incident-002")] == ["1"]
    assert kept.newest(10, standing=Standing.OPEN) == [incident(3), incident(1)]
    assert kept.newest(10, standing=Standing.ENDED) == []


def test_waiting_parcels_come_oldest_first_and_failed_ones_newest_first(kept: sql_incidents.SqlIncidents) -> None:
    kept.save([], [parcel(number) for number in (2, 1, 3)])
    kept.save(
        [], [parcel(number, "file", Delivery.FAILED, tries=8, reason="no answer", next_us=7) for number in (1, 2)]
    )
    assert [one.notice.id[-1] for one in kept.parcels(Delivery.WAITING, 2)] == ["1", "2"]
    found = kept.parcels(Delivery.FAILED, 5)
    assert [one.notice.id[-1] for one in found] == ["2", "1"]
    assert (found[0].reason, found[0].tries, found[0].next_us) == ("no answer", 8, 7)
    assert kept.counts() == {Delivery.WAITING: 3, Delivery.SENT: 0, Delivery.FAILED: 2}


def test_nothing_is_saved_where_one_thing_cannot_be(kept: sql_incidents.SqlIncidents) -> None:
    with pytest.raises(errors.RecordsUnavailableError):
        kept.save([incident(1)], [parcel(1, next_us=1 << 70)])
    assert kept.newest(10) == []


def silence(name: str, until_us: int = T0 + 100, at_us: int = T0) -> Silence:
    return Silence(name, until_us, "ada", "we know", at_us)


def test_silences_hold_until_their_time_and_are_one_for_a_name(kept: sql_incidents.SqlIncidents) -> None:
    assert kept.silence(silence("latency"), 10) and kept.silence(silence("*", T0 + 50), 10)
    assert kept.silences(T0) == [silence("*", T0 + 50), silence("latency")]
    assert kept.silences(T0 + 50) == [silence("latency")]
    assert kept.silence(silence("latency", T0 + 900), 10)
    assert kept.silences(T0 + 100) == [silence("latency", T0 + 900)]
    assert kept.unsilence("latency") and not kept.unsilence("latency")


def test_there_are_never_more_silences_in_force_than_allowed(kept: sql_incidents.SqlIncidents) -> None:
    assert kept.silence(silence("a"), 2) and kept.silence(silence("b"), 2)
    assert not kept.silence(silence("c"), 2)
    assert kept.silence(silence("b", T0 + 900), 2)
    assert kept.silence(silence("c", T0 + 900, at_us=T0 + 100), 2)


def test_trimming_takes_the_oldest_closed_incidents_and_never_an_open_one(kept: sql_incidents.SqlIncidents) -> None:
    kept.save([incident(1), closed(2), closed(3), closed(4)], [])
    assert kept.trim(2, 10, T0) == 1
    assert [one.id[-1] for one in kept.newest(10)] == ["4", "3", "1"]


def test_trimming_takes_the_oldest_settled_notices_and_never_one_that_waits(kept: sql_incidents.SqlIncidents) -> None:
    kept.save(
        [],
        [
            parcel(1),
            *(parcel(number, delivery=Delivery.SENT) for number in (1 + 1, 3, 4)),
            parcel(5, delivery=Delivery.FAILED),
        ],
    )
    kept.silence(silence("over"), 10)
    assert kept.trim(10, 2, T0 + 100) == 3
    assert [one.notice.id[-1] for one in kept.parcels(Delivery.SENT, 10)] == ["4"]
    assert len(kept.parcels(Delivery.WAITING, 10)) == len(kept.parcels(Delivery.FAILED, 10)) == 1
    assert kept.trim(10, 2, T0 + 100) == 0


texts = st.text(max_size=50)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, texts, texts)
def test_any_text_in_a_silence_can_be_kept(kept: sql_incidents.SqlIncidents, name: str, who: str, why: str) -> None:
    assert kept.silence(Silence(name, T0 + 1, who, why, T0), 1_000)
    assert kept.silences(T0)
    assert kept.unsilence(name)


def test_a_database_without_tables_is_an_error_of_ours(records_url: str) -> None:
    bare = sql_incidents.SqlIncidents(records_url, 0.2)
    with pytest.raises(errors.RecordsUnavailableError):
        bare.save([incident(1)], [])
    bare.close()


def test_a_process_that_is_killed_leaves_whole_incidents_with_their_notices(
    records: sql.SqlRecords, kept: sql_incidents.SqlIncidents, records_url: str
) -> None:
    program = textwrap.dedent("""
        import itertools, sys
        from council.backends.records import incidents as sql_incidents
        from council.domain.incidents import *
        kept = sql_incidents.SqlIncidents(sys.argv[1])
        for number in itertools.count():
            one = Incident(f"{number:08}", Standing.OPEN, Severity.PAGE, 1, 2)
            notice = Notice(f"{number:08}", 1, NoticeKind.BEGAN, one.id, Severity.PAGE, "x", "y")
            kept.save([one], [Parcel(notice, "log"), Parcel(notice, "file")])
            print(number, flush=True)
    """)
    child = subprocess.Popen([sys.executable, "-c", program, records_url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    last = max(int(line) for line in said if line.endswith("\n"))
    found = kept.newest(10_000, standing=Standing.OPEN)
    assert len(found) in (last + 1, last + 2)
    parcels = kept.parcels(Delivery.WAITING, 100_000)
    assert len(parcels) == 2 * len(found)
    assert {one.notice.incident_id for one in parcels} == {one.id for one in found}
