"""A client that dribbles or floods the head of a request may not hold a connection, or memory, for ever."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from council.services import draining


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(draining, "HEAD_S", 0.3)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("hello"))])
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=draining.DrainingProtocol, log_config=None, lifespan="off")
    server = draining.DrainingServer(config, lambda: None, linger_s=0.1)
    with contextlib.suppress(asyncio.CancelledError):
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def test_a_connection_that_never_sends_a_head_is_closed(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


async def test_a_head_that_comes_in_drops_is_closed(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


async def test_a_head_over_the_limit_is_refused(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * (draining.HEAD_BYTES_MAX * 2))
        await writer.drain()
    async with asyncio.timeout(30):
        assert (await reader.read(12)) == b"HTTP/1.1 400"
    writer.close()


async def test_what_is_not_http_is_refused_in_the_shape_of_every_error(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"this is not HTTP\r\n\r\n")
    async with asyncio.timeout(30):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and json.loads(body)["error"]["code"] == "invalid_request"
    writer.close()


async def test_a_kept_connection_outlives_the_limit_between_two_requests(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"hello")
        await asyncio.sleep(0.5)  # longer than HEAD_S; not a wait for anything
    writer.close()


async def test_empty_lines_after_an_answer_do_not_hold_the_connection(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"hello")
    writer.write(b"\r\n")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()
