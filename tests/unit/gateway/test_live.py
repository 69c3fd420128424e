"""The state as it changes, gates over time, patches, and the page's own files."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import httpx
import pytest

from council.domain import errors, gates, incidents, standing, states, watching
from council.gateway import live, page, pages
from council.testing import dashboard
from council.testing import watch as scripted_watch
from gateway_rig import Rig

NOW = 1_800_000_000.0
DIGEST = "ab" * 32
TIMES = [("staging", 1_799_999_000), ("switching", 1_799_999_010), ("baking", 1_799_999_012), ("idle", 1_799_999_032)]


def sight(*lines: watching.GateLine, services: tuple[str, ...] = (), turn: int = 1) -> watching.Sight:
    shown = [states.ServiceStatus(f"part{n}", state, 1, "0" * 40, 5.0, 0, 0) for n, state in enumerate(services)]
    return watching.Sight(turn, NOW, lines, [], shown)


def line(name: str, verdict: gates.Verdict, value: float | None = 1.0, since_s: float = NOW - 120) -> watching.GateLine:
    return dataclasses.replace(scripted_watch.line(name, verdict, value), since_s=since_s)


GREEN, RED, AMBER = gates.Verdict.GREEN, gates.Verdict.RED, gates.Verdict.AMBER
UNKNOWN, AWAY = gates.Verdict.UNKNOWN, gates.Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (sight(line("a", GREEN), line("b", GREEN, since_s=NOW - 11520)), "All 2 gates green for 2 min, generation 00000000."),
        (sight(line("a", GREEN), line("b", AWAY)), "All 1 gates that apply green for 2 min, generation 00000000."),
        (
            sight(line("a", GREEN), line("b", UNKNOWN, None)),
            "Unknown: b (as it is) for 2 min; the other gate is green.",
        ),
        (sight(line("a", RED, 1840), line("b", AMBER)), "Red: a 1,840% (limit < 5%) for 2 min."),
        (sight(line("a", RED), line("b", RED, 6, NOW - 300)), "Red: b 6% (limit < 5%) for 5 min, and a."),
        (
            sight(*(line(name, UNKNOWN, None) for name in "abcdef"), line("g", GREEN), line("h", GREEN)),
            "Unknown: a (as it is) for 2 min, and b, c, d and 2 more; the other 2 gates are green.",
        ),
        (sight(line("a", GREEN), services=("ready", "starting")),
         "All 1 gates green for 2 min, generation 00000000; part1 is starting."),
        (sight(turn=0), "Unknown: The watcher has just begun and has judged nothing yet."),
    ],
)  # fmt: skip
def test_the_state_is_one_sentence_that_is_true_now(seen: watching.Sight, sentence: str) -> None:
    assert standing.standing(seen, "0" * 40, NOW).sentence == sentence


def test_the_sentence_says_what_is_done_about_it() -> None:
    seen = sight(line("a", RED, 9.0))
    row = dashboard.row(DIGEST, [("returning", round(NOW) - 14)], outcome="", phase="returning")
    told = standing.standing(seen, "0" * 40, NOW, row)
    assert told.sentence == "Red: a 9% (limit < 5%) for 2 min; rolling back patch abababab 14 s in."
    assert told.verdict is RED and told.since_s == NOW - 120
    baking = standing.standing(seen, "", NOW, {**row, "phase": "baking"}).sentence
    assert baking.endswith("; patch abababab is baking, 14 s in.")
    assert standing.standing(seen, "", NOW, frozen=True).sentence.endswith("; patches are frozen.")


def test_an_incident_is_in_the_sentence_where_no_gate_is_as_bad() -> None:
    alert = incidents.Alert(
        "descriptors", (("svc", "recall"),), incidents.Severity.WARNING, "", round((NOW - 30) * 1e6), ""
    )
    warned = incidents.Incident("i", incidents.Standing.OPEN, alert.severity, alert.since_us, alert.since_us, members=(
        incidents.Member(alert, alert.since_us),
    ))  # fmt: skip
    called = dataclasses.replace(warned, severity=incidents.Severity.PAGE)

    def told(*lines: watching.GateLine, found: incidents.Incident = warned) -> standing.Standing:
        return standing.standing(sight(*lines), "0" * 40, NOW, open_incidents=[found])

    amber = told(line("a", GREEN), line("b", UNKNOWN, None))
    bad = "recall runs out of files and sockets that it may open for 30 s"
    assert amber.sentence == f"Amber: {bad}; 1 gate is green; 1 is unknown."
    assert amber.verdict is AMBER and amber.since_s == NOW - 30
    assert told(line("a", AMBER)).sentence.startswith("Amber: a ")
    assert told(line("a", AMBER), found=called).sentence.startswith("Red: recall runs out of ")
    assert told(line("a", RED), found=called).sentence.startswith("Red: a ")


def _watching(rig: Rig) -> Any:
    from council.gateway import gates as gate_routes
    from council.gateway import health

    return gate_routes.Watching(rig.made, health.Health(rig.made))


async def test_the_state_tells_gates_incidents_patches_and_freeze_at_once(rig: Rig) -> None:
    rig.changes.told |= {"frozen": True, "freeze": {"reason": "Stop.", "by": "ann", "at_us": 7}}
    told = await rig.client.get("/api/live")
    body = told.json()
    assert told.status_code == 200 and body["sentence"].startswith("Unknown: network_errors")
    assert body["sentence"].endswith("; patches are frozen.") and body["verdict"] == "unknown"
    assert body["frozen"] == {"reason": "Stop.", "by": "ann", "since_us": 7} and body["quota"] == {
        "used": 0,
        "limit": 3,
    }
    assert [one["name"] for one in body["gates"]] == ["error_rate", "network_errors"] and body["incidents"] == []
    assert body["at_us"] == body["judged_us"] and body["services"][0]["name"] == "gateway"


async def test_what_is_away_is_said_and_the_rest_is_told(rig: Rig) -> None:
    rig.changes.away = rig.watch.away = True
    body = (await rig.client.get("/api/live")).json()
    assert body["verdict"] == "unknown" and "watcher does not answer" in body["sentence"]
    assert body["quota"] is None and body["frozen"] is None and body["at_work"] is None and body["at_us"] == 0


async def test_a_stream_speaks_when_something_has_changed_and_goes_on_from_an_id(rig: Rig) -> None:
    made = live.Live(rig.made, _watching(rig))
    stream = await made.events("", lambda: True)
    first = await anext(stream)
    identifier = first.split(b"\n")[0].removeprefix(b"id: ").decode()
    again = await made.events(identifier, lambda: True)
    waiting = asyncio.create_task(anext(again))
    rig.changes.told |= {"frozen": True, "freeze": {"reason": "Stop.", "by": "ann", "at_us": 7}}
    news = await anext(stream)
    assert b"Stop." in news and news != first and await waiting == news
    rig.made.closing.set()
    for one in (stream, again):
        with pytest.raises(StopAsyncIteration):
            await anext(one)
    await made._polling  # type: ignore[misc]


async def test_many_who_look_on_cost_one_look_and_get_the_same_bytes(rig: Rig) -> None:
    made = live.Live(rig.made, _watching(rig))
    streams = [await made.events("", lambda: True) for _ in range(40)]
    frames = await asyncio.gather(*(anext(one) for one in streams))
    assert len({id(frame) for frame in frames}) == 1
    assert rig.changes.looked <= 3
    for one in streams:
        await one.aclose()
    await made._polling  # type: ignore[misc]
    assert made._watchers == 0


async def test_who_is_not_welcome_any_more_is_let_go(rig: Rig) -> None:
    made = live.Live(rig.made, _watching(rig))
    welcome = [True, False]
    stream = await made.events("", lambda: welcome.pop(0))
    await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    rig.made.closing.set()
    await made._polling  # type: ignore[misc]


async def test_gates_over_time_are_thinned_by_least_and_greatest(rig: Rig) -> None:
    rig.watch.past = watching.History(
        "", [watching.Past(GREEN, NOW - 999, 1.0, "as it is")], [(NOW - 3600 + n, float(n % 7)) for n in range(3600)]
    )
    told = (await rig.client.get("/api/gates/history", params={"range": "1h"})).json()
    assert [one["name"] for one in told["gates"]] == ["error_rate", "network_errors"]
    first = told["gates"][0]
    assert (
        len(first["values"]) == 300
        and first["values"][0][1:] == [0.0, 6.0]
        and first["history"][0]["verdict"] == "green"
    )
    one = (await rig.client.get("/api/gates/history", params={"range": "8d", "gate": "error_rate"})).json()
    assert len(one["gates"]) == 1 and one["range"] == "8d"
    assert (await rig.client.get("/api/gates/history", params={"gate": "nobody"})).status_code == 404
    assert (await rig.client.get("/api/gates/history", params={"range": "1y"})).status_code == 400


async def test_patches_come_by_page_with_quota_and_freeze(rig: Rig) -> None:
    rig.changes.rows = [dashboard.row(f"{n:064x}", TIMES, target=f"{n:040x}") for n in range(5)]
    told = (await rig.client.get("/api/changes", params={"limit": 3})).json()
    assert [one["digest"][-1] for one in told["changes"]] == ["4", "3", "2"] and told["before"] == "2"
    assert told["freeze"]["frozen"] is False and told["quota"] == {"used": 0, "limit": 3} and told["quarantined"] == 0
    rest = (await rig.client.get("/api/changes", params={"before": told["before"]})).json()
    assert [one["digest"][-1] for one in rest["changes"]] == ["1", "0"] and rest["before"] is None
    assert rest["changes"][1]["live"] is True and rest["changes"][1]["ended_us"] == TIMES[-1][1] * 1_000_000
    rig.changes.away = True
    assert (await rig.client.get("/api/changes")).status_code == 503


async def test_what_may_not_come_again_is_listed_with_why_and_since_when(rig: Rig) -> None:
    assert (await rig.client.get("/api/changes/quarantine")).json() == {"patches": [], "count": 0}
    bad = dashboard.row(DIGEST, TIMES, outcome="rolled back", reason="latency_p95 was red", returned_by="healer")
    rig.changes.rows = [dashboard.row("1" * 64, TIMES), bad]
    told = (await rig.client.get("/api/changes/quarantine")).json()
    assert told["count"] == 1
    (one,) = told["patches"]
    assert (one["digest"], one["reason"], one["returned_by"]) == (DIGEST, "latency_p95 was red", "healer")
    assert one["returned_us"] == TIMES[-1][1] * 1_000_000
    assert (await rig.client.get("/api/changes/quarantine", headers=rig.headers("wrong"))).status_code == 401
    rig.changes.away = True
    assert (await rig.client.get("/api/changes/quarantine")).status_code == 503


async def test_one_patch_tells_its_steps_differences_and_gates_around_it(rig: Rig) -> None:
    served = TIMES[1][1]
    difference = {"path": "a", "action": "change", "mode": "", "diff": "@@", "note": "", "added": 1, "removed": 0}
    rig.changes.details[DIGEST] = {
        "patch": dashboard.row(DIGEST, TIMES), "document": {"title": "x"}, "differences": [difference],
    }  # fmt: skip
    rig.watch.past = watching.History(
        "", [watching.Past(GREEN, served - 500.0, 1.0, "")], [(served - 60.0, 1.5), (TIMES[-1][1] + 30.0, 2.5)]
    )
    told = (await rig.client.get(f"/api/changes/{DIGEST[:16]}")).json()
    assert [one["step"] for one in told["steps"]] == ["staging", "switching", "baking", "idle"]
    assert told["steps"][0]["took_s"] == 10.0 and told["steps"][-1]["took_s"] is None
    assert told["gates_before"][0]["value"] == 1.5 and told["gates_after"][0]["value"] == 2.5
    assert told["differences"] == [difference] and told["document"] == {"title": "x"}
    assert told["rollback"] == {"possible": True, "why": "", "services": 1, "took_s": 2.0}
    rig.changes.details[DIGEST]["patch"]["target"] = "9" * 40  # type: ignore[index]
    assert (await rig.client.get(f"/api/changes/{DIGEST[:16]}")).json()["rollback"]["possible"] is False
    for strange in ("abab", "nobody", "..%2f..", "ab" * 40):
        assert (await rig.client.get(f"/api/changes/{strange}")).status_code in (400, 404)


async def test_a_rollback_and_a_freeze_go_on_the_word_of_whoever_asks(rig: Rig) -> None:
    rig.changes.details[DIGEST] = {"patch": dashboard.row(DIGEST, TIMES), "document": None, "differences": []}
    path = f"/api/changes/{DIGEST[:16]}/rollback"
    told = await rig.client.post(path, json={"reason": "Enough."}, headers=rig.headers())
    assert told.status_code == 202 and told.json()["digest"] == DIGEST
    assert (await rig.client.post("/api/freeze", json={"reason": "Stop."}, headers=rig.headers())).json() == {
        "frozen": True
    }
    assert (await rig.client.delete("/api/freeze", headers=rig.headers())).json() == {"frozen": False}
    assert rig.changes.asked == [
        ("rollback", DIGEST[:16], "someone", "Enough.", rig.admin),
        ("freeze", True, "someone", "Stop.", rig.admin),
        ("freeze", False, "someone", "", rig.admin),
    ]
    done = rig.made.repairs.interventions(0, 1 << 62, 9)
    assert [(one.kind.value, one.who) for one in done] == [("unfreeze", "someone"), ("rollback", "someone")]
    for headers in ({}, rig.headers(rig.viewer)):
        assert (await rig.client.post(path, json={"reason": "x"}, headers=headers)).status_code == 403
    for reason in ("", " ", "two\nlines", "\x1b[2J"):
        assert (await rig.client.post(path, json={"reason": reason}, headers=rig.headers())).status_code == 400
    rig.changes.error = errors.ForbiddenError("No. Ask the owner.")
    assert (await rig.client.post(path, json={"reason": "x"}, headers=rig.headers())).status_code == 403
    assert len(rig.made.repairs.interventions(0, 1 << 62, 9)) == 2


async def test_a_freeze_that_was_lifted_is_lifted_where_nobody_can_count_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise errors.RecordsUnavailableError("Away. Start them.")

    monkeypatch.setattr(rig.made.repairs, "intervene", away)
    assert (await rig.client.delete("/api/freeze", headers=rig.headers())).status_code == 200
    assert rig.changes.asked == [("freeze", False, "someone", "", rig.admin)]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "dashboard"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Council</title>")
    (folder / "assets" / "app-1.js").write_text("let plain")
    (folder / "assets" / "app-1.js.br").write_bytes(b"packed")
    (folder / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret").write_text("secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret")
    return folder


def served(rig: Rig, folder: Path) -> httpx.AsyncClient:
    from starlette.applications import Starlette

    from council.gateway import application, health

    shown = pages.Pages(page.Plain(rig.made, health.Health(rig.made)), folder)
    app = Starlette(routes=shown.routes(), exception_handlers={errors.CouncilError: application._own_error})

    async def with_id(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {"request_id": "r"}}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(with_id), base_url="http://127.0.0.1:8000")


async def test_every_view_is_the_page_and_its_parts_stay_for_ever(rig: Rig, site: Path) -> None:
    async with served(rig, site) as client:
        for path in ("/", "/chat", "/chat/01ABC", "/health", "/changes/abc", "/admin"):
            told = await client.get(path)
            assert "<title>Council</title>" in told.text and told.headers["cache-control"] == "no-cache"
            policy = told.headers["content-security-policy"]
            assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        etag = told.headers["etag"]
        assert (await client.get("/", headers={"if-none-match": etag})).status_code == 304
        part = await client.get("/assets/app-1.js", headers={"accept-encoding": "gzip, br;q=0.5"})
        assert part.headers["content-encoding"] == "br" and "immutable" in part.headers["cache-control"]
        plain = await client.get("/assets/app-1.js", headers={"accept-encoding": "identity"})
        assert plain.text == "let plain" and plain.headers["content-type"].startswith("text/javascript")
        assert (await client.get("/favicon.svg")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/link.js",
        "/assets/../../secret",
        "/assets/%2e%2e/%2e%2e/secret",
        "/assets//etc/passwd",
        "/assets/app-1.js.br",
        "/assets/",
    ],
)
async def test_nothing_but_the_pages_own_parts_is_sent(rig: Rig, site: Path, path: str) -> None:
    async with served(rig, site) as client:
        assert (await client.get(path)).status_code == 404


async def test_until_it_is_built_the_plain_page_says_how_far_it_is(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    async with served(rig, folder) as client:
        assert "make ui" in (await client.get("/")).text
        folder.mkdir()
        (folder / pages.STATE).write_text('{"step": "npm ci", "since_s": 1, "problem": ""}')
        told = await client.get("/health")
        assert "being built: npm ci" in told.text and "script" not in told.headers["content-security-policy"]
        (folder / pages.STATE).write_text('{"step": "npm ci", "since_s": 1, "problem": "no <npm>."}')
        assert "could not be built (npm ci): no &lt;npm&gt;." in (await client.get("/")).text
