"""The gates from afar: told as the gateway tells them, and what is no word of its is told as its absence."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import test_utils, web

from council.backends.sighting import http
from council.domain import errors, gates

LINE = {
    "name": "error_rate", "value": None, "unit": "%", "comparator": "<", "threshold": 1.0, "amber": 0.8, "verdict": "unknown",
    "reason": "no traffic", "samples": 0.0, "window_s": 300.0, "source": "embedded", "generation": "", "since_us": 7_000_000,
    "protects": "", "no_data": "", "playbooks": [],
}  # fmt: skip
TOLD = {"gates": [LINE], "turn": 3, "judged_us": 9_000_000}


@contextlib.asynccontextmanager
async def served(body: Any, status: int = 200, asked: list[str] | None = None) -> AsyncIterator[http.HttpSighting]:
    async def handler(request: web.Request) -> web.StreamResponse:
        if asked is not None:
            asked.append(f"{request.path} {request.headers.get('authorization')}")
        return (
            web.Response(body=body, status=status)
            if isinstance(body, bytes)
            else web.json_response(body, status=status)
        )

    app = web.Application()
    app.router.add_get("/api/gates", handler)
    async with test_utils.TestServer(app) as server:
        made = http.HttpSighting(str(server.make_url("")).rstrip("/"), "" if asked is None else "secret")
        try:
            yield made
        finally:
            await made.close()
            await made.close()


async def test_the_gates_are_told_as_the_gateway_saw_them() -> None:
    asked: list[str] = []
    async with served(TOLD | {"more": 1}, asked=asked) as made:
        sight = await made.sight()
    [line] = sight.gates
    assert (sight.turn, sight.at_s, line.since_s, line.verdict) == (3, 9.0, 7.0, gates.Verdict.UNKNOWN)
    assert asked == ["/api/gates Bearer secret"]


async def test_a_gate_that_a_later_release_tells_more_of_is_read() -> None:
    async with served(TOLD | {"gates": [LINE | {"later": 1}]}) as made:
        assert len((await made.sight()).gates) == 1


async def test_without_a_token_none_is_shown() -> None:
    async with served(TOLD) as made:
        assert made._headers == {}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_may_not_read_is_told_of(status: int) -> None:
    async with served({"error": {"message": "No."}}, status) as made:
        with pytest.raises(errors.UnauthenticatedError, match="BOT_TOKEN"):
            await made.sight()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "The watcher is away."}}, 503),
        (b"<html>", 200),
        (b"[]", 200),
        ({}, 200),
        (TOLD | {"gates": [{"name": "x"}]}, 200),
        (TOLD | {"gates": [LINE | {"verdict": "fine"}]}, 200),
        (b"x" * (http._REPLY_BYTES_MAX + 1), 200),
        (TOLD, 302),
    ],
)
async def test_what_is_no_sight_is_the_absence_of_one(body: Any, status: int) -> None:
    async with served(body, status) as made:
        with pytest.raises(errors.WatcherUnavailableError):
            await made.sight()


async def test_nobody_there_is_the_absence_of_one() -> None:
    made = http.HttpSighting("http://127.0.0.1:9")
    with pytest.raises(errors.WatcherUnavailableError, match="does not answer"):
        await made.sight()
    await made.close()
