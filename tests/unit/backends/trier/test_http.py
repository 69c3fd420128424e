"""Marked requests over HTTP: what came back is told as it was, and whatever is no whole marked answer is none."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from council.backends.trier import http
from council.domain import baking

QUESTION = baking.Question("arithmetic", "What is 2 + 2?", "4")
OPEN = baking.Question("general", "Sing.")
TRIAL = {"generation": "g" * 40, "calls": 3, "calls_failed": 1, "paid": True, "worst_usd_micros": 77}
COUNCIL = {"specialist": "math", "model": None, "refused": False, "trial": TRIAL}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def served(handler: Handler, limit_s: float = 5.0) -> AsyncIterator[http.HttpTrier]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gateway.sock")
        await web.UnixSite(runner, str(path)).start()
        trier = http.HttpTrier("http://localhost", "the-key", limit_s=limit_s, tokens_max=9, unix=path)
        try:
            yield trier
        finally:
            await trier.close()
            await trier.close()
            await runner.cleanup()


def event(content: str = "", **more: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}], **more}).encode() + b"\n\n"


def saying(*pieces: bytes | float, status: int = 200) -> Handler:
    """Send these bytes, and wait so many seconds where a number stands."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"content-type": "text/event-stream"})
        await request.read()
        await response.prepare(request)
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                await response.write(piece)
        return response

    return handler


DONE = b"data: [DONE]\n\n"
WHOLE = (event("2 + 2 = "), b": still working\n\n", event("4"), event(council=COUNCIL), DONE)


async def answer_of(handler: Handler, question: baking.Question = QUESTION, limit_s: float = 5.0) -> baking.Answer:
    async with served(handler, limit_s) as trier:
        return await trier.ask(question)


async def test_a_whole_answer_is_told_with_all_that_it_came_to() -> None:
    found = await answer_of(saying(*WHOLE))
    assert found == baking.Answer("g" * 40, baking.Ending.ANSWERED, found.latency_s, 9, True, 77, 3, 1, True)
    assert 0 < found.latency_s < 5


async def test_the_question_goes_out_streamed_marked_and_short() -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.extend([request.headers["x-council-trial"], await request.json()])
        return web.Response(status=503)

    await answer_of(handler)
    messages = [{"role": "user", "content": "What is 2 + 2?"}]
    assert seen == ["the-key", {"model": "council", "messages": messages, "stream": True, "max_tokens": 9}]


async def test_bytes_may_come_in_any_pieces() -> None:
    raw = b"".join(WHOLE)
    found = await answer_of(saying(*(raw[place : place + 7] for place in range(0, len(raw), 7))))
    assert (found.ending, found.text_bytes) == (baking.Ending.ANSWERED, 9)


async def test_a_computed_answer_is_timed_to_its_last_byte_and_a_models_to_its_first() -> None:
    slow = (event("2 + 2 = 4"), 0.4, event(council=COUNCIL), DONE)
    assert (await answer_of(saying(*slow))).latency_s >= 0.4
    said = {**COUNCIL, "specialist": "general", "model": "small"}
    slow = (event(""), 0.2, event("2 + 2 = 4"), 1.0, event(council=said), DONE)
    assert 0.2 <= (await answer_of(saying(*slow))).latency_s < 1.2


@pytest.mark.parametrize(("said", "right"), [("4", True), ("5", False), ("44", False)])
async def test_an_answer_is_right_if_it_holds_the_known_one(said: str, right: bool) -> None:
    assert (await answer_of(saying(event(said), event(council=COUNCIL), DONE))).right is right
    assert (await answer_of(saying(event(said), event(council=COUNCIL), DONE), OPEN)).right is None


async def test_a_clear_no_is_refused_and_not_right() -> None:
    found = await answer_of(saying(event("4"), event(council={**COUNCIL, "refused": True}), DONE))
    assert (found.ending, found.right, found.generation) == (baking.Ending.REFUSED, False, "g" * 40)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
async def test_what_the_caller_is_told_no_to_is_refused(status: int) -> None:
    found = await answer_of(saying(status=status))
    assert (found.ending, found.generation, found.right) == (baking.Ending.REFUSED, "", False)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_what_the_server_fails_at_is_an_error(status: int) -> None:
    assert (await answer_of(saying(status=status))).ending is baking.Ending.ERROR


def trial(**more: Any) -> bytes:
    return event(council={**COUNCIL, "trial": {**TRIAL, **more}})


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (event("4"), event(council=COUNCIL)),
        (event("4"), DONE),
        (event(council=COUNCIL), DONE),
        (event("4"), event(council={**COUNCIL, "trial": None}), DONE),
        (event("4"), event(council=[]), DONE),
        (event("4"), event(council={"trial": TRIAL}), DONE),
        (event("4"), b'data: {"error": {"code": "model_unavailable"}}\n\n'),
        (event("4"), b"data: {\n\n", event(council=COUNCIL), DONE),
        (event("4"), b"data: [1]\n\n", event(council=COUNCIL), DONE),
        (b'data: {"choices": [1]}\n\n', event(council=COUNCIL), DONE),
        (b'data: {"choices": [{"delta": {"content": 4}}]}\n\n', event(council=COUNCIL), DONE),
        (b'data: {"choices": null}\n\n', event(council=COUNCIL), DONE),
        (event("4"), trial(calls="3"), DONE),
        (event("4"), trial(paid=1), DONE),
        (event("4"), trial(worst_usd_micros=7.5), DONE),
        (event("4"), trial(calls_failed=True), DONE),
        (event("4"), trial(generation=None), DONE),
        (event("x" * 1_100_000), event(council=COUNCIL), DONE),
    ],
)  # fmt: skip
async def test_what_is_no_whole_marked_answer_is_an_error(pieces: tuple[bytes, ...]) -> None:
    found = await answer_of(saying(*pieces))
    assert (found.ending, found.generation, found.right) == (baking.Ending.ERROR, "", False)


async def test_a_connection_that_breaks_and_a_socket_where_nobody_is_are_errors(tmp_path: Path) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    assert (await answer_of(cut)).ending is baking.Ending.ERROR
    nobody = http.HttpTrier("http://localhost", "k", limit_s=1, unix=tmp_path / "none.sock")
    assert (await nobody.ask(QUESTION)).ending is baking.Ending.ERROR
    await nobody.close()


async def test_what_takes_too_long_is_a_timeout_with_its_wait() -> None:
    for pieces in ((30.0,), (event("4"), 30.0)):
        found = await answer_of(saying(*pieces), limit_s=0.3)
        assert found.ending is baking.Ending.TIMEOUT and 0 < found.latency_s < 5


async def test_a_redirect_is_not_followed() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": "http://127.0.0.1:9/"})

    assert (await answer_of(handler)).ending is baking.Ending.ERROR
