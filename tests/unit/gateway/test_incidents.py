"""/api/incidents: who may read them, and what they say."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.records import incidents as sql_incidents
from council.domain import incidents
from council.domain.incidents import Incident, Severity, Standing
from gateway_rig import Rig

T0 = 1_790_000_000_000_000
ALERT = incidents.Alert("memory", (("svc", "gateway"),), Severity.WARNING, "9 MB an hour", T0, "Look.")


@pytest.fixture
def kept(rig: Rig, tmp_path: Path) -> Iterator[sql_incidents.SqlIncidents]:
    """Three incidents in the records of the rig; the last one goes on."""
    made = sql_incidents.SqlIncidents(f"sqlite:///{tmp_path / 'council.db'}")
    made.save([incident(1, over=True), incident(2, over=True), incident(3)], [])
    yield made
    made.close()


def incident(number: int, *, over: bool = False) -> Incident:
    member = incidents.Member(ALERT, T0 + 5_000_000, told=Severity.WARNING)
    one = Incident(
        id=f"incident-{number}",
        standing=Standing.OPEN,
        severity=Severity.WARNING,
        began_us=T0,
        detected_us=T0 + 5_000_000,
        members=(member,),
        causes=(incidents.Cause("disk_usage", T0, "91 %", ""),),
        timeline=(incidents.Moment(T0, "began"),),
    )
    if not over:
        return one
    ended = dataclasses.replace(member, ended_us=T0 + 60_000_000, ending=incidents.Ending.RESOLVED)
    return dataclasses.replace(one, standing=Standing.REPAIRED, repaired_us=T0 + 60_000_000, members=(ended,))


async def test_a_viewer_sees_incidents_newest_first_by_page(rig: Rig, kept: sql_incidents.SqlIncidents) -> None:
    headers = rig.headers(rig.viewer)
    page = (await rig.client.get("/api/incidents?limit=2", headers=headers)).json()
    assert [one["id"] for one in page["incidents"]] == ["incident-3", "incident-2"]
    rest = (await rig.client.get(f"/api/incidents?limit=2&before={page['before']}", headers=headers)).json()
    assert [one["id"] for one in rest["incidents"]] == ["incident-1"] and rest["before"] is None


async def test_incidents_come_by_standing(rig: Rig, kept: sql_incidents.SqlIncidents) -> None:
    found = (await rig.client.get("/api/incidents?standing=open", headers=rig.headers())).json()["incidents"]
    assert [one["id"] for one in found] == ["incident-3"]
    wrong = await rig.client.get("/api/incidents?standing=gone", headers=rig.headers())
    assert wrong.status_code == 400


async def test_an_incident_is_shown_with_all_that_is_known(rig: Rig, kept: sql_incidents.SqlIncidents) -> None:
    found = (await rig.client.get("/api/incidents/incident-2", headers=rig.headers(rig.viewer))).json()
    assert found == {
        "id": "incident-2",
        "standing": "repaired",
        "severity": "warning",
        "title": "the memory of gateway grows",
        "began_us": T0,
        "detected_us": T0 + 5_000_000,
        "repaired_us": T0 + 60_000_000,
        "detection_s": 5.0,
        "repair_s": 60.0,
        "alerts": [
            {
                "name": "memory",
                "labels": {"svc": "gateway"},
                "severity": "warning",
                "summary": "9 MB an hour",
                "next_step": "Look.",
                "since_us": T0,
                "fired_us": T0 + 5_000_000,
                "ended_us": T0 + 60_000_000,
                "ending": "resolved",
                "told": "warning",
            }
        ],
        "causes": [{"title": "disk_usage", "at_us": T0, "until_us": None, "reason": "91 %", "because": ""}],
        "timeline": [{"at_us": T0, "text": "began"}],
        "moments_left_out": 0,
    }


async def test_an_open_incident_has_no_end_yet(rig: Rig, kept: sql_incidents.SqlIncidents) -> None:
    found = (await rig.client.get("/api/incidents/incident-3", headers=rig.headers())).json()
    assert (found["repaired_us"], found["repair_s"], found["alerts"][0]["ended_us"]) == (None, None, None)


@pytest.mark.parametrize("path", ["/api/incidents", "/api/incidents/incident-1"])
async def test_a_token_that_is_none_of_ours_sees_nothing(rig: Rig, kept: sql_incidents.SqlIncidents, path: str) -> None:
    refused = await rig.client.get(path, headers=rig.headers("wrong"))
    assert refused.status_code == 401


async def test_an_incident_that_is_not_there_is_said_so_with_what_next(rig: Rig) -> None:
    missing = await rig.client.get("/api/incidents/nothing", headers=rig.headers())
    assert missing.status_code == 404
    assert "GET /api/incidents lists" in missing.json()["error"]["message"]
