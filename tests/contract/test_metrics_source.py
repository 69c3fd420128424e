"""A Prometheus that is away, slow, or answers something else makes gates unknown and says why; a real one is in test_gates."""

import asyncio
import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

import rule_cases
from council.backends.metrics_source import prometheus
from council.domain import gates
from council.upkeep.gates import asking

GATES = list(rule_cases.GATES.values())
# Long enough for any machine, and short where a test waits for it.
ANSWER_S, SLOW_S = 30.0, 0.5


@dataclasses.dataclass
class Server:
    """Answers every question with what a test says; keeps what it was asked."""

    url: str = ""
    answer: Callable[[], web.StreamResponse] = web.Response
    answers: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    asked: list[dict[str, str]] = dataclasses.field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.asked.append({str(key): str(value) for key, value in (await request.post()).items()})
            await self.answers.wait()
            return self.answer()
        finally:
            self.at_once -= 1


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    made.answers.set()
    application = web.Application()
    application.router.add_post("/prom/api/v1/query", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/prom"
    yield made
    made.answers.set()
    await runner.cleanup()


async def measured(
    url: str, listed: list[gates.Gate] | None = None, answer_s: float = ANSWER_S
) -> list[gates.Measured]:
    source = prometheus.PrometheusSource(url, answer_s, asking.expression, asking.measured)
    try:
        return await source.measure(listed or GATES, 1_790_000_000.5)
    finally:
        await source.close()


def answered(result: Any, kind: str = "vector") -> Callable[[], web.Response]:
    return lambda: web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def test_one_question_a_gate_at_the_time_that_is_judged(server: Server) -> None:
    server.answer = answered([])
    await measured(server.url)
    assert sorted(one["query"] for one in server.asked) == sorted(asking.expression(gate) for gate in GATES)
    assert {one["time"] for one in server.asked} == {"1790000000.500"}
    assert server.most_at_once <= 4


async def test_nothing_known_is_unknown(server: Server) -> None:
    server.answer = answered([])
    for gate, found in zip(GATES, await measured(server.url), strict=True):
        verdict, reason = gates.judge(gate, found)
        assert verdict is gates.Verdict.UNKNOWN
        assert "is watched" in reason or "is not watched" in reason


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: web.Response(text="<html>", status=200), "answers with status 200 and no JSON"),
        (lambda: web.Response(text="", status=502), "answers with status 502 and no JSON"),
        (lambda: web.json_response([1]), "refuses the question with status 200: no reason"),
        (
            lambda: web.json_response({"status": "error", "error": "query \n timed out" + "x" * 999}, status=503),
            "refuses the question with status 503: query timed outxxx",
        ),
        (lambda: web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), "status 302 and no JSON"),
        (answered([], "matrix"), "sends no answer to what was asked"),
        (answered([{"metric": {}}]), "cannot be read (KeyError)"),
        (answered([{"metric": {}, "value": [0, "many"]}]), "cannot be read (ValueError)"),
        (answered([{"metric": [], "value": [0, "1"]}]), "cannot be read (AttributeError)"),
        (answered(None), "cannot be read (TypeError)"),
        (answered([{"metric": {"x": "y" * (1 << 20)}, "value": [0, "1"]}]), "sends more than 1,048,576 bytes"),
    ],
)
async def test_what_cannot_be_used_is_unknown_and_says_why(
    answer: Callable[[], web.Response], said: str, server: Server
) -> None:
    server.answer = answer
    for found in await measured(server.url):
        assert found.value is None
        assert found.reason.startswith(f"the Prometheus at {server.url} ")
        assert said in found.reason
        assert len(found.reason) < 400


@pytest.mark.alone
async def test_a_server_that_is_slow_is_waited_for_once_and_not_for_each_gate(server: Server) -> None:
    server.answers.clear()
    began_s = time.monotonic()
    found = await measured(server.url, answer_s=SLOW_S)
    assert time.monotonic() - began_s < len(GATES) * SLOW_S
    assert {one.reason for one in found} == {f"the Prometheus at {server.url} did not answer within 0.5 s"}


async def test_a_server_that_is_away_is_unknown() -> None:
    away = f"http://127.0.0.1:{free_port()}"
    for found in await measured(away):
        assert found.value is None
        assert f"the Prometheus at {away} cannot be reached" in found.reason


async def test_a_source_has_a_problem_until_it_is_answered(server: Server) -> None:
    source = prometheus.PrometheusSource(server.url, ANSWER_S, asking.expression, asking.measured)
    for answer, problem in ((web.Response, True), (answered([]), False), (web.Response, True)):
        server.answer = answer
        (found,) = await source.measure(GATES[:1], 1_790_000_000.5)
        assert source.problem == (found.reason if problem else "")
    await source.close()


async def test_a_password_in_the_address_is_never_shown() -> None:
    port = free_port()
    for found in await measured(f"http://ann:s3cret@127.0.0.1:{port}/prom"):
        assert "s3cret" not in found.reason
        assert f"http://127.0.0.1:{port}/prom" in found.reason


async def test_an_address_that_is_none_is_unknown() -> None:
    for found in await measured("prometheus:9090"):
        assert "cannot be reached" in found.reason


async def test_a_gate_that_does_not_apply_is_not_asked_for(server: Server) -> None:
    (found,) = await measured(server.url, [dataclasses.replace(GATES[0], not_applicable="There is no GPU.")])
    assert (found.value, found.reason, server.asked) == (None, "There is no GPU.", [])
