"""Repairs, and what people did themselves, in the records, on both databases."""

import dataclasses
from collections.abc import Iterator

import pytest
import sqlalchemy

from council.backends.records import incidents as sql_incidents
from council.backends.records import repairs as sql_repairs
from council.backends.records import schema, sql
from council.domain import incidents, repairs
from council.domain.repairs import InterventionKind, Outcome
from council.kit import plain

T0 = 1_790_000_000_000_000


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_repairs.SqlRepairs]:
    """No repairs, in migrated records of each kind."""
    made = sql_repairs.SqlRepairs(records_url, 5.0)
    yield made
    made.close()


def repair(number: int, **values: object) -> repairs.Repair:
    usual = repairs.Repair(
        id=f"repair-{number:03}",
        playbook="restart",
        action="restart",
        component="recall",
        proof="ready",
        by=repairs.HEALER,
        why="it is hung",
        began_us=T0 + number,
        until_us=T0 + number + 60,
        incident_id="incident-1",
        alert="service_down",
        labels=(("svc", "recall"),),
        before=(17, 18),
        evidence=("Ünïcode ✓", "a line"),
    )
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def test_a_repair_comes_back_as_it_was_and_as_it_ended(kept: sql_repairs.SqlRepairs) -> None:
    assert kept.begin(repair(1))
    assert kept.find("repair-001") == repair(1)
    over = repairs.ended(repair(1, overrides=("o-1",)), Outcome.HELPED, "it is ready", T0 + 9)
    kept.save(over)
    assert kept.find("repair-001") == over and over.took_s is not None
    assert kept.find("repair-009") is None and kept.find("\0") is None


def test_no_second_repair_of_a_component_begins_while_one_is_under_way(kept: sql_repairs.SqlRepairs) -> None:
    assert kept.begin(repair(1))
    assert not kept.begin(repair(2))
    assert kept.begin(repair(3, component="model"))
    kept.save(repairs.ended(repair(1), Outcome.DID_NOT_HELP, "", T0 + 9))
    assert not kept.begin(repair(1)), "an id is used once"
    assert kept.begin(repair(2))


def test_repairs_come_newest_first_by_page_by_incident_and_by_time(kept: sql_repairs.SqlRepairs) -> None:
    for number in range(1, 5):
        kept.save(repair(number, incident_id=f"incident-{number % 2}"))
    assert [one.id[-1] for one in kept.newest(3)] == ["4", "3", "2"]
    assert [one.id[-1] for one in kept.newest(3, before="repair-002")] == ["1"]
    assert [one.id[-1] for one in kept.newest(9, incident="incident-1")] == ["3", "1"]
    assert [one.id[-1] for one in kept.since(T0 + 2, T0 + 4, 9)] == ["3", "2"]


def test_what_is_as_it_was_read_before_is_not_made_anew(
    kept: sql_repairs.SqlRepairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql_repairs._made.cache_clear()
    for number in range(9):
        kept.save(repair(number))
    found = kept.newest(9)
    ended = repairs.ended(found[0], Outcome.HELPED, "it is ready", T0 + 9)
    kept.save(ended)
    make, made = plain.made, []

    def counted(kind: type[repairs.Repair], value: object) -> repairs.Repair:
        made.append(value)
        return make(kind, value)

    monkeypatch.setattr(plain, "made", counted)
    assert kept.newest(9) == [ended, *found[1:]]
    assert len(made) == 1


def test_what_people_are_told_is_committed_with_the_repair(kept: sql_repairs.SqlRepairs, records_url: str) -> None:
    notice = incidents.Notice(
        "n1", T0, incidents.NoticeKind.ESCALATED, "incident-1", incidents.Severity.PAGE, "Called", "a\nb"
    )
    acted = repairs.Intervention("called-1", InterventionKind.ALERT, T0, "healer", "Called")
    kept.save(repair(1, outcome=Outcome.CALLED), [incidents.Parcel(notice, incidents.EVERY_CHANNEL)], acted)
    assert kept.interventions(T0, T0 + 1, 9) == [acted]
    beside = sql_incidents.SqlIncidents(records_url, 5.0)
    (parcel,) = beside.parcels(incidents.Delivery.WAITING, 5)
    beside.close()
    assert parcel.notice == notice


def test_interventions_are_counted_by_kind_and_each_once(kept: sql_repairs.SqlRepairs) -> None:
    assert set(kept.counts().values()) == {0}
    one = repairs.Intervention("i1", InterventionKind.UNFREEZE, T0, "ann", "lifted the freeze")
    for intervention in (one, one, dataclasses.replace(one, id="i2", at_us=T0 + 5), dataclasses.replace(one, id="i3")):
        kept.intervene(intervention)
    kept.intervene(repairs.Intervention("i4", InterventionKind.ROLLBACK, T0 + 9, "bob", "took back a patch"))
    assert kept.counts()[InterventionKind.UNFREEZE] == 3 and kept.counts()[InterventionKind.ROLLBACK] == 1
    assert [found.id for found in kept.interventions(T0 + 1, T0 + 9, 9)] == ["i2"]
    assert [found.id for found in kept.interventions(T0, T0 + 99, 2)] == ["i4", "i2"]


def test_only_ended_repairs_beyond_so_many_are_deleted(kept: sql_repairs.SqlRepairs) -> None:
    kept.save(repair(1))
    for number in range(2, 6):
        kept.save(repair(number, component=f"c{number}", outcome=Outcome.HELPED))
    assert kept.trim(2) == 2
    assert [one.id[-1] for one in kept.newest(9)] == ["5", "4", "1"]


def test_a_repair_of_a_newer_council_is_passed_over(kept: sql_repairs.SqlRepairs) -> None:
    kept.save(repair(1))
    kept.save(repair(2))
    body = schema.repairs.c.body
    with kept._writer.begin() as connection:
        changed = sqlalchemy.func.replace(body, "under way", "quite new")
        where = schema.repairs.c.id == "repair-002"
        connection.execute(sqlalchemy.update(schema.repairs).where(where).values(body=changed))
    assert [one.id for one in kept.newest(9)] == ["repair-001"]
    assert kept.find("repair-002") is None
