"""A server that takes up another listening socket, and one that gives its own up, while clients keep their connections."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from council.services import draining

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Serving:
    """Two servers behind one public socket, of which only `live` accepts; `waiting` has a socket of its own."""

    live: draining.DrainingServer
    waiting: draining.DrainingServer
    public: socket.socket
    own: int

    @property
    def port(self) -> int:
        return int(self.public.getsockname()[1])


async def begun(said: str, listener: socket.socket) -> tuple[draining.DrainingServer, "asyncio.Task[None]"]:
    async def answer(_: Request) -> Response:
        return PlainTextResponse(said)

    application = Starlette(routes=[Route("/", answer)])
    config = uvicorn.Config(application, http=draining.DrainingProtocol, log_config=None, lifespan="off")
    server = draining.DrainingServer(config, lambda: None, linger_s=0.1)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    return server, serving


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    public, own = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    # As each process has a descriptor of its own.
    live, first = await begun("old", public.dup())
    port = own.getsockname()[1]
    waiting, second = await begun("new", own)
    with contextlib.closing(public):
        yield Serving(live, waiting, public, port)
        for server in (live, waiting):
            server.should_exit = True
        await asyncio.gather(first, second)


async def ask(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = await heard(reader, writer)
    writer.close()
    return said


async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(REQUEST)
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        body = (await reader.readexactly(3)).decode()
    return f"{body}, closing" if b"connection: close" in head.lower() else body


async def test_one_that_waits_takes_up_the_public_socket_in_place_of_its_own(serving: Serving) -> None:
    kept = await asyncio.open_connection("127.0.0.1", serving.own)
    assert (await ask(serving.own), await ask(serving.port)) == ("new", "old")
    serving.live.step_back()
    await serving.waiting.move_to(serving.public.dup())
    assert [await ask(serving.port) for _ in range(20)] == ["new"] * 20
    with pytest.raises(ConnectionRefusedError):
        await ask(serving.own)
    # Who was connected is served on.
    assert await heard(*kept) == "new"
    kept[1].close()


async def test_one_that_steps_back_answers_who_is_connected_a_last_time(serving: Serving) -> None:
    asking, idle = [await asyncio.open_connection("127.0.0.1", serving.port) for _ in range(2)]
    assert await heard(*asking) == "old"
    serving.live.step_back()
    serving.live.step_back()
    assert await heard(*asking) == "old, closing"
    async with asyncio.timeout(30):
        assert await idle[0].read() == b""
    # Nobody accepts now; who comes waits for the next one.
    connecting = asyncio.create_task(ask(serving.port))
    await asyncio.sleep(0.05)
    assert not connecting.done()
    await serving.waiting.move_to(serving.public.dup())
    assert await connecting == "new"
    for _, writer in (asking, idle):
        writer.close()


async def test_a_server_at_rest_turns_once_a_tick_and_ends_at_once_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []
    turn = draining.DrainingServer.on_tick

    async def counted(self: draining.DrainingServer, counter: int) -> bool:
        turns.append(counter)
        return await turn(self, counter)

    monkeypatch.setattr(draining.DrainingServer, "on_tick", counted)
    monkeypatch.setattr(draining, "_TICK_S", 3600.0)
    server, serving = await begun("old", socket.create_server(("127.0.0.1", 0)))
    await asyncio.sleep(0.5)
    assert len(turns) == 1
    server.should_exit = True
    async with asyncio.timeout(30):
        await serving
