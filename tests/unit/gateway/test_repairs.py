"""/api/repairs: who may read them, and that an incident's timeline tells them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.records import incidents as sql_incidents
from council.backends.records import repairs as sql_repairs
from council.domain import incidents, repairs
from council.gateway import application
from gateway_rig import Rig

T0 = 1_790_000_000_000_000


@pytest.fixture
def kept(rig: Rig, tmp_path: Path) -> Iterator[sql_repairs.SqlRepairs]:
    """Two repairs of one incident and one of another, in the records of the rig."""
    made = sql_repairs.SqlRepairs(f"sqlite:///{tmp_path / 'council.db'}")
    for number in (1, 2, 3):
        one = repairs.Repair(
            f"repair-{number}", "restart", "restart", f"part-{number}", "ready", "healer", "it is hung", T0, T0,
            incident_id=f"incident-{number % 2}", alert="service_down", labels=(("svc", f"part-{number}"),),
        )  # fmt: skip
        made.save(repairs.ended(one, repairs.Outcome.HELPED, "it is ready", T0 + 5_000_000) if number < 3 else one)
    yield made
    made.close()


async def test_a_viewer_sees_repairs_newest_first_by_page_and_by_incident(
    rig: Rig, kept: sql_repairs.SqlRepairs
) -> None:
    headers = rig.headers(rig.viewer)
    page = (await rig.client.get("/api/repairs?limit=2", headers=headers)).json()
    assert [(one["id"], one["outcome"], one["took_s"]) for one in page["repairs"]] == [
        ("repair-3", "under way", None), ("repair-2", "helped", 5.0),
    ]  # fmt: skip
    rest = (await rig.client.get(f"/api/repairs?limit=2&before={page['before']}", headers=headers)).json()
    assert [one["alert"] for one in rest["repairs"]] == ["part-1 does not work"] and rest["before"] is None
    of_one = (await rig.client.get("/api/repairs?incident=incident-1", headers=headers)).json()["repairs"]
    assert [one["id"] for one in of_one] == ["repair-3", "repair-1"]


async def test_with_a_token_that_is_not_known_nobody_sees_them(rig: Rig) -> None:
    assert (await rig.client.get("/api/repairs", headers=rig.headers("wrong"))).status_code == 401
    assert application._template("/api/repairs") == "/api/repairs"


async def test_the_timeline_of_an_incident_tells_its_repairs(
    rig: Rig, kept: sql_repairs.SqlRepairs, tmp_path: Path
) -> None:
    beside = sql_incidents.SqlIncidents(f"sqlite:///{tmp_path / 'council.db'}")
    page = incidents.Severity.PAGE
    moments = (incidents.Moment(T0 - 1, "began"), incidents.Moment(T0 + 9_000_000, "the incident is repaired"))
    beside.save([incidents.Incident("incident-0", incidents.Standing.OPEN, page, T0 - 1, T0 - 1, timeline=moments)], [])
    beside.close()
    told = (await rig.client.get("/api/incidents/incident-0", headers=rig.headers())).json()["timeline"]
    assert [one["text"] for one in told] == [
        "began", "repair: restart of part-2", "repair: restart of part-2: helped: it is ready", "the incident is repaired",
    ]  # fmt: skip
