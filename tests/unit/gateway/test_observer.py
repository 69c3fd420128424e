"""/api/observer: who may read snapshots, and what they say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import observer_rig
from council.backends.records import snapshots as sql_snapshots
from gateway_rig import Rig

T0 = observer_rig.NOW_S


@pytest.fixture
def kept(rig: Rig, tmp_path: Path) -> Iterator[sql_snapshots.SqlSnapshots]:
    """Three snapshots in the records of the rig, one of them of an incident."""
    made = sql_snapshots.SqlSnapshots(f"sqlite:///{tmp_path / 'council.db'}")
    for at_s, incident_id in ((T0, ""), (T0 + 60, "01I"), (T0 + 900, "")):
        made.keep(observer_rig.snapshot(at_s, incident_id), {})
    yield made
    made.close()


async def test_a_viewer_sees_snapshots_newest_first_by_page(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    headers = rig.headers(rig.viewer)
    page = (await rig.client.get("/api/observer/snapshots?limit=2", headers=headers)).json()
    assert [one["id"] for one in page["snapshots"]] == ["20270115T081500Z", "20270115T080100Z-01I"]
    first = page["snapshots"][0]
    assert (first["red"], first["green"], first["missed"], first["happened"]) == (
        ["error_rate"], 1, 3, "It is 431.5 ms.",
    )  # fmt: skip
    rest = (await rig.client.get(f"/api/observer/snapshots?before={page['before']}", headers=headers)).json()
    assert [one["id"] for one in rest["snapshots"]] == ["20270115T080000Z"] and rest["before"] is None


async def test_snapshots_come_by_occasion(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    found = (await rig.client.get("/api/observer/snapshots?occasion=incident", headers=rig.headers())).json()
    assert [one["incident_id"] for one in found["snapshots"]] == ["01I"]
    assert (await rig.client.get("/api/observer/snapshots?occasion=x", headers=rig.headers())).status_code == 400


async def test_a_snapshot_is_shown_with_all_that_it_holds(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    headers = rig.headers(rig.viewer)
    one = (await rig.client.get("/api/observer/snapshots/20270115T080000Z", headers=headers)).json()
    assert one["metrics"][0] == {
        "name": "latency_p95", "value": 431.5, "unit": "ms", "query": "council gates latency_p95",
        "span": {"start_s": T0 - 900, "end_s": T0},
    }  # fmt: skip
    assert one["label"] == {"generation": "0" * 40, "cid": "c" * 16}
    assert one["explanation"]["causes"][0]["kind"] == "patch"
    assert one["gates"][0]["verdict"] == "red" and one["incidents"][0]["standing"] == "open"
    newest = (await rig.client.get("/api/observer/snapshots/newest", headers=headers)).json()
    assert newest["id"] == "20270115T081500Z"


@pytest.mark.parametrize("path", ["/api/observer/snapshots", "/api/observer/snapshots/newest"])
async def test_a_token_that_is_none_of_ours_sees_nothing(rig: Rig, kept: sql_snapshots.SqlSnapshots, path: str) -> None:
    assert (await rig.client.get(path, headers=rig.headers("wrong"))).status_code == 401


@pytest.mark.parametrize("identifier", ["newest", "20270115T080000Z", "%00"])
async def test_what_is_not_there_is_said_with_what_next(rig: Rig, identifier: str) -> None:
    missing = await rig.client.get(f"/api/observer/snapshots/{identifier}", headers=rig.headers())
    assert missing.status_code == 404
    assert "GET /api/observer/snapshots lists" in missing.json()["error"]["message"]
