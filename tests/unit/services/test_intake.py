"""Bodies come in at once: those that are slow keep nobody out, and all together stay within a bounded memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pydantic
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council.domain import errors
from council.services import intake


class Form(pydantic.BaseModel):
    text: str


class Port:
    """What takes bodies in, and works on one that says `wait` until it may go on."""

    def __init__(self, **room: float):
        self.intake = intake.Intake(intake.Room(**({"body_bytes_max": 1000, "bytes_max": 2000} | room)))  # type: ignore[arg-type]
        self.may_go_on, self.working = asyncio.Event(), 0
        self.app = Starlette(
            routes=[Route("/", self._take, methods=["POST"])], exception_handlers={errors.CouncilError: self._failed}
        )

    async def _take(self, request: Request) -> Response:
        async with self.intake.taken(request, Form) as form:
            if form.text == "wait":
                self.working += 1
                await self.may_go_on.wait()
        return JSONResponse(form.text)

    async def _failed(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, errors.CouncilError)
        return JSONResponse({"code": error.code, "message": error.message}, 400)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://x")


class Slow:
    """A body that begins, and goes on once it may."""

    def __init__(self, first: bytes):
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        self.begun.set()
        await self.may_end.wait()
        yield b'{"text":"slow"}'


@contextlib.asynccontextmanager
async def sending(
    client: httpx.AsyncClient, count: int, first: bytes = b" "
) -> AsyncIterator[tuple[list[Slow], list["asyncio.Task[httpx.Response]"]]]:
    """Send so many slow bodies, one after the other, each of which has begun."""
    bodies, tasks = list[Slow](), list[asyncio.Task[httpx.Response]]()
    for _ in range(count):
        bodies.append(Slow(first))
        tasks.append(asyncio.create_task(client.post("/", content=bodies[-1])))
        await bodies[-1].begun.wait()
    yield bodies, tasks
    for one in bodies:
        one.may_end.set()
    await asyncio.gather(*tasks)


async def ask(client: httpx.AsyncClient, text: str = "hello") -> httpx.Response:
    async with asyncio.timeout(30):
        return await client.post("/", json={"text": text})


async def test_slow_bodies_take_no_place_and_are_taken_once_they_are_whole() -> None:
    port = Port(places=2)
    async with port.client() as client, sending(client, 50) as (bodies, tasks):
        assert (await ask(client)).json() == "hello"
        for one in bodies:
            one.may_end.set()
        assert {told.json() for told in await asyncio.gather(*tasks)} == {"slow"}


async def test_where_there_is_no_room_the_one_that_began_first_gives_way() -> None:
    port = Port()
    async with port.client() as client, sending(client, 4, b" " * 500) as (bodies, tasks):
        assert (await ask(client)).json() == "hello"
        assert "make room" in (await tasks[0]).json()["message"]
        for one in bodies:
            one.may_end.set()
        assert [told.json() for told in await asyncio.gather(*tasks[2:])] == ["slow"] * 2


async def test_where_too_many_arrive_the_one_that_began_first_gives_way() -> None:
    port = Port(arriving_max=3)
    async with port.client() as client, sending(client, 3) as (_, tasks):
        assert (await ask(client)).json() == "hello"
        assert (await tasks[0]).json()["code"] == "request_timeout"
        assert not tasks[1].done() and not tasks[2].done()


async def test_what_is_worked_on_counts_and_stays() -> None:
    port = Port(places=2, bytes_max=1040)
    async with port.client() as client:
        working = [asyncio.create_task(ask(client, "wait")) for _ in range(2)]
        while port.working < 2:
            await asyncio.sleep(0)
        # Whole, and without a place.
        assert (await ask(client)).json()["code"] == "overloaded"
        # Without room.
        assert (await ask(client, "x" * 980)).json()["code"] == "overloaded"
        port.may_go_on.set()
        assert [told.json() for told in await asyncio.gather(*working)] == ["wait"] * 2
        assert (await ask(client, "x" * 980)).json() == "x" * 980
    assert (port.intake._held_bytes, port.intake._at_work, port.intake._arriving) == (0, 0, [])


async def test_one_that_does_not_end_is_told_so() -> None:
    port = Port(body_s=0.05)
    async with port.client() as client, sending(client, 1) as (_, tasks):
        assert "did not arrive within 0.05 s" in (await tasks[0]).json()["message"]
    assert port.intake._held_bytes == 0


@pytest.mark.parametrize(
    ("raw", "code"), [(b"{", "malformed_body"), (b" " * 1001, "body_too_large"), (b"{}", "invalid_request")]
)
async def test_what_is_no_form_is_refused_and_counts_no_longer(raw: bytes, code: str) -> None:
    port = Port()
    async with port.client() as client:
        assert (await client.post("/", content=raw)).json()["code"] == code
    assert port.intake._held_bytes == 0
