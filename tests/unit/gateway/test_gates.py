"""The gates over HTTP: now, over time, and as they change."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from council.domain import access, config, gates, watching
from council.testing import model, watch
from gateway_rig import Rig, open_rig


@contextlib.asynccontextmanager
async def serving(rig: Rig) -> AsyncIterator[str]:
    """Put a rig behind a real server: a stream ends only there."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(rig.app, log_config=None, access_log=False, lifespan="off"))  # type: ignore[arg-type]
    running = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await running


@pytest.fixture
async def served(rig: Rig) -> AsyncIterator[tuple[str, Rig]]:
    async with serving(rig) as url:
        yield url, rig


async def test_each_gate_is_told_with_all_that_one_needs_to_believe_it(rig: Rig) -> None:
    body = (await rig.client.get("/api/gates", headers=rig.headers(rig.viewer))).json()
    assert [(one["name"], one["verdict"], one["value"]) for one in body["gates"]] == [
        ("error_rate", "green", 0.5), ("network_errors", "unknown", None),
    ]  # fmt: skip
    assert body["turn"] == 1
    assert body["judged_us"] == 1_800_000_000_000_000
    wanted = {
        *("name", "value", "unit", "comparator", "threshold", "verdict", "reason", "samples", "window_s", "source"),
        *("generation", "cid", "since_us", "amber", "protects", "no_data", "playbooks"),
    }
    assert set(body["gates"][0]) == wanted


async def test_a_watcher_that_is_away_is_never_a_list_of_green(rig: Rig) -> None:
    rig.watch.away = True
    response = await rig.client.get("/api/gates", headers=rig.headers())
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "watcher_unavailable"
    body = (await rig.client.get("/api/metrics", headers=rig.headers())).json()
    assert body["gates"] == []
    assert "does not answer" in body["problem"]


@pytest.mark.alone
async def test_callers_of_a_watcher_that_hangs_wait_once_and_not_one_after_the_other(rig: Rig) -> None:
    rig.watch.away, rig.watch.hangs_s = True, 0.3
    began_s = time.monotonic()
    answers = await asyncio.gather(*(rig.client.get("/api/gates", headers=rig.headers()) for _ in range(20)))
    assert {one.status_code for one in answers} == {503}
    assert rig.watch.asked == 1
    assert time.monotonic() - began_s < 3


async def test_many_who_look_on_cost_one_look(rig: Rig) -> None:
    found = await asyncio.gather(*(rig.client.get("/api/metrics", headers=rig.headers()) for _ in range(20)))
    assert {one.status_code for one in found} == {200}
    # Once for the sight, and once to see whether the watcher is there.
    assert rig.watch.asked <= 2


async def test_a_gate_tells_its_past(rig: Rig) -> None:
    rig.watch.past = watching.History(
        "error_rate",
        [
            watching.Past(gates.Verdict.RED, 1_799_990_000.0, 9.0, "9 %"),
            watching.Past(gates.Verdict.GREEN, 1_799_999_000.0, 0.5, ""),
        ],
        [(1_799_900_000.0, 1.0), (1_799_999_940.0, 0.5)],
    )
    body = (await rig.client.get("/api/gates/error_rate?hours=1", headers=rig.headers())).json()
    assert [one["verdict"] for one in body["history"]] == ["red", "green"]
    assert body["history"][0]["since_us"] == 1_799_990_000_000_000
    assert body["values"] == [[1_799_999_940_000_000, 0.5]]


@pytest.mark.parametrize(
    "path", ["/api/gates/no_such", "/api/gates/error_rate?hours=0", "/api/gates/error_rate?hours=nan"]
)
async def test_what_is_not_there_is_told(rig: Rig, path: str) -> None:
    assert (await rig.client.get(path, headers=rig.headers())).status_code in (400, 404)


async def test_metrics_are_gates_processes_parts_and_layers(rig: Rig) -> None:
    body = (await rig.client.get("/api/metrics", headers=rig.headers())).json()
    assert body["services"] == [
        {"name": "gateway", "state": "ready", "generation": "0" * 40, "uptime_s": 5.0, "restarts": 0, "reason": ""}
    ]
    assert body["parts"]["records"] == "up"
    assert "layers" in body["sandbox"]


@pytest.mark.parametrize("path", ["/api/gates", "/api/gates/error_rate", "/api/metrics"])
async def test_a_stranger_with_a_wrong_token_is_turned_away(rig: Rig, path: str) -> None:
    assert (await rig.client.get(path, headers=rig.headers("wrong"))).status_code == 401


async def test_a_stream_tells_each_change_once_and_ends_with_the_process(served: tuple[str, Rig]) -> None:
    url, rig = served
    seen: list[dict[str, object]] = []
    async with (
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", "/api/metrics", headers={**rig.headers(), "accept": "text/event-stream"}) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if len(seen) == 1:
                    changed = watch.line("error_rate", gates.Verdict.RED, 40.0)
                    rig.watch.seen = watching.Sight(2, 1_800_000_005.0, [changed])
                else:
                    rig.app.drain()  # type: ignore[attr-defined]
    assert [one["turn"] for one in seen] == [1, 2]
    assert seen[1]["gates"][0]["verdict"] == "red"  # type: ignore[index]
    whole = (await rig.client.get("/api/metrics", headers=rig.headers())).json()
    assert seen[1].keys() == whole.keys()
    assert seen[1]["gates"][0].keys() == whole["gates"][0].keys()  # type: ignore[index]


async def test_a_stream_that_is_taken_up_again_tells_nothing_twice(served: tuple[str, Rig]) -> None:
    url, rig = served
    headers = {**rig.headers(), "accept": "text/event-stream", "last-event-id": "1800000000000000"}
    async with (
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", "/api/metrics", headers=headers) as response,
    ):
        asyncio.get_running_loop().call_later(1.5, rig.app.drain)  # type: ignore[attr-defined]
        assert [line async for line in response.aiter_lines() if line.startswith("data")] == []


async def test_a_stream_ends_with_the_token_that_opened_it(served: tuple[str, Rig]) -> None:
    url, rig = served
    headers = {**rig.headers(rig.viewer), "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", "/api/metrics", headers=headers) as response,
    ):
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        (viewer,) = [one for one in rig.records.tokens() if one.secret_sha256 == access.digest(rig.viewer)]
        rig.records.revoke_token(viewer.id, 2)
        await rig.doorkeeper.refresh()
        rig.watch.seen = watching.Sight(2, 1_800_000_005.0)
        assert [line async for line in lines if line.startswith("id: ")] == []


async def test_streams_leave_room_for_those_who_ask(tmp_path: Path) -> None:
    settings = config.build({"gateway": {"concurrent_max": 3}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as rig, serving(rig) as url:
        headers = {**rig.headers(), "accept": "text/event-stream"}
        async with (
            httpx.AsyncClient(base_url=url, timeout=10) as client,
            client.stream("GET", "/api/metrics", headers=headers) as first,
        ):
            assert (await anext(first.aiter_lines())).startswith("id: ")
            assert (await client.get("/api/metrics", headers=headers)).status_code == 503
            assert (await client.get("/api/metrics", headers=rig.headers())).status_code == 200
            rig.app.drain()  # type: ignore[attr-defined]
