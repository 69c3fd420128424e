"""One listening socket served by one generation after another, under load, without a failed request."""

import asyncio
import collections
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from council.domain import config, errors
from council.domain import home as home_module
from council.supervisor import service, specs, supervisor

TOY = Path(__file__).with_name("toy_http.py")
STREAM_PIECES = 12


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# The toy does not start on this one.
BROKEN = "b" * 40


def commit(number: int) -> str:
    """Return a made-up generation."""
    return f"{number:040x}"


@dataclass
class Toy:
    running: service.RunningService
    url: str
    supervisor: supervisor.Supervisor


@contextlib.asynccontextmanager
async def toy(backoff_first_s: float = 0.5) -> AsyncIterator[Toy]:
    # A short path, since that of a Unix socket is limited.
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        port = free_port()
        limits = {
            "supervisor": {"backoff_first_s": backoff_first_s, "ready_s": 20, "stop_s": 45},
            "gateway": {"drain_s": 5},
        }
        settings = config.build({}, {}, limits)
        spec = specs.ServiceSpec(
            "toy", (sys.executable, str(TOY)), sockets=(specs.SocketSpec("public", "tcp", "127.0.0.1", port),)
        )
        one = supervisor.Supervisor(settings, home_module.Home(Path(folder)), commit(0), [spec], lambda _: None)
        await one.open()
        try:
            one.start()
            async with asyncio.timeout(20):
                await one.until_ready()
            yield Toy(one.services["toy"], f"http://127.0.0.1:{port}", one)
        finally:
            async with asyncio.timeout(20):
                await one.close()


@dataclass
class Load:
    """What client tasks saw. A failure is anything but a whole 200 answer from one generation."""

    url: str
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    generations: collections.Counter[str] = field(default_factory=collections.Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(
        self, one: Callable[[aiohttp.ClientSession], Awaitable[str]], keep_alive: bool, pause_s: float
    ) -> None:
        connector = aiohttp.TCPConnector(force_close=not keep_alive)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=10)) as session:
            while not self.stop.is_set():
                self.requests += 1
                try:
                    self.generations[await one(session)] += 1
                except (aiohttp.ClientError, TimeoutError, OSError, AssertionError) as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(pause_s)

    async def answer(self, session: aiohttp.ClientSession) -> str:
        # POST, since aiohttp sends a failed GET again by itself, which would hide what is looked for.
        async with session.post(f"{self.url}/answer", data=b"x" * 1000) as response:
            assert response.status == 200, response.status
            answered = await response.json()
            assert answered["bytes"] == 1000
            return str(answered["generation"])

    async def stream(self, session: aiohttp.ClientSession) -> str:
        async with session.post(f"{self.url}/stream") as response:
            assert response.status == 200, response.status
            lines = [line.split() for line in (await response.text()).splitlines()]
            assert [int(number) for _, number in lines] == list(range(STREAM_PIECES)), lines
            (generation,) = {generation for generation, _ in lines}
            return generation


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.01)


async def test_ten_handovers_under_load_fail_no_request() -> None:
    async with toy() as served:
        load = Load(served.url)
        clients = [asyncio.create_task(load.run(load.answer, keep, 0.003)) for keep in (True, True, False, False)]
        # Idle for a while between requests, so that the drain meets connections with nothing on them.
        clients += [asyncio.create_task(load.run(load.answer, True, pause)) for pause in (0.05, 0.11, 0.23)]
        clients += [asyncio.create_task(load.run(load.stream, keep, 0.0)) for keep in (True, True, False)]
        for number in range(1, 11):
            name = commit(number)
            await served.running.replace(name)
            # At most a few old generations may drain at once, and each should have had its turn.
            await holds(lambda name=name: load.generations[name] > 0 and len(served.running.children) < 4)
        load.stop.set()
        await asyncio.gather(*clients)
    assert load.failures == []
    assert load.requests > 500
    assert set(load.generations) == {commit(number) for number in range(11)}


async def test_a_generation_that_does_not_start_leaves_the_old_one_serving() -> None:
    async with toy() as served:
        load = Load(served.url)
        clients = [asyncio.create_task(load.run(load.answer, keep, 0.005)) for keep in (True, False)]
        with pytest.raises(errors.UnavailableError, match=f"stays on generation {commit(0)}"):
            await served.running.replace(BROKEN)
        load.stop.set()
        await asyncio.gather(*clients)
        assert [child.generation for child in served.running.state.children] == [commit(0)]
    assert load.failures == []
    assert set(load.generations) == {commit(0)}


async def test_connections_queue_while_a_killed_child_is_started_again() -> None:
    async with toy(backoff_first_s=0.5) as served, aiohttp.ClientSession() as session:
        load = Load(served.url)
        assert await load.answer(session) == commit(0)
        (child,) = served.running.children.values()
        await session.close()
        os.kill(child.pid, signal.SIGKILL)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as fresh:
            # Beyond the queue's reach the kernel would refuse; what it took must be answered by the next child.
            answers = await asyncio.gather(*(load.answer(fresh) for _ in range(30)))
        assert answers == [commit(0)] * 30
        (after,) = served.running.state.replicas
        assert after.restarts == 1
        assert after.reason == "stopped by signal 9"


HEAD = b"POST /answer HTTP/1.1\r\nhost: toy\r\ncontent-length: 0\r\n\r\n"


async def test_a_connection_accepted_but_silent_is_still_served_during_the_drain() -> None:
    async with toy() as served:
        port = int(served.url.rpartition(":")[2])
        (old,) = served.running.children.values()
        silent_reader, silent = await asyncio.open_connection("127.0.0.1", port)
        reader, busy = await asyncio.open_connection("127.0.0.1", port)
        # Connections are accepted in order, so once this one is answered the old generation holds both.
        busy.write(HEAD)
        answers = [await reader.readuntil(b"}")]
        await served.running.replace(commit(1))
        while b"connection: close" not in answers[-1]:
            busy.write(HEAD)
            answers.append(await reader.readuntil(b"}"))
        silent.write(HEAD)
        last = await silent_reader.read()
        for writer in (busy, silent):
            writer.close()
    assert b"connection: close" not in answers[0]
    assert b"connection: close" in last
    assert f'"pid":{old.pid}'.encode() in last


async def test_an_idle_connection_ends_the_drain_soon() -> None:
    async with toy() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
        writer.write(HEAD)
        await reader.readuntil(b"}")
        async with asyncio.timeout(5):
            await served.running.stop()
            assert await reader.read() == b""
        writer.close()
        assert served.running.children == {}
