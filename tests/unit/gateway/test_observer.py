"""/api/observer: who may read snapshots, and what they say."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import observer_rig
from council.backends.records import snapshots as sql_snapshots
from council.domain import coverage, coverage_table, evidence, patches, reports
from council.kit import contents
from council.upkeep.observer import kpis
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


async def test_digests_are_listed_by_day_and_the_next_one_is_foretold(
    rig: Rig, kept: sql_snapshots.SqlSnapshots
) -> None:
    headers = rig.headers(rig.viewer)
    none = (await rig.client.get("/api/observer/digests", headers=headers)).json()
    assert none == {"digests": [], "before": None, "next_s": None}, "until the steward has said at what time of day"
    for zone, is_known in (("UTC", True), ("Nowhere/There", False)):
        kept.put_report(reports.SCHEDULE, {"at": "03:00", "zone": zone}, 1)
        told = (await rig.client.get("/api/observer/digests", headers=headers)).json()
        assert (told["next_s"] is not None and 0 < told["next_s"] - time.time() <= 86_400) is is_known
    for day in ("2027-01-14", "2027-01-15", "2027-01-16"):
        assert kept.announce(f"digest:{day}", [], round(T0 * 1e6), observer_rig.digest(day))
    page = (await rig.client.get("/api/observer/digests?limit=2", headers=headers)).json()
    assert page["digests"] == [{"date": "2027-01-16", "made_s": T0}, {"date": "2027-01-15", "made_s": T0}]
    rest = (await rig.client.get(f"/api/observer/digests?before={page['before']}", headers=headers)).json()
    assert [one["date"] for one in rest["digests"]] == ["2027-01-14"]
    assert (await rig.client.get("/api/observer/digests?before=x", headers=headers)).status_code == 400


async def test_a_digest_is_shown_whole_by_its_day_or_as_the_newest(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    headers = rig.headers(rig.viewer)
    missing = await rig.client.get("/api/observer/digests/newest", headers=headers)
    assert missing.status_code == 404 and "GET /api/observer/digests lists" in missing.json()["error"]["message"]
    for day in ("2027-01-14", "2027-01-15"):
        kept.announce(f"digest:{day}", [], 1, observer_rig.digest(day))
    one = (await rig.client.get("/api/observer/digests/2027-01-14", headers=headers)).json()
    assert one["date"] == "2027-01-14" and one["patches_applied"][0]["cid"] == "c" * 16
    assert one["headline"][0]["facts"][0]["query"] and one["incidents"][0]["standing"] == "open"
    newest = (await rig.client.get("/api/observer/digests/newest", headers=headers)).json()
    assert newest["date"] == "2027-01-15"
    assert (await rig.client.get("/api/observer/digests/14-01-2027", headers=headers)).status_code == 400


async def test_figures_are_those_of_the_stretch_that_is_asked_for(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    headers = rig.headers(rig.viewer)
    missing = await rig.client.get("/api/observer/figures?days=28", headers=headers)
    assert missing.status_code == 404 and "within two minutes" in missing.json()["error"]["message"]
    spans = kpis.spans(T0 - 7 * 86_400, T0)
    found = kpis.report(*(evidence.Evidence(one, T0, patches.Label("0" * 40)) for one in spans))
    kept.put_report(reports.figures(7), found, round(T0 * 1e6))
    told = (await rig.client.get("/api/observer/figures", headers=headers)).json()
    assert (told["days"], told["made_s"], told["before"]["end_s"]) == (7, T0, T0 - 7 * 86_400)
    answers = next(one for one in told["lines"] if one["now"]["name"] == "answers")
    assert answers["now"]["fact"]["query"] == "council ledger report --by route"
    assert (await rig.client.get("/api/observer/figures?days=2", headers=headers)).status_code == 400
    kept.put_report(reports.figures(1), {"span": "another version's"}, 1)
    assert (await rig.client.get("/api/observer/figures?days=1", headers=headers)).status_code == 404


async def test_the_matrix_is_there_before_anybody_looked_and_then_nothing_of_it_is_proven(
    rig: Rig, kept: sql_snapshots.SqlSnapshots
) -> None:
    told = (await rig.client.get("/api/coverage", headers=rig.headers(rig.viewer))).json()
    assert len(told["cells"]) == 24 and told["proven"] == 0 and told["looked_s"] is None
    assert {one["state"] for one in told["cells"]} == {"not proven"}


@pytest.mark.parametrize(("code", "state", "count"), [(None, "proven", 1), ("another", "stale", 0), ("", "stale", 0)])
async def test_a_proof_counts_while_the_code_is_what_it_was_of(
    rig: Rig, kept: sql_snapshots.SqlSnapshots, code: str | None, state: str, count: int
) -> None:
    cell = coverage_table.CELLS[0]
    runs = [coverage.Result(cell.name, test, True, T0, "tests of abc") for test in cell.tests]
    told = coverage.form(coverage.standing(coverage_table.CELLS, runs))
    kept.put_report(reports.COVERAGE, {**told, "code": contents.of_code() if code is None else code}, round(T0 * 1e6))
    found = (await rig.client.get("/api/coverage", headers=rig.headers(rig.viewer))).json()
    first = found["cells"][0]
    assert (first["state"], found["proven"], found["looked_s"]) == (state, count, T0)
    assert first["by"] == "tests of abc" and (first["proven_at"] is not None) is (state == "proven")


async def test_an_anomaly_is_explained_by_what_was_kept_about_then(rig: Rig, kept: sql_snapshots.SqlSnapshots) -> None:
    headers = rig.headers(rig.viewer)
    path = f"/api/observer/snapshots/{observer_rig.snapshot(T0).id}/anomalies"
    told = (await rig.client.get(f"{path}/0", headers=headers)).json()
    assert told["happened"][0]["text"].startswith("open_fds_total svc=gateway was 90 at ")
    assert any(one["kind"] == "incident" for one in told["causes"])
    assert "It was back within that" in " ".join(one["text"] for one in told["happened"])
    for place, status in (("1", 404), ("-1", 400), ("x", 400)):
        assert (await rig.client.get(f"{path}/{place}", headers=headers)).status_code == status
    assert (await rig.client.get("/api/observer/snapshots/none/anomalies/0", headers=headers)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "observer/digests",
        "observer/digests/newest",
        "observer/figures",
        "coverage",
        "observer/snapshots/newest/anomalies/0",
    ],
)
async def test_what_was_made_of_it_is_for_whoever_may_read(
    rig: Rig, kept: sql_snapshots.SqlSnapshots, path: str
) -> None:
    assert (await rig.client.get(f"/api/{path}", headers=rig.headers("wrong"))).status_code == 401
