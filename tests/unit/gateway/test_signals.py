"""What the gateway counts of an exchange that no acceptance test can provoke on demand, and who is in flight."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from council import telemetry
from council.domain import access, config, errors
from council.gateway import application, door, exchange, limits, presence
from council.gateway import errors as http_errors
from council.testing import model
from counted import rises
from gateway_rig import Rig, open_rig

CHAT = "/v1/chat/completions"
SING = {"model": "council/general", "messages": [{"role": "user", "content": "Sing"}]}
NAME = "council_exchanges_total"
# Who watches asks for nothing.
STATE = ("/api/status", "/api/incidents", "/v1/sandbox/status")


async def test_what_asks_for_nothing_or_for_what_is_not_there_is_no_exchange(rig: Rig) -> None:
    with rises(NAME) as found:
        for path in ("/", "/livez", "/readyz", "/metrics", "/openapi.json", "/nope", "/v1/nope", "/api/nope", *STATE):
            await rig.client.get(path, headers=rig.headers())
    assert found == {}


@pytest.mark.parametrize(("path", "status"), [("/v1/models", 200), ("/api/memory", 200), ("/mcp", 405)])
async def test_each_path_of_ours_is_one(rig: Rig, path: str, status: int) -> None:
    with rises(NAME) as found:
        assert (await rig.client.get(path, headers=rig.headers())).status_code == status
    assert found == {("ok",): 1}


async def test_one_who_is_turned_away_because_council_is_full_met_an_error(tmp_path: Path) -> None:
    hold = asyncio.Event()
    settings = config.build({"gateway": {"concurrent_max": 1}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(hold=hold), "127.0.0.1") as made:
        held = asyncio.create_task(made.client.post(CHAT, json=SING))
        while not made.model.asked:
            await asyncio.sleep(0)
        with rises(NAME) as found:
            assert (await made.client.post(CHAT, json=SING)).status_code == 503
        assert found == {("error",): 1}
        hold.set()
        await held


async def test_what_nobody_foresaw_is_an_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(*_: Any) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(limits.RateLimiter, "admit", wrong)
    with rises(NAME) as found:
        assert (await rig.client.post(CHAT, json=SING)).status_code == 500
        assert (await rig.client.post("/api/calculate", json={"text": "2+2"})).status_code == 500
    assert found == {("error",): 2}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.SandboxUnavailableError("Away."), "error"),
        (errors.SandboxStoppedError("Stopped."), "error"),
        (errors.InvalidRequestError("No."), "ok"),
    ],
)
async def test_a_tool_over_mcp_ends_as_its_result_says_and_not_as_the_200(
    rig: Rig, error: errors.CouncilError, outcome: str
) -> None:
    rig.sandbox.error = error
    call = {"name": "run", "arguments": {"code": "print(1)"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    with rises(NAME) as found:
        reply = await rig.client.post("/mcp", json=body, headers=rig.headers())
    assert reply.status_code == 200 and reply.json()["result"]["isError"]
    assert found == {(outcome,): 1}


def scope(path: str = CHAT) -> dict[str, Any]:
    return {"type": "http", "path": path, "method": "POST", "headers": [(b"host", b"localhost")], "state": {}}


async def test_a_stream_that_a_stop_cuts_met_an_error() -> None:
    begun = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.sleep(60)

    async def send(message: Any) -> None: ...

    outer = door.Door(endless, config.GatewayConfig(), 1_000, lambda path: path, asyncio.Event())
    serving = asyncio.create_task(outer(scope(), send, send))  # type: ignore[arg-type]
    await begun.wait()
    with rises(NAME) as found:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert found == {("error",): 1}


def caused(error: errors.CouncilError, *causes: BaseException) -> errors.CouncilError:
    last: BaseException = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (200, None, "ok"),
        (404, None, "ok"),
        (499, None, "ok"),
        (0, None, "ok"),
        (500, None, "error"),
        (501, None, "error"),
        (503, None, "error"),
        (504, None, "timeout"),
        (200, errors.ModelUnavailableError("Away."), "error"),
        (200, errors.InvalidRequestError("No."), "ok"),
        (502, caused(errors.ProviderError("Slow."), TimeoutError()), "timeout"),
        (503, caused(errors.ComputeUnavailableError("Slow."), OSError(), TimeoutError()), "timeout"),
        (503, caused(errors.ComputeUnavailableError("Away."), ConnectionRefusedError()), "error"),
        # The caller's own slowness, and a computation over its limit, are no errors of ours.
        (408, caused(errors.RequestTimeoutError("Slow."), TimeoutError()), "ok"),
        (422, caused(errors.ComputeLimitError("Long."), TimeoutError()), "ok"),
    ],
)
def test_the_outcome_is_told_by_status_and_failure(
    status: int, error: errors.CouncilError | None, outcome: str
) -> None:
    made = scope()
    if error is not None:
        exchange.note_failure(made, error)
    assert exchange.outcome(made, status, http_errors.status_of) == outcome


def test_causes_in_a_circle_are_followed_to_an_end() -> None:
    made, error = scope(), errors.ProviderError("Round.")
    error.__cause__ = error
    exchange.note_failure(made, error)
    assert exchange.outcome(made, 502, http_errors.status_of) == "error"


# Who is in flight


def in_flight() -> float:
    return telemetry.USERS_IN_FLIGHT._value.get()


def meet(made: dict[str, Any], user: str, token: str = "t", host: str = "127.0.0.1") -> None:
    made["client"] = (host, 1)
    presence.met(HTTPConnection(made), access.Principal(user, token, frozenset(), 1))


def test_users_count_once_and_callers_without_a_token_by_their_address() -> None:
    crowd = presence.Crowd()
    scopes = [scope() for _ in range(5)]
    for one in scopes:
        crowd.expect(one)
    meet(scopes[0], "ada")
    meet(scopes[0], "ada")
    meet(scopes[1], "ada", "another token")
    assert in_flight() == 1
    meet(scopes[2], "anonymous", "", "10.0.0.1")
    meet(scopes[3], "anonymous", "", "10.0.0.2")
    meet(scopes[4], "anonymous", "", "10.0.0.2")
    assert in_flight() == 3
    crowd.part(scopes[0])
    assert in_flight() == 3, "ada still waits for another answer"
    for one in [*scopes, *scopes]:
        crowd.part(one)
    assert in_flight() == 0 and not crowd._requests


def test_who_asks_for_nothing_is_not_expected() -> None:
    crowd, made = presence.Crowd(), scope("/metrics")
    meet(made, "ada")
    assert in_flight() == 0
    crowd.part(made)
    assert in_flight() == 0


async def test_one_who_is_refused_or_fails_leaves_nobody_behind(rig: Rig) -> None:
    for headers in (rig.headers(), rig.headers("wrong"), rig.headers(rig.viewer), {}):
        await rig.client.post(CHAT, json={"model": "nobody"}, headers=headers)
        await rig.client.post("/v1/sandbox/run", json={"code": "1"}, headers=headers)
    assert in_flight() == 0


async def test_every_path_that_is_documented_has_a_label_of_its_own(rig: Rig) -> None:
    """Without one what it answers would be no exchange, and stand under `other` in the metrics."""
    paths = (await rig.client.get("/openapi.json")).json()["paths"]
    asked = [path for path in paths if path.startswith(("/v1", "/api", "/mcp"))]
    assert len(asked) > 20
    assert [path for path in asked if application._template(path) == "other"] == []
